/**
 * Lives of a runtime on a disk that fails: random commands by several callers, then a death, again and again; and the
 * notes of a caller who remembers all of it. Everything random comes from the script, so a seed gives the same run.
 */
import fc from 'fast-check'
import { isSessionError } from '../../src/errors.ts'
import { openRuntime } from '../../src/runtime/open-runtime.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import type { FileSystem } from '../../src/store/file-system.ts'
import { errnoOf } from '../../src/store/file-system.ts'
import type { JsonStore } from '../../src/store/json-store/json-store.ts'
import type { CrashableFileSystem } from '../../src/testing/crashable-file-system.ts'
import { countingIds } from '../../src/testing/counting-ids.ts'
import { JsonMachine, PLACE } from './json-machine.ts'
import { Ledger } from './ledger.ts'
import { readStore } from './recovered.ts'

const IDS = ['a', 'b', 'c'] as const

/** Something one caller asks for. */
type Ask =
  | { readonly do: 'append'; readonly id: (typeof IDS)[number]; readonly words: readonly number[] }
  | {
      readonly do: 'recordDelta' | 'edit' | 'pause' | 'complete' | 'delete'
      readonly id: (typeof IDS)[number]
    }

/** What happens between two moments in which nothing is on its way. */
type Step =
  | { readonly do: 'together'; readonly asks: readonly Ask[] }
  | { readonly do: 'erase'; readonly id: (typeof IDS)[number] }
  | { readonly do: 'checkpoint' | 'compact' | 'wait' }

/** One life: what is done in it, what fails, and how it ends. */
export interface Life {
  readonly steps: readonly Step[]
  readonly powerLostAt: number | null
  readonly fault: { readonly at: number; readonly errno: string } | null
  readonly end: 'power' | 'process' | 'close'
  /** Unknown commands are sent again; otherwise their outcome must stay what it was found to be. */
  readonly retries: boolean
  readonly dropsIndex: boolean
  readonly dropsSnapshots: boolean
}

const id = fc.constantFrom(...IDS)

const ask: fc.Arbitrary<Ask> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      id,
      words: fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constantFrom('recordDelta', 'edit', 'pause'), id }) as fc.Arbitrary<Ask>,
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('complete', 'delete'), id }) as fc.Arbitrary<Ask> },
)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('together' as const),
      asks: fc.array(ask, { minLength: 1, maxLength: 8 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('erase' as const), id }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('checkpoint', 'compact', 'wait') }) as fc.Arbitrary<Step>,
  },
)

/** Random lives. */
export const lives: fc.Arbitrary<readonly Life[]> = fc.array(
  fc.record({
    steps: fc.array(step, { maxLength: 12 }),
    powerLostAt: fc.option(fc.integer({ min: 1, max: 300 }), { nil: null }),
    fault: fc.option(
      fc.record({
        at: fc.integer({ min: 1, max: 300 }),
        errno: fc.constantFrom('EIO', 'ENOSPC', 'ENOSPC', 'EMFILE'),
      }),
      { nil: null },
    ),
    end: fc.constantFrom('power', 'power', 'process', 'close'),
    retries: fc.boolean(),
    dropsIndex: fc.boolean(),
    dropsSnapshots: fc.boolean(),
  }),
  { minLength: 1, maxLength: 5 },
)

interface Appended {
  readonly sessionId: string
  readonly revision: number
  readonly operationId: string | undefined
  readonly tombstone: boolean
  outcome: 'pending' | 'acknowledged' | 'full'
}

/** Segments and checkpoints that a few changes fill. */
const SIZES = { segmentBytes: 3_000, checkpointBytes: 8_000, writer: 'in-process' } as const

