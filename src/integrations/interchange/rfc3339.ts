/**
 * RFC 3339 times as chrono reads and writes them, and the epoch milliseconds sessionwright keeps.
 * Milliseconds are all a session document holds; who needs finer digits back keeps the text.
 */
import { z } from 'zod'
import type { JsonPath } from '../../json.ts'
import { interchangeError } from '../../index.ts'

/** An instant: whole epoch milliseconds, and the nanoseconds below them. */
export interface Instant {
  readonly ms: number
  readonly nanos: number
}

/** chrono's reading of RFC 3339: `T`, `t` or a space between date and time, `Z`, `z` or an offset. */
const TIME = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?\s*(?:[Zz]|([+-])(\d\d):?(\d\d))$/

/** The instant a text means; undefined when it means none from 1970 on. */
export function parseInstant(text: string): Instant | undefined {
  const match = TIME.exec(text)
  if (match === null) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as Six
  const digits = (match[7] ?? '').slice(0, 9).padEnd(9, '0')
  const offset = (Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0)) * (match[8] === '-' ? -1 : 1)
  // 23:59:60 is a leap second; the instant is that of the following second.
  const inRange =
    hour < 24 && minute < 60 && second <= 60 && Number(match[9] ?? 0) < 24 && Number(match[10] ?? 0) < 60
  const date = new Date(Date.UTC(year, month - 1, day))
  if (!inRange || date.getUTCFullYear() !== year || date.getUTCMonth() !== month - 1) {
    return undefined
  }
  const ms =
    date.getTime() + (hour * 3600 + (minute - offset) * 60 + second) * 1000 + Number(digits.slice(0, 3))
  return ms < 0 ? undefined : { ms, nanos: Number(digits.slice(3)) }
}

type Six = [number, number, number, number, number, number]

/** The milliseconds of a text the schema let through. */
export function millisOf(text: string): number {
  return parseInstant(text)?.ms ?? 0
}

/** Schema of a time as text; the text is kept. */
export const timeSchema = z
  .string()
  .refine((text) => parseInstant(text) !== undefined, 'not an RFC 3339 time from 1970 on')

/** The last millisecond with a year of four digits. */
const LAST = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/** The time as chrono writes it: no fraction for whole seconds. @throws INTERCHANGE_INVALID after the year 9999 */
export function printTime(ms: number, format: string, path: JsonPath): string {
  if (ms > LAST) throw interchangeError({ format }, path, 'a time after the year 9999 has no RFC 3339 form')
  return new Date(ms).toISOString().replace('.000Z', 'Z')
}
