/**
 * The newest durable changes in memory, so that who follows the feed reads no file.
 *   FW1  It holds every durable change behind its floor, in journal order, each as its line says it.
 *   FW2  Bounded by count and by bytes of lines: beyond that the oldest go and the floor rises.
 *   FW3  It is kept only while somebody asks: when a whole window has come and gone since the last who followed, it is
 *        let go, and a change costs nothing until somebody reaches the end of the journal again.
 *   FW4  What it holds is its own and what it gives is the reader's own; nobody alters anything by altering these.
 *   FW5  A segment that was written again is forgotten with all before it, so what compaction and erasure removed from
 *        the files is not here either.
 */
import type { Change } from '../change.ts'
import type { PlacedChange } from '../store.ts'
import { asRead } from './line.ts'
import type { Place } from './position.ts'
import { comparePlaces, cursorOf } from './position.ts'
import type { Position } from './session-index.ts'

/** How much a window holds at most (FW2). */
export interface FeedWindowBounds {
  readonly changes: number
  readonly bytes: number
}

/**
 * Some batches of what is acknowledged together: a follower may fall behind by them. No more, for what is held when young
 * memory is collected has to be moved, and that is most of what a follower costs.
 */
const BOUNDS: FeedWindowBounds = { changes: 512, bytes: 4 << 20 }

interface Kept extends Place {
  readonly bytes: number
  readonly change: Change
  readonly cursor: string
}

/** The newest part of the feed. */
export class FeedWindow {
  readonly #bounds: FeedWindowBounds
  /** Of the first `#gone` only the places are left. */
  #kept: (Kept | undefined)[] = []
  #gone = 0
  #bytes = 0
  /** The newest durable change that is not held; undefined in a store that nobody here appends to. */
  #floor: { segment: number; ordinal: number } | undefined
  #isKept = false
  /** How many came since somebody followed. */
  #unasked = 0

  constructor(bounds: FeedWindowBounds = BOUNDS) {
    this.#bounds = bounds
  }

  /** What is durable ends here; the next that is added comes behind. */
  begin({ segment, ordinal }: Place): void {
    this.#floor = { segment, ordinal }
  }

  /** Somebody has reached the end of the journal and is likely to ask for what comes next (FW3). */
  follow(): void {
    this.#isKept = this.#floor !== undefined
    this.#unasked = 0
  }

  /** What is to be held of a change that is being encoded; undefined when nobody follows (FW3). */
  copy(change: Change): Change | undefined {
    return this.#isKept ? asRead(change) : undefined
  }

  /** The next durable change, with what `copy` gave when it was encoded. */
  add(position: Position, change: Change | undefined): void {
    const { segment, ordinal, bytes } = position
    if (change === undefined || !this.#isKept) {
      this.#clear()
      this.#raise(segment, ordinal)
      return
    }
    this.#kept.push({ segment, ordinal, bytes, change, cursor: cursorOf(position) })
    this.#bytes += bytes
    this.#unasked += 1
    if (this.#length <= this.#bounds.changes && this.#bytes <= this.#bounds.bytes) return
    if (this.#unasked >= this.#length) {
      this.#isKept = false
      this.#clear()
    } else this.#shrink()
  }

  /** The next changes behind a place, those that are shown; undefined when they begin before the floor. */
  read(after: Place, limit: number, isShown: (change: Change) => boolean): PlacedChange[] | undefined {
    if (this.#floor === undefined || comparePlaces(after, this.#floor) < 0) return undefined
    this.follow()
    const result: PlacedChange[] = []
    for (let at = this.#firstAfter(after); at < this.#kept.length && result.length < limit; at += 1) {
      const { change, cursor } = this.#kept[at] as Kept
      if (isShown(change)) result.push({ change: asRead(change), cursor })
    }
    return result
  }

  /** Lets go of a segment and of all before it (FW5). */
  forget(segment: number): void {
    while (this.#length > 0 && (this.#kept[this.#gone] as Kept).segment <= segment) this.#drop()
    this.#trim()
  }

  get #length(): number {
    return this.#kept.length - this.#gone
  }

  #raise(segment: number, ordinal: number): void {
    if (this.#floor === undefined) return
    this.#floor.segment = segment
    this.#floor.ordinal = ordinal
  }

  #clear(): void {
    const last = this.#kept.at(-1)
    if (last !== undefined) this.#raise(last.segment, last.ordinal)
    if (this.#kept.length === 0) return
    this.#kept = []
    this.#gone = this.#bytes = 0
  }

  #shrink(): void {
    while (this.#length > this.#bounds.changes || this.#bytes > this.#bounds.bytes) this.#drop()
    if (this.#gone > this.#bounds.changes) this.#trim()
  }

  #drop(): void {
    const { segment, ordinal, bytes } = this.#kept[this.#gone] as Kept
    this.#raise(segment, ordinal)
    this.#bytes -= bytes
    this.#kept[this.#gone] = undefined
    this.#gone += 1
  }

  #trim(): void {
    this.#kept.splice(0, this.#gone)
    this.#gone = 0
  }

  #firstAfter(after: Place): number {
    let low = this.#gone
    let high = this.#kept.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (comparePlaces(this.#kept[middle] as Kept, after) > 0) high = middle
      else low = middle + 1
    }
    return low
  }
}
