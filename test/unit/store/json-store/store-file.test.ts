import { expect, test } from 'vitest'
import { SampleSession } from '../../../../src/testing/store-contract/sample-session.ts'
import { JsonMachine } from '../../../support/json-machine.ts'

const DEEP = { dir: '/made/by/the/store' }

test('[SF3] every folder above a store survives a power cut, so what was acknowledged does', async () => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const machine = new JsonMachine({ seed })
    const store = await machine.owner(DEEP)
    await new SampleSession('one').append(store)

    const after = await machine.powerCut(seed).owner(DEEP)

    expect(after.lastRevision('one')).toBe(1)
  }
})

test('[SF3] folders that a killed process left unsynced are synced by the next', async () => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const first = new JsonMachine({ seed })
    first.files.failNext('link', 'EIO')
    await first.owner(DEEP).catch(() => undefined)
    const second = first.killed()
    const store = await second.owner(DEEP)
    await new SampleSession('one').append(store)

    const after = await second.powerCut(seed).owner(DEEP)

    expect(after.lastRevision('one')).toBe(1)
  }
})
