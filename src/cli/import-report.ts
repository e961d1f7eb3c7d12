/**
 * What an import says at its end.
 *   CN1  `sessions entries turns endedByLimit pausedByLimit notices` describe the store after the run, for the sessions
 *       of these files; `entries + refused` are the messages of the files.
 */
import { systemClock } from '../index.ts'
import type { ImportedSession, ImportedState } from './import-session.ts'
import { parts } from './output.ts'

/** Where something stands. */
export interface LinePlace {
  readonly file: string
  readonly line: number
}

/** A line that did not go in, or not as a whole. */
export interface ImportError extends LinePlace {
  readonly code: string
  readonly message: string
}

/** What an import did. */
export interface ImportReport {
  readonly sessions: number
  readonly entries: number
  readonly turns: number
  /** Messages of the files that are not kept. */
  readonly refused: number
  readonly endedByLimit: number
  readonly pausedByLimit: number
  readonly notices: number
  /** Messages that were there before the run. */
  readonly repeated: number
  readonly ms: number
  readonly errors: readonly ImportError[]
  readonly errorsLeftOut: number
  readonly interrupted: boolean
}

const ERRORS_SHOWN = 1000

/** Adds up what happens to the lines of an import. */
export class ImportTally {
  readonly #startedAt = systemClock.now()
  readonly #errors: ImportError[] = []
  #errorsLeftOut = 0
  readonly #counts = {
    sessions: 0,
    entries: 0,
    turns: 0,
    refused: 0,
    endedByLimit: 0,
    pausedByLimit: 0,
    notices: 0,
    repeated: 0,
  }

  /** A session that is in the store, with so many messages in the file. */
  addSession(imported: Pick<ImportedSession, 'kept' | 'repeated'>, messages: number): void {
    this.#counts.sessions += 1
    this.#counts.entries += imported.kept
    this.#counts.repeated += imported.repeated
    this.#counts.refused += messages - imported.kept
  }

  /** What the store says of that session. */
  addState(state: ImportedState): void {
    this.#counts.turns += state.turns
    this.#counts.notices += state.notices
    if (state.endedByLimit) this.#counts.endedByLimit += 1
    if (state.pausedByLimit) this.#counts.pausedByLimit += 1
  }

  /** Messages of a line that is no session. */
  addRefused(messages: number): void {
    this.#counts.refused += messages
  }

  /** A line that did not go in, or not as a whole. */
  addError({ file, line }: LinePlace, error: unknown): void {
    const { code, message } = parts(error)
    if (this.#errors.length < ERRORS_SHOWN) this.#errors.push({ code, file, line, message })
    else this.#errorsLeftOut += 1
  }

  /** How many sessions are in. */
  get sessions(): number {
    return this.#counts.sessions
  }

  /** The report (CN1). */
  report(interrupted: boolean): ImportReport {
    const errors = this.#errors.toSorted((a, b) => (a.file === b.file ? a.line - b.line : 0))
    const ms = systemClock.now() - this.#startedAt
    return { ...this.#counts, ms, errors, errorsLeftOut: this.#errorsLeftOut, interrupted }
  }
}
