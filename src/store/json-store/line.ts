/**
 * The line format: one JSON object and a newline, readable by any JSONL tool.
 *   LN1  A line holds the CRC32 of every byte before its last key; without it a line is not believed.
 *   LN2  What a line says is JSON and nothing else: odd ids, `__proto__` keys and lone surrogates come back as they were.
 *   LN3  A line of a newer version is refused with both numbers, an older one is lifted by an ordered list of upcasts.
 *   LN4  `asRead` gives what parsing the line of a change would give, without the line.
 * Key order: v pos id rev prev durable at op event patch entries findings summary deleted crc. `durable` is how much of
 * this segment was known durable when the line was made. Every line says it, though those of one batch say the same: one
 * bad sector over the end of a batch and the first line of the next must not make a torn tail of what was acknowledged.
 * Headers and marks are lines without an ordinal.
 */
import { crc32 } from 'node:zlib'
import { sessionError } from '../../errors.ts'
import type { Json, JsonObject } from '../../json.ts'
import { isJsonObject, jsonCopy, quoted } from '../../json.ts'
import type { Change, Finding, Patch, StoredEntry, StoredEvent, Summary } from '../change.ts'
import type { Position } from './session-index.ts'

/** The version this code writes, and the newest it reads (LN3). */
export const LINE_VERSION = 1

const NEWLINE = 0x0a
const COMMA = 0x2c
const QUOTE = 0x22

/** How every line ends; the eight zeros are replaced by the checksum. */
const TAIL_TEXT = ',"crc":"00000000"}\n'
const TAIL = Buffer.from(TAIL_TEXT)
const TAIL_START = TAIL.subarray(0, TAIL.indexOf('0'))
const TAIL_DIGITS = TAIL_START.length

/** Bytes of `,"crc":"…"}` without the newline. */
export const SEAL_BYTES = TAIL.length - 1

/** The least room a line needs beside its body and three times its id. */
const PREFIX_ROOM = 256

const HEX = Buffer.from('0123456789abcdef')

/**
 * What a change says after its place: everything from `at` on, as JSON text.
 *
 * @param entriesText - the entries as JSON text, when somebody has encoded them already.
 */
export function lineBody(change: Change, entriesText?: string): string {
  const { operation, entries, findings, summary } = change
  let body = `,"at":${change.at}`
  if (operation !== undefined) {
    body += `,"op":[${quoted(operation.id)},${quoted(operation.digest)}]`
  }
  body += `,"event":${eventText(change.event)},"patch":${JSON.stringify(change.patch)}`
  if (entries.length > 0) body += `,"entries":${entriesText ?? JSON.stringify(entries)}`
  if (findings !== undefined) body += `,"findings":${JSON.stringify(findings)}`
  if (summary !== undefined) body += `,"summary":${JSON.stringify(summary)}`
  return change.tombstone === true ? `${body},"deleted":true` : body
}

/** Most events are a type and nothing else. */
function eventText(event: StoredEvent): string {
  return Object.keys(event).length === 1 ? `{"type":${quoted(event.type)}}` : JSON.stringify(event)
}

/** Bytes that surely hold a line of this body. */
export function roomFor(idText: string, body: string): number {
  return PREFIX_ROOM + (idText.length + body.length) * 3
}

/**
 * Writes the line of a change and answers where it ends.
 *
 * @param idText - the session id as JSON text.
 */
export function writeLine(
  target: Buffer,
  start: number,
  place: { readonly segment: number; readonly ordinal: number; readonly durable: number },
  idText: string,
  revision: number,
  prev: Position | undefined,
  body: string,
): number {
  const link = prev === undefined ? 'null' : `[${prev.segment},${prev.ordinal},${prev.offset},${prev.bytes}]`
  const prefix = `{"v":1,"pos":[${place.segment},${place.ordinal}],"id":${idText},"rev":${revision},"prev":${link},"durable":${place.durable}`
  return seal(target, start, start + target.write(prefix + body + TAIL_TEXT, start, 'utf8'))
}

/** The first line of a segment. */
export interface SegmentHeader {
  readonly segment: number
  readonly storeId: string
  readonly epoch: number
  /** The last ordinal of the segment before, so that lines missing at its end are noticed. */
  readonly sealed: { readonly segment: number; readonly ordinals: number } | null
  /** Lines were taken out of this segment, so that its ordinals have gaps and its lines stand elsewhere. */
  readonly compacted: boolean
}

