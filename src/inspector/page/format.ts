/**
 * Numbers, times and odd characters as people read them.
 */

const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})
const DAY = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: 'short', day: '2-digit' })
const COUNT = new Intl.NumberFormat()

/** 12,345 */
export function count(value: number): string {
  return COUNT.format(value)
}

/** The time of day, with the date when it is not today. */
export function clock(at: number): string {
  const date = new Date(at)
  const today = new Date()
  const time = CLOCK.format(date)
  return date.toDateString() === today.toDateString() ? time : `${DAY.format(date)} ${time}`
}

const STEPS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const

/** `3 m 20 s`: the two largest parts of a span. */
export function span(ms: number): string {
  let left = Math.max(0, Math.round(ms / 1000) * 1000)
  const parts: string[] = []
  for (const [unit, size] of STEPS) {
    const whole = Math.floor(left / size)
    left -= whole * size
    if (whole > 0 || (unit === 's' && parts.length === 0)) parts.push(`${whole} ${unit}`)
    if (parts.length === 2) break
  }
  return parts.join(' ')
}

/** `12 s ago` */
export function ago(at: number, now: number): string {
  return now - at < 1500 ? 'now' : `${span(now - at)} ago`
}

/** 1.4 MB */
export function bytes(value: number): string {
  if (value < 1024) return `${value} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  let size = value / 1024
  let unit = 0
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024
    unit += 1
  }
  return `${size.toFixed(size < 10 ? 1 : 0)} ${units[unit] ?? ''}`
}

/** Control characters, direction marks and zero-width characters: they would change what the reader sees around them. */
const ODD_RANGES = [
  [0x00, 0x08],
  [0x0b, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x61c, 0x61c],
  [0x180e, 0x180e],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0xfeff, 0xfeff],
  [0xfff9, 0xfffb],
] as const

const hex = (code: number): string => code.toString(16).padStart(4, '0')
const ODD = new RegExp(`[${ODD_RANGES.map(([from, to]) => `\\u${hex(from)}-\\u${hex(to)}`).join('')}]`, 'g')

/** Text with every character that would not show, or would turn others round, written out as `\u202e`. */
export function visible(text: string): string {
  return text.replace(ODD, (character) => `\\u${hex(character.charCodeAt(0))}`)
}

/** A word of ours as people write it: `tool_call` → `tool call`. */
export function words(name: string): string {
  return name.replaceAll('_', ' ')
}
