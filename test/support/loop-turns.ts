/** The turns of the event loop, counted for as long as somebody wants to know. */

/** A count that goes on with the loop. */
export interface LoopTurns {
  /** So many turns have begun. */
  readonly count: number
  stop(): void
}

/** Counts from the next turn on; `turned` is called in each. */
export function loopTurns(turned: () => void = () => undefined): LoopTurns {
  let [count, isOver] = [0, false]
  const turn = (): void => {
    count += 1
    turned()
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  return {
    get count() {
      return count
    },
    stop: () => {
      isOver = true
    },
  }
}
