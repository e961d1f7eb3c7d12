/**
 * What a saver told its readers, so that a put that would fork a thread by accident is refused.
 *   RG1  A put continues the newest checkpoint of its namespace, or one that is not kept here.
 *   RG2  An older one may be continued once for each time it was asked for by its id: that is how time travel reads.
 *   RG3  A first checkpoint is refused where there are others, when a reader was told that there are none.
 * LangGraph's put carries no name of its run, so a reader that only looks counts as one that will write.
 */
import type { Namespace } from './thread-index.ts'

interface Told {
  /** Readers that were told the namespace is empty and have not put. */
  empty: number
  /** Older checkpoints that were asked for by id. */
  readonly older: Set<string>
}

/** Sessions whose readings are remembered. */
const MOST_SESSIONS = 1000
/** Readings by id that are remembered for each namespace. */
const MOST_OLDER = 1000

/** The readings of one saver. */
export class Readings {
  readonly #told = new Map<string, Map<string, Told>>()

  /** A reader of the newest was told that there is none. */
  toldEmpty(sessionId: string, ns: string): void {
    this.#of(sessionId, ns).empty += 1
  }

  /** A reader was given the checkpoint it asked for. */
  toldOlder(sessionId: string, ns: string, id: string): void {
    const { older } = this.#of(sessionId, ns)
    older.delete(id)
    older.add(id)
    if (older.size <= MOST_OLDER) return
    const first = older.keys().next()
    if (first.done !== true) older.delete(first.value)
  }

  /** Whether a checkpoint with this parent may be put. */
  allows(sessionId: string, ns: string, space: Namespace | undefined, parent: string | null): boolean {
    if (space?.newest === undefined || space.newest.id === parent) return true
    const told = this.#told.get(sessionId)?.get(ns)
    if (parent === null) return (told?.empty ?? 0) === 0 // RG3
    return !space.checkpoints.has(parent) || told?.older.has(parent) === true // RG1, RG2
  }

  /** A put with this parent was decided: what was read for it is used up. */
  used(sessionId: string, ns: string, parent: string | null): void {
    const told = this.#told.get(sessionId)?.get(ns)
    if (told === undefined) return
    if (parent !== null) told.older.delete(parent)
    else if (told.empty > 0) told.empty -= 1
  }

  /** The thread was deleted. */
  forget(sessionId: string): void {
    this.#told.delete(sessionId)
  }

  #of(sessionId: string, ns: string): Told {
    const spaces = this.#told.get(sessionId) ?? new Map<string, Told>()
    this.#told.delete(sessionId)
    this.#told.set(sessionId, spaces)
    if (this.#told.size > MOST_SESSIONS) {
      const oldest = this.#told.keys().next()
      if (oldest.done !== true) this.#told.delete(oldest.value)
    }
    let told = spaces.get(ns)
    if (told === undefined) {
      told = { empty: 0, older: new Set() }
      spaces.set(ns, told)
    }
    return told
  }
}
