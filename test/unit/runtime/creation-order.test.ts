import { afterAll, expect, test } from 'vitest'
import { createMemoryStore, openRuntime } from 'sessionwright'
import type { Runtime } from 'sessionwright'
import { ManualClock } from '../../../src/testing/index.ts'
import { temporaryFolders } from '../../support/command-line.ts'

const folders = temporaryFolders()
afterAll(() => folders.clean())

/** A clock of which no two readings are the same. */
class RestlessClock extends ManualClock {
  override now(): number {
    this.advance(1)
    return super.now()
  }
}

const ids = Array.from({ length: 100 }, (_, index) => `s-${index}`).toReversed()

async function timesOfAll(runtime: Runtime): Promise<number[]> {
  await Promise.all(ids.map((id) => runtime.create({ id })))
  return Promise.all(ids.map(async (id) => (await runtime.get(id)).createdAt))
}

function sorted(times: readonly number[]): number[] {
  return times.toSorted((a, b) => a - b)
}

test('[F3] sessions asked for at once are made in the order of the calls', async () => {
  await using runtime = await openRuntime({ store: createMemoryStore(), clock: new RestlessClock() })

  const times = await timesOfAll(runtime)

  expect(times).toEqual(sorted(times))
})

test('[F3] so they are in a folder that is read meanwhile, with ids among them of an earlier life', async () => {
  const dir = folders.make()
  const others = Array.from({ length: 100 }, (_, index) => `other-${index}`)
  {
    await using before = await openRuntime({ dir })
    await Promise.all([...others, ...ids.slice(20, 60)].map((id) => before.create({ id })))
    for (const id of ids.slice(20, 60)) await before.delete(id, { force: true })
  }
  await using runtime = await openRuntime({ dir, clock: new RestlessClock() })
  const read = others.map((id) => runtime.get(id))

  const times = await timesOfAll(runtime)

  expect(times).toEqual(sorted(times))
  await Promise.all(read)
})
