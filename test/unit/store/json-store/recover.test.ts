import { expect, test } from 'vitest'
import type { JsonStore } from '../../../../src/store/json-store/json-store.ts'
import { encodeHeader } from '../../../../src/store/json-store/line.ts'
import { scanSegment } from '../../../../src/store/json-store/segment.ts'
import { SampleSession } from '../../../../src/testing/store-contract/sample-session.ts'
import { furnished, JsonMachine, lastSegment, PLACE, segmentPath } from '../../../support/json-machine.ts'

const SMALL = { segmentBytes: 3_000 }

async function expectAll(store: JsonStore, sessions: readonly SampleSession[]): Promise<void> {
  for (const session of sessions) {
    expect(await store.state(session.id)).toEqual(session.state)
    expect((await store.changes(session.id, { limit: 1_000 })).length).toBe(session.changes.length)
  }
}

test('[RC11] a clean close is opened again without reading the journal', async () => {
  const machine = new JsonMachine()
  const first = await machine.owner()
  const session = new SampleSession('a')
  for (let count = 0; count < 5; count += 1) await session.append(first)
  await first.close()
  const opened: string[] = []
  const next = new JsonMachine(
    machine.files.processDied({ onCall: (call, path) => void opened.push(`${call} ${path}`) }),
    2,
  )

  const store = await next.owner()

  expect(opened.filter((call) => call.includes('.jsonl') && !call.startsWith('status'))).toEqual([])
  await expectAll(store, [session])
  await session.append(store)
  await store.close()
  const third = await next.killed().owner()
  await expectAll(third, [session])
  expect(third.stats()).toMatchObject({ damage: [], tornTail: null })
  await third.close()
})

test.each([{}, SMALL])('after a kill every acknowledged change is there (%o)', async (options) => {
  const { machine, sessions } = await furnished(20, options)

  const store = await machine.owner(options)

  await expectAll(store, sessions)
  expect(store.stats()).toMatchObject({ damage: [], tornTail: null, sessions: 3 })
  for (const session of sessions) await session.append(store)
  await expectAll(store, sessions)
  await store.close()
})

test('[X2] after a kill the last segment is written anew before it is trusted', async () => {
  const { machine, sessions } = await furnished(5)
  const calls: string[] = []
  const watched = new JsonMachine(
    machine.files.processDied({ onCall: (call, path) => void calls.push(`${call} ${path}`) }),
    3,
  )

  const store = await watched.owner()

  const renamed = calls.findIndex((call) => /^rename .*\/staging-000002-[^/]*\/00000001\.jsonl\./.test(call))
  expect(renamed).toBeGreaterThan(-1)
  expect(
    calls.slice(0, renamed).some((call) => /^sync .*\/staging-000002-[^/]*\/00000001\.jsonl\./.test(call)),
  ).toBe(true)
  expect(calls.slice(renamed)).toContain(`syncFolder ${PLACE}/journal`)
  await expectAll(store, sessions)
  await store.close()
})

test('[JT2] without snapshots and index everything comes back from the journal', async () => {
  const machine = new JsonMachine()
  const first = await machine.owner(SMALL)
  const sessions = ['a', 'b', 'c'].map((id) => new SampleSession(id))
  for (let round = 0; round < 30; round += 1) for (const session of sessions) await session.append(first)
  const gone = new SampleSession('gone')
  await gone.append(first)
  await gone.delete(first)
  await first.close()
  const removed = [...machine.files.contents().keys()].filter((path) => /snapshots|index-/.test(path))
  for (const path of removed) await machine.files.remove(path)
  expect(removed.length).toBeGreaterThan(1)

  const store = await machine.owner(SMALL)

  await expectAll(store, sessions)
  expect(store.head('gone')).toBeUndefined()
  expect(store.lastRevision('gone')).toBe(2)
  expect(store.stats().damage).toEqual([])
  await store.close()
})

