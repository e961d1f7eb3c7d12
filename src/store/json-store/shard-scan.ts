/**
 * The quick look at a shard: which lines its snapshots are of, and which of them hold some texts, without parsing the others.
 *   SS1  The quick look and the full parse never disagree; a shard that the quick one is not sure of is left to the full one.
 */
import type { Snapshot } from './snapshots.ts'

/** A snapshot that is parsed when somebody needs more of it than this. */
export interface GlancedSnapshot {
  readonly revision: number
  readonly position: Snapshot['position']
  /** Whether all texts that were looked for stand in it. */
  readonly hasAll: boolean
  readonly parse: () => Snapshot
}

const REVISION_AT_START = /^\{"revision":(\d{1,15}),/
/** What the beginning of a snapshot may take: a key and a number. */
const MOST_REVISION_BYTES = 32
const POSITION_AT_END = /,"position":\[(\d{1,15}),(\d{1,15})\]\}$/
/** What the end of a snapshot may take: two numbers and a key. */
const MOST_POSITION_BYTES = 64

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const BACKSLASH = 0x5c
const OPENING_BRACKET = 0x5b
const CLOSING_BRACKET = 0x5d
const OPENING_BRACE = 0x7b
const CLOSING_BRACE = 0x7d

/**
 * Looks at the members of the JSON object that stands at [start, end) of bytes that are JSON, each a snapshot by its session.
 *
 * @param texts - bytes to look for, as they stand in JSON.
 * @returns undefined when the object is not of that form (SS1).
 */
export function glanceSnapshots(
  bytes: Buffer,
  start: number,
  end: number,
  texts: readonly Buffer[],
): Map<string, GlancedSnapshot> | undefined {
  const found = new Map<string, GlancedSnapshot>()
  if (bytes[start] !== OPENING_BRACE) return undefined
  if (start + 2 === end) return bytes[start + 1] === CLOSING_BRACE ? found : undefined
  const finders = texts.map((text) => finderOf(bytes, text))
  for (let at = start + 1; at < end;) {
    if (bytes[at] !== QUOTE) return undefined
    const colon = endOfText(bytes, at, end)
    if (bytes[colon] !== COLON || bytes[colon + 1] !== OPENING_BRACE) return undefined
    const from = colon + 1
    const to = endOfObject(bytes, from, end)
    const hasAll = finders.every((find) => find(from, to))
    found.set(JSON.parse(bytes.toString('utf8', at, colon)) as string, glance(bytes, from, to, hasAll))
    if (to + 1 === end) return bytes[to] === CLOSING_BRACE ? found : undefined
    if (bytes[to] !== COMMA) return undefined
    at = to + 1
  }
  return undefined
}

function glance(bytes: Buffer, from: number, to: number, hasAll: boolean): GlancedSnapshot {
  const parse = (): Snapshot => JSON.parse(bytes.toString('utf8', from, to)) as Snapshot
  const end = POSITION_AT_END.exec(bytes.toString('latin1', Math.max(from, to - MOST_POSITION_BYTES), to))
  const start = REVISION_AT_START.exec(bytes.toString('latin1', from, from + MOST_REVISION_BYTES))
  if (start === null || end === null) return { ...parse(), hasAll, parse }
  const revision = Number(start[1])
  return { revision, position: [Number(end[1]), Number(end[2])], hasAll, parse }
}

/** Answers whether a text stands inside of a range; asked for one range after the other, it reads the bytes once. */
function finderOf(bytes: Buffer, text: Buffer): (from: number, to: number) => boolean {
  let next = bytes.indexOf(text)
  return (from, to) => {
    if (next !== -1 && next < from) next = bytes.indexOf(text, from)
    return next !== -1 && next + text.length <= to
  }
}

/** Behind the text that begins at `start`. */
function endOfText(bytes: Buffer, start: number, end: number): number {
  let at = start + 1
  for (; at < end && bytes[at] !== QUOTE; at += 1) if (bytes[at] === BACKSLASH) at += 1
  return at + 1
}

/** Behind the object that begins at `start`. It looks at every byte, so it does without a call for each text. */
function endOfObject(bytes: Buffer, start: number, end: number): number {
  let depth = 0
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at]
    if (byte === QUOTE) {
      for (at += 1; at < end && bytes[at] !== QUOTE; at += 1) if (bytes[at] === BACKSLASH) at += 1
    } else if (byte === OPENING_BRACE || byte === OPENING_BRACKET) {
      depth += 1
    } else if (byte === CLOSING_BRACE || byte === CLOSING_BRACKET) {
      depth -= 1
      if (depth === 0) return at + 1
    }
  }
  return end
}
