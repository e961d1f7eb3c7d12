/**
 * A resident: one session held in memory, from the first command or read until nobody needs it.
 *   M1  `durable` is the last acknowledged state, `decided` the state after every accepted command; they are equal when
 *       nothing is on its way to the disk.
 *   M3  What cannot be a session's state is refused on load.
 *   M2  Only the commit road moves `decided`; only an acknowledgement moves `durable`.
 */
import { contextFault } from '../machines/context.ts'
import type { SessionContext } from '../machines/events.ts'
import { isStatus, type Status } from '../machines/lifecycle.ts'
import { SESSION_MACHINE_VERSION } from '../machines/session.ts'
import type { StoredState } from '../store/change.ts'
import { sessionError } from '../errors.ts'
import type { SessionActor } from './actors.ts'
import { OperationWindow } from './operations.ts'
import type { SessionRecord } from './record.ts'
import { Wakers } from './subscriptions.ts'

/** One session in memory. */
export class Resident {
  readonly id: string
  /** Last acknowledged state (M1); undefined before the first and after a deletion. */
  durable: StoredState | undefined
  /** State after every accepted command (M1). */
  decided: StoredState | undefined
  /** Newest revision handed to the store; goes on after a deletion. */
  revision: number
  /** What handles show once the session is deleted: its last state. */
  last: StoredState | undefined
  actor: SessionActor | undefined
  /** Changes on their way to the disk. */
  pending = 0
  /** The newest append on its way; a refusal waits for it. */
  tail: Promise<unknown> | undefined
  /** Commands wait for this while the session's operations are read back. */
  waiting: Promise<void> | undefined
  /** Commands that had to wait, or came while such a one was on its way, and are not answered yet. */
  late = 0
  /** Raised when memory fell back to the last durable state, so that stragglers of before are told apart. */
  generation = 0
  /** Used since the last sweep; such a session is passivated later than others. */
  touched = true
  readonly operations = new OperationWindow()
  /** Wakes the streams that follow this session. */
  readonly wakers = new Wakers()
  /** Times of the recent restarts of its actor. */
  restarts: number[] = []

  constructor(id: string, state: StoredState | undefined, revision: number) {
    this.id = id
    this.durable = state
    this.decided = state
    this.last = state
    this.revision = revision
  }
}

/**
 * The state, when its facts can be those of a session: an `active` one without `activatedAt` cannot.
 * @throws STORE_CORRUPT - the session is refused on load; others work.
 */
export function soundState(state: StoredState | undefined): StoredState | undefined {
  if (state === undefined || state.facts.machine.version > SESSION_MACHINE_VERSION) return state
  const fault = contextFault(statusOf(state), state.facts.context)
  if (fault === null) return state
  const { sessionId } = state
  throw sessionError('STORE_CORRUPT', {
    file: `the state of ${sessionId}`,
    byte: 0,
    reason: fault,
    sessionId,
  })
}

/** The machine context inside a stored state. */
export function contextOf(state: StoredState): SessionContext {
  return state.facts.context as unknown as SessionContext
}

/** The caller's record inside a stored state. */
export function recordOf(state: StoredState): SessionRecord {
  return state.record as unknown as SessionRecord
}

/** The status a stored state stands in. @throws INVARIANT_BROKEN when the word is none of ours. */
export function statusOf(state: StoredState): Status {
  const { status } = state.summary
  if (isStatus(status)) return status
  throw sessionError('INVARIANT_BROKEN', {
    rule: 'L1',
    reason: `session ${state.sessionId} has the status "${status}"`,
  })
}
