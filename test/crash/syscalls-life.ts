/**
 * One full life of a store, the same every time: opened, talked to by several callers at once, marked, checkpointed, rotated,
 * compacted, deleted from, erased from, and closed. One of its file calls fails; then what is left is compared with what the
 * callers were told.
 */
import { isSessionError } from '../../src/errors.ts'
import { openRuntime } from '../../src/runtime/open-runtime.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import type { Session } from '../../src/runtime/session.ts'
import { errnoOf } from '../../src/store/file-system.ts'
import { countingIds } from '../../src/testing/counting-ids.ts'
import { JsonMachine, PLACE } from '../support/json-machine.ts'
import { Ledger } from '../support/ledger.ts'
import { readStore } from '../support/recovered.ts'

/** Segments and checkpoints that a few changes fill. */
const SIZES = { segmentBytes: 8_000, checkpointBytes: 16_000, writer: 'in-process' } as const

/** What is done to one call: it fails, or power is lost in the middle of it. */
export type Spoiling = { readonly errno: string } | 'torn'

/** What came of a life. */
export interface Spoiled {
  readonly faults: readonly string[]
  /** How many calls it made. */
  readonly calls: number
  /** How often each code was heard. */
  readonly codes: ReadonlyMap<string, number>
}

/** Codes that a failing disk may make the runtime say, beside the errno itself; anything else is a fault. */
const STABLE = new Set([
  'OUTCOME_UNKNOWN',
  'STORE_FAILED',
  'STORE_FULL',
  // What a step meets when the one before it was refused.
  'NOT_FOUND',
  'WRONG_STATE',
  'SESSION_EXISTS',
])

type Send = (
  runtime: Runtime,
  operationId: string,
) => Promise<{ readonly revision?: number | null } | boolean>

/** Lives the life with its n-th call spoiled (0: none), then looks at what the next process finds. */
export async function spoiledLife(seed: number, n: number, spoiling: Spoiling): Promise<Spoiled> {
  const life = new FullLife(new JsonMachine({ seed }), spoiling === 'torn' ? undefined : spoiling.errno)
  const { files } = life.machine
  if (n > 0 && spoiling === 'torn') files.crashAt(n)
  if (n > 0 && spoiling !== 'torn') files.failAt(n, spoiling.errno)
  await life.live()
  const calls = files.calls()
  let next = spoiling === 'torn' ? life.machine.powerCut() : life.machine.killed()
  // Promises that the dead process left behind must find no disk.
  await new Promise((resolve) => setImmediate(resolve))
  await life.examine(next)
  next = next.killed()
  for (const path of next.files.contents().keys()) {
    if (path.startsWith(`${PLACE}/index-`) || path.includes('/snapshots/')) await next.files.remove(path)
  }
  await life.examine(next)
  return { faults: life.faults, calls, codes: life.codes }
}

class FullLife {
  readonly faults: string[] = []
  readonly codes = new Map<string, number>()
  readonly machine: JsonMachine
  readonly #errno: string | undefined
  readonly #ledger = new Ledger()
  #operations = 0

  constructor(machine: JsonMachine, errno: string | undefined) {
    this.machine = machine
    this.#errno = errno
  }

