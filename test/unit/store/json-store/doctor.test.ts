import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import type { SessionStore } from '../../../../src/store/store.ts'
import type { DoctorOptions } from '../../../../src/store/json-store/doctor.ts'
import { diagnose } from '../../../../src/store/json-store/doctor.ts'
import { repair } from '../../../../src/store/json-store/repair.ts'
import { CrashableFileSystem } from '../../../../src/testing/crashable-file-system.ts'
import { SampleSession } from '../../../../src/testing/store-contract/sample-session.ts'
import {
  copyOf,
  damage,
  grep,
  loneProcess,
  openOn,
  unique,
  withoutCheckpoints,
} from '../../../support/crashable-store.ts'

let files: CrashableFileSystem
beforeEach(() => {
  files = new CrashableFileSystem()
})

const look = (disk: CrashableFileSystem, over: DoctorOptions = {}) =>
  diagnose('/s', { files: disk, processes: loneProcess(), ...over })

const mend = (disk: CrashableFileSystem) => repair('/s', { files: disk, processes: loneProcess(), unique })

/** A closed store over several segments: sessions `a`, `b`, `c` side by side, `gone` deleted in the middle. */
async function arranged(disk: CrashableFileSystem, turns = 6) {
  const store = await openOn(disk)
  const sessions = [new SampleSession('a'), new SampleSession('b'), new SampleSession('c')] as const
  const gone = new SampleSession('gone')
  for (let turn = 1; turn <= turns; turn += 1) {
    for (const session of sessions) {
      const entries = [
        { id: `${session.id}${turn}`, at: turn, type: 'sample', content: `${session.id}-text-${turn}.` },
      ]
      await session.append(store, { entries })
    }
    if (turn <= 2) await gone.append(store)
    if (turn === 3) await gone.delete(store)
  }
  await store.close()
  return { a: sessions[0], b: sessions[1], c: sessions[2], gone }
}

/** Every file but those of owners. */
const held = (disk: CrashableFileSystem) => [...disk.contents()].filter(([path]) => !path.includes('/owner'))

const texts = async (store: SessionStore, id: string) =>
  (await store.changes(id, {})).flatMap(({ entries }) => entries.map(({ content }) => content))

async function expectUnharmed(store: SessionStore, ...sessions: SampleSession[]): Promise<void> {
  for (const session of sessions) {
    expect(store.head(session.id)?.revision).toBe(session.revision)
    expect(await store.state(session.id)).toEqual(session.state)
    expect(await texts(store, session.id)).toEqual(
      session.changes.flatMap(({ entries }) => entries.map(({ content }) => content)),
    )
  }
}

/** Opens the repaired store: nothing is damaged, and the session takes changes again. */
async function expectUsable(disk: CrashableFileSystem, id: string): Promise<SessionStore> {
  expect((await look(disk)).isSound).toBe(true)
  const store = await openOn(disk)
  expect(store.stats().damage).toEqual([])
  const state = await store.state(id)
  expect(state?.revision).toBe(store.head(id)?.revision)
  return store
}

test('[RC10] a sound store is said to be sound, and looking at it writes nothing', async () => {
  await arranged(files)
  const before = held(files)

  const report = await look(files)
  const mended = await mend(files)

  expect(report).toMatchObject({
    place: '/s',
    isSound: true,
    format: { found: 1, supported: 1 },
    owner: { isLive: false, epoch: 1 },
    sessions: 3,
    deletedSessions: 1,
    damage: [],
    damagedSessions: [],
    tornTail: null,
    index: { isClean: true, rejected: [] },
    snapshots: { sessions: 3, orphans: [] },
    leftovers: [],
  })
  expect(report.segments.length).toBeGreaterThan(2)
  expect(mended).toMatchObject({ repaired: false, sessions: [], aside: [] })
  expect(held(files)).toEqual(before)
})

test('a folder without a store is refused', async () => {
  await files.makeFolder('/s')

  await expect(look(files)).rejects.toMatchObject({ code: 'STORE_NOT_FOUND' })
  await expect(mend(files)).rejects.toMatchObject({ code: 'STORE_NOT_FOUND' })
})

