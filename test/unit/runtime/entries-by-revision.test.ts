import { expect, test } from 'vitest'
import { openRuntime } from '../../../src/runtime/open-runtime.ts'
import { systemEvent } from '../../../src/runtime/entries.ts'
import { createMemoryStore } from '../../../src/store/memory-store.ts'
import type { ChangeRange, SessionStore } from '../../../src/store/store.ts'
import { codeOf, collect } from '../../support/runtime.ts'

/** A store that tells which revisions were read. */
function watched(store: SessionStore, read: number[]): SessionStore {
  const changes = async (sessionId: string, range: ChangeRange) => {
    const page = await store.changes(sessionId, range)
    read.push(...page.map(({ revision }) => revision))
    return page
  }
  return new Proxy(store, {
    get: (target, key) => (key === 'changes' ? changes : Reflect.get(target, key)) as unknown,
  })
}

test('[ER1] [ER2] entries by revision have their positions, and nothing outside of the bounds is read', async () => {
  const read: number[] = []
  const runtime = await openRuntime({ store: watched(createMemoryStore(), read) })
  const session = await (await runtime.create({ id: 's' })).activate()
  for (const name of ['a', 'b', 'c', 'd']) {
    await session.appendAll([systemEvent(`${name}0`), systemEvent(`${name}1`)])
  }
  const shown = async (query: Parameters<typeof session.entries>[0]): Promise<string[]> =>
    (await collect(session.entries(query))).map((entry) =>
      entry.type === 'system_event' ? `${entry.revision} ${entry.position} ${entry.event}` : entry.type,
    )
  read.length = 0

  const middle = await shown({ fromRevision: 4, toRevision: 5 })
  const one = await shown({ fromRevision: 5, toRevision: 5, after: 4, before: 6 })
  const newest = await shown({ toRevision: 5, fromRevision: 4, last: 3 })

  expect(middle).toEqual(['4 2 b0', '4 3 b1', '5 4 c0', '5 5 c1'])
  expect(one).toEqual(['5 5 c1'])
  expect(newest).toEqual(['4 3 b1', '5 4 c0', '5 5 c1'])
  expect(read).toEqual([4, 5, 5, 5, 4])
  expect(await shown({ fromRevision: 6 })).toEqual(['6 6 d0', '6 7 d1'])
  expect(await shown({ fromRevision: 7 })).toEqual([])
  expect(await codeOf(shown({ fromRevision: -1 }))).toBe('COMMAND_INVALID')
  expect(await codeOf(shown({ toRevision: 1.5 }))).toBe('COMMAND_INVALID')
  await runtime.close()
})
