/**
 * Which operation ids a session has answered, so that a retry gets its first answer.
 *   O1  At least the newest 1,024 operations of a session are known, also after a restart: they are read back from its changes.
 *   O2  Same id and same content: the first answer. Same id, other content: OPERATION_REUSED.
 *   O3  Refusals are not kept; what failed on its way to the disk is forgotten.
 */
import { hash } from 'node:crypto'
import { sessionError } from '../errors.ts'
import type { Change, Operation } from '../store/change.ts'
import type { Committed } from './commit.ts'

/** How many operations of a session are known at least. */
export const OPERATION_WINDOW = 1024

interface Known {
  readonly digest: string
  /** The answer while it is on its way; afterwards the change of `revision` gives it again. */
  answer: Promise<Committed> | undefined
  revision: number
}

/** What the window knows of an operation. */
export type Answer = { readonly pending: Promise<Committed> } | { readonly revision: number }

/** The newest operations of one session: digest and revision of each, so that a long window costs little. */
export class OperationWindow {
  /** Two generations: a full younger one takes the place of the older, which is cheaper than to let go one by one. */
  #younger = new Map<string, Known>()
  #older = new Map<string, Known>()
  /** Whether everything the window should hold is in memory. */
  complete = false

  /** Where the first answer to this operation is, when there was one. @throws OPERATION_REUSED */
  find(operation: Operation): Answer | undefined {
    const known = this.#known(operation.id)
    if (known === undefined) return undefined
    if (known.digest !== operation.digest)
      throw sessionError('OPERATION_REUSED', { operationId: operation.id })
    return known.answer === undefined ? { revision: known.revision } : { pending: known.answer }
  }

  /** Keeps an operation whose answer is on its way; those beyond the window go (O1). */
  keep(operation: Operation, answer: Promise<Committed>): void {
    this.#keep(operation.id, { digest: operation.digest, answer, revision: 0 })
  }

  /** The operation was acknowledged: from here on its change gives the answer. */
  settle(operation: Operation, revision: number): void {
    const known = this.#known(operation.id)
    if (known === undefined) return
    known.revision = revision
    known.answer = undefined
  }

  /** The operation was not written, or nobody knows: it is as if it had never been asked for (O3). */
  forget(operation: Operation): void {
    for (const generation of [this.#younger, this.#older])
      if (generation.get(operation.id)?.answer !== undefined) generation.delete(operation.id)
  }

  #known(id: string): Known | undefined {
    return this.#younger.get(id) ?? this.#older.get(id)
  }

  #keep(id: string, known: Known): void {
    if (this.#younger.size === OPERATION_WINDOW) {
      this.#older = this.#younger
      this.#younger = new Map()
    }
    this.#younger.set(id, known)
  }

  /** Takes in operations read back from history, oldest first; what is known already is newer and stays. */
  restore(changes: readonly Change[]): void {
    const newer = [...this.#older, ...this.#younger]
    this.clear()
    for (const { operation, revision } of changes) {
      if (operation !== undefined)
        this.#keep(operation.id, { digest: operation.digest, answer: undefined, revision })
    }
    for (const [id, known] of newer) this.#keep(id, known)
    this.complete = true
  }

  /** Forgets everything; it is read back when next needed. */
  clear(): void {
    this.#younger.clear()
    this.#older.clear()
    this.complete = false
  }
}

/** A short name for what a command asked: equal content has an equal digest. */
export function digestOf(command: string, content: string): string {
  return hash('sha256', `${command}\0${content}`, 'base64url').slice(0, 16)
}