test('[EX2] a store in use is looked at, not repaired', async () => {
  const store = await openOn(files)
  const session = new SampleSession('a')
  await session.appendMany(store, 3)
  const processes = { ...loneProcess(), isAlive: () => Promise.resolve(true) }

  const report = await look(files, { processes })
  const mending = repair('/s', { files, processes, unique })

  expect(report).toMatchObject({ isSound: true, owner: { isLive: true, epoch: 1 } })
  await expect(mending).rejects.toMatchObject({ code: 'STORE_LOCKED' })
  await session.append(store)
})

test('[EX1] a flipped bit is reported with file, byte and session, whatever the index says', async () => {
  await arranged(files)
  const { path, byte } = await damage(files, 'b-text-3.')

  const report = await look(files)

  expect(report.isSound).toBe(false)
  expect(report.damagedSessions).toEqual(['b'])
  expect(report.damage).toHaveLength(1)
  expect(report.damage[0]).toMatchObject({
    file: path.slice(3),
    reason: 'its checksum does not fit',
    sessionIds: ['b'],
  })
  expect(report.damage[0]?.byte).toBeLessThan(byte)
  expect((report.damage[0]?.byte ?? 0) + (report.damage[0]?.bytes ?? 0)).toBeGreaterThan(byte)
})

test('[RP2, RP4] without snapshots the session goes back to before the break, the others stay', async () => {
  const all = await arranged(files)
  await damage(files, 'b-text-3.')
  await withoutCheckpoints(files)

  const report = await mend(files)

  expect(report.sessions).toEqual([
    { sessionId: 'b', outcome: 'prefix', revision: 2, lostRevisions: [[3, 6]], liftedEntries: 0 },
  ])
  const store = await expectUsable(files, 'b')
  await expectUnharmed(store, all.a, all.c)
  expect(await texts(store, 'b')).toEqual(['b-text-1.', 'b-text-2.'])
  expect(store.lastRevision('gone')).toBe(3)
})

test('[RP1, RC10] what leaves the journal is in files of its own', async () => {
  await arranged(files)
  await damage(files, 'b-text-3.')
  await withoutCheckpoints(files)

  const { aside } = await mend(files)

  const kept = aside.map((file) => grep(files, file)).join('\n')
  expect(aside.every((file) => /^aside\/\d{8}-\d+\.bin$/.test(file))).toBe(true)
  for (const text of ['#-text-3.', 'b-text-4.', 'b-text-5.', 'b-text-6.']) {
    expect(kept).toContain(text)
    expect(grep(files, '/journal/')).not.toContain(text)
  }
})

test('[RP4] with a snapshot the newest state is kept and the entries around the break are lifted', async () => {
  const all = await arranged(files)
  await damage(files, 'b-text-3.')

  const report = await mend(files)

  expect(report.sessions).toEqual([
    { sessionId: 'b', outcome: 'suffix', revision: 6, lostRevisions: [[1, 5]], liftedEntries: 4 },
  ])
  const store = await expectUsable(files, 'b')
  expect(await store.state('b')).toEqual(all.b.state)
  expect(await texts(store, 'b')).toEqual([1, 2, 4, 5, 6].map((turn) => `b-text-${turn}.`))
  await expectUnharmed(store, all.a, all.c)
  await all.b.append(store)
  await store.close()
  await withoutCheckpoints(files)
  expect(await (await openOn(files)).state('b')).toEqual(all.b.state)
})

test('[RP4] a repaired session lives on: appended, compacted, opened again', async () => {
  const all = await arranged(files)
  await damage(files, 'b-text-3.')
  await mend(files)
  const store = await openOn(files)

  await all.b.appendMany(store, 4)
  await store.compact()
  await store.close()
  await withoutCheckpoints(files)

  const reopened = await openOn(files)
  expect(await reopened.state('b')).toEqual(all.b.state)
  expect(reopened.head('b')?.revision).toBe(10)
  expect(reopened.stats().damage).toEqual([])
})

