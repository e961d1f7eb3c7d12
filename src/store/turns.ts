/**
 * Turns of the event loop for steps that take long.
 *   TU1  In each turn so many such steps are begun and no more, in the order they asked; who asks while there is room in
 *        this turn does not wait.
 *   TU2  Behind a turn with such steps so many turns are left to others, as long as there are any who want them.
 */

/** Keeps steps of some milliseconds from following each other for long without anybody else in between. */
export class Turns {
  /** How many steps are begun in one turn; may be changed at any time. */
  most = 1
  /** Turns left to others behind each with steps; may be changed at any time. */
  rest = 0
  /** Whether anybody else wants the loop; asked in each turn that is left to others. */
  readonly #isWanted: () => boolean
  /** Those that are still left. */
  #left = 0
  /** Steps begun in this turn. */
  #begun = 0
  /** The next turn is looked at. */
  #isGoing = false
  readonly #waiting: (() => void)[] = []

  constructor(isWanted: () => boolean = () => true) {
    this.#isWanted = isWanted
  }

  /** Resolves when it is the caller's turn. */
  take(): Promise<void> {
    if (!this.#isGoing) {
      this.#isGoing = true
      setImmediate(this.#next)
    } else if (this.#left > 0 || this.#begun >= this.most) {
      return new Promise((resolve) => this.#waiting.push(resolve))
    }
    this.#begun += 1
    return Promise.resolve()
  }

  readonly #next = (): void => {
    this.#left = this.#begun > 0 ? this.rest : this.#left - 1
    this.#begun = 0
    if (this.#left > 0 && this.#isWanted()) {
      setImmediate(this.#next)
      return
    }
    this.#left = 0
    const next = this.#waiting.splice(0, this.most)
    this.#begun = next.length
    this.#isGoing = next.length > 0
    if (this.#isGoing) setImmediate(this.#next)
    for (const begin of next) begin()
  }
}
