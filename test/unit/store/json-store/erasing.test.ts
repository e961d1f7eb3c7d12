/**
 * Goal: an erasure that fails or is cut short harms nothing and can be done again, whatever call it ended at (CO5–CO7).
 * Method: deaths and failures at every call of an erasure on a simulated disk, then the same id once more.
 */
import { expect, test } from 'vitest'
import type { SessionStore } from '../../../../src/store/store.ts'
import { CrashableFileSystem } from '../../../../src/testing/crashable-file-system.ts'
import { SampleSession } from '../../../../src/testing/store-contract/sample-session.ts'
import { grep, openOn as open, withoutCheckpoints } from '../../../support/crashable-store.ts'

/** Two sessions over several segments; one is deleted and about to be erased. */
async function arranged(disk: CrashableFileSystem) {
  const store = await open(disk)
  const stays = new SampleSession('stays')
  const gone = new SampleSession('gone')
  for (let turn = 0; turn < 5; turn += 1) {
    await gone.append(store, { entries: [gone.entry(`secret ${turn}`)] })
    await stays.append(store)
  }
  await store.checkpoint()
  await gone.delete(store)
  return { store, stays, gone }
}

async function expectUnharmed(store: SessionStore, session: SampleSession): Promise<void> {
  expect(await store.state(session.id)).toEqual(session.state)
  expect(await store.changes(session.id, {})).toEqual(session.changes)
}

/** The id is used again: in this store, after a restart, and from the journal alone. */
async function expectUsable(disk: CrashableFileSystem, stays: SampleSession, note: string): Promise<void> {
  const store = await open(disk)
  expect(store.head('gone'), note).toBeUndefined()
  const anew = new SampleSession('gone', store.lastRevision('gone'))
  await anew.appendMany(store, 3)
  await stays.append(store)
  await expectUnharmed(store, anew)
  const killed = disk.processDied()
  await withoutCheckpoints(killed)
  const reopened = await open(killed)
  expect(reopened.stats().damage, note).toEqual([])
  await expectUnharmed(reopened, anew)
  await expectUnharmed(reopened, stays)
}

/** Ends the process in the n-th call of an erasure; answers the disk, or undefined when there were not so many calls. */
async function diedAt(n: number) {
  let countdown = Infinity
  let died = (): void => undefined
  const death = new Promise<'died'>((resolve) => (died = () => resolve('died')))
  const disk = new CrashableFileSystem({
    seed: n,
    onCall: () => {
      countdown -= 1
      if (countdown > 0) return undefined
      died()
      return new Promise(() => undefined)
    },
  })
  const all = await arranged(disk)
  countdown = n
  const end = await Promise.race([death, all.store.erase(['gone'])])
  return end === 'died' ? { ...all, disk: disk.processDied() } : undefined
}

test('[CO6] an id is as good as new when its erasure died at any call', async () => {
  let calls = 1
  for (; ; calls += 1) {
    const found = await diedAt(calls)
    if (found === undefined) break
    await expectUsable(found.disk, found.stays, `died at call ${calls}`)
  }

  expect(calls).toBeGreaterThan(40)
})

test('[CO5] an erasure that died at any call is ended by the next, and stays so when power is lost', async () => {
  for (let n = 1; ; n += 1) {
    const found = await diedAt(n)
    if (found === undefined) break
    const store = await open(found.disk)
    await store.erase(['gone'])

    const after = found.disk.afterPowerCut({ seed: n })

    expect(grep(after), `died at call ${n}`).not.toMatch(/"gone"|secret/)
  }
})

test('[CO6] an erasure that died at any call is known, without an index too, while a trace of the session is left', async () => {
  const states = new Set<string>()
  for (let n = 1; ; n += 1) {
    const found = await diedAt(n)
    if (found === undefined) break
    for (const path of found.disk.contents().keys())
      if (path.includes('/index-')) await found.disk.remove(path)
    const store = await open(found.disk)

    const isKnown = store.lastRevision('gone') > 0
    const hasTrace = /"gone"|secret/.test(grep(found.disk))

    expect(isKnown || !hasTrace, `died at call ${n}`).toBe(true)
    states.add(isKnown ? 'known' : 'gone')
  }

  expect(states).toEqual(new Set(['known', 'gone']))
})

