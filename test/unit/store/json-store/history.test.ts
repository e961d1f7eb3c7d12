/** Goal: reading one session of a large store costs what its own history costs, not what its neighbours weigh. */
import { expect, test } from 'vitest'
import type { StoredState } from '../../../../src/store/change.ts'
import { shardOf } from '../../../../src/store/json-store/snapshots.ts'
import { SampleSession } from '../../../../src/testing/store-contract/sample-session.ts'
import { JsonMachine } from '../../../support/json-machine.ts'

const SESSIONS = 3_000

test('[HY5] in a large store a short life is read line by line, until its shard was asked for often, or for many together', async () => {
  const opened: string[] = []
  const machine = new JsonMachine({
    onCall: (call, path) => {
      if (call === 'open' && path.includes('/snapshots/')) opened.push(path.slice(-7, -5))
      return undefined
    },
  })
  const owner = await machine.owner()
  const sessions = Array.from({ length: SESSIONS }, (_, n) => new SampleSession(`session-${n}`))
  for (const session of sessions) await session.append(owner)
  const long = sessions[7] as SampleSession
  for (let count = 0; count < 20; count += 1) await long.append(owner)
  await owner.close()
  const store = await machine.owner()
  const others = sessions.filter((session) => session !== long)
  const first = others[0] as SampleSession
  const elsewhere = others.filter(
    ({ id }) => shardOf(id) !== shardOf(first.id) && shardOf(id) !== shardOf(long.id),
  )
  const neighbours = elsewhere.filter(({ id }) => shardOf(id) === shardOf((elsewhere[0] as SampleSession).id))
  expect(neighbours.length).toBeGreaterThan(3)
  const shardsFor = async (session: SampleSession): Promise<number> => {
    opened.length = 0
    expect(await store.state(session.id)).toEqual(session.state)
    return opened.length
  }

  expect(await shardsFor(first)).toBe(1) // The first of all.
  expect(await shardsFor(neighbours[0] as SampleSession)).toBe(0)
  expect(await shardsFor(neighbours[1] as SampleSession)).toBe(0)
  expect(await shardsFor(neighbours[2] as SampleSession)).toBe(1)
  expect(await shardsFor(neighbours[3] as SampleSession)).toBe(0) // It is at hand now.
  expect(await shardsFor(long)).toBe(1)
  const many = elsewhere.find(({ id }) => shardOf(id) !== shardOf((neighbours[0] as SampleSession).id))
  opened.length = 0
  const visited: StoredState[] = []
  await store.visit([(many as SampleSession).id], {
    state: (state) => visited.push(state),
    fault: (_, error) => expect.unreachable(String(error)),
  })
  expect(visited).toEqual([many?.state])
  expect(opened.length).toBe(1)
  await store.close()
})
