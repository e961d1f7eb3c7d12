import { expect, test } from 'vitest'
import type { StoredState } from '../../../../src/store/change.ts'
import { SampleSession } from '../../../../src/testing/store-contract/sample-session.ts'
import { JsonMachine } from '../../../support/json-machine.ts'

test('[VI3] a session that is deleted and compacted away while it is read is gone, not damaged', async () => {
  let isArmed = false
  let letGo: (() => void) | undefined
  const machine = new JsonMachine({
    onCall: (call, path) => {
      if (!isArmed || call !== 'read' || !path.endsWith('.jsonl')) return undefined
      isArmed = false
      return new Promise((resolve) => (letGo = resolve))
    },
  })
  const store = await machine.owner()
  const [stays, gone] = [new SampleSession('stays'), new SampleSession('gone')]
  for (let turn = 0; turn < 20; turn += 1) {
    await gone.append(store)
    await stays.append(store)
  }

  isArmed = true
  const reading = store.changes('gone', { limit: 100 })
  while (letGo === undefined) await new Promise((resolve) => setImmediate(resolve))
  await gone.delete(store)
  await store.compact()
  letGo()

  expect(await reading).toEqual([])
  expect(await store.changes('stays', { limit: 100 })).toHaveLength(stays.revision)
  expect(store.stats().damage).toEqual([])
  await store.close()
})

test('[VI4] of many sessions each is shown as it is now, but for those whose snapshot lacks what is looked for', async () => {
  const machine = new JsonMachine()
  const owner = await machine.owner()
  const ids = ['plain', 'tagged', 'became', 'ceased', 'young', 'gone']
  const sessions = new Map(ids.map((id) => [id, new SampleSession(id)]))
  const append = (id: string, tags?: string[]) =>
    sessions.get(id)?.append(owner, tags === undefined ? {} : { patch: { record: [[['tags'], tags]] } })
  for (const id of ids.filter((one) => one !== 'young')) await append(id)
  for (const id of ['tagged', 'ceased', 'gone']) await append(id, ['rare'])
  await owner.checkpoint()
  // What comes now is behind the snapshots.
  await append('became', ['rare'])
  await append('ceased', ['frequent'])
  await append('young')
  await append('young', ['rare'])
  await sessions.get('gone')?.delete(owner)
  const reader = await machine.reader()
  const visited = async (having?: string[]): Promise<StoredState[]> => {
    const states: StoredState[] = []
    const fault = (_: string, error: unknown) => expect.unreachable(String(error))
    await reader.visit([...ids, 'unknown'], { state: (state) => states.push(state), fault }, having)
    return states.toSorted((a, b) => (a.sessionId < b.sessionId ? -1 : 1))
  }
  const states = (...of: string[]) => of.map((id) => sessions.get(id)?.state)

  expect(await visited(['rare'])).toEqual(states('became', 'ceased', 'tagged', 'young'))
  expect(await visited()).toEqual(states('became', 'ceased', 'plain', 'tagged', 'young'))
  // The shards are in memory now.
  expect(await visited(['rare'])).toEqual(expect.arrayContaining(states('became', 'tagged', 'young')))
  await reader.close()
  await owner.close()
})
