import { expect, test } from 'vitest'
import { createMemoryStore, openRuntime } from 'sessionwright'
import { inOrderMade } from '../../../src/cli/export-order.ts'
import { ManualClock } from '../../../src/testing/index.ts'

test('[CW4] sessions of one millisecond come in the order of their file, others in the order they were made', async () => {
  const clock = new ManualClock()
  await using runtime = await openRuntime({ store: createMemoryStore(), clock })
  const make = (id: string, order: number): Promise<unknown> =>
    runtime.create({ id, metadata: { import: { format: 'openai-chat', order } } })
  for (const [id, order] of [
    ['c', 1],
    ['a', 2],
    ['b', 10],
  ] as const)
    await make(id, order)
  clock.advance(1)
  for (const [id, order] of [
    ['z', 3],
    ['y', 4],
  ] as const)
    await make(id, order)

  const found: string[] = []
  for await (const { id } of inOrderMade(runtime, {}, [])) found.push(id)

  expect(found).toEqual(['c', 'a', 'b', 'z', 'y'])
})
