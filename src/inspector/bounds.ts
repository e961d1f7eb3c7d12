/**
 * How much of a value is shown at once.
 *   BD1  What is longer than its bound is cut, and the place says so: `{cut: true, bytes, head}`.
 *   BD2  A cut value takes no more than about its bound, however it is built.
 */
import { isJsonObject, setOwn } from '../index.ts'
import type { Json, JsonObject } from '../index.ts'

/** What stands in the place of something too long: how long it is, and how it begins. */
export interface Cut extends JsonObject {
  readonly cut: true
  /** UTF-8 bytes of its JSON text. */
  readonly bytes: number
  /** The first characters of its JSON text; of a string, its own first characters. */
  readonly head: string
}

/** Smallest share that a member of something too long gets. */
const LEAST_SHARE = 256

/** A value that takes at most about `maxBytes` as JSON; its long parts are cut (BD1, BD2). */
export function bounded(value: Json, maxBytes: number): Json {
  const text = JSON.stringify(value)
  if (text.length <= maxBytes) return value
  if (typeof value === 'string') return cut(text, value.slice(0, maxBytes >> 1))
  if (Array.isArray(value)) return boundedArray(value as readonly Json[], maxBytes)
  return isJsonObject(value) ? boundedObject(value, maxBytes) : value
}

/** The mark for a text of JSON of which only the head is shown (BD1). */
export function cut(text: string, head: string): Cut {
  return { cut: true, bytes: Buffer.byteLength(text), head }
}

/** A string of at most `max` characters, with an ellipsis in the place of the rest. */
export function clipped(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`
}

function boundedArray(items: readonly Json[], maxBytes: number): Json {
  const share = Math.max(LEAST_SHARE, maxBytes >> 3)
  const result: Json[] = []
  let left = maxBytes
  for (const [index, item] of items.entries()) {
    const shown = bounded(item, share)
    left -= JSON.stringify(shown).length + 1
    if (left < 0) return [...result, cut(JSON.stringify(items.slice(index)), '')]
    result.push(shown)
  }
  return result
}

function boundedObject(value: JsonObject, maxBytes: number): Json {
  const share = Math.max(LEAST_SHARE, maxBytes >> 3)
  const result: Record<string, Json> = {}
  let left = maxBytes
  const members = Object.entries(value)
  for (const [index, [key, member]] of members.entries()) {
    const shown = bounded(member, share)
    left -= key.length + JSON.stringify(shown).length + 4
    if (left < 0) {
      setOwn(result, '…', cut(JSON.stringify(members.slice(index)), ''))
      return result
    }
    setOwn(result, key, shown)
  }
  return result
}

/** A slice of a text by UTF-8 bytes that ends where a character ends. */
export function sliceBytes(
  text: string,
  offset: number,
  length: number,
): {
  readonly text: string
  readonly offset: number
  readonly nextOffset: number | null
  readonly totalBytes: number
} {
  const bytes = Buffer.from(text)
  const start = characterAt(bytes, Math.min(offset, bytes.length))
  let end = characterAt(bytes, Math.min(start + length, bytes.length))
  if (end === start && start < bytes.length) {
    // Not even one character fits: the slice is that character.
    do end += 1
    while (end < bytes.length && isContinuation(bytes, end))
  }
  return {
    text: bytes.toString('utf8', start, end),
    offset: start,
    nextOffset: end < bytes.length ? end : null,
    totalBytes: bytes.length,
  }
}

/** The first byte of the character that a byte belongs to. */
function characterAt(bytes: Buffer, at: number): number {
  let start = at
  while (start > 0 && isContinuation(bytes, start)) start -= 1
  return start
}

function isContinuation(bytes: Uint8Array, at: number): boolean {
  return at < bytes.length && ((bytes[at] as number) & 0xc0) === 0x80
}