test.each([
  ['in the middle of a line', 20],
  ['exactly at the end of a line', 0],
])('[EX1, RP4] a sealed segment cut %s is noticed and repaired', async (_, more) => {
  const all = await arranged(files)
  const last = (bytes: Buffer) =>
    bytes
      .toString('latin1')
      .split('\n')
      .findLast((line) => line.includes('"pos"')) ?? ''
  const [path, bytes] = [...files.contents()].find(([, each]) =>
    /"id":"[abc]","rev":[2-5]/.test(last(each)),
  ) as [string, Buffer]
  const lost = last(bytes)
  const handle = await files.open(path, 'write')
  await handle.truncate(bytes.indexOf(lost) + more)
  await handle.close()
  await withoutCheckpoints(files)

  const report = await look(files)
  const { sessions } = await mend(files)

  const id = /"id":"(\w+)"/.exec(lost)?.[1] as string
  const others = [all.a, all.b, all.c].filter((session) => session.id !== id)
  expect(report.damage).toHaveLength(1)
  expect(report.damage[0]?.file).toBe(path.slice(3))
  expect(report.damagedSessions).toEqual([id])
  expect(sessions).toMatchObject([{ sessionId: id, outcome: 'prefix' }])
  await expectUnharmed(await expectUsable(files, id), ...others)
})

test.each([
  ['with its index', () => Promise.resolve()],
  ['without index and snapshots', withoutCheckpoints],
])('[EX1, RP4] a missing segment is noticed and repaired %s', async (_, prepare) => {
  await arranged(files)
  await files.remove('/s/journal/00000002.jsonl')
  await prepare(files)

  const report = await look(files)
  const { sessions } = await mend(files)

  expect(report.damage.map(({ file, reason }) => [file, reason])).toContainEqual([
    'journal/00000002.jsonl',
    'the segment is missing',
  ])
  expect(report.damagedSessions).toEqual(expect.arrayContaining(['a', 'b', 'c']))
  expect(sessions.map(({ outcome }) => outcome)).not.toContain('intact')
  const store = await expectUsable(files, 'a')
  for (const id of ['a', 'b', 'c']) await new SampleSession(id, store.lastRevision(id)).append(store)
})

test.each(['first', 'middle', 'last'])(
  '[JC5, RC4] a store opens without its %s segment and says so',
  async (which) => {
    const all = await arranged(files)
    const names = [...files.contents().keys()].filter((path) => path.endsWith('.jsonl')).sort()
    const path = names.at({ first: 0, middle: 1, last: -1 }[which] as number) as string
    await files.remove(path)

    const store = await openOn(files)

    expect(store.stats().damage).toContainEqual(
      expect.objectContaining({ file: path.slice(3), byte: 0, reason: 'the segment is missing' }),
    )
    const fresh = new SampleSession('fresh')
    await fresh.appendMany(store, 3)
    await expectUnharmed(store, fresh)
    for (const session of [all.a, all.b, all.c]) {
      const state = await store.state(session.id).catch((error: unknown) => (error as { code: string }).code)
      expect(['STORE_CORRUPT', session.state]).toContainEqual(state)
    }
    await store.close()
    const again = await openOn(files)
    await expectUnharmed(again, fresh)
    expect(again.stats().damage.map(({ file }) => file)).toContain(path.slice(3))
  },
)

test('[EX1, RP4] a missing first and a missing last segment are noticed when the index tells of them', async () => {
  await arranged(files)
  const last = Math.max(...(await look(files)).segments.map(({ file }) => Number(file.slice(8, 16))))
  await files.remove('/s/journal/00000001.jsonl')
  await files.remove(`/s/journal/${String(last).padStart(8, '0')}.jsonl`)

  const report = await look(files)
  const { sessions } = await mend(files)

  const reasons = report.damage.filter(({ reason }) => reason === 'the segment is missing')
  expect(reasons.map(({ file }) => file)).toEqual([
    'journal/00000001.jsonl',
    `journal/${String(last).padStart(8, '0')}.jsonl`,
  ])
  expect(sessions.length).toBeGreaterThan(0)
  expect((await look(files)).isSound).toBe(true)
})

