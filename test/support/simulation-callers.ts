/**
 * The callers of a simulation: they ask, several at a time, note what they asked and what they heard, and send again what
 * nobody answered.
 */
import { isSessionError } from '../../src/errors.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { errnoOf } from '../../src/store/file-system.ts'
import type { JsonStore } from '../../src/store/json-store/json-store.ts'
import type { SeededRandom } from '../../src/testing/seeded-random.ts'
import { Ledger } from './ledger.ts'
import type { SimulatedMachine, SimulatedProcess } from './simulation-machine.ts'
import { creation, wishFor, type Wish } from './simulation-wishes.ts'

/** Commands that are on their way at most. */
const IN_FLIGHT = 8

/** What a failing disk, or a limit, may make the runtime say; anything else is wrong. */
const EXPECTED: ReadonlySet<string | undefined> = new Set([
  'WRONG_STATE',
  'LIMIT_REACHED',
  'NOT_FOUND',
  'SESSION_EXISTS',
  'OUTCOME_UNKNOWN',
  'STORE_FULL',
  'STORE_FAILED',
  'STORE_FENCED',
  'EIO',
  'ENOSPC',
  'EMFILE',
])

/** Answers after which a store takes nothing any more. */
const FINAL: ReadonlySet<string | undefined> = new Set(['OUTCOME_UNKNOWN', 'STORE_FAILED', 'STORE_FENCED'])

/** A process with an open store, from its start to its end. */
export interface Life {
  readonly process: SimulatedProcess
  readonly store: JsonStore
  readonly runtime: Runtime
  hasFailed: boolean
}

interface Slot {
  readonly id: string
  generation: number
  busy: number
  /** Commands on their way that want no company. */
  alone: number
}

/** Everybody who asks. */
export class Callers {
  readonly ledger = new Ledger()
  readonly faults: string[] = []
  /** How often each thing happened. */
  readonly reached = {
    lives: 0,
    commands: 0,
    clockMoves: 0,
    acknowledged: 0,
    refused: 0,
    unknown: 0,
    retried: 0,
    powerCuts: 0,
    kills: 0,
    closes: 0,
    takeovers: 0,
    rivals: 0,
    full: 0,
    failed: 0,
    fenced: 0,
    tornTails: 0,
    checkpoints: 0,
    compactions: 0,
    segments: 0,
    deleted: 0,
    erased: 0,
    passivated: 0,
    expired: 0,
    dueWhileDown: 0,
  }
  /** What is waited for. */
  readonly tasks = new Set<Promise<void>>()
  readonly #random: SeededRandom
  readonly #machine: SimulatedMachine
  readonly #slots: readonly Slot[]
  readonly #wishes = new Map<string, { readonly slot: Slot; readonly wish: Wish }>()
  /** Texts of which not a byte may be left. */
  readonly #erased = new Set<string>()

