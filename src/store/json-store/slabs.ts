/**
 * Memory for batches, used again and again; only a line larger than a slab gets memory of its own.
 */
import type { JournalWriter, Slab } from './writer.ts'

const SLAB_BYTES = 1 << 20
const MOST_KEPT = 8

/** The slabs of one journal. */
export class Slabs {
  readonly #writer: JournalWriter
  readonly #free: Slab[] = []
  #kept = 0

  constructor(writer: JournalWriter) {
    this.#writer = writer
  }

  /** A slab with room for at least so many bytes. */
  take(bytes: number): Slab {
    if (bytes > SLAB_BYTES) return this.#writer.allocate(bytes, false)
    const free = this.#free.pop()
    if (free !== undefined) return free
    const returns = this.#kept < MOST_KEPT
    if (returns) this.#kept += 1
    return this.#writer.allocate(SLAB_BYTES, returns)
  }

  /** The slab is not used any more. */
  give(slab: Slab): void {
    if (slab.returns) this.#free.push(slab)
  }
}