/** The bytes of a header line. */
export function encodeHeader(header: SegmentHeader): Buffer {
  return encodeObject({
    v: LINE_VERSION,
    segment: header.segment,
    store: header.storeId,
    epoch: header.epoch,
    ...(header.sealed === null ? {} : { sealed: [{ ...header.sealed }] }),
    ...(header.compacted ? { compacted: true } : {}),
  })
}

/** Says that everything before an offset is durable, and which epoch writes from here on. */
export interface Mark {
  readonly durable: number
  readonly at: number
  readonly epoch: number
}

/** The bytes of a mark line. */
export function encodeMark(mark: Mark): Buffer {
  return encodeObject({ v: LINE_VERSION, mark: mark.durable, at: mark.at, epoch: mark.epoch })
}

function encodeObject(object: JsonObject): Buffer {
  const bytes = Buffer.from(JSON.stringify(object).slice(0, -1) + TAIL_TEXT)
  seal(bytes, 0, bytes.length)
  return bytes
}

/** Puts the checksum into the tail of a line that ends at `end` (LN1), and answers `end`. */
function seal(target: Buffer, start: number, end: number): number {
  const sealAt = end - TAIL.length
  let sum = crc32(target.subarray(start, sealAt))
  const digits = sealAt + TAIL_DIGITS
  for (let digit = digits + 7; digit >= digits; digit -= 1) {
    target[digit] = HEX[sum & 15] as number
    sum >>>= 4
  }
  return end
}

/**
 * Where the sealed bytes of a line end, or why the line is not to be believed (LN1).
 *
 * @param end - where the newline stands.
 */
export function checkSeal(bytes: Buffer, start: number, end: number): number | string {
  const sealAt = end - SEAL_BYTES
  if (sealAt <= start || bytes[sealAt] !== COMMA || bytes[end - 1] !== 0x7d || bytes[end - 2] !== QUOTE) {
    return 'it is not a whole line'
  }
  let sum = 0
  for (let digit = sealAt + TAIL_DIGITS; digit < sealAt + TAIL_DIGITS + 8; digit += 1) {
    const code = bytes[digit] as number
    const value = code >= 0x30 && code <= 0x39 ? code - 0x30 : code >= 0x61 && code <= 0x66 ? code - 0x57 : -1
    if (value < 0) return 'its checksum is not legible'
    sum = sum * 16 + value
  }
  if (!matches(bytes, sealAt, TAIL_START)) return 'it is not a whole line'
  return crc32(bytes.subarray(start, sealAt)) === sum ? sealAt : 'its checksum does not fit'
}

/** A line with everything it says. */
export interface ChangeLine {
  readonly segment: number
  readonly ordinal: number
  readonly prev: Position | undefined
  readonly durable: number
  readonly change: Change
}

/** A line, parsed; a text says why it cannot be used. */
export type ParsedLine =
  | { readonly kind: 'change'; readonly line: ChangeLine }
  | { readonly kind: 'header'; readonly header: SegmentHeader }
  | { readonly kind: 'mark'; readonly mark: Mark }
  | { readonly kind: 'bad'; readonly reason: string }

/**
 * Parses the line at [start, end); `end` is where its newline stands.
 *
 * @param file - names the file in errors.
 * @throws FORMAT_TOO_NEW (LN3)
 */
export function parseLine(bytes: Buffer, start: number, end: number, file: string): ParsedLine {
  const sealed = checkSeal(bytes, start, end)
  if (typeof sealed === 'string') return { kind: 'bad', reason: sealed }
  let value: JsonObject
  try {
    // JSON that ends in a brace is an object.
    value = JSON.parse(bytes.toString('utf8', start, end)) as JsonObject
  } catch {
    return { kind: 'bad', reason: 'it is not JSON' }
  }
  const version = value['v']
  if (typeof version !== 'number') return { kind: 'bad', reason: 'it has no version' }
  if (version > LINE_VERSION) {
    throw sessionError('FORMAT_TOO_NEW', { file, found: version, supported: LINE_VERSION })
  }
  const line = upcast(value, version)
  if ('mark' in line) return { kind: 'mark', mark: markOf(line) }
  if ('segment' in line) return { kind: 'header', header: headerOf(line) }
  const parsed = changeLineOf(line)
  return parsed === undefined
    ? { kind: 'bad', reason: 'its keys are not those of a change' }
    : { kind: 'change', line: parsed }
}

