/**
 * Which door a run of the framework stands at when it reads the history.
 *   RD1  A run reads the history before its first model call, so a run that would break a limit is refused there.
 *   RD2  A run that goes on (resumed after an approval, say) asks for a model call, not for a new turn.
 *   RD3  A run is asked once: what it reads in the middle is not a door.
 */
import type { Door } from '../../index.ts'
import type { JsonObject } from '../../json.ts'
import { isUnfinished } from './items.ts'

/** What is read of a run's context. */
export interface RunContextLike {
  readonly usage: { readonly requests: number }
}

/** The runs under way, by their contexts. */
export class RunDoors {
  /** Model requests a run had made when it was asked. */
  readonly #asked = new WeakMap<object, number>()

  /** The door this read stands at; undefined when the run was asked before (RD3). */
  doorOf(run: RunContextLike, history: readonly JsonObject[]): Door | undefined {
    const { requests } = run.usage
    const asked = this.#asked.get(run)
    if (asked !== undefined && asked !== requests) return undefined
    const last = history.at(-1)
    const goesOn = requests > 0 && last !== undefined && isUnfinished(last) // RD2
    return goesOn ? 'modelCall' : 'turn'
  }

  /** The run went through. */
  pass(run: RunContextLike): void {
    this.#asked.set(run, run.usage.requests)
  }

  /** A run has written what it did: what its context does next may be another run. */
  wrote(run: RunContextLike | undefined): void {
    if (run !== undefined && this.#asked.get(run) !== run.usage.requests) this.#asked.delete(run)
  }
}