test('[RP1, RP4] a session of which nothing can be worked out is reported', async () => {
  const store = await openOn(files)
  await new SampleSession('only').append(store, { entries: [] })
  await store.close()
  await files.remove('/s/journal/00000001.jsonl')
  for (const path of files.contents().keys()) if (path.includes('/snapshots/')) await files.remove(path)

  const { sessions } = await mend(files)

  expect(sessions).toEqual([
    { sessionId: 'only', outcome: 'lost', revision: 0, lostRevisions: [[1, 1]], liftedEntries: 0 },
  ])
  const fresh = new SampleSession('only')
  const reopened = await openOn(files)
  await fresh.append(reopened)
  await expectUnharmed(reopened, fresh)
})

test('[RP4] newest lines that are gone are made good by a snapshot', async () => {
  const all = await arranged(files)
  const path = [...files.contents().keys()]
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .at(-1) as string
  await files.remove(path)

  const { sessions } = await mend(files)

  const store = await expectUsable(files, 'b')
  expect(sessions.length).toBeGreaterThan(0)
  for (const session of [all.a, all.b, all.c]) expect(await store.state(session.id)).toEqual(session.state)
})

test('[RP4, SA5] a session whose tombstone is damaged is not brought back', async () => {
  const all = await arranged(files)
  await damage(files, 'delete"')
  await withoutCheckpoints(files)

  const { sessions } = await mend(files)

  expect(sessions).toMatchObject([{ sessionId: 'gone', outcome: 'deleted' }])
  const store = await openOn(files)
  expect(store.head('gone')).toBeUndefined()
  expect(store.stats().damage).toEqual([])
  await expectUnharmed(store, all.a, all.b, all.c)
})

test('[SA5] a session that the index knows as deleted is not brought back when its tombstone is gone without a trace', async () => {
  await arranged(files)
  const [path] = [...files.contents()].find(([, bytes]) => bytes.includes('"deleted":true')) as [
    string,
    Buffer,
  ]
  await files.remove(path)

  const { sessions } = await mend(files)

  expect(sessions.find(({ sessionId }) => sessionId === 'gone')?.outcome).toBe('deleted')
  expect((await openOn(files)).head('gone')).toBeUndefined()
})

test('[EX2] what an owner has not finished writing is neither damage nor a torn tail', async () => {
  const store = await openOn(files)
  await new SampleSession('a').appendMany(store, 2)
  const handle = await files.open('/s/journal/00000001.jsonl', 'write')
  await handle.write(Buffer.from('{"v":1,"pos":[1,3],"id":"a","rev":3,'), await handle.size())
  await handle.close()

  const whileOwned = await look(files, {
    processes: { ...loneProcess(), isAlive: () => Promise.resolve(true) },
  })
  const afterwards = await look(files)

  expect(whileOwned).toMatchObject({ isSound: true, tornTail: null })
  expect(afterwards).toMatchObject({ isSound: true, tornTail: { file: 'journal/00000001.jsonl', bytes: 36 } })
})

test('[EX1] bytes that the index calls durable are damage, not a torn tail', async () => {
  const store = await openOn(files)
  const session = new SampleSession('a')
  await session.appendMany(store, 2)
  await store.checkpoint()
  const before = await look(files)
  const handle = await files.open('/s/journal/00000001.jsonl', 'write')
  await handle.write(Buffer.from('#'), (await handle.size()) - 5)
  await handle.close()

  const report = await look(files)

  expect(before).toMatchObject({ isSound: true, damage: [] })
  expect(report).toMatchObject({ isSound: false, tornTail: null, damagedSessions: ['a'] })
})

