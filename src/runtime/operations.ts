/**
 * Which operation ids a session has answered, so that a retry gets its first answer.
 *   O1  The newest 1,024 operations of a session are known, also after a restart: they are read back from its changes.
 *   O2  Same id and same content: the first answer. Same id, other content: OPERATION_REUSED.
 *   O3  Refusals are not kept; what failed on its way to the disk is forgotten.
 */
import { hash } from 'node:crypto'
import { sessionError } from '../errors.ts'
import type { Change, Operation } from '../store/change.ts'
import type { Committed } from './commit.ts'

/** How many operations of a session are known at least. */
export const OPERATION_WINDOW = 1024

interface Answered {
  readonly digest: string
  readonly answer: Promise<Committed>
}

/** The newest operations of one session with their answers. */
export class OperationWindow {
  readonly #answers = new Map<string, Answered>()
  /** Whether everything the window should hold is in memory. */
  complete = false

  /** The first answer to this operation, when there was one. @throws OPERATION_REUSED */
  answerTo(operation: Operation): Promise<Committed> | undefined {
    const known = this.#answers.get(operation.id)
    if (known === undefined) return undefined
    if (known.digest !== operation.digest)
      throw sessionError('OPERATION_REUSED', { operationId: operation.id })
    return known.answer
  }

  /** Keeps an answer; the oldest beyond the window goes (O1). */
  keep(operation: Operation, answer: Promise<Committed>): void {
    this.#answers.set(operation.id, { digest: operation.digest, answer })
    if (this.#answers.size <= OPERATION_WINDOW) return
    const oldest = this.#answers.keys().next()
    if (oldest.done !== true) this.#answers.delete(oldest.value)
  }

  /** Forgets an operation that was not written (O3). */
  forget(operation: Operation): void {
    this.#answers.delete(operation.id)
  }

  /** Takes in operations read back from history, oldest first; what is known already is newer and stays. */
  restore(changes: readonly Change[], answerOf: (change: Change) => Committed): void {
    const newer = [...this.#answers]
    this.#answers.clear()
    for (const change of changes) {
      const { operation } = change
      if (operation !== undefined) this.keep(operation, Promise.resolve(answerOf(change)))
    }
    for (const [id, known] of newer) {
      this.#answers.delete(id)
      this.#answers.set(id, known)
    }
    this.complete = true
  }
}

/** A short name for what a command asked: equal content has an equal digest. */
export function digestOf(command: string, content: string): string {
  return hash('sha256', `${command}\0${content}`, 'base64url').slice(0, 16)
}
