/**
 * What a runtime handed to its store, in order, across all sessions. After a crash the store holds the beginning of that
 * list: nothing of it stands behind something that is missing.
 */
import { isSessionError } from '../../src/errors.ts'
import type { SessionStore } from '../../src/store/store.ts'
import type { RecoveredChange } from './ledger.ts'

interface Note {
  readonly sessionId: string
  readonly revision: number
  readonly operationId: string | undefined
  readonly isDeletion: boolean
  outcome: 'pending' | 'acknowledged' | 'full'
}

/** The list of one life. */
export class AppendNotes {
  #notes: Note[] = []

  /** Forgets the life before, and writes down every append of this store. */
  follow(store: SessionStore): void {
    const notes: Note[] = []
    this.#notes = notes
    const append = store.append.bind(store)
    store.append = (change, after, entriesText) => {
      const { sessionId, revision, operation, tombstone: isDeletion = false } = change
      // What the clock says is said again by the next owner, so nobody can tell the two apart.
      if (operation === undefined && !isDeletion) return append(change, after, entriesText)
      const note: Note = {
        sessionId,
        revision,
        operationId: operation?.id,
        isDeletion,
        outcome: 'pending',
      }
      notes.push(note)
      const written = append(change, after, entriesText)
      written.then(
        () => (note.outcome = 'acknowledged'),
        (error: unknown) => {
          if (isSessionError(error, 'STORE_FULL')) note.outcome = 'full'
        },
      )
      return written
    }
  }

  /** What the store of the next life says against it. */
  check(histories: ReadonlyMap<string, readonly RecoveredChange[]>): string[] {
    const faults: string[] = []
    const deleted = new Set(this.#notes.filter((note) => note.isDeletion).map(({ sessionId }) => sessionId))
    let missing: Note | undefined
    for (const note of this.#notes) {
      const { sessionId, revision, operationId, outcome } = note
      const history = histories.get(sessionId)
      if (deleted.has(sessionId) || outcome === 'full' || history === undefined) continue
      const found = history.find((change) => change.revision === revision)
      if (found !== undefined && found.operationId === (operationId ?? null)) {
        if (missing === undefined) continue
        faults.push(
          `${sessionId} ${revision} is there, and ${missing.sessionId} ${missing.revision} before it is not`,
        )
        continue
      }
      if (outcome === 'acknowledged') faults.push(`${sessionId} ${revision} was acknowledged and is lost`)
      missing ??= note
    }
    return faults
  }
}
