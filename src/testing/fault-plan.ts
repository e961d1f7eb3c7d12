/**
 * Which call of a simulated disk fails, and at which one power is lost.
 *   FK5  Calls are counted from 1, reads too, so a test can walk a crash or a fault through every one of them.
 */
import type { FileHandle, FileSystem } from '../index.ts'
import type { SeededRandom } from './seeded-random.ts'

/** The calls that can fail. */
export type FileCall = keyof FileSystem | keyof FileHandle

/** The fate of one call. */
export interface Fate {
  readonly losesPower: boolean
  /** The code it fails with; undefined when it does not. */
  readonly errno: string | undefined
}

/** A count of calls and what is to happen to those that come. */
export class FaultPlan {
  readonly #random: SeededRandom
  readonly #counts = new Map<FileCall, number>()
  readonly #next: { readonly call: FileCall; readonly errno: string }[] = []
  readonly #at = new Map<number, string>()
  readonly #odds = new Map<FileCall, { readonly probability: number; readonly errno: string }>()
  #calls = 0
  #crashAt = Infinity

  constructor(random: SeededRandom) {
    this.#random = random
  }

  calls(call?: FileCall): number {
    return call === undefined ? this.#calls : (this.#counts.get(call) ?? 0)
  }

  failNext(call: FileCall, errno: string): void {
    this.#next.push({ call, errno })
  }

  failAt(n: number, errno: string): void {
    this.#at.set(this.#calls + n, errno)
  }

  failSometimes(call: FileCall, probability: number, errno: string): void {
    this.#odds.set(call, { probability, errno })
  }

  crashAt(n: number): void {
    this.#crashAt = this.#calls + n
  }

  /** Counts one call and tells its fate (FK5). */
  take(call: FileCall): Fate {
    this.#calls += 1
    this.#counts.set(call, this.calls(call) + 1)
    const odds = this.#odds.get(call)
    const drawn = odds !== undefined && this.#random.chance(odds.probability) ? odds.errno : undefined
    const index = this.#next.findIndex((fault) => fault.call === call)
    const next = index === -1 ? undefined : this.#next.splice(index, 1)[0]
    return {
      losesPower: this.#calls === this.#crashAt,
      errno: this.#at.get(this.#calls) ?? next?.errno ?? drawn,
    }
  }
}
