/** A runtime with a clock that tests turn, ids they can foretell and a disk they can hold. */
import { openRuntime } from '../../src/runtime/open-runtime.ts'
import type { CreateOptions, Runtime, RuntimeOptions } from '../../src/runtime/runtime.ts'
import type { Session } from '../../src/runtime/session.ts'
import { countingIds } from '../../src/testing/counting-ids.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { heldStore, type HeldStore } from './held-store.ts'

export interface TestRuntime {
  readonly runtime: Runtime
  readonly clock: ManualClock
  readonly store: HeldStore
  active(options?: CreateOptions): Promise<Session<'active'>>
}

/** Opens one; options of the test win. */
export async function testRuntime(options: Partial<RuntimeOptions> = {}): Promise<TestRuntime> {
  const clock = new ManualClock(1_000_000)
  const store = heldStore()
  const runtime = await openRuntime({ store, clock, ids: countingIds(), ...options })
  return {
    runtime,
    clock,
    store,
    active: async (create = {}) => (await runtime.create(create)).activate(),
  }
}

/** Everything an async iterable gives. */
export async function collect<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const result: T[] = []
  for await (const item of iterable) result.push(item)
  return result
}

/** The code of the error a promise rejects with; `undefined` when it does not reject. */
export async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
    return undefined
  } catch (error) {
    return (error as { code?: unknown }).code
  }
}
