import { beforeEach, expect, test } from 'vitest'
import type { FileSystem } from '../../../../src/store/file-system.ts'
import type { SessionStore } from '../../../../src/store/store.ts'
import { CrashableFileSystem } from '../../../../src/testing/crashable-file-system.ts'
import { SampleSession } from '../../../../src/testing/store-contract/sample-session.ts'
import { damage, grep, openOn as open, withoutCheckpoints } from '../../../support/crashable-store.ts'

let files: CrashableFileSystem
beforeEach(() => {
  files = new CrashableFileSystem()
})

/** A store over several segments, its index older than its deletions: one session stays, one is made again. */
async function arranged(disk: FileSystem) {
  const store = await open(disk)
  const stays = new SampleSession('stays')
  const gone = new SampleSession('gone')
  const first = new SampleSession('again')
  for (let turn = 0; turn < 6; turn += 1) {
    await gone.append(store, { entries: [gone.entry(`secret ${turn}`)] })
    await first.append(store)
    if (turn % 3 === 0) await stays.append(store)
  }
  await store.checkpoint()
  await gone.delete(store)
  await first.delete(store)
  const again = new SampleSession('again', first.revision)
  await again.appendMany(store, 2)
  await stays.append(store)
  return { store, stays, gone, again }
}

type Arranged = Awaited<ReturnType<typeof arranged>>

async function expectUnharmed(store: SessionStore, session: SampleSession): Promise<void> {
  expect(store.head(session.id)?.revision).toBe(session.revision)
  expect(await store.state(session.id)).toEqual(session.state)
  expect((await store.changes(session.id, {})).map((change) => change.revision)).toEqual(
    session.changes.map((change) => change.revision),
  )
  expect((await store.changes(session.id, {})).flatMap((change) => change.entries)).toEqual(
    session.changes.flatMap((change) => change.entries),
  )
}

async function expectAll(store: SessionStore, { stays, gone, again }: Arranged): Promise<void> {
  await expectUnharmed(store, stays)
  await expectUnharmed(store, again)
  expect(store.head('gone')).toBeUndefined()
  expect(store.lastRevision('gone')).toBe(gone.revision)
  expect(store.stats().damage).toEqual([])
}

const journalOf = (disk: CrashableFileSystem) => grep(disk, '/journal/')

test('[CO1] compaction gives back the room of dead lines and changes nothing that can be read', async () => {
  const all = await arranged(files)
  const before = journalOf(files).length

  const freed = await all.store.compact()

  expect(freed).toBeGreaterThan(1500)
  expect(before - journalOf(files).length).toBeGreaterThan(1500)
  expect(journalOf(files)).not.toContain('secret')
  expect(all.store.stats().deadBytes).toBe(0)
  await expectAll(all.store, all)
})

test('[CO1] a second compaction finds nothing to do', async () => {
  const { store } = await arranged(files)
  await store.compact()
  const before = journalOf(files)

  const freed = await store.compact()

  expect(freed).toBe(0)
  expect(journalOf(files)).toBe(before)
})

test.each([
  ['after a close', async () => undefined],
  ['without index and snapshots', withoutCheckpoints],
])('[CO1] what was compacted opens the same %s', async (_, prepare) => {
  const all = await arranged(files)
  await all.store.compact()
  await all.store.close()
  await prepare(files)

  const store = await open(files)

  await expectAll(store, all)
})

/** The same files, and how many bytes of segments were read. */
function counted(disk: FileSystem) {
  const count = { bytes: 0 }
  const open: FileSystem['open'] = async (path, mode) => {
    const handle = await disk.open(path, mode)
    if (!path.includes('/journal/')) return handle
    return {
      read: async (target, offset, length, position) => {
        const read = await handle.read(target, offset, length, position)
        count.bytes += read
        return read
      },
      write: (bytes, position) => handle.write(bytes, position),
      truncate: (size) => handle.truncate(size),
      sync: () => handle.sync(),
      size: () => handle.size(),
      close: () => handle.close(),
    }
  }
  const files: FileSystem = {
    open,
    status: (path) => disk.status(path),
    list: (folder) => disk.list(folder),
    makeFolder: (path) => disk.makeFolder(path),
    rename: (from, to) => disk.rename(from, to),
    link: (existing, name) => disk.link(existing, name),
    remove: (path) => disk.remove(path),
    removeFolder: (path) => disk.removeFolder(path),
    syncFolder: (path) => disk.syncFolder(path),
  }
  return { count, files }
}

