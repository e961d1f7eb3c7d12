/** The checklist of the four seed systems: how many items each part has; item 7 of part 1 is `S1-07`. */

const ITEMS = [58, 80, 8, 28, 53] as const

/** Every id of the checklist, `S0-01` to `S4-53`: 227 of them. */
export const SEED_IDS: readonly string[] = ITEMS.flatMap((count, part) =>
  Array.from({ length: count }, (_, index) => `S${part}-${String(index + 1).padStart(2, '0')}`),
)