  async live(): Promise<void> {
    const { clock } = this.machine
    const store = this.machine.store(SIZES)
    const runtime = await this.#heard(openRuntime({ store, clock, ids: countingIds(), maxLiveActors: 2 }))
    if (runtime === undefined) return
    const tasks: readonly (() => Promise<unknown> | void)[] = [
      () => Promise.all(['a', 'b', 'c'].map((id) => this.#create(runtime, id))),
      () =>
        Promise.all([
          this.#append(runtime, 'a', 5, 20),
          this.#delta(runtime, 'a'),
          this.#append(runtime, 'b', 30),
        ]),
      () => clock.advance(1_000),
      () => this.#heard(runtime.checkpoint()),
      () => Promise.all([this.#append(runtime, 'b', 150, 150, 150), this.#append(runtime, 'c', 40)]),
      () => this.#delete(runtime, 'c'),
      () => this.#create(runtime, 'c'),
      () => this.#heard(runtime.compact()),
      () => Promise.all([this.#append(runtime, 'a', 100, 100), this.#lead(runtime, 'b')]),
      () => this.#delete(runtime, 'b'),
      () => this.#erase(runtime, 'c'),
      () => this.#append(runtime, 'a', 1),
      () => clock.advance(1_000),
      () => this.#heard(runtime.close()),
    ]
    for (const task of tasks) await task()
  }

  /** Opens what is left and compares. */
  async examine(machine: JsonMachine): Promise<void> {
    this.#ledger.nextLife()
    const store = await machine.owner(SIZES)
    const { histories, faults } = await readStore(store)
    this.faults.push(...faults, ...this.#ledger.check(histories))
    this.#ledger.closeUnknown()
    await store.close()
  }

  async #create(runtime: Runtime, id: string): Promise<void> {
    await this.#ask(runtime, id, 'created', [], async (on, operationId) => {
      await on.create({ id, metadata: { of: id } }, { operationId })
      return {}
    })
    await this.#ask(runtime, id, 'activate', [], async (on, operationId) => {
      await (await on.get(id)).as('created').activate({ operationId })
      return {}
    })
  }

  #append(runtime: Runtime, id: string, ...words: number[]): Promise<void> {
    const contents = words.map((count) => `${(this.#operations += 1)} ${'word '.repeat(count)}`)
    const entries = contents.map((content) => ({ type: 'user_message' as const, content }))
    const texts = contents.map((content) => JSON.stringify(content))
    return this.#active(runtime, id, 'append', texts, (session, options) =>
      session.appendAll(entries, options),
    )
  }

  #delta(runtime: Runtime, id: string): Promise<void> {
    return this.#active(runtime, id, 'recordDelta', [], (session, options) => session.recordDelta(7, options))
  }

  #lead(runtime: Runtime, id: string): Promise<void> {
    return this.#active(runtime, id, 'complete', [], async (session, options) => {
      await session.complete(options)
      return {}
    })
  }

  #delete(runtime: Runtime, id: string): Promise<void> {
    return this.#ask(runtime, id, 'deleted', [], (on, operationId) =>
      on.delete(id, { force: true, operationId }),
    )
  }

  async #erase(runtime: Runtime, sessionId: string): Promise<void> {
    if (runtime.has(sessionId)) this.#ledger.erasing(sessionId)
    const report = await this.#heard(runtime.erase({ sessionId }, { force: true }))
    if (report !== undefined) this.#ledger.erased(sessionId, report.erased.length > 0)
  }

  #active(
    runtime: Runtime,
    id: string,
    event: string,
    contents: readonly string[],
    send: (
      session: Session<'active'>,
      options: { readonly operationId: string },
    ) => Promise<{ readonly revision?: number | null } | boolean>,
  ): Promise<void> {
    return this.#ask(runtime, id, event, contents, async (on, operationId) =>
      send((await on.get(id)).as('active'), { operationId }),
    )
  }

  /** Notes a command, sends it, and notes what was heard. */
  async #ask(
    runtime: Runtime,
    sessionId: string,
    event: string,
    contents: readonly string[],
    send: Send,
  ): Promise<void> {
    const operationId = `o-${(this.#operations += 1)}`
    this.#ledger.send({ operationId, sessionId, event, contents, mayLeaveNoChange: false })
    try {
      const answer = await send(runtime, operationId)
      if (answer === false) this.#ledger.refuse(operationId)
      else this.#ledger.acknowledge(operationId, answer === true ? null : (answer.revision ?? null))
    } catch (error) {
      this.#note(error)
      // A raw errno comes from a read that failed before anything was decided.
      if (!isSessionError(error, 'OUTCOME_UNKNOWN')) this.#ledger.refuse(operationId)
    }
  }

  async #heard<T>(work: Promise<T>): Promise<T | undefined> {
    try {
      return await work
    } catch (error) {
      this.#note(error)
      return undefined
    }
  }

  #note(error: unknown): void {
    const code = (isSessionError(error) ? error.code : errnoOf(error)) ?? String(error)
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1)
    const isExpected = STABLE.has(code) || code === this.#errno || this.machine.files.powerLost
    if (!isExpected) this.faults.push(`a code that says nothing: ${code}`)
  }
}