test('[RL2] lines that compaction moved are found by one look through their segment, not one for each', async () => {
  const store = await open(files, { segmentBytes: 64_000 })
  const [stays, gone] = [new SampleSession('stays'), new SampleSession('gone')]
  for (let turn = 0; turn < 60; turn += 1) {
    await gone.append(store, { entries: [gone.entry(`secret ${turn}`)] })
    await stays.append(store)
  }
  await gone.delete(store)
  await store.compact()
  await store.close()
  const disk = counted(files)
  const again = await open(disk.files)
  disk.count.bytes = 0

  const changes = await again.changes(stays.id, { limit: 100 })

  expect(changes).toHaveLength(stays.revision)
  expect(disk.count.bytes).toBeLessThan(4 * journalOf(files).length)
})

test('[CO1] a deleted session made again after compaction goes on from its last revision', async () => {
  const all = await arranged(files)
  await all.store.compact()
  await all.store.close()
  await withoutCheckpoints(files)
  const store = await open(files)

  const anew = new SampleSession('gone', all.gone.revision)
  await anew.appendMany(store, 3)
  await all.stays.append(store)
  await store.compact()

  await expectUnharmed(store, anew)
  await expectUnharmed(store, all.stays)
  await store.close()
  await withoutCheckpoints(files)
  await expectUnharmed(await open(files), anew)
})

test('[CO1, JN16] room is given back in the background once half of the journal is dead', async () => {
  const store = await open(files, { checkpointBytes: 4000 })
  const gone = new SampleSession('gone')
  const stays = new SampleSession('stays')
  for (let turn = 0; turn < 20; turn += 1)
    await gone.append(store, { entries: [gone.entry(`secret ${turn}`)] })
  await gone.delete(store)
  const before = store.stats()
  await stays.appendMany(store, 12)
  await store.checkpoint()

  const after = store.stats()

  expect(before.deadBytes).toBeGreaterThan(before.journalBytes / 2)
  expect(after.deadBytes).toBeLessThan(after.journalBytes / 2)
  expect(after.journalBytes).toBeLessThan(before.journalBytes)
  await expectUnharmed(store, stays)
})

test('[CO4] a segment that holds damage is not compacted', async () => {
  const all = await arranged(files)
  await all.store.close()
  const { path } = await damage(files, 'secret 1')
  await withoutCheckpoints(files)
  const store = await open(files)
  const damaged = grep(files, path)

  await store.compact()

  expect(grep(files, path)).toBe(damaged)
  expect(store.stats().damage).toHaveLength(1)
})

test('[CO4, JN14] an owner that lost the store replaces nothing', async () => {
  const { store } = await arranged(files)
  await open(files)
  const before = journalOf(files)

  const compaction = store.compact()

  await expect(compaction).rejects.toMatchObject({ code: 'STORE_FENCED' })
  expect(journalOf(files)).toBe(before)
})

test('[CO5, JN17] after erasing neither the id nor the content is in any file', async () => {
  const all = await arranged(files)
  await all.store.checkpoint()
  await files.makeFolder('/s/aside')
  const staging = (await files.list('/s')).find((name) => name.startsWith('staging-'))
  const leftovers = [
    '/s/aside/00000001-7.bin',
    '/s/journal/00000099.jsonl.stale-x',
    `/s/${staging}/00000001.jsonl.x.tmp`,
    `/s/${staging}/e8.json.removed`,
  ]
  for (const path of leftovers) {
    const handle = await files.open(path, 'create')
    await handle.write(Buffer.from('{"id":"gone","content":"secret 7"}'), 0)
    await handle.close()
  }

  await all.store.erase(['gone'])

  expect(grep(files)).not.toMatch(/gone|secret/)
  await expectUnharmed(all.store, all.stays)
  await expectUnharmed(all.store, all.again)
  await all.store.close()
  expect(grep(files)).not.toMatch(/gone|secret/)
  const store = await open(files)
  await expectUnharmed(store, all.stays)
  expect(store.lastRevision('gone')).toBe(0)
})