test('[JC1, RC3] a torn tail is cut, and says where; what stood before it is kept', async () => {
  const { machine, sessions } = await furnished(4)
  const { path, bytes } = lastSegment(machine)
  const torn = Buffer.from('{"v":1,"pos":[1,13],"id":"a","rev":5,"prev":[1,1')
  await machine.overwrite(path, Buffer.concat([bytes, torn]))

  const store = await machine.owner()

  expect(store.stats().tornTail).toEqual({
    file: 'journal/00000001.jsonl',
    byte: bytes.length,
    bytes: torn.length,
  })
  expect(store.stats().damage).toEqual([])
  await expectAll(store, sessions)
  const healed = machine.journal().get('00000001.jsonl') as Buffer
  expect(healed.subarray(0, bytes.length)).toEqual(bytes)
  expect(JSON.parse(healed.toString('utf8', bytes.length))).toMatchObject({ mark: bytes.length, epoch: 2 })
  await store.close()
})

test('[JC1, RC3] a segment whose header never reached the disk is begun anew, also when bytes behind it did', async () => {
  const { machine, sessions } = await furnished(4)
  // Made ahead; of the first write the third sector came through.
  const torn = Buffer.from('ry":{"status":"active"},"crc":"8ffe599e"}\n')
  await machine.overwrite(segmentPath(2), Buffer.concat([Buffer.alloc(1024, '\n'), torn]))

  const store = await machine.owner()

  expect(store.stats()).toMatchObject({ damage: [], segments: 1 })
  for (const session of sessions) await session.append(store)
  await store.compact()
  await expectAll(store, sessions)
  await store.close()
})

test('[JC1, RC3] nor is it gone on in when the last close says that the journal goes on there', async () => {
  const machine = new JsonMachine()
  const session = new SampleSession('a')
  const first = await machine.owner()
  await session.append(first)
  await first.compact()
  await first.checkpoint()
  const next = machine.killed()
  const torn = Buffer.from('ry":{"status":"active"},"crc":"8ffe599e"}\n')
  await next.overwrite(segmentPath(2), Buffer.concat([Buffer.alloc(1024, '\n'), torn]))

  const store = await next.owner()

  expect(store.stats().tornTail).toEqual({ file: 'journal/00000002.jsonl', byte: 1024, bytes: torn.length })
  const [header] = (next.journal().get('00000002.jsonl') as Buffer).toString('utf8').split('\n')
  expect(JSON.parse(header as string)).toMatchObject({ segment: 2, epoch: 2 })
  await session.append(store)
  await store.compact()
  await expectAll(store, [session])
  await store.close()
})

test('[JC1] behind a torn place nothing is believed, whole as it may look', async () => {
  const machine = new JsonMachine()
  const first = await machine.owner()
  const [a, b, c] = ['a', 'b', 'c'].map((id) => new SampleSession(id)) as [
    SampleSession,
    SampleSession,
    SampleSession,
  ]
  for (const session of [a, b, c]) await session.append(first)
  await Promise.all([a, b, c].map((session) => session.append(first)))
  const { path, bytes } = lastSegment(machine)
  const lines = bytes.toString('latin1').split('\n')
  // Of one batch the middle did not reach the disk; nothing says that it was durable.
  const hole = '\n'.repeat((lines.at(-3) as string).length)
  const next = machine.killed()
  await next.overwrite(
    path,
    Buffer.from([...lines.slice(0, -3), hole, lines.at(-2), ''].join('\n'), 'latin1'),
  )

  const store = await next.owner()

  expect(store.stats().tornTail).toMatchObject({ file: 'journal/00000001.jsonl' })
  expect(['a', 'b', 'c'].map((id) => store.lastRevision(id))).toEqual([2, 1, 1])
  expect(store.stats().damage).toEqual([])
  await store.close()
})

test('[JC1, RC4] damage before a durable place is confined to its session, and keeps its place in every message', async () => {
  const { machine, sessions } = await furnished(10)
  const { path, bytes } = lastSegment(machine)
  const lines = bytes.toString('latin1').split('\n')
  const at = lines.findIndex((line) => line.includes('"id":"b","rev":4,'))
  const byte = lines.slice(0, at).join('\n').length + 1
  bytes[byte + 90] = 0x7f
  await machine.overwrite(path, bytes)

  const store = await machine.owner()

  const place = { file: 'journal/00000001.jsonl', byte }
  expect(store.stats().damage).toEqual([
    {
      ...place,
      bytes: (lines[at] as string).length + 1,
      reason: 'its checksum does not fit',
      sessionIds: ['b'],
    },
  ])
  expect(store.stats().tornTail).toBeNull()
  const corrupt = { code: 'STORE_CORRUPT', details: { ...place, sessionId: 'b' } }
  await expect(store.state('b')).rejects.toMatchObject(corrupt)
  await expect(store.changes('b', {})).rejects.toMatchObject(corrupt)
  await expect(new SampleSession('b', 10).append(store)).rejects.toMatchObject(corrupt)
  const others = sessions.filter(({ id }) => id !== 'b')
  await expectAll(store, others)
  for (const session of others) await session.append(store)
  await store.close()

  const again = await machine.killed().owner()
  expect(again.stats().damage).toMatchObject([place])
  await expect(again.state('b')).rejects.toMatchObject(corrupt)
  await expectAll(again, others)
  await again.close()
})