test('a damaged snapshot is set aside; the journal has what it held', async () => {
  const all = await arranged(files)
  const [path] = [...files.contents()].find(([name]) => name.includes('/snapshots/')) as [string, Buffer]
  const handle = await files.open(path, 'write')
  await handle.write(Buffer.from('#'), 30)
  await handle.close()

  const report = await look(files)
  const { aside, sessions } = await mend(files)

  expect(report.damage).toMatchObject([{ file: path.slice(3), reason: 'its checksum does not fit' }])
  expect([aside.length, sessions]).toEqual([1, []])
  await expectUnharmed(await expectUsable(files, 'a'), all.a, all.b, all.c)
})

test('a damaged description is set aside, and the journal gives the store its identity back', async () => {
  const all = await arranged(files)
  const { storeId } = await look(files)
  const handle = await files.open('/s/store.json', 'write')
  await handle.write(Buffer.from('#'), 0)
  await handle.close()

  const report = await look(files)
  await mend(files)

  expect(report).toMatchObject({ isSound: false, storeId, format: { found: null } })
  await expectUnharmed(await openOn(files), all.a, all.b, all.c)
  expect(await look(files)).toMatchObject({ storeId })
})

test('files that no part uses are named', async () => {
  await arranged(files)
  for (const name of ['/s/notes.txt', '/s/journal/00000001.jsonl.x.tmp'])
    await (await files.open(name, 'create')).close()

  const { leftovers, isSound } = await look(files)

  expect(leftovers).toEqual(['journal/00000001.jsonl.x.tmp', 'notes.txt'])
  expect(isSound).toBe(true)
})

test('[RP3] a repair that loses power at any call ends the same when it is run again', async () => {
  await arranged(files)
  await damage(files, 'b-text-3.')
  let call = 0
  for (let done = false; !done;) {
    call += 2
    const disk = await copyOf(files, call)
    disk.crashAt(call)
    await mend(disk).catch(() => undefined)
    done = !disk.powerLost
    const after = disk.afterPowerCut({ seed: call })

    await mend(after)

    const store = await expectUsable(after, 'b')
    const kept = await texts(store, 'b')
    expect(kept).toEqual([1, 2, 4, 5, 6].map((turn) => `b-text-${turn}.`))
    expect(store.head('b')?.revision).toBe(6)
    expect(await texts(store, 'a')).toHaveLength(6)
  }

  expect(call).toBeGreaterThan(30)
})

test('[RP2, EX1] whatever single bit of the journal flips, repair leaves a sound store with everyone else unharmed', async () => {
  const all = await arranged(files)
  const journal = [...files.contents()].filter(([path]) => path.endsWith('.jsonl'))
  const size = journal.reduce((sum, [, bytes]) => sum + bytes.length, 0)

  await fc.assert(
    fc.asyncProperty(fc.nat({ max: size * 8 - 1 }), fc.boolean(), async (bit, hasCheckpoint) => {
      const disk = await copyOf(files)
      let byte = bit >> 3
      for (const [path, bytes] of journal) {
        if (byte < bytes.length) {
          const handle = await disk.open(path, 'write')
          await handle.write(Buffer.of((bytes[byte] as number) ^ (1 << (bit & 7))), byte)
          await handle.close()
          break
        }
        byte -= bytes.length
      }
      if (!hasCheckpoint) await withoutCheckpoints(disk)
      const report = await mend(disk)

      expect((await look(disk)).isSound).toBe(true)
      const store = await openOn(disk)
      expect(store.stats().damage).toEqual([])
      const touched = report.sessions.map(({ sessionId }) => sessionId)
      const changed = store.head('gone') === undefined ? [] : ['gone']
      for (const session of [all.a, all.b, all.c]) {
        const state = await store.state(session.id)
        if (!isDeepStrictEqual(state, session.state)) changed.push(session.id)
      }
      expect(changed.length).toBeLessThan(2)
      if (hasCheckpoint) expect(touched).toEqual(expect.arrayContaining(changed))
      else expect(touched.length + report.unattributed.length).toBeGreaterThanOrEqual(changed.length)
    }),
    { numRuns: 60 },
  )
})
