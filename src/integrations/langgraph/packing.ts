/**
 * Serialized values as plain JSON, and back, byte for byte.
 *   PK1  JSON text is kept as JSON when that gives the same text again, so that a journal can be read; else as a string.
 *       Other bytes are kept in base64.
 *   PK2  What would make an entry too large is cut into pieces that follow it, none larger than `pieceBytes` as JSON.
 */
import { Buffer } from 'node:buffer'
import { systemEvent } from '../../index.ts'
import type { EntryDraft, Json } from '../../index.ts'
import { PIECE_EVENT } from './stored.ts'

/** What a serializer made of a value. */
export type Typed = readonly [type: string, bytes: Uint8Array]

/** A serialized value as plain JSON: in place, or in pieces number `first` to `first + count - 1` of its entry (PK2). */
export type Packed = { readonly type: string; readonly encoding: 'json' | 'text' | 'base64' } & (
  { readonly value: Json } | { readonly pieces: readonly [first: number, count: number] }
)

/** Nesting that a value may have inside of an entry; deeper JSON is kept as text. */
const MAX_LEVELS = 48

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Packs the values of one entry and collects the pieces that have to follow it. */
export class Packer {
  readonly #pieceBytes: number
  #inPlace = 0
  /** The entries that follow, in order. */
  readonly pieces: EntryDraft[] = []

  constructor(pieceBytes: number) {
    this.#pieceBytes = pieceBytes
  }

  pack([type, bytes]: Typed): Packed {
    const text = type === 'json' ? textOf(bytes) : undefined
    if (text === undefined) return this.#place(type, 'base64', Buffer.from(bytes).toString('base64'))
    const json = bytes.length <= this.#room ? asJson(text) : undefined
    if (json === undefined) return this.#place(type, 'text', text)
    this.#inPlace += bytes.length
    return { type, encoding: 'json', value: json }
  }

  get #room(): number {
    return this.#pieceBytes - this.#inPlace
  }

  #place(type: string, encoding: 'text' | 'base64', text: string): Packed {
    const bytes = text.length <= this.#room ? jsonBytes(text) : Infinity
    if (bytes <= this.#room) {
      this.#inPlace += bytes
      return { type, encoding, value: text }
    }
    const first = this.pieces.length
    for (const piece of cut(text, this.#pieceBytes)) this.pieces.push(systemEvent(PIECE_EVENT, piece))
    return { type, encoding, pieces: [first, this.pieces.length - first] }
  }
}

/** The serialized value again; `pieces` are the contents of the entries that follow. */
export function unpack(packed: Packed, pieces: readonly Json[]): [type: string, bytes: Uint8Array] {
  const { type, encoding } = packed
  const value = 'value' in packed ? packed.value : textIn(pieces, packed.pieces)
  if (encoding === 'base64') return [type, new Uint8Array(Buffer.from(value as string, 'base64'))]
  return [type, new TextEncoder().encode(encoding === 'json' ? JSON.stringify(value) : (value as string))]
}

function textIn(pieces: readonly Json[], [first, count]: readonly [number, number]): string {
  return pieces
    .slice(first, first + count)
    .map((piece) => (typeof piece === 'string' ? piece : ''))
    .join('')
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    return undefined
  }
}

/** The text as JSON, when it comes out of it unchanged (PK1). */
function asJson(text: string): Json | undefined {
  try {
    const value = JSON.parse(text) as Json
    return fitsIn(value, MAX_LEVELS) && JSON.stringify(value) === text ? value : undefined
  } catch {
    return undefined
  }
}

function fitsIn(value: Json, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return levels > 0 && Object.values(value).every((member: Json) => fitsIn(member, levels - 1))
}

const jsonBytes = (text: string): number => Buffer.byteLength(JSON.stringify(text))

/** Parts of a text that are at most so large as JSON; a pair of surrogates stays together. */
function* cut(text: string, maxBytes: number): Generator<string> {
  for (let start = 0; start < text.length;) {
    let end = Math.min(text.length, start + Math.max(1, maxBytes - 2))
    while (end - start > 2 && jsonBytes(text.slice(start, end)) > maxBytes) end = start + ((end - start) >> 1)
    const last = text.charCodeAt(end - 1)
    if (last >= 0xd800 && last <= 0xdbff && end < text.length) end += end - start > 1 ? -1 : 1
    yield text.slice(start, end)
    start = end
  }
}
