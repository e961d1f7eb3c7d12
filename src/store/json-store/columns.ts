/**
 * Tables of numbers kept as one typed array per column.
 */

interface Column {
  [index: number]: number
  readonly length: number
  set(from: ArrayLike<number>): void
}

/** Fresh columns of this capacity, by name, that begin with what `from` holds. */
export function resized<Name extends string, C extends Column>(
  names: readonly Name[],
  from: { readonly [name in Name]: C } | undefined,
  make: (capacity: number) => C,
  capacity: number,
): Record<Name, C> {
  const result = {} as Record<Name, C>
  for (const name of names) {
    result[name] = make(capacity)
    if (from !== undefined) result[name].set(from[name])
  }
  return result
}

/** Fresh columns, by name, whose rows are the rows `order` of `from`. */
export function gathered<Name extends string, C extends Column>(
  names: readonly Name[],
  from: Record<Name, C>,
  order: Uint32Array,
  make: (size: number) => C,
): Record<Name, C> {
  const result = {} as Record<Name, C>
  for (const name of names) {
    const source = from[name]
    const target = make(order.length)
    for (let row = 0; row < order.length; row += 1) target[row] = source[order[row] as number] as number
    result[name] = target
  }
  return result
}
