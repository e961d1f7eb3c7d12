/**
 * Places in the journal, and the opaque cursors callers hold of them.
 *   PO1  Segment and ordinal name a line for good; a cursor holds these two and nothing that compaction may age.
 */
import { sessionError } from '../../errors.ts'

/** The logical part of a position: which line of which segment. */
export interface Place {
  readonly segment: number
  /** 1, 2, 3 … within the segment; 0 stands before its first line. */
  readonly ordinal: number
}

const CURSOR = /^(\d{1,10})\.(\d{1,10})$/

/** The opaque cursor of a line (PO1). */
export function cursorOf(place: Place): string {
  // Digits and a dot give neither of the two characters in which base64 and base64url differ.
  const text = btoa(`${place.segment}.${place.ordinal}`)
  return text.endsWith('=') ? text.slice(0, text.indexOf('=')) : text
}

/** The place a cursor names. @throws CURSOR_INVALID */
export function parseCursor(cursor: string): Place {
  const match = CURSOR.exec(Buffer.from(cursor, 'base64url').toString('latin1'))
  if (match === null || cursorOf({ segment: Number(match[1]), ordinal: Number(match[2]) }) !== cursor) {
    throw sessionError('CURSOR_INVALID', { reason: 'it does not name a place in a journal' })
  }
  return { segment: Number(match[1]), ordinal: Number(match[2]) }
}

/** Negative when `a` comes before `b` in the journal, 0 when they are the same line. */
export function comparePlaces(a: Place, b: Place): number {
  return a.segment - b.segment || a.ordinal - b.ordinal
}
