/**
 * What the journal has on its way: appends, the batches they are written in, and the errors of those that are lost.
 */
import { sessionError } from '../../errors.ts'
import type { SessionError } from '../../errors.ts'
import type { Change, StoredState } from '../change.ts'
import type { RecentSession } from './recent-sessions.ts'
import type { Position } from './session-index.ts'
import type { Slab } from './writer.ts'

/** An end of the journal: the segment, where its next line goes, and the ordinal of its last line. */
export interface JournalTail {
  readonly segment: number
  readonly offset: number
  readonly ordinal: number
}

/** One encoded change on its way. As a position it is that of its line. */
export interface Append extends Position {
  readonly change: Change
  readonly after: StoredState
  readonly session: RecentSession
  /** What `keep` gave when it was encoded. */
  readonly kept: Change | undefined
}

/** An append whose maker waits. */
export interface Waiting extends Append {
  readonly resolve: () => void
  readonly reject: (error: SessionError) => void
}

/** Lines of one segment that are written and acknowledged together (J3). */
export interface Batch {
  readonly segment: number
  readonly offset: number
  readonly slab: Slab
  readonly opens: 'existing' | 'new' | null
  readonly appends: Waiting[]
  isMark: boolean
  length: number
  /** Of the last line in it. */
  ordinal: number
}

/** Why a journal takes no more appends. */
export type Refusal = (change: Change) => SessionError

/** There was no room for a change. */
export function fullError(change: Change): SessionError {
  return sessionError('STORE_FULL', { operation: change.event.type })
}

/** The store writes nothing any more. */
export function failed(operation: string, reason: string): Refusal {
  return () => sessionError('STORE_FAILED', { operation, reason })
}

/** The change was under way when writing failed: it may be there or not. */
export function unknown(change: Change, cause: SessionError): SessionError {
  const operationId = change.operation?.id
  const details = { command: change.event.type, ...(operationId === undefined ? {} : { operationId }) }
  return sessionError('OUTCOME_UNKNOWN', details, cause)
}
