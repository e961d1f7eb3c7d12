/**
 * Whether the disk or the program is what appends wait for, and so when a batch goes out.
 *   PA1  Where a write takes longer than making the lines of all who wait, a batch goes out once everybody who was just
 *        answered had a chance to ask again: few large writes.
 *   PA2  Where it takes less, half of those who wait are enough: the disk writes them while the other half is made.
 *   PA3  Both times are averages, so a clock of whole milliseconds tells them apart.
 */

/** The share of the newest figure in an average. */
const NEWEST = 1 / 16

/** The pace of a journal. */
export class Pace {
  #writeMs = 0
  #lineMs = 0

  /** A batch took so long from its order to its outcome. */
  wrote(ms: number): void {
    this.#writeMs += (ms - this.#writeMs) * NEWEST
  }

  /** So many callers were answered, and it took so long until all of them had gone on. */
  turned(ms: number, lines: number): void {
    if (lines > 0) this.#lineMs += (ms / lines - this.#lineMs) * NEWEST
  }

  /** How many lines need no more company, with so many in flight (PA1, PA2). */
  enough(inFlight: number): number {
    return this.#writeMs < inFlight * this.#lineMs ? Math.ceil(inFlight / 2) : Infinity
  }
}
