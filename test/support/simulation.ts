/**
 * The product on a simulated machine, life after life: callers ask, files fail, the clock moves, processes die, power is lost
 * and owners are taken for dead; and a caller who remembers all of it compares. A seed gives the same run.
 *   SI1  A step is one command, one file call, or one move of the clock.
 *   SI2  Whoever waits is answered: what nobody can answer any more is a hang, and a fault (I9).
 *   SI3  Every open is compared with the caller's notes (ledger.ts), with the order of the appends across sessions, and
 *        with what deadlines promise.
 */
import { isSessionError } from '../../src/errors.ts'
import type { JsonStore } from '../../src/store/json-store/json-store.ts'
import { countingIds } from '../../src/testing/counting-ids.ts'
import { seededRandom, type SeededRandom } from '../../src/testing/seeded-random.ts'
import { AppendNotes } from './append-notes.ts'
import { readStore } from './recovered.ts'
import { Callers, type Life } from './simulation-callers.ts'
import { quiet, SimulatedMachine, type SimulatedProcess } from './simulation-machine.ts'
import { PRODUCT, type Product } from './simulation-product.ts'
import { isEarly, isOverdue } from './simulation-wishes.ts'

const PLACE = '/store'

/** So many turns in which nothing moved are a hang, clock or no clock (SI2). */
const PATIENCE = 50

/** What a world is made to do oftener than others: this share of its turns. Where much is erased, indexes are lost too. */
export interface Stress {
  readonly turns: number
  readonly of: 'failures' | 'compactions' | 'erasures'
}

/** One world: a machine, its callers, and what they found. */
export class Simulation {
  readonly #product: Product
  readonly #random: SeededRandom
  readonly #machine: SimulatedMachine
  readonly #callers: Callers
  readonly #notes = new AppendNotes()
  readonly #stress: Stress | undefined
  #process: SimulatedProcess
  /** An owner that others take for dead and that goes on. */
  #paused: Life | undefined
  #isSound = true
  #rivals = 0
  #uniques = 0

  constructor(seed: number, product: Product = PRODUCT, stress?: Stress) {
    this.#product = product
    this.#stress = stress
    this.#random = seededRandom(seed)
    this.#machine = new SimulatedMachine(this.#random)
    this.#process = this.#machine.start()
    this.#callers = new Callers(this.#random, this.#machine)
  }

  /** Commands, file calls and clock moves so far (SI1). */
  get steps(): number {
    return this.reached.commands + this.#machine.calls + this.reached.clockMoves
  }

  /** How often each thing happened. */
  get reached(): Callers['reached'] {
    return this.#callers.reached
  }

  /** What is on the disk: equal runs leave equal bytes. */
  get disk(): ReadonlyMap<string, Buffer> {
    return this.#machine.disk.contents()
  }