test('[CO5] erasing blots damaged bytes that name the session, and the damage stays visible', async () => {
  const all = await arranged(files)
  await all.store.close()
  await damage(files, 'secret 1')
  await withoutCheckpoints(files)
  const store = await open(files)

  await store.erase(['gone'])

  expect(grep(files)).not.toMatch(/gone|ecret/)
  await store.close()
  await withoutCheckpoints(files)
  const reopened = await open(files)
  expect(reopened.stats().damage).toHaveLength(1)
  await expectUnharmed(reopened, all.stays)
})

test('[CO5] a snapshot from before the deletion is erased too', async () => {
  const store = await open(files)
  const gone = new SampleSession('gone')
  await gone.appendMany(store, 2)
  await store.checkpoint()
  const held = grep(files, '/snapshots/')
  await gone.delete(store)

  await store.erase(['gone'])

  expect(held).toContain('"gone"')
  expect(grep(files)).not.toContain('gone')
})

test('[CO5] nothing of an erased session comes back when power is lost right after', async () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const disk = new CrashableFileSystem({ seed })
    const { store } = await arranged(disk)
    await store.erase(['gone'])

    const after = disk.afterPowerCut({ seed })

    expect(grep(after)).not.toMatch(/gone|secret/)
  }
})

test('[CO5] many sessions are erased at once', async () => {
  const store = await open(files)
  const sessions = Array.from({ length: 20 }, (_, serial) => new SampleSession(`many-${serial}`))
  const stays = new SampleSession('stays')
  await Promise.all([...sessions, stays].map((session) => session.appendMany(store, 3)))
  await Promise.all(sessions.map((session) => session.delete(store)))

  await store.erase(sessions.map(({ id }) => id))

  expect(grep(files)).not.toContain('many-')
  expect(store.stats().deadBytes).toBe(0)
  await expectUnharmed(store, stays)
})

/** Loses power, or the process, at every call of `act`, and hands the store that comes up to `check`. */
async function atEveryCall(
  act: (all: Arranged) => Promise<unknown>,
  check: (store: SessionStore, all: Arranged, disk: CrashableFileSystem) => Promise<void>,
): Promise<number> {
  for (let call = 1; ; call += 1) {
    const disk = new CrashableFileSystem({ seed: call })
    const all = await arranged(disk)
    disk.crashAt(call)
    const outcome = await act(all).then(
      () => 'done',
      () => 'failed',
    )
    if (!disk.powerLost) return call
    expect(outcome).toBe('failed')
    const after = disk.afterPowerCut({ seed: call })
    if (call % 2 === 0) await withoutCheckpoints(after)
    await check(await open(after), all, after)
  }
}

test('[CO3] power lost at any call of a compaction loses nothing and brings nothing back', async () => {
  const calls = await atEveryCall(
    ({ store }) => store.compact(),
    async (store, all) => {
      await expectAll(store, all)
      await store.compact()
      await expectAll(store, all)
    },
  )

  expect(calls).toBeGreaterThan(40)
})

test('[CO2, CO3, CO5] power lost at any call of an erasure brings nothing back, and erasing again ends it', async () => {
  const calls = await atEveryCall(
    ({ store }) => store.erase(['gone']),
    async (store, all, disk) => {
      expect(store.head('gone')).toBeUndefined()
      expect([0, all.gone.revision]).toContain(store.lastRevision('gone'))
      await expectUnharmed(store, all.stays)
      await expectUnharmed(store, all.again)
      expect(store.stats().damage).toEqual([])
      await store.erase(['gone'])
      expect(grep(disk)).not.toMatch(/gone|secret/)
    },
  )

  expect(calls).toBeGreaterThan(40)
})