test('[DR2] a tombstone ends the damage of a session', async () => {
  const machine = new JsonMachine()
  const first = await machine.owner()
  const session = new SampleSession('b')
  for (let count = 0; count < 5; count += 1) await session.append(first)
  await session.delete(first)
  await new SampleSession('b', 6).append(first)
  const { path, bytes } = lastSegment(machine)
  bytes[bytes.indexOf('"rev":3') + 20] = 0x7f
  const next = machine.killed()
  await next.overwrite(path, bytes)

  const store = await next.owner()

  expect(store.stats().damage).toMatchObject([{ sessionIds: [] }])
  expect((await store.state('b'))?.revision).toBe(7)
  await store.close()
})

test('a segment shorter than the index says is damage, also when it is cut at the end of a line', async () => {
  const machine = new JsonMachine()
  const first = await machine.owner()
  const sessions = ['a', 'b'].map((id) => new SampleSession(id))
  for (let round = 0; round < 3; round += 1) for (const session of sessions) await session.append(first)
  await first.close()
  const { path, bytes } = lastSegment(machine)
  const lines = bytes.toString('latin1').split('\n')
  // Mark and last line are gone.
  const cut = Buffer.from(`${lines.slice(0, -3).join('\n')}\n`, 'latin1')
  await machine.overwrite(path, cut)

  const store = await machine.owner()

  expect(store.stats().damage).toMatchObject([
    { file: 'journal/00000001.jsonl', byte: cut.length, sessionIds: ['b'] },
  ])
  await expect(store.state('b')).rejects.toMatchObject({ code: 'STORE_CORRUPT' })
  await expectAll(store, [sessions[0] as SampleSession])
  await store.close()
})

test('lines missing at the end of a sealed segment are noticed by the header of the next', async () => {
  const { machine } = await furnished(20, SMALL)
  const bytes = machine.journal().get('00000002.jsonl') as Buffer
  const lines = bytes
    .toString('latin1')
    .split('\n')
    .filter((line) => line !== '')
  await machine.overwrite(segmentPath(2), Buffer.from(`${lines.slice(0, -1).join('\n')}\n`, 'latin1'))

  const store = await machine.owner(SMALL)

  const [damage] = store.stats().damage
  expect(damage).toMatchObject({ file: 'journal/00000002.jsonl', reason: 'lines are missing at its end' })
  expect(damage?.sessionIds.length).toBe(1)
  await store.close()
})

test('[JC1] in a sealed segment bad bytes are damage, also at its very end, and what follows is believed', async () => {
  const { machine, sessions } = await furnished(20, SMALL)
  const bytes = machine.journal().get('00000002.jsonl') as Buffer
  bytes[bytes.toString('latin1').trimEnd().length - 60] = 0x7f
  await machine.overwrite(segmentPath(2), bytes)

  const store = await machine.owner(SMALL)

  const { damage, tornTail } = store.stats()
  expect(tornTail).toBeNull()
  expect(damage).toMatchObject([{ file: 'journal/00000002.jsonl', sessionIds: [expect.any(String)] }])
  await expectAll(
    store,
    sessions.filter(({ id }) => id !== damage[0]?.sessionIds[0]),
  )
  await store.close()
})

test('a missing segment is damage of the sessions that need it', async () => {
  const { machine } = await furnished(20, SMALL)
  await machine.files.remove(segmentPath(2))

  const store = await machine.owner(SMALL)

  expect(
    store
      .stats()
      .damage.flatMap(({ sessionIds }) => sessionIds)
      .sort(),
  ).toEqual(['a', 'b', 'c'])
  await store.close()
})