/** Plays lives on one disk; collects what is wrong. */
export class DiskPlay {
  readonly ledger = new Ledger()
  readonly faults: string[] = []
  /** How often each thing happened. */
  readonly reached = {
    lives: 0,
    opened: 0,
    powerCuts: 0,
    unknown: 0,
    full: 0,
    failed: 0,
    erased: 0,
    tornTails: 0,
  }
  readonly #disk: (files: CrashableFileSystem) => FileSystem
  readonly #commands = new Map<string, (runtime: Runtime) => Promise<Answer | undefined>>()
  readonly #generations = new Map<string, number>()
  readonly #erased = new Set<string>()
  /** What the runtime handed to the store in this life, in order. */
  #appended: Appended[] = []
  #machine: JsonMachine
  #operations = 0

  constructor(seed: number, disk: (files: CrashableFileSystem) => FileSystem = (files) => files) {
    this.#machine = new JsonMachine({ seed })
    this.#disk = disk
  }

  /** One life, whatever becomes of it; then the machine as the next process finds it. */
  async live(life: Life): Promise<void> {
    const { files } = this.#machine
    this.reached.lives += 1
    this.ledger.nextLife()
    if (life.powerLostAt !== null) files.crashAt(life.powerLostAt)
    if (life.fault !== null) files.failAt(life.fault.at, life.fault.errno)
    const store = this.#store()
    let runtime: Runtime | undefined
    try {
      runtime = await this.#open(store)
      await this.#compare(store)
      if (life.retries) await this.#retry(runtime)
      else this.ledger.closeUnknown()
      this.#appended = []
      this.#note(store)
      for (const one of life.steps) await this.#take(one, runtime)
      if (life.end === 'close') await runtime.close()
    } catch (error) {
      this.#expected(error)
    }
    const isCut = files.powerLost || life.end === 'power'
    if (isCut) this.reached.powerCuts += 1
    this.#machine = isCut ? this.#machine.powerCut() : this.#machine.killed()
    // A process that was only killed leaves its promises behind; they must find no disk.
    await new Promise((resolve) => setImmediate(resolve))
    await this.#drop(life)
  }

  /** Opens without faults, compares, closes; once more from the journal alone. */
  async end(): Promise<void> {
    for (const drops of [false, true]) {
      await this.#drop({ dropsIndex: drops, dropsSnapshots: drops })
      const store = this.#store()
      const runtime = await this.#open(store)
      await this.#compare(store)
      this.ledger.closeUnknown()
      await runtime.close()
      this.#machine = this.#machine.killed()
    }
  }

