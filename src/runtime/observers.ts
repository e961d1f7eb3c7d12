/**
 * Who hears of acknowledged changes beside their callers: observers in the process, and `node:diagnostics_channel`.
 *   OB1  Told after the acknowledgement, in its order; what an observer throws is logged and goes no further.
 *   OB2  The channel `sessionwright:change` carries ids, numbers and words of ours, never content.
 */
import { channel } from 'node:diagnostics_channel'
import { isStatus } from '../machines/lifecycle.ts'
import type { Change, StoredState } from '../store/change.ts'
import { contextOf } from './resident.ts'
import type { Logger, Observation } from './runtime.ts'
import { sessionChange } from './subscriptions.ts'

/** Name of the diagnostics channel. Messages: `{ sessionId, revision, at, event, status }`. */
export const CHANGE_CHANNEL = 'sessionwright:change'

const changeChannel = channel(CHANGE_CHANNEL)

/** The observers of a runtime. */
export class Observers {
  readonly #logger: Logger
  readonly #observers = new Set<(observation: Observation) => void>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Adds an observer; returns how to remove it. */
  add(observer: (observation: Observation) => void): () => void {
    // A function of its own, so that adding one observer twice makes two that are removed one by one.
    const added = (observation: Observation): void => observer(observation)
    this.#observers.add(added)
    return () => this.#observers.delete(added)
  }

  /** Tells everybody of an acknowledged change and the state after it (OB1). */
  tell(change: Change, state: StoredState | undefined): void {
    if (changeChannel.hasSubscribers) changeChannel.publish(diagnosticOf(change, state)) // OB2
    if (this.#observers.size === 0) return
    const status = state?.summary.status
    const facts =
      state === undefined
        ? null
        : { value: state.facts.value, context: contextOf(state), policy: state.facts.policy }
    const observation: Observation = {
      change: sessionChange(change, isStatus(status) ? status : 'deleted'),
      facts,
    }
    for (const observer of this.#observers) {
      try {
        observer(observation)
      } catch (error) {
        this.#logger.warn(
          { sessionId: change.sessionId, revision: change.revision, cause: String(error) },
          'an observer threw',
        )
      }
    }
  }
}

function diagnosticOf(change: Change, state: StoredState | undefined): object {
  return {
    sessionId: change.sessionId,
    revision: change.revision,
    at: change.at,
    event: change.event.type,
    status: state?.summary.status ?? 'deleted',
  }
}
