/** A runtime on a store in memory, with a clock that is turned by hand and ids that can be foretold. */
import { openRuntime } from '../../src/runtime/open-runtime.ts'
import type { CreateOptions, Runtime, RuntimeOptions } from '../../src/runtime/runtime.ts'
import type { PlacedEntry, Session } from '../../src/runtime/session.ts'
import { createMemoryStore } from '../../src/store/memory-store.ts'
import type { SessionStore } from '../../src/store/store.ts'
import { countingIds } from '../../src/testing/counting-ids.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { STATUSES } from '../../src/machines/lifecycle.ts'
import type { Status } from '../../src/machines/lifecycle.ts'

/** The instant every clock here starts at. */
export const START = Date.UTC(2030, 0, 1)

/** A runtime and the doors it was given. */
export interface MemoryRuntime {
  readonly runtime: Runtime
  readonly clock: ManualClock
  readonly store: SessionStore
}

/** A running runtime; options replace what it is made of. */
export async function memoryRuntime(
  options: RuntimeOptions & { readonly clock?: ManualClock } = {},
): Promise<MemoryRuntime> {
  const clock = options.clock ?? new ManualClock(START)
  const store = options.store ?? createMemoryStore()
  const runtime = await openRuntime({ ids: countingIds(), ...options, store, clock })
  return { runtime, clock, store }
}

/** A session that is active, as most of the seed systems begin with. */
export async function activeSession(
  runtime: Runtime,
  options: CreateOptions = {},
): Promise<Session<'active'>> {
  return (await runtime.create(options)).activate()
}

/** One session in every status; the expired one of a time to live of a second, which passes. */
export async function sessionInEachStatus(
  { runtime, clock }: MemoryRuntime,
  options: CreateOptions = {},
): Promise<{ readonly [S in Status]: Session<S> }> {
  const active = (): Promise<Session<'active'>> => activeSession(runtime, options)
  const created = await runtime.create(options)
  const paused = await (await active()).pause()
  const closed = await (await active()).close()
  const completed = await (await active()).complete()
  const failed = await (await active()).fail({ code: 'TOOL_BROKE', message: 'it broke' })
  const cancelled = await (await active()).cancel()
  const shortLived = await activeSession(runtime, { ...options, ttlMs: 1_000 })
  clock.advance(1_000)
  await until(() => shortLived.status === 'expired')
  return {
    created,
    active: await active(),
    paused,
    closed,
    completed,
    failed,
    cancelled,
    expired: shortLived.as('expired'),
  }
}

/** The eight sessions in table order, for tests that treat all alike. */
export async function everySession(base: MemoryRuntime, options: CreateOptions = {}): Promise<Session[]> {
  const sessions = await sessionInEachStatus(base, options)
  return STATUSES.map((status) => sessions[status] as Session)
}

/** Lets work that is under way go on until something holds; what never holds fails the test. */
export async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1_000; turn += 1) {
    if (holds()) return
    await new Promise((resolve) => setImmediate(resolve))
  }
  throw new Error('waited 1,000 turns for something that did not come')
}

/** The transcript, read to its end. */
export async function transcript(session: Pick<Session, 'entries'>): Promise<PlacedEntry[]> {
  const entries: PlacedEntry[] = []
  for await (const entry of session.entries()) entries.push(entry)
  return entries
}

/** What a promise was refused with: its code and details; a promise that is kept fails the test. */
export async function refusalOf(promise: Promise<unknown>): Promise<{ code: string; details: unknown }> {
  try {
    await promise
  } catch (error) {
    const { code, details } = error as { code: string; details: unknown }
    return { code, details }
  }
  throw new Error('it was not refused')
}
