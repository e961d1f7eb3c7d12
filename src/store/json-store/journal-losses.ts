/**
 * Revisions that found no room, until everybody has heard of it.
 *   JL1  What was decided upon a lost revision is lost as well, and learns the same reason.
 *   JL2  Every rejection is heard before the event loop turns; then the losses are forgotten.
 */

/** The newest lost revision of each session. */
export class JournalLosses {
  readonly #newest = new Map<string, number>()

  /** Notes that a session's lines up to this revision were lost. */
  note(sessionId: string, revision: number): void {
    if (this.#newest.size === 0) setImmediate(() => this.#newest.clear())
    this.#newest.set(sessionId, revision)
  }

  /** Whether this revision follows a lost one, and so is lost too (JL1). */
  takes(sessionId: string, revision: number): boolean {
    if (this.#newest.get(sessionId) !== revision - 1) return false
    this.#newest.set(sessionId, revision)
    return true
  }
}
