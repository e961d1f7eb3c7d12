/**
 * Sessions that were appended to or read lately: where their newest line stands, lines in flight included, and their
 * newest durable state.
 *   RS1  Bounded: beyond `most` the ones not used for longest go, but never one with lines in flight. A use looks at a few
 *       of them only, so with many in flight there may be more for a while.
 *   RS2  `newest` may be ahead of the disk; `state` never is.
 */
import type { StoredState } from '../change.ts'
import type { SessionIndex } from './session-index.ts'

/** One session in use. As a position it is that of its newest line; `revision` 0 means it has none. */
export interface RecentSession {
  readonly sessionId: string
  /** The id as JSON text. */
  readonly idText: string
  segment: number
  ordinal: number
  offset: number
  bytes: number
  /** Of the newest line. */
  revision: number
  /** The newest line is a tombstone, so that the next one begins a life. */
  isEnded: boolean
  /** Lines that are encoded and not acknowledged. */
  inFlight: number
  /** The newest durable state, when it is known. */
  state: StoredState | undefined
  changesSinceWhole: number
  bytesSinceWhole: number
  /** Bytes of the last whole patch; 0 when none was written here. */
  wholeBytes: number
  used: boolean
}

/** How many sessions a use looks at to find one that may go: more than one, so that a surplus shrinks again. */
const LOOKS = 16

/** The sessions in use, by id. */
export class RecentSessions {
  readonly #index: SessionIndex
  readonly #most: number
  readonly #sessions = new Map<string, RecentSession>()

  constructor(index: SessionIndex, most: number) {
    this.#index = index
    this.#most = most
  }

  /** The session, as the index has it when it was not in use. */
  use(sessionId: string): RecentSession {
    const known = this.#sessions.get(sessionId)
    if (known !== undefined) {
      known.used = true
      return known
    }
    const position = this.#index.position(sessionId)
    const session: RecentSession = {
      sessionId,
      idText: JSON.stringify(sessionId),
      segment: position?.segment ?? 0,
      ordinal: position?.ordinal ?? 0,
      offset: position?.offset ?? 0,
      bytes: position?.bytes ?? 0,
      revision: this.#index.lastRevision(sessionId),
      isEnded: this.#index.isDeleted(sessionId),
      inFlight: 0,
      state: undefined,
      changesSinceWhole: 0,
      bytesSinceWhole: 0,
      wholeBytes: 0,
      used: true,
    }
    this.#sessions.set(sessionId, session)
    if (this.#sessions.size > this.#most) this.#evict()
    return session
  }

  /** The newest durable state of a session, when it is at hand. */
  state(sessionId: string, revision: number): StoredState | undefined {
    const session = this.#sessions.get(sessionId)
    if (session?.state?.revision !== revision) return undefined
    session.used = true
    return session.state
  }

  /** Keeps a state that was read, when it is the newest durable one. */
  keep(state: StoredState): void {
    const session = this.use(state.sessionId)
    if (this.#index.lastRevision(state.sessionId) === state.revision) session.state = state
  }

  /** Forgets a session, so that its next use starts from the index. */
  forget(session: RecentSession): void {
    if (this.#sessions.get(session.sessionId) === session) this.#sessions.delete(session.sessionId)
  }

  /** Forgets sessions by id. */
  drop(sessionIds: Iterable<string>): void {
    for (const sessionId of sessionIds) this.#sessions.delete(sessionId)
  }

  /** Forgets every session without lines in flight: their places may have moved. */
  clear(): void {
    for (const [sessionId, session] of this.#sessions) {
      if (session.inFlight === 0) this.#sessions.delete(sessionId)
    }
  }

  /** Second chance: one that was used since the last look goes to the back instead (RS1). */
  #evict(): void {
    let looks = LOOKS
    for (const [sessionId, session] of this.#sessions) {
      if (this.#sessions.size <= this.#most || looks === 0) return
      looks -= 1
      this.#sessions.delete(sessionId)
      if (!session.used && session.inFlight === 0) continue
      session.used = false
      this.#sessions.set(sessionId, session)
    }
  }
}
