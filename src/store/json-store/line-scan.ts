/**
 * The quick look at a line: where it belongs and what the index needs, without parsing its content.
 *   LC4  The quick look and the full parse never disagree; whatever the quick one is not sure of, the full one decides.
 */
import type { Summary } from '../change.ts'
import type { Mark, SegmentHeader } from './line.ts'
import { checkSeal, LINE_VERSION, matches, parseLine } from './line.ts'

/** The line of a change: what a scan needs to know of it, and where it stands. */
export interface PlacedLine {
  readonly kind: 'change'
  readonly segment: number
  readonly ordinal: number
  /** In the file. */
  readonly offset: number
  /** With its newline. */
  readonly bytes: number
  readonly sessionId: string
  readonly revision: number
  /** 0 when it is the first line of a life. */
  readonly prevSegment: number
  readonly prevOrdinal: number
  readonly durable: number
  readonly at: number
  readonly summary: Partial<Summary> | undefined
  readonly deleted: boolean
}

/** A line as a scan sees it. */
export type ScannedLine =
  | PlacedLine
  | { readonly kind: 'header'; readonly header: SegmentHeader }
  | { readonly kind: 'mark'; readonly mark: Mark }
  | { readonly kind: 'bad'; readonly reason: string }

const START = Buffer.from(`{"v":${LINE_VERSION},"pos":[`)
const ID = Buffer.from('],"id":"')
const REVISION = Buffer.from('","rev":')
const PREV = Buffer.from(',"prev":')
const DURABLE = Buffer.from(',"durable":')
const AT = Buffer.from(',"at":')
const SUMMARY = Buffer.from(',"summary":{')

const BACKSLASH = 0x5c
const QUOTE = 0x22
const CLOSING_BRACKET = 0x5d
const CLOSING_BRACE = 0x7d

/** A summary that begins farther from the end of its line is left to the full parse. */
const MOST_SUMMARY_BYTES = 1024

/**
 * Looks at the line at [start, end); `end` is where its newline stands.
 *
 * @param offset - where the line stands in the file.
 * @throws FORMAT_TOO_NEW
 */
export function scanLine(
  bytes: Buffer,
  start: number,
  end: number,
  file: string,
  offset = start,
): ScannedLine {
  if (!matches(bytes, start, START)) return full(bytes, start, end, file, offset)
  const sealed = checkSeal(bytes, start, end)
  if (typeof sealed === 'string') return { kind: 'bad', reason: sealed }
  // Only entries and findings end in a bracket, and a summary comes behind both.
  if (bytes[sealed - 1] === CLOSING_BRACKET) {
    return quick(bytes, start, end, offset, undefined) ?? full(bytes, start, end, file, offset)
  }
  const summary = summaryAtEnd(bytes, start, sealed)
  const looked = summary === undefined ? undefined : quick(bytes, start, end, offset, summary)
  return looked ?? full(bytes, start, end, file, offset)
}

/**
 * The summary that is the last thing a line says; undefined when that is something else. A quote inside of a text is
 * escaped, so the bytes looked for are a key, and what reaches from it to the seal and is whole is not inside of anything.
 */
function summaryAtEnd(bytes: Buffer, start: number, sealed: number): Partial<Summary> | undefined {
  if (bytes[sealed - 1] !== CLOSING_BRACE) return undefined
  const from = Math.max(start, sealed - MOST_SUMMARY_BYTES)
  const at = bytes.subarray(from, sealed).lastIndexOf(SUMMARY)
  if (at === -1) return undefined
  try {
    return JSON.parse(bytes.toString('utf8', from + at + SUMMARY.length - 1, sealed)) as Partial<Summary>
  } catch {
    return undefined
  }
}

function full(bytes: Buffer, start: number, end: number, file: string, offset: number): ScannedLine {
  const parsed = parseLine(bytes, start, end, file)
  if (parsed.kind !== 'change') return parsed
  const { line } = parsed
  const { change } = line
  return {
    kind: 'change',
    segment: line.segment,
    ordinal: line.ordinal,
    offset,
    bytes: end + 1 - start,
    sessionId: change.sessionId,
    revision: change.revision,
    prevSegment: line.prev?.segment ?? 0,
    prevOrdinal: line.prev?.ordinal ?? 0,
    durable: line.durable,
    at: change.at,
    summary: change.summary,
    deleted: change.tombstone === true,
  }
}

/** Where the last number read ends; a module variable so that reading numbers allocates nothing. */
let cursor = 0

function number(bytes: Buffer, start: number): number {
  let value = 0
  let at = start
  for (let code = bytes[at] as number; code >= 0x30 && code <= 0x39; code = bytes[at] as number) {
    value = value * 10 + code - 0x30
    at += 1
  }
  cursor = at
  return value
}

function quick(
  bytes: Buffer,
  start: number,
  end: number,
  offset: number,
  summary: Partial<Summary> | undefined,
): PlacedLine | undefined {
  const segment = number(bytes, start + START.length)
  const ordinal = number(bytes, cursor + 1)
  if (!matches(bytes, cursor, ID)) return undefined
  const idStart = cursor + ID.length
  let idEnd = idStart
  for (let code = bytes[idEnd] as number; code !== QUOTE; code = bytes[idEnd] as number) {
    if (code === BACKSLASH || code >= 0x80) return undefined
    idEnd += 1
  }
  if (!matches(bytes, idEnd, REVISION)) return undefined
  const revision = number(bytes, idEnd + REVISION.length)
  if (!matches(bytes, cursor, PREV)) return undefined
  const prevAt = cursor + PREV.length
  let prevSegment = 0
  let prevOrdinal = 0
  if (bytes[prevAt] === 0x5b) {
    prevSegment = number(bytes, prevAt + 1)
    prevOrdinal = number(bytes, cursor + 1)
    number(bytes, cursor + 1)
    number(bytes, cursor + 1)
    cursor += 1
  } else {
    cursor = prevAt + 4
  }
  if (!matches(bytes, cursor, DURABLE)) return undefined
  const durable = number(bytes, cursor + DURABLE.length)
  if (!matches(bytes, cursor, AT)) return undefined
  const at = number(bytes, cursor + AT.length)
  // A time with a sign, a fraction or an exponent is left to the full parse.
  if (bytes[cursor] !== 0x2c) return undefined
  return {
    kind: 'change',
    segment,
    ordinal,
    offset,
    bytes: end + 1 - start,
    sessionId: bytes.toString('latin1', idStart, idEnd),
    revision,
    prevSegment,
    prevOrdinal,
    durable,
    at,
    summary,
    deleted: false,
  }
}
