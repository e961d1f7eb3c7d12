/**
 * The one scheduler of deadlines: a heap of absolute instants, one timer.
 *   T1  A deadline never fires early; one that is overdue fires once, right after recovery.
 *   T2  The heap may hold stale instants; what counts is what the session says when its turn comes.
 *   T3  However many fall at one instant, a few sessions are woken at once and the others a few at a time.
 */
import type { Clock, Timer } from './clock.ts'

interface Slot {
  readonly dueAt: number
  readonly sessionId: string
}

/** So many sessions of one instant are woken at once. */
const AT_ONCE = 8

/** The others are woken so many at a time: with more, everybody else would wait longer for each flush. */
const AT_A_TIME = 2

/** Wakes sessions at their instants. */
export class DeadlineScheduler {
  readonly #clock: Clock
  readonly #fire: (sessionId: string) => Promise<void>
  readonly #heap: Slot[] = []
  /** The instant each session waits for; a slot that differs is stale (T2). */
  readonly #waiting = new Map<string, number>()
  #timer: Timer | undefined
  #timerAt = Infinity
  #stopped = false

  constructor(clock: Clock, fire: (sessionId: string) => Promise<void>) {
    this.#clock = clock
    this.#fire = fire
  }

  /** How many sessions wait for an instant. */
  get size(): number {
    return this.#waiting.size
  }

  /** Sets or clears the instant of a session. */
  set(sessionId: string, dueAt: number | null): void {
    if (dueAt === null) {
      this.#waiting.delete(sessionId)
      return
    }
    if (this.#stopped || this.#waiting.get(sessionId) === dueAt) return
    this.#waiting.set(sessionId, dueAt)
    push(this.#heap, { dueAt, sessionId })
    this.#arm()
  }

  /** Nothing fires any more. */
  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#timer = undefined
    this.#waiting.clear()
    this.#heap.length = 0
  }

  /** Has so many woken at the earliest instant, when nothing is armed for it or before it. */
  #arm(most = AT_ONCE): void {
    const [next] = this.#heap
    if (next === undefined || next.dueAt >= this.#timerAt) return
    this.#timer?.cancel()
    this.#timerAt = next.dueAt
    this.#timer = this.#clock.wakeAt(next.dueAt, () => this.#ring(most))
  }

  /** Wakes so many of those that are due, and has the next ones woken behind them (T3). */
  #ring(most: number): void {
    this.#timerAt = -Infinity // Nothing is armed while sessions are being woken.
    this.#timer = undefined
    const woken: Promise<void>[] = []
    while (woken.length < most && this.#isDue()) {
      const { dueAt, sessionId } = pop(this.#heap)
      if (this.#waiting.get(sessionId) !== dueAt) continue // T2
      this.#waiting.delete(sessionId)
      woken.push(this.#fire(sessionId))
    }
    const goOn = (): void => {
      if (this.#stopped) return
      this.#timerAt = Infinity
      this.#arm(this.#isDue() ? AT_A_TIME : AT_ONCE)
    }
    if (woken.length < most) goOn()
    else void Promise.allSettled(woken).then(goOn)
  }

  #isDue(): boolean {
    const [next] = this.#heap
    return next !== undefined && next.dueAt <= this.#clock.now()
  }
}

function push(heap: Slot[], slot: Slot): void {
  let index = heap.length
  heap.push(slot)
  while (index > 0) {
    const parent = (index - 1) >> 1
    const above = heap[parent] as Slot
    if (above.dueAt <= slot.dueAt) break
    heap[index] = above
    index = parent
  }
  heap[index] = slot
}

/** Takes out the first of a heap that is not empty. */
function pop(heap: Slot[]): Slot {
  const first = heap[0] as Slot
  const last = heap.pop() as Slot
  if (heap.length === 0) return first
  let index = 0
  for (;;) {
    let child = 2 * index + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && (heap[child + 1] as Slot).dueAt < (heap[child] as Slot).dueAt) child += 1
    const below = heap[child] as Slot
    if (below.dueAt >= last.dueAt) break
    heap[index] = below
    index = child
  }
  heap[index] = last
  return first
}
