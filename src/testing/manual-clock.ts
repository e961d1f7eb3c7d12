/**
 * A clock that tests turn by hand.
 *   MC1  Nothing fires by itself: callbacks run inside `advance` and `set`, before they return.
 *   MC2  Due callbacks fire in the order of their instants; those of one instant in the order they were asked for.
 */
import type { Clock, Timer } from '../index.ts'

interface Waiting {
  readonly at: number
  readonly callback: () => void
}

/** A clock that stands still until it is turned; an instant that is past when asked for fires at the next turn. */
export class ManualClock implements Clock {
  #now: number
  readonly #waiting = new Set<Waiting>()

  constructor(startAt = Date.UTC(2030, 0, 1)) {
    this.#now = startAt
  }

  now(): number {
    return this.#now
  }

  wakeAt(at: number, callback: () => void): Timer {
    const waiting: Waiting = { at, callback }
    this.#waiting.add(waiting)
    return { cancel: () => void this.#waiting.delete(waiting) }
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#waiting.size
  }

  /** The earliest instant anybody waits for; undefined when nobody does. */
  get nextAt(): number | undefined {
    return this.#earliest()?.at
  }

  /** Lets time pass: every callback that falls due, also one asked for on the way, sees its own instant as `now`. */
  advance(ms: number): void {
    if (!(ms >= 0))
      throw new RangeError(`advance takes milliseconds of 0 or more, not ${ms}; set(at) turns back`)
    const end = this.#now + ms
    this.#fireUntil(end, (at) => Math.max(this.#now, at))
    this.#now = end
  }

  /** Jumps, forward or back, as a corrected clock or a machine that slept does: due callbacks all see `at` as `now`. */
  set(at: number): void {
    this.#now = at
    this.#fireUntil(at, () => at)
  }

  #fireUntil(end: number, nowFor: (at: number) => number): void {
    for (let next = this.#earliest(); next !== undefined && next.at <= end; next = this.#earliest()) {
      this.#waiting.delete(next)
      this.#now = nowFor(next.at)
      next.callback()
    }
  }

  /** The set keeps the order of asking, so the first of the smallest instants is the one to fire (MC2). */
  #earliest(): Waiting | undefined {
    let earliest: Waiting | undefined
    for (const waiting of this.#waiting) {
      if (earliest === undefined || waiting.at < earliest.at) earliest = waiting
    }
    return earliest
  }
}
