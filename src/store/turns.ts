/**
 * Turns of the event loop for steps that take long.
 *   TU1  In each turn so many such steps are begun and no more, in the order they asked; who asks while there is room in
 *        this turn does not wait.
 */

/** Keeps steps of some milliseconds from following each other for long without anybody else in between. */
export class Turns {
  /** How many steps are begun in one turn; may be changed at any time. */
  most = 1
  /** Steps begun in this turn. */
  #begun = 0
  readonly #waiting: (() => void)[] = []

  /** Resolves when it is the caller's turn. */
  take(): Promise<void> {
    if (this.#begun === 0) setImmediate(this.#next)
    if (this.#begun >= this.most) return new Promise((resolve) => this.#waiting.push(resolve))
    this.#begun += 1
    return Promise.resolve()
  }

  readonly #next = (): void => {
    const next = this.#waiting.splice(0, this.most)
    this.#begun = next.length
    if (next.length > 0) setImmediate(this.#next)
    for (const begin of next) begin()
  }
}
