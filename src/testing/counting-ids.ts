/**
 * Ids that tests can foretell.
 */
import type { Ids } from '../index.ts'

/** Ids that count: `session-1`, `session-2` …, `entry-1`, `entry-2` …; each call starts its own count. */
export function countingIds(): Ids {
  let sessions = 0
  let entries = 0
  return {
    session: () => `session-${(sessions += 1)}`,
    entry: () => `entry-${(entries += 1)}`,
  }
}
