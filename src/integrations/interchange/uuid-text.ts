/**
 * UUIDs as the `uuid` crate reads them, whatever their version: hyphenated, 32 digits, in braces, or as a URN.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'

const HEX = /^[0-9a-f]{32}$/
const HYPHENATED = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The hyphenated lower-case form; undefined when the text is no UUID. */
export function parseUuid(text: string): string | undefined {
  const lower = text.toLowerCase()
  if (HEX.test(lower)) return hyphenate(lower)
  const bare = lower.startsWith('urn:uuid:')
    ? lower.slice(9)
    : lower.startsWith('{') && lower.endsWith('}')
      ? lower.slice(1, -1)
      : lower
  return HYPHENATED.test(bare) ? bare : undefined
}

function hyphenate(hex: string): string {
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** Schema of a UUID as text; the text is kept. */
export const uuidSchema = z.string().refine((text) => parseUuid(text) !== undefined, 'not a UUID')

/** The canonical form of a text the schema let through. */
export function canonicalUuid(text: string): string {
  return parseUuid(text) ?? text
}

/** The same UUID (version 8) for the same name: an id for what came without one. */
export function uuidOfName(name: string): string {
  const bytes = createHash('sha256').update(name).digest().subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return hyphenate(bytes.toString('hex'))
}
