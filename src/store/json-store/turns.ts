/**
 * Turns of the event loop for steps that take long.
 *   TU1  In each turn one such step is begun, in the order they asked; whoever asks when none was gets its turn at once.
 */

/** Keeps steps of some milliseconds from following each other without anybody else in between. */
export class Turns {
  /** Resolves when the turn that was given out last is over; undefined when it is. */
  #over: Promise<void> | undefined

  /** Resolves when it is the caller's turn. */
  take(): Promise<void> {
    const mine = this.#over ?? Promise.resolve()
    const over = mine.then(() => new Promise<void>((resolve) => setImmediate(resolve)))
    this.#over = over
    void over.then(() => {
      if (this.#over === over) this.#over = undefined
    })
    return mine
  }
}
