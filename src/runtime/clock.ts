/**
 * The one door for time. Nothing else in `src` reads the clock or sets a timer.
 *   CL1  A timer fires at or after its instant, never before, however far away it is.
 *   CL2  A timer alone does not keep the process alive.
 */

/** A timer that can be cancelled. */
export interface Timer {
  cancel(): void
}

/** Where time comes from; `sessionwright/testing` has one that tests turn by hand. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number
  /** Calls back once at the absolute instant `at` or later. */
  wakeAt(at: number, callback: () => void): Timer
}

/** The longest delay Node keeps; longer ones fire after 1 ms. @see Node.js timers, `TIMEOUT_MAX`. */
const LONGEST_DELAY_MS = 2 ** 31 - 1

/**
 * The clock of the machine; before 1970 it says 0, the first instant a document can hold. Long waits are cut to pieces
 * that Node can keep; each piece looks at the clock again.
 */
export const systemClock: Clock = {
  now: () => Math.max(0, Date.now()),
  wakeAt(at, callback) {
    let handle: NodeJS.Timeout
    const wait = (): void => {
      const left = at - Date.now()
      handle = setTimeout(
        () => {
          if (Date.now() >= at) callback()
          else wait()
        },
        Math.min(Math.max(left, 0), LONGEST_DELAY_MS),
      )
      handle.unref()
    }
    wait()
    return { cancel: () => clearTimeout(handle) }
  },
}