/** Lifts a line from the version of its place in the list (the first is 1) to the next. */
export type Upcast = (line: JsonObject) => JsonObject

const UPCASTS: readonly Upcast[] = []

/** The line as the current version says it (LN3); `upcasts[0]` lifts version 1 to 2. */
export function upcast(line: JsonObject, version: number, upcasts: readonly Upcast[] = UPCASTS): JsonObject {
  return upcasts.slice(version - 1).reduce((lifted, lift) => lift(lifted), line)
}

function markOf(line: JsonObject): Mark {
  return { durable: numberOf(line['mark']), at: numberOf(line['at']), epoch: numberOf(line['epoch']) }
}

function headerOf(line: JsonObject): SegmentHeader {
  const sealed = Array.isArray(line['sealed']) ? (line['sealed'][0] as Json | undefined) : undefined
  return {
    segment: numberOf(line['segment']),
    storeId: typeof line['store'] === 'string' ? line['store'] : '',
    epoch: numberOf(line['epoch']),
    sealed: isJsonObject(sealed)
      ? { segment: numberOf(sealed['segment']), ordinals: numberOf(sealed['ordinals']) }
      : null,
    compacted: line['compacted'] === true,
  }
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

function changeLineOf(line: JsonObject): ChangeLine | undefined {
  const { pos, id, rev, prev, durable, at, op, event, patch, entries, findings, summary, deleted } = line
  const place = numbersOf<[segment: number, ordinal: number]>(pos, 2)
  if (place === undefined) return undefined
  if (typeof id !== 'string' || typeof rev !== 'number' || typeof at !== 'number') return undefined
  if (!isJsonObject(event) || !isJsonObject(patch)) return undefined
  const link = numbersOf<[segment: number, ordinal: number, offset: number, bytes: number]>(prev, 4)
  const operation = Array.isArray(op) ? op : undefined
  return {
    segment: place[0],
    ordinal: place[1],
    prev:
      link === undefined
        ? undefined
        : { segment: link[0], ordinal: link[1], offset: link[2], bytes: link[3] },
    durable: numberOf(durable),
    change: {
      sessionId: id,
      revision: rev,
      at,
      event: event as StoredEvent,
      ...(operation === undefined
        ? {}
        : { operation: { id: String(operation[0]), digest: String(operation[1]) } }),
      patch: patch as Patch,
      entries: Array.isArray(entries) ? (entries as readonly StoredEntry[]) : [],
      ...(Array.isArray(findings) ? { findings: findings as readonly Finding[] } : {}),
      ...(isJsonObject(summary) ? { summary: summary as Partial<Summary> } : {}),
      ...(deleted === true ? { tombstone: true } : {}),
    },
  }
}

/** The change as it comes back from its line: a copy that shares nothing that can be altered (LN4). */
export function asRead(change: Change): Change {
  const { operation, findings, summary, tombstone } = change
  const copy: { -readonly [Key in keyof Change]: Change[Key] } = {
    sessionId: change.sessionId,
    revision: change.revision,
    at: change.at,
    event: jsonCopy(change.event),
    patch: jsonCopy(change.patch),
    entries: jsonCopy(change.entries),
  }
  if (operation !== undefined) copy.operation = { id: operation.id, digest: operation.digest }
  if (findings !== undefined) copy.findings = jsonCopy(findings)
  if (summary !== undefined) copy.summary = jsonCopy(summary)
  if (tombstone === true) copy.tombstone = true
  return copy
}

function numbersOf<Numbers extends readonly number[]>(
  value: Json | undefined,
  length: Numbers['length'],
): Numbers | undefined {
  return Array.isArray(value) && value.length === length && value.every((item) => typeof item === 'number')
    ? (value as readonly Json[] as Numbers)
    : undefined
}

/** Whether a byte is the end of a line. */
export function isNewline(byte: number | undefined): boolean {
  return byte === NEWLINE
}

/** Whether these bytes stand at a place; for a few, where a call out of JavaScript costs more than looking at each. */
export function matches(bytes: Buffer, at: number, expected: Buffer): boolean {
  for (let index = 0; index < expected.length; index += 1) {
    if (bytes[at + index] !== expected[index]) return false
  }
  return true
}
