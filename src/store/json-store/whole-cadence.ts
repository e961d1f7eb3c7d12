/**
 * How often a line carries the whole state, so that walking back a session is short and cheap.
 *   WC1  At least every 128 changes, and after eight times the bytes of the state but not sooner than 64 KiB.
 */
import type { Change, StoredState } from '../change.ts'
import { asWhole } from '../change.ts'
import type { RecentSession } from './recent-sessions.ts'

const CHANGES_PER_WHOLE = 128
const WHOLE_FACTOR = 8
const WHOLE_FLOOR_BYTES = 64 * 1024

/** The change as it is journaled: whole when that is due (WC1). */
export function withWholeWhenDue(change: Change, after: StoredState, session: RecentSession): Change {
  if (change.patch.whole === true || change.tombstone === true) return change
  const isDue =
    session.changesSinceWhole + 1 >= CHANGES_PER_WHOLE ||
    session.bytesSinceWhole > Math.max(WHOLE_FLOOR_BYTES, session.wholeBytes * WHOLE_FACTOR)
  return isDue ? asWhole(change, after) : change
}

/** Counts a line of so many bytes. */
export function countLine(session: RecentSession, change: Change, bytes: number): void {
  if (change.patch.whole === true) {
    session.changesSinceWhole = session.bytesSinceWhole = 0
    session.wholeBytes = JSON.stringify(change.patch).length
  } else {
    session.changesSinceWhole += 1
    session.bytesSinceWhole += bytes
  }
}