  /** A few lives, then two openings without a fault, the second from the journal alone; ends at the first fault. */
  async run(): Promise<readonly string[]> {
    try {
      const lives = 2 + this.#random.below(5)
      for (let life = 0; life < lives && this.#callers.faults.length === 0; life += 1) await this.#live()
      if (this.#callers.faults.length === 0) await this.#end()
    } catch (error) {
      this.#callers.faults.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
    return this.#callers.faults
  }

  async #live(): Promise<void> {
    const random = this.#random
    this.reached.lives += 1
    this.#callers.ledger.nextLife()
    this.#machine.holding = random.chance(0.4) ? 0 : random.next() * 0.5
    if (random.chance(0.3)) this.#planFaults(60)
    const life = await this.#open()
    if (life !== undefined && (await this.#examine(life))) {
      if (random.chance(0.5)) this.#callers.retry(life)
      else this.#callers.ledger.closeUnknown()
      this.#planFaults(600)
      for (let turns = random.below(300); turns > 0; turns -= 1) {
        if (this.#machine.disk.powerLost || (life.hasFailed && random.chance(0.2))) break
        await this.#turn(life)
      }
    }
    await this.#die(life)
  }

  /** Opens on a sound disk: as the last life left it, then from the journal alone. */
  async #end(): Promise<void> {
    if (this.#paused !== undefined) this.#machine.kill(this.#paused.process)
    this.#paused = undefined
    for (const fromJournal of [false, true]) {
      this.#machine.holding = 0
      this.#machine.later(1)
      this.#isSound = true
      if (fromJournal) await this.#dropCheckpoint(1)
      this.#callers.ledger.nextLife()
      const life = await this.#open()
      if (life === undefined || !(await this.#examine(life)))
        throw new Error('a store on a sound disk cannot be opened and read')
      this.#callers.ledger.closeUnknown()
      await this.#settled(life.runtime.close())
      this.#machine.kill(life.process)
    }
  }

  /** What goes wrong with the disk in the next so many calls. */
  #planFaults(calls: number): void {
    const random = this.#random
    const { disk } = this.#machine
    if (random.chance(0.4)) disk.crashAt(1 + random.below(calls))
    if (random.chance(0.2)) disk.failAt(1 + random.below(calls), random.chance(0.7) ? 'EIO' : 'EMFILE')
    if (random.chance(0.2)) disk.failAt(1 + random.below(calls), 'ENOSPC')
    this.#isSound = false
  }

  /** The next time something is to be on the disk, it is not. */
  #failNext(): void {
    const random = this.#random
    this.#machine.disk.failNext(random.chance(0.5) ? 'sync' : 'write', random.chance(0.7) ? 'EIO' : 'ENOSPC')
    this.#isSound = false
  }

  async #open(): Promise<Life | undefined> {
    const process = this.#machine.start()
    this.#process = process
    const store = this.#store(process)
    const { clock } = this.#machine
    let life: Life | undefined
    const opening = this.#product
      .openRuntime({
        store: this.#product.store(store, clock),
        clock,
        ids: countingIds(),
        maxLiveActors: 2,
      })
      .then((runtime) => {
        life = { process, store, runtime, hasFailed: false }
      })
      .catch((error: unknown) => this.#callers.expected(error))
    const paused = this.#paused
    this.#paused = undefined
    if (paused !== undefined) {
      // It asks on while its successor begins; not one acknowledgement of it may be wrong.
      for (let turns = this.#random.below(20); turns > 0; turns -= 1) await this.#turn(paused)
      this.reached.takeovers += 1
    }
    await this.#settled(opening)
    if (paused !== undefined) this.#machine.kill(paused.process)
    if (life !== undefined && store.stats().tornTail !== null) this.reached.tornTails += 1
    return life
  }

  /** A store whose segments and checkpoints a few changes fill. */
  #store(process: SimulatedProcess): JsonStore {
    const segmentBytes = 2_000 + this.#random.below(10_000)
    return this.#product.openJsonStore({
      dir: PLACE,
      files: this.#product.files(process.files),
      clock: this.#machine.clock,
      unique: () => `unique-${(this.#uniques += 1)}`,
      processes: this.#product.processes(this.#machine.processesFor(process)),
      segmentBytes,
      checkpointBytes: 2 * segmentBytes,
      idleMarkMs: 20,
      writer: 'in-process',
    })
  }

  /** Compares what was opened with what is remembered; false when the disk does not let it (SI3). */
  async #examine(life: Life): Promise<boolean> {
    const { store, runtime } = life
    try {
      const { histories, states, faults } = await this.#settled(readStore(store))
      this.#callers.faults.push(
        ...faults,
        ...this.#callers.ledger.check(histories),
        ...this.#notes.check(histories),
      )
      this.#notes.follow(store)
      this.#callers.checkErased()
      this.reached.segments += store.stats().segments
      for (const state of states.values()) {
        if (isEarly(state)) this.#callers.faults.push(`${state.sessionId}: it expired before its time was up`)
        if (state.summary.status === 'expired') this.reached.expired += 1
        if (isOverdue(state, this.#machine.clock.now())) this.reached.dueWhileDown += 1
      }
      await this.#checkDeadlines(life)
      this.reached.passivated += runtime.stats().residentSessions - runtime.stats().liveActors
      return true
    } catch (error) {
      this.#callers.expected(error)
      return false
    }
  }

  /** On a sound disk nobody waits for a deadline that is over. */
  async #checkDeadlines({ store }: Life): Promise<void> {
    this.#moveClock(0)
    await this.#settled(Promise.resolve())
    if (!this.#isSound) return
    for (const { sessionId } of store.heads()) {
      const state = await this.#settled(store.state(sessionId))
      if (state !== undefined && isOverdue(state, this.#machine.clock.now()))
        this.#callers.faults.push(`${sessionId}: its time is up, and nobody told it`)
    }
  }

  /** One thing happens: a held call goes on, somebody asks, time passes, or the owner tidies up. */
  async #turn(life: Life): Promise<void> {
    const random = this.#random
    await quiet()
    if (random.chance(0.5) && this.#machine.release()) return
    if (this.#stress !== undefined && random.chance(this.#stress.turns)) {
      if (this.#stress.of === 'failures') this.#failNext()
      else if (this.#stress.of === 'erasures') this.#callers.erase(life)
      else this.#callers.tidy(life, 'compact')
      return
    }
    const roll = random.below(100)
    if (roll < 82) this.#callers.ask(life)
    else if (roll < 90) this.#moveClock(random.chance(0.9) ? random.below(100) : random.below(30_000))
    else if (roll < 91) this.#callers.tidy(life, 'checkpoint')
    else if (roll < 92) this.#callers.tidy(life, 'compact')
    else if (roll < 94) this.#callers.erase(life)
    else if (roll < 95 && life.process.isTrusted) this.#rival()
    else if (roll < 96 && random.chance(0.6)) this.#failNext()
  }

  /** A second process wants the store while its owner lives. */
  #rival(): void {
    const process = this.#machine.start()
    const store = this.#store(process)
    const opening = store.open({ readOnly: false }).then(
      () => void this.#callers.faults.push('a living owner was succeeded'),
      (error: unknown) => {
        if (!isSessionError(error, 'STORE_LOCKED')) this.#callers.expected(error)
        else this.reached.rivals += 1
      },
    )
    this.#rivals += 1
    const end = (): void => {
      this.#rivals -= 1
      this.#machine.kill(process)
    }
    this.#callers.track(opening.finally(end))
  }

  #moveClock(ms: number): void {
    this.reached.clockMoves += 1
    this.#machine.clock.advance(ms)
  }

  /** Lets everything go on until this and all that callers wait for is answered (SI2). */
  async #settled<T>(work: Promise<T>): Promise<T> {
    let isAnswered = false
    const answered = (): void => {
      isAnswered = true
    }
    work.then(answered, answered)
    let { calls } = this.#machine
    for (let still = 0; still < PATIENCE; still += 1) {
      await quiet()
      if (this.#machine.release() || this.#machine.calls !== calls) still = 0
      calls = this.#machine.calls
      // The journal gives those it answered a turn of their own before it goes on.
      if (still < 4) continue
      if (isAnswered && this.#callers.tasks.size === 0) return work
      this.#moveClock(Math.max(0, (this.#machine.clock.nextAt ?? 0) - this.#machine.clock.now()))
    }
    throw new Error(`nobody answers any more; ${this.#callers.tasks.size} are waited for`)
  }

  /** The end of a life, whatever is on its way. */
  async #die(life: Life | undefined): Promise<void> {
    const random = this.#random
    const machine = this.#machine
    const downFor = random.chance(0.7) ? random.below(200) : random.below(20_000)
    const roll = random.below(100)
    if (machine.disk.powerLost || roll < 30) {
      this.reached.powerCuts += 1
      machine.cutPower(downFor)
    } else if (roll < 45 && life !== undefined && this.#rivals === 0) {
      machine.declareDead(life.process)
      this.#paused = life
      return
    } else {
      if (roll < 70 && life !== undefined) await this.#close(life)
      else this.reached.kills += 1
      machine.kill(this.#process)
      machine.later(downFor)
    }
    machine.kill(this.#process)
    await this.#settled(Promise.resolve())
    this.#isSound = true
    await this.#dropCheckpoint(this.#stress?.of === 'erasures' ? 0.6 : 0.2)
  }

  async #close({ runtime }: Life): Promise<void> {
    await this.#settled(Promise.resolve())
    this.reached.closes += 1
    await this.#settled(runtime.close()).catch((error: unknown) => this.#callers.expected(error))
  }

  /** Index and snapshots are a checkpoint, never the only copy. */
  async #dropCheckpoint(probability: number): Promise<void> {
    const { disk } = this.#machine
    const drops = [`${PLACE}/index-`, `${PLACE}/snapshots/`].filter(() => this.#random.chance(probability))
    if (drops.length === 0) return
    for (const path of disk.contents().keys()) {
      if (drops.some((drop) => path.startsWith(drop))) await disk.remove(path)
    }
  }
}