  constructor(random: SeededRandom, machine: SimulatedMachine) {
    this.#random = random
    this.#machine = machine
    this.#slots = Array.from({ length: 2 + random.below(3) }, (_, index) => ({
      id: `s-${index}`,
      generation: 0,
      busy: 0,
      alone: 0,
    }))
  }

  /** Asks for something, when there is room for one more. */
  ask(life: Life): void {
    const slot = this.#slots[this.#random.below(this.#slots.length)] as Slot
    if (this.tasks.size >= IN_FLIGHT || slot.alone > 0) return
    if (life.runtime.has(slot.id)) {
      this.#begin(slot, false, async () => {
        const session = await life.runtime.get(slot.id).catch((error: unknown) => this.expected(error))
        if (session === undefined) return
        await this.#send(life, slot, wishFor(this.#random, slot.id, session.state, secretOf(slot)))
      })
    } else if (slot.busy === 0 && this.#random.chance(0.25)) {
      // An erasure that failed half way has deleted it at least.
      if (this.ledger.isErasing(slot.id)) this.ledger.erased(slot.id, true)
      slot.generation += 1
      const wish = creation(this.#random, slot.id, secretOf(slot))
      this.#begin(slot, true, () => this.#send(life, slot, wish))
    }
  }

  /** Notes a command and sends it. */
  async #send(life: Life, slot: Slot, wish: Wish): Promise<void> {
    const operationId = `o-${this.#wishes.size + 1}`
    const { event, contents, mayLeaveNoChange } = wish
    this.ledger.send({
      operationId,
      sessionId: slot.id,
      event,
      contents,
      mayLeaveNoChange,
    })
    this.#wishes.set(operationId, { slot, wish })
    slot.alone += wish.isAlone ? 1 : 0
    await this.#command(life, operationId, wish, false)
    slot.alone -= wish.isAlone ? 1 : 0
  }

  /** Sends again what has no answer. */
  retry(life: Life): void {
    for (const { operationId } of this.ledger.unknown()) {
      const { slot, wish } = this.#wishes.get(operationId)!
      this.reached.retried += 1
      this.#begin(slot, wish.isAlone, () => this.#command(life, operationId, wish, true))
    }
  }

  async #command(life: Life, operationId: string, wish: Wish, isRetry: boolean): Promise<void> {
    this.reached.commands += 1
    try {
      const answer = await wish.send(life.runtime, operationId)
      if (life.process.isDead) return
      if (answer === undefined) {
        this.ledger.refuse(operationId)
        return
      }
      this.reached.acknowledged += 1
      if (wish.event === 'deleted') this.reached.deleted += 1
      this.ledger.acknowledge(operationId, answer.revision)
    } catch (error) {
      this.expected(error, life)
      if (life.process.isDead) return
      // That a retry was not written says nothing of the first attempt.
      const isUnknown =
        !isSessionError(error) ||
        error.code === 'OUTCOME_UNKNOWN' ||
        (isRetry && error.code.startsWith('STORE_'))
      this.reached[isUnknown ? 'unknown' : 'refused'] += 1
      if (!isUnknown) this.ledger.refuse(operationId)
    }
  }

  /** The owner writes a checkpoint, or gives back room. */
  tidy(life: Life, what: 'checkpoint' | 'compact'): void {
    this.reached.commands += 1
    this.track(
      life.runtime[what]().then(
        () => void (this.reached[what === 'compact' ? 'compactions' : 'checkpoints'] += 1),
        (error: unknown) => this.expected(error, life),
      ),
    )
  }

  /** Erases a session of which nothing is on its way; once that is answered no life of it has left a byte. */
  erase(life: Life): void {
    const slot = this.#slots.find((one) => one.busy === 0)
    if (slot === undefined) return
    const secrets = Array.from({ length: slot.generation }, (_, index) =>
      secretOf({ ...slot, generation: index + 1 }),
    )
    this.reached.commands += 1
    // A session that is not known durable may come up yet: then it was not erased.
    if (life.runtime.has(slot.id)) this.ledger.erasing(slot.id)
    this.#begin(slot, true, async () => {
      const report = await life.runtime
        .erase({ sessionId: slot.id }, { force: true })
        .catch((error: unknown) => this.expected(error, life))
      if (report === undefined || life.process.isDead) return
      const wasThere = report.erased.length > 0
      this.ledger.erased(slot.id, wasThere)
      if (wasThere) this.reached.erased += 1
      for (const secret of secrets) this.#erased.add(secret)
      this.checkErased()
    })
  }

  /** Looks for what was erased in every file. */
  checkErased(): void {
    if (this.#erased.size === 0) return
    for (const [path, bytes] of this.#machine.disk.contents()) {
      for (const secret of this.#erased) {
        if (bytes.includes(secret)) this.faults.push(`${path} holds ${secret}, which was erased`)
      }
    }
  }

  /** Work for one session. */
  #begin(slot: Slot, isAlone: boolean, work: () => Promise<void>): void {
    slot.busy += 1
    slot.alone += isAlone ? 1 : 0
    const end = (): void => {
      slot.busy -= 1
      slot.alone -= isAlone ? 1 : 0
    }
    this.track(work().finally(end))
  }

  /** Work that somebody waits for; what goes wrong with it is a fault. */
  track(work: Promise<void>): void {
    const task = work.catch((error: unknown) => {
      this.faults.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
    })
    this.tasks.add(task)
    void task.then(() => this.tasks.delete(task))
  }

  /** Counts what a failing disk or a limit makes the runtime say; anything else is thrown again. */
  expected(error: unknown, life?: Life): undefined {
    const code = isSessionError(error) ? error.code : errnoOf(error)
    if (!EXPECTED.has(code)) throw error
    if (code === 'STORE_FULL') this.reached.full += 1
    if (code === 'STORE_FAILED') this.reached.failed += 1
    if (code === 'STORE_FENCED') this.reached.fenced += 1
    if (life !== undefined && FINAL.has(code)) life.hasFailed = true
    return undefined
  }
}
/** What only this life of a session holds. */
function secretOf({ id, generation }: Slot): string {
  return `secret-of-${id}-${generation}.`
}
