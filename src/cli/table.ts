/**
 * Plain text tables: columns padded with spaces, nothing drawn, so that `cut`, `grep` and eyes all manage.
 */

/** Lines of a table: a head in capitals, then the rows; the last column is not padded. */
export function tableLines(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, column) =>
    rows.reduce((width, row) => Math.max(width, (row[column] ?? '').length), title.length),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [line(head.map((title) => title.toUpperCase())), ...rows.map(line)]
}

/** Lines of a list of names and values, the values in one column; null and undefined show as `-`. */
export function fieldLines(fields: Readonly<Record<string, unknown>>): string[] {
  const width = Object.keys(fields).reduce((longest, name) => Math.max(longest, name.length), 0)
  return Object.entries(fields).map(([name, value]) => `${name.padEnd(width)}  ${fieldText(value)}`.trimEnd())
}

/** An instant for people: ISO 8601 in UTC, or `-`. */
export function timeText(at: number | null): string {
  return at === null ? '-' : new Date(at).toISOString()
}

/** One line of at most `width` characters; control characters show as spaces, so that no text moves the cursor. */
export function oneLine(text: string, width: number): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  const flat = text.slice(0, width * 4).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
  return flat.length > width ? `${flat.slice(0, width - 1)}…` : flat
}

function fieldText(value: unknown): string {
  if (value === null || value === undefined) return '-'
  return typeof value === 'string' ? oneLine(value, 200) : oneLine(JSON.stringify(value), 200)
}
