/**
 * What every interchange format is, and how its input is read: text or a parsed value.
 *   FM1  Conversions are pure: no clock, no ids, no I/O. What a format does not hold comes in as an option.
 */
import type { JsonObject } from '../../json.ts'
import { interchangeError, type InterchangeSource, type SessionDocument } from '../../index.ts'

/** What a document does not say itself. */
export interface InterchangeOptions {
  /** The key a document is stored under, for formats that keep the id outside (`fluers`). */
  readonly id?: string
  /** Line of the file the document stands on, from 1; errors carry it. */
  readonly line?: number
  /** Epoch milliseconds that stand for the times a format does not keep (`fluers`); 0 unless given. */
  readonly at?: number
}

/** A format whose documents are whole sessions. */
export interface DocumentFormat {
  readonly kind: 'document'
  /** A session document out of JSON text or a parsed value. @throws INTERCHANGE_INVALID */
  parse(input: unknown, options?: InterchangeOptions): SessionDocument
  /** The session in this format; what the format has no place for is left out. @throws INTERCHANGE_INVALID */
  print(document: SessionDocument): JsonObject
}

/** The value a text stands for; other input is passed on as it is. @throws INTERCHANGE_INVALID */
export function readJson(input: unknown, source: InterchangeSource): unknown {
  if (typeof input !== 'string') return input
  try {
    return JSON.parse(input) as unknown
  } catch (error) {
    // The parser quotes the text in its message; only the position is safe to repeat.
    const position = /position \d+/.exec(error instanceof Error ? error.message : '')?.[0]
    throw interchangeError(source, [], `it is not JSON${position === undefined ? '' : ` (${position})`}`)
  }
}

/** A word of the input as an error may show it: quoted and cut. */
export function quote(word: string): string {
  return JSON.stringify(word.length > 128 ? `${word.slice(0, 128)}…` : word)
}