test('[CO5] what a checkpoint left behind when power was lost is erased too', async () => {
  let calls = 1
  for (; ; calls += 1) {
    const disk = new CrashableFileSystem({ seed: calls })
    const store = await open(disk)
    const gone = new SampleSession('gone')
    await gone.append(store)
    await gone.append(store, { patch: { record: [[['metadata'], 'secret']] }, entries: [] })
    disk.crashAt(calls)
    await store.checkpoint().catch(() => undefined)
    if (!disk.powerLost) break
    const after = disk.afterPowerCut({ seed: calls })
    const next = await open(after)
    await gone.delete(next)

    await next.erase(['gone'])

    expect(grep(after), `power lost at call ${calls}`).not.toMatch(/"gone"|secret/)
    expect(grep(after.afterPowerCut({ seed: calls })), `and again`).not.toMatch(/"gone"|secret/)
  }

  expect(calls).toBeGreaterThan(10)
})

test.each(['EIO', 'ENOSPC'])(
  '[CO6, CO7] an erasure that met %s at any call leaves the id known and usable',
  async (errno) => {
    for (let n = 1; ; n += 1) {
      const disk = new CrashableFileSystem({ seed: n })
      const { store, stays, gone } = await arranged(disk)
      const before = disk.calls()
      disk.failAt(n, errno)
      const code = await store.erase(['gone']).then(
        () => 'done',
        (error: { code: string }) => error.code,
      )
      if (disk.calls() - before < n) break
      const known = store.lastRevision('gone')
      const anew = new SampleSession('gone', known)
      const next = await anew.append(store).then(
        () => 'done',
        (error: { code: string }) => error.code,
      )

      const note = `${errno} at call ${n}: ${code}, then ${next}`
      // Until it is done the id is known, so that whoever asks again is not told that nothing is there.
      expect(known, note).toBe(code === 'done' ? 0 : gone.revision)
      expect(next, note).toBe(code === 'STORE_FAILED' ? 'STORE_FAILED' : 'done')
      const after = disk.afterPowerCut({ seed: n })
      if (next === 'done') {
        await withoutCheckpoints(after)
        const reopened = await open(after)
        await expectUnharmed(reopened, anew)
        await expectUnharmed(reopened, stays)
      } else await expectUsable(after, stays, note)
    }
  },
)

test.each([
  ['erase', 'rename', 'EIO', 'STORE_FAILED'],
  ['erase', 'sync', 'EIO', 'STORE_FAILED'],
  ['erase', 'syncFolder', 'EIO', 'STORE_FAILED'],
  ['erase', 'syncFolder', 'ENOSPC', 'STORE_FAILED'],
  ['erase', 'sync', 'ENOSPC', 'STORE_FULL'],
  ['compact', 'rename', 'EIO', 'STORE_FAILED'],
  ['compact', 'sync', 'EIO', 'STORE_FAILED'],
  ['compact', 'syncFolder', 'EIO', 'STORE_FAILED'],
  ['compact', 'sync', 'ENOSPC', 'STORE_FULL'],
] as const)('[CO7, JN18] %s whose %s meets %s answers %s', async (command, call, errno, expected) => {
  const before = { sync: 'write', rename: 'sync', syncFolder: 'rename' }[call]
  let isArmed = false
  const disk: CrashableFileSystem = new CrashableFileSystem({
    onCall: (made, path) => {
      if (!isArmed || made !== before || !/\.jsonl\..*\.tmp$/.test(path)) return
      isArmed = false
      disk.failNext(call, errno)
    },
  })
  const { store, stays } = await arranged(disk)
  const act = (): Promise<unknown> => (command === 'erase' ? store.erase(['gone']) : store.compact())
  // Segments are made ahead in the background.
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  isArmed = true

  await expect(act()).rejects.toMatchObject({ code: expected })

  if (expected === 'STORE_FAILED') {
    await expect(stays.append(store)).rejects.toMatchObject({ code: 'STORE_FAILED' })
    await expect(act()).rejects.toMatchObject({ code: 'STORE_FAILED' })
  } else {
    await stays.append(store)
    await act()
    await expectUnharmed(store, stays)
  }
})
