import { expect, test } from 'vitest'
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