  #store(): JsonStore {
    return this.#machine.store({ ...SIZES, files: this.#disk(this.#machine.files) })
  }

  async #open(store: JsonStore): Promise<Runtime> {
    const runtime = await openRuntime({
      store,
      clock: this.#machine.clock,
      ids: countingIds(),
      maxLiveActors: 2,
    })
    this.reached.opened += 1
    if (store.stats().tornTail !== null) this.reached.tornTails += 1
    return runtime
  }

  async #compare(store: JsonStore): Promise<void> {
    const { histories, faults } = await readStore(store)
    this.faults.push(...faults, ...this.ledger.check(histories))
    const deleted = new Set(
      this.#appended.filter(({ tombstone }) => tombstone).map(({ sessionId }) => sessionId),
    )
    let missing: Appended | undefined
    for (const appended of this.#appended) {
      const { sessionId, revision, operationId, outcome } = appended
      if (deleted.has(sessionId) || outcome === 'full' || !histories.has(sessionId)) continue
      const found = histories.get(sessionId)?.find((change) => change.revision === revision)
      if (found?.operationId !== operationId) {
        if (outcome === 'acknowledged')
          this.faults.push(`${sessionId} ${revision} was acknowledged and is lost`)
        missing ??= appended
      } else if (missing !== undefined) {
        this.faults.push(
          `${sessionId} ${revision} is there, and ${missing.sessionId} ${missing.revision} before it is not`,
        )
      }
    }
    this.#appended = []
    this.#compareErased()
  }

  #compareErased(): void {
    for (const [path, bytes] of this.#machine.files.contents()) {
      for (const secret of this.#erased) {
        if (bytes.includes(secret)) this.faults.push(`${path} holds ${secret}, which was erased`)
      }
    }
  }

  /** Every append passes here, in the order the store is to keep. */
  #note(store: JsonStore): void {
    const append = store.append.bind(store)
    store.append = (change, after) => {
      const { sessionId, revision, operation, tombstone = false } = change
      const note: Appended = {
        sessionId,
        revision,
        operationId: operation?.id,
        tombstone,
        outcome: 'pending',
      }
      this.#appended.push(note)
      const written = append(change, after)
      written.then(
        () => (note.outcome = 'acknowledged'),
        (error: unknown) => {
          if (isSessionError(error, 'STORE_FULL')) note.outcome = 'full'
        },
      )
      return written
    }
  }

  async #retry(runtime: Runtime): Promise<void> {
    await Promise.all(this.ledger.unknown().map(({ operationId }) => this.#send(operationId, runtime, true)))
  }

  async #take(one: Step, runtime: Runtime): Promise<void> {
    switch (one.do) {
      case 'wait':
        this.#machine.clock.advance(1000)
        return
      case 'checkpoint':
      case 'compact':
        await runtime[one.do]().catch((error: unknown) => this.#expected(error))
        return
      case 'erase':
        await this.#erase(one.id, runtime)
        return
      default:
        for (const sessionId of new Set(one.asks.map((each) => each.id)))
          await this.#begin(sessionId, runtime)
        await Promise.all(one.asks.map((each) => this.#ask(each, runtime)))
    }
  }

  /** Makes a session active, whatever it was. */
  async #begin(sessionId: string, runtime: Runtime): Promise<void> {
    if (!runtime.has(sessionId)) {
      // An erasure that failed half way has deleted it at least.
      if (this.ledger.isErasing(sessionId)) this.ledger.erased(sessionId, true)
      const generation = (this.#generations.get(sessionId) ?? 0) + 1
      this.#generations.set(sessionId, generation)
      const metadata = { secret: this.#secret(sessionId) }
      await this.#command(sessionId, 'created', [], (operationId) => async (on) => {
        await on.create({ id: sessionId, metadata }, { operationId })
        return { revision: null }
      })(runtime)
    }
    const session = await runtime.get(sessionId).catch(() => undefined)
    if (session?.state === 'created') await this.#lead(sessionId, 'activate')(runtime)
    if (session?.state === 'paused') await this.#lead(sessionId, 'resume')(runtime)
  }

  #ask(one: Ask, runtime: Runtime): Promise<void> {
    const { id: sessionId } = one
    switch (one.do) {
      case 'pause':
      case 'complete':
        return this.#lead(sessionId, one.do)(runtime)
      case 'delete':
        return this.#command(sessionId, 'deleted', [], (operationId) => async (on) => {
          const isDeleted = await on.delete(sessionId, { force: true, operationId })
          return isDeleted ? { revision: null } : undefined
        })(runtime)
      case 'append': {
        const contents = one.words.map((words) => `${this.#secret(sessionId)} ${'word '.repeat(words)}`)
        const entries = contents.map((content) => ({ type: 'user_message' as const, content }))
        const texts = contents.map((content) => JSON.stringify(content))
        return this.#call(sessionId, 'append', texts, (session, options) =>
          session.appendAll(entries, options),
        )(runtime)
      }
      case 'recordDelta':
        return this.#call(sessionId, 'recordDelta', [], (session, options) =>
          session.recordDelta(7, options),
        )(runtime)
      default: {
        const context = { key: this.#secret(sessionId) }
        return this.#call(sessionId, 'edit', [], (session, options) => session.edit({ context }, options))(
          runtime,
        )
      }
    }
  }

  #lead(
    sessionId: string,
    command: 'activate' | 'resume' | 'pause' | 'complete',
  ): (runtime: Runtime) => Promise<void> {
    return this.#call(sessionId, command, [], async (session, options) => {
      await session[command](options)
      return { revision: null }
    })
  }

  #call(
    sessionId: string,
    event: string,
    contents: readonly string[],
    work: (session: AnySession, options: { readonly operationId: string }) => Promise<Answer | undefined>,
  ): (runtime: Runtime) => Promise<void> {
    return this.#command(sessionId, event, contents, (operationId) => async (on) => {
      return work((await on.get(sessionId)) as unknown as AnySession, { operationId })
    })
  }

  /** Notes a command, and gives what sends it. */
  #command(
    sessionId: string,
    event: string,
    contents: readonly string[],
    work: (operationId: string) => (runtime: Runtime) => Promise<Answer | undefined>,
  ): (runtime: Runtime) => Promise<void> {
    const operationId = `o-${(this.#operations += 1)}`
    this.ledger.send({ operationId, sessionId, event, contents, mayLeaveNoChange: false })
    this.#commands.set(operationId, work(operationId))
    return (runtime) => this.#send(operationId, runtime)
  }

  async #send(operationId: string, runtime: Runtime, isRetry = false): Promise<void> {
    try {
      const answer = await this.#commands.get(operationId)?.(runtime)
      if (answer === undefined) this.ledger.refuse(operationId)
      else this.ledger.acknowledge(operationId, answer.revision)
    } catch (error) {
      this.#expected(error)
      // That a retry was not written says nothing of the first attempt.
      const isUnknown =
        !isSessionError(error) || error.code === 'OUTCOME_UNKNOWN' || (isRetry && isStorage(error.code))
      if (!isUnknown) this.ledger.refuse(operationId)
      else this.reached.unknown += 1
    }
  }

  async #erase(sessionId: string, runtime: Runtime): Promise<void> {
    const secret = this.#secret(sessionId)
    // A session that is not known durable may come up yet: then it was not erased.
    if (runtime.has(sessionId)) this.ledger.erasing(sessionId)
    try {
      const { erased } = await runtime.erase({ sessionId }, { force: true })
      this.ledger.erased(sessionId, erased.length > 0)
      if (erased.length === 0) return
      this.#erased.add(secret)
      this.reached.erased += 1
      this.#compareErased()
    } catch (error) {
      this.#expected(error)
    }
  }

  #secret(sessionId: string): string {
    return `secret-of-${sessionId}-${this.#generations.get(sessionId) ?? 0}.`
  }

  /** What a failing disk may make the runtime say; anything else is wrong. */
  #expected(error: unknown): void {
    const code = isSessionError(error) ? error.code : errnoOf(error)
    if (code === 'STORE_FULL') this.reached.full += 1
    if (code === 'STORE_FAILED') this.reached.failed += 1
    if (code === undefined || !EXPECTED.has(code)) throw error
  }

  async #drop({ dropsIndex, dropsSnapshots }: Pick<Life, 'dropsIndex' | 'dropsSnapshots'>): Promise<void> {
    const { files } = this.#machine
    for (const path of files.contents().keys()) {
      const isDropped =
        (dropsIndex && path.startsWith(`${PLACE}/index-`)) || (dropsSnapshots && path.includes('/snapshots/'))
      if (isDropped) await files.remove(path)
    }
  }
}

function isStorage(code: string): boolean {
  return code === 'STORE_FAILED' || code === 'STORE_FULL'
}

interface Answer {
  readonly revision: number | null
}

/** Every command, whatever the status: what is not allowed is refused. */
interface AnySession {
  appendAll(entries: readonly object[], options: object): Promise<{ readonly revision: number }>
  recordDelta(tokens: number, options: object): Promise<{ readonly revision: number }>
  edit(changes: object, options: object): Promise<{ readonly revision: number }>
  activate(options: object): Promise<unknown>
  resume(options: object): Promise<unknown>
  pause(options: object): Promise<unknown>
  complete(options: object): Promise<unknown>
}

const EXPECTED: ReadonlySet<string> = new Set([
  'WRONG_STATE',
  'NOT_FOUND',
  'SESSION_EXISTS',
  'OUTCOME_UNKNOWN',
  'STORE_FULL',
  'STORE_FAILED',
  'EIO',
  'ENOSPC',
  'EMFILE',
])
