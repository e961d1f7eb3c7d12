/**
 * A whole session as one plain-JSON document: what `export` gives and `import` takes.
 *   DC1  Counters are not trusted: `import` counts the entries again.
 *   DC2  export → import → export gives the same document.
 */
import type { SessionEnd, Limits } from '../machines/events.ts'
import type { Status } from '../machines/lifecycle.ts'
import type { Entry } from './entries.ts'
import type { SessionRecord } from './record.ts'

/** The format tag and version of a session document. */
export const DOCUMENT_FORMAT = 'sessionwright/session@1'

/** A session as one document. Times are epoch milliseconds. */
export interface SessionDocument {
  readonly format: typeof DOCUMENT_FORMAT
  readonly id: string
  readonly status: Status
  readonly record: SessionRecord
  readonly limits: Limits
  readonly initialTokenCount: number
  readonly deltaTokenCount: number
  readonly roundCount: number
  readonly createdAt: number
  readonly activatedAt: number | null
  readonly pausedAt: number | null
  readonly endedAt: number | null
  readonly updatedAt: number
  readonly expiresAt: number | null
  readonly end: SessionEnd | null
  readonly entries: readonly Entry[]
}