test('[JC4, RC6] the segment of a stale owner is set aside and never read', async () => {
  const { machine, sessions } = await furnished(2)
  const second = await machine.owner()
  for (const session of sessions) await session.append(second)
  const next = machine.killed()
  const stale = encodeHeader({ segment: 2, storeId: 'x', epoch: 1, sealed: null, compacted: false })
  await next.overwrite(segmentPath(2), stale)

  const store = await next.owner()

  await expectAll(store, sessions)
  const names = [...next.journal().keys()]
  expect(names).not.toContain('00000002.jsonl')
  expect(names.some((name) => name.startsWith('00000002.jsonl.stale-'))).toBe(true)
  await store.close()
})

test.each([
  ['has no segment', async () => undefined],
  ['ends in a segment that takes no more lines', async (store: JsonStore) => store.compact()],
  ['ends in an open segment', async () => undefined],
])(
  '[X4, RC5] a journal that %s bears the epoch of a takeover before anybody is answered',
  async (how, arrange) => {
    const machine = new JsonMachine()
    const sessions = how === 'has no segment' ? [] : [new SampleSession('a'), new SampleSession('b')]
    const first = await machine.owner()
    for (const session of sessions) await session.append(first)
    await arrange(first)
    const next = machine.killed()
    await next.owner()
    const segment = Number.parseInt([...next.journal().keys()].toSorted().at(-1) as string)
    const { epoch } = await scanSegment(next.files, segmentPath(segment), segment)
    // The first owner was not dead, and begins a segment after all.
    const stale = encodeHeader({
      segment: segment + 1,
      storeId: 'x',
      epoch: 1,
      sealed: null,
      compacted: false,
    })
    await next.overwrite(segmentPath(segment + 1), stale)

    const third = await next.killed().owner()

    expect(epoch).toBe(2)
    await expectAll(third, sessions)
    expect([...next.journal().keys()].filter((name) => name.includes('.stale-')).length).toBe(1)
    expect(third.stats()).toMatchObject({ sessions: sessions.length, damage: [], tornTail: null })
    await third.close()
  },
)

test('[X4, RC5] that the last close was clean does not vouch for an owner that wrote nothing since and did not let go', async () => {
  const machine = new JsonMachine()
  const session = new SampleSession('a')
  const first = await machine.owner()
  await session.append(first)
  await first.close()
  const second = machine.killed()
  await second.owner()
  const third = second.killed()

  const store = await third.owner()

  const { epoch } = await scanSegment(third.files, segmentPath(1), 1)
  expect(epoch).toBe(3)
  await expectAll(store, [session])
  await store.close()
})

test('[OW2, X3] epochs go on where the owner file was removed by hand, and nothing written later counts as stale', async () => {
  const machine = new JsonMachine()
  const session = new SampleSession('a')
  for (let open = 0; open < 3; open += 1) {
    const store = await machine.owner()
    await session.append(store)
    await store.close()
  }
  for (const name of await machine.files.list(PLACE))
    if (/^(owner|index)-/.test(name)) await machine.files.remove(`${PLACE}/${name}`)

  const after = await machine.owner()
  await session.append(after)
  await after.compact()
  await session.append(after)
  const again = await machine.killed().owner()

  expect([after.stats().epoch, again.stats().epoch]).toEqual([4, 5])
  await expectAll(again, [session])
  await again.close()
})

test('[X1] a line of a newer version: refused, and no journal file is touched', async () => {
  const { machine } = await furnished(2)
  const { path, bytes } = lastSegment(machine)
  const text = '{"v":9,"pos":[1,7]'
  const { crc32 } = await import('node:zlib')
  const line = `${text},"crc":"${crc32(text).toString(16).padStart(8, '0')}"}\n`
  const altered = Buffer.concat([bytes, Buffer.from(line)])
  await machine.overwrite(path, altered)

  // Twice: a failed open lets the store go.
  for (let time = 0; time < 2; time += 1) {
    await expect(machine.owner()).rejects.toMatchObject({
      code: 'FORMAT_TOO_NEW',
      details: { found: 9, supported: 1 },
    })
  }
  expect(machine.journal()).toEqual(new Map([['00000001.jsonl', altered]]))
})
