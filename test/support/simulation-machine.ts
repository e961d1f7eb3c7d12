/**
 * A simulated machine: one disk, one clock, and the processes on it. Whether a file call goes on at once, later, or never is
 * decided by a seed, so that every order in which calls of one or two processes can end comes up sooner or later.
 */
import type { FileSystem } from '../../src/store/file-system.ts'
import type { Processes } from '../../src/store/json-store/processes.ts'
import { CrashableFileSystem } from '../../src/testing/crashable-file-system.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import type { SeededRandom } from '../../src/testing/seeded-random.ts'
import { gatedFiles } from './gated-files.ts'

interface Held {
  readonly by: SimulatedProcess
  readonly go: () => void
}

/** One process: its calls go through `files` until it is killed. */
export class SimulatedProcess {
  readonly pid: number
  readonly files: FileSystem
  /** Others know that it lives. */
  isTrusted = true
  isDead = false

  constructor(pid: number, disk: FileSystem, wait: (by: SimulatedProcess) => Promise<void> | undefined) {
    this.pid = pid
    this.files = gatedFiles(disk, async () => {
      await wait(this)
      if (this.isDead)
        throw Object.assign(new Error('EIO: the process is dead'), {
          code: 'EIO',
        })
    })
  }
}

/** The machine. */
export class SimulatedMachine {
  disk: CrashableFileSystem
  clock = new ManualClock()
  /** The share of file calls that do not go on at once. */
  holding = 0
  readonly #random: SeededRandom
  readonly #alive = new Set<number>()
  #held: Held[] = []
  #pids = 0
  #callsBefore = 0

  constructor(random: SeededRandom) {
    this.#random = random
    this.disk = new CrashableFileSystem({ seed: random.below(2 ** 31) })
  }

  /** How many file calls were made, ever. */
  get calls(): number {
    return this.#callsBefore + this.disk.calls()
  }

  /** Starts a process. */
  start(): SimulatedProcess {
    this.#pids += 1
    this.#alive.add(this.#pids)
    return new SimulatedProcess(this.#pids, this.disk, (by) => this.#wait(by))
  }

  /** What a process learns about itself and others. */
  processesFor({ pid }: SimulatedProcess): Processes {
    return {
      self: () =>
        Promise.resolve({
          pid,
          startTime: null,
          bootId: null,
          host: 'machine',
        }),
      isAlive: (other) => Promise.resolve(this.#alive.has(other.pid)),
    }
  }

  /** Others take the process for dead from here on; it goes on all the same, like one that was paused for long. */
  declareDead(process: SimulatedProcess): void {
    process.isTrusted = false
    this.#alive.delete(process.pid)
  }

  /** Every call of the process fails from here on, those that are held included. */
  kill(process: SimulatedProcess): void {
    this.declareDead(process)
    process.isDead = true
    for (const held of this.#held) if (held.by === process) held.go()
    this.#held = this.#held.filter((held) => held.by !== process)
  }

  /** The disk without what was planned to go wrong with it, some time later. */
  later(ms: number): void {
    this.#replaceDisk(this.disk.processDied({ seed: this.#random.below(2 ** 31) }), ms)
  }

  /** The machine after a power cut and some time. */
  cutPower(ms: number): void {
    this.disk.crash()
    for (const { go } of this.#held.splice(0)) go()
    this.#alive.clear()
    this.#replaceDisk(this.disk.afterPowerCut({ seed: this.#random.below(2 ** 31) }), ms)
  }

  /** Lets one held call go on; false when none is held. */
  release(): boolean {
    const [held] = this.#held.splice(this.#random.below(this.#held.length), 1)
    held?.go()
    return held !== undefined
  }

  #replaceDisk(disk: CrashableFileSystem, ms: number): void {
    this.#callsBefore += this.disk.calls()
    this.disk = disk
    // Timers die with their process.
    this.clock = new ManualClock(this.clock.now() + ms)
  }

  #wait(by: SimulatedProcess): Promise<void> | undefined {
    if (this.holding === 0 || !this.#random.chance(this.holding)) return undefined
    return new Promise((go) => this.#held.push({ by, go }))
  }
}

/** Resolves when everything that can go on without a file call, a timer or the next command has done so. */
export function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** A `WeakRef` that never lets go, so that a run does not depend on when memory is collected. */
export class KeptReference<T extends object> {
  readonly #target: T

  constructor(target: T) {
    this.#target = target
  }

  deref(): T {
    return this.#target
  }
}
