/** Reading a journal: segments written by hand, and what is believed of them, with an index and without. */
import { expect, test } from 'vitest'
import { DamageReport } from '../../../../src/store/json-store/damage-report.ts'
import type { JournalEnd } from '../../../../src/store/json-store/index-file.ts'
import type { SegmentHeader } from '../../../../src/store/json-store/line.ts'
import type { JournalState, ScanOptions } from '../../../../src/store/json-store/journal-scan.ts'
import { scanJournal } from '../../../../src/store/json-store/journal-scan.ts'
import { segmentName } from '../../../../src/store/json-store/segment.ts'
import { SegmentTable } from '../../../../src/store/json-store/segment-table.ts'
import { SessionIndex } from '../../../../src/store/json-store/session-index.ts'
import { CrashableFileSystem } from '../../../../src/testing/crashable-file-system.ts'
import { BIRTH, endOf, HandmadeSegment } from '../../../support/handmade-segment.ts'

const NOWHERE = { segment: 0, offset: 0, ordinal: 0 }

/** Scans segments from their start, unless told otherwise, into a state that knows nothing, unless given one. */
async function scan(
  segments: readonly HandmadeSegment[],
  given: Partial<ScanOptions> & Partial<JournalState> = {},
) {
  const {
    index = new SessionIndex('secret'),
    table = new SegmentTable(),
    damage = new DamageReport(),
    ...options
  } = given
  const files = options.files ?? new CrashableFileSystem()
  for (const segment of segments) await segment.writeTo(files, '')
  const state: JournalState = { index, table, damage }
  const result = await scanJournal(state, {
    files,
    folder: '',
    segments: segments.map(({ segment }) => segment),
    from: NOWHERE,
    isFollower: false,
    ...options,
  })
  return { ...state, result }
}

/** A segment with the birth of one session. */
function segmentWith(segment: number, id: string, header: Partial<SegmentHeader> = {}): HandmadeSegment {
  const made = new HandmadeSegment(segment, header)
  made.line(1, id, 1)
  return made
}

const blank = (segment: number): HandmadeSegment => {
  const made = new HandmadeSegment(segment, null)
  made.raw(Buffer.alloc(100, '\n'))
  return made
}

const fileOf = (segment: number): string => `journal/${segmentName(segment)}`
const whole = (segment: number) => ({ file: fileOf(segment), byte: 0, bytes: 0, sessionIds: [] })
const missingAt = (segment: number) => ({ ...whole(segment), reason: 'the segment is missing' })
const isLess = (a: string, b: string): number => (a < b ? -1 : 1)
const idsOf = (index: SessionIndex): string[] =>
  [...index.heads()].map(({ sessionId }) => sessionId).sort(isLess)

test('[JC1] behind lines the journal ends with the last one, behind a bare header at ordinal 0', async () => {
  const first = new HandmadeSegment(1)
  const born = first.line(1, 'a', 1)
  first.line(2, 'a', 2, born)
  const from = { segment: 1, offset: endOf(born), ordinal: 1 }
  const second = new HandmadeSegment(2)

  const one = await scan([first])
  const both = await scan([first, second], { from, index: one.index })

  expect(one.result).toMatchObject({ end: { segment: 1, offset: first.bytes, ordinal: 2 }, tornTail: null })
  expect(both.result.end).toEqual({ segment: 2, offset: second.bytes, ordinal: 0 })
})

test('[JC2] what a compacted segment says again of the time before the index is not heard twice', async () => {
  const whole = new HandmadeSegment(1)
  const born = whole.line(1, 'a', 1)
  const { index } = await scan([whole])
  const compacted = new HandmadeSegment(1, { compacted: true })
  compacted.line(1, 'a', 1)

  const { damage, result } = await scan([compacted], {
    index,
    from: { segment: 1, offset: endOf(born), ordinal: 1 },
  })

  expect(damage.list()).toEqual([])
  expect(result.end.ordinal).toBe(1)
})

test('[JC2] what a compacted segment says of the time since the index is heard', async () => {
  const whole = new HandmadeSegment(1)
  const born = whole.line(1, 'a', 1)
  const { index } = await scan([whole])
  const compacted = new HandmadeSegment(1, { compacted: true })
  const moved = compacted.line(1, 'a', 1)
  compacted.line(4, 'a', 2, moved)

  const { damage, result } = await scan([compacted], {
    index,
    from: { segment: 1, offset: endOf(born), ordinal: 1 },
  })

  expect(damage.list()).toEqual([])
  expect(result.end).toEqual({ segment: 1, offset: compacted.bytes, ordinal: 4 })
  expect(index.lastRevision('a')).toBe(2)
})

test.each([1, 2])('[JC2] a segment that is compacted before look %i at it is no damage', async (look) => {
  const whole = new HandmadeSegment(1)
  const born = whole.line(1, 'a', 1)
  const { index } = await scan([whole])
  let looks = -1 // The first opening is that of making it.
  const files = new CrashableFileSystem({
    onCall: async (call, path) => {
      if (call !== 'open' || path !== `/${segmentName(1)}`) return
      looks += 1
      if (looks === look) await files.rename('/compacted/00000001.jsonl', path)
    },
  })
  await files.makeFolder('/compacted')
  await new HandmadeSegment(1, { compacted: true }).writeTo(files, '/compacted')
  await whole.writeTo(files, '')

  const { damage, result } = await scan([], {
    files,
    segments: [1],
    index,
    from: { segment: 1, offset: endOf(born), ordinal: 1 },
  })

  expect(looks).toBeGreaterThanOrEqual(2)
  expect(damage.list()).toEqual([])
  expect(result.end).toMatchObject({ segment: 1, ordinal: 1 })
})

test('[JC2] a line that does not connect is damage, and still the newest that is known', async () => {
  const segment = new HandmadeSegment(1)
  const born = segment.line(1, 'a', 1)
  const lost = { ...born, ordinal: 2 }
  const third = segment.line(3, 'a', 3, lost)
  segment.line(4, 'a', 4, third)

  const { index, damage } = await scan([segment])

  expect(index.lastRevision('a')).toBe(4)
  expect(damage.of('a')).toMatchObject({ reason: 'lines are missing' })
})

test('[DR1] rubbish that names a session is not its own when its next line connects', async () => {
  const segment = new HandmadeSegment(1)
  const born = segment.line(1, 'a', 1)
  segment.line(2, 'b', 1)
  const { offset } = segment.rubbish('b')
  segment.rubbish('a')
  segment.line(3, 'a', 2, born)

  const { damage } = await scan([segment])

  expect(damage.of('a')).toBeUndefined()
  expect(damage.list()).toMatchObject([{ byte: offset, sessionIds: ['b'] }])
})

test('[JC5] the first segment can be missing as any other, and one before lines, but not one behind them', async () => {
  const { result, damage, index } = await scan([segmentWith(2, 'a'), segmentWith(5, 'b'), blank(7)])

  expect(result).toMatchObject({ missing: [1, 3, 4], empty: [7], end: { segment: 5 } })
  expect(damage.list()).toEqual([missingAt(1), missingAt(3), missingAt(4)])
  expect(idsOf(index)).toEqual(['a', 'b'])
})

test('[JC5] a segment that the table knows and that is not there is missing, unless it is behind the end', async () => {
  const table = new SegmentTable()
  const index = new SessionIndex('secret')
  const lost = segmentWith(1, 'a')
  await scan([lost], { table, index })
  for (const segment of [2, 3]) table.of(segment)
  const third = segmentWith(3, 'b')

  const inside = await scan([third], { table, index, from: { segment: 3, offset: 100, ordinal: 0 } })
  const { result } = await scan([], { table, from: { segment: 3, offset: 0, ordinal: 0 } })

  expect(inside.result.missing).toEqual([1, 2])
  expect(inside.damage.list()).toContainEqual({ ...missingAt(1), sessionIds: ['a'] })
  expect(inside.damage.of('a')).toMatchObject({ file: fileOf(1), byte: 0 })
  expect(table.list().map(({ segment }) => segment)).toEqual([3])
  expect(result).toMatchObject({ missing: [], end: { segment: 3, offset: 0 } })
})

test('[JC5] where the last segment that is known is missing the journal ends behind it', async () => {
  const table = new SegmentTable()
  table.of(1)

  const { result, damage } = await scan([], { table, from: { segment: 1, offset: 100, ordinal: 2 } })

  expect(result).toMatchObject({ end: { segment: 2, offset: 0, ordinal: 0 }, missing: [1], tornTail: null })
  expect(damage.list()).toEqual([missingAt(1)])
})

test('[JC1] where nothing is there and nothing is missing the journal ends where it was said to', async () => {
  const from = { segment: 4, offset: 0, ordinal: 0 }

  const { result } = await scan([], { from })

  expect(result).toEqual({ end: from, tornTail: null, stale: [], empty: [], missing: [] })
})

test('[JC1] segments without lines are empty at the end, and have lost their lines before others', async () => {
  const { result, damage, index } = await scan([segmentWith(1, 'a'), blank(2), segmentWith(3, 'b'), blank(4)])

  expect(damage.list()).toEqual([{ ...whole(2), reason: 'the segment lost its lines' }])
  expect(result).toMatchObject({ empty: [4], stale: [], end: { segment: 3, ordinal: 1 } })
  expect(idsOf(index)).toEqual(['a', 'b'])
})

test('[JC1] a journal of one segment without lines ends in it', async () => {
  const { result, table } = await scan([blank(1)])

  expect(result).toMatchObject({ end: { segment: 1, offset: 0, ordinal: 0 }, empty: [], missing: [] })
  expect(table.get(1)).toEqual({ segment: 1, bytes: 0, ordinal: 0, epoch: 0, isCompacted: false })
})

test('[JC1] rubbish behind a bare header is cut, rubbish before a mark is damage', async () => {
  const [torn, damaged] = [new HandmadeSegment(1), new HandmadeSegment(1, null)]
  const { offset } = torn.rubbish('a')
  damaged.rubbish('a')
  damaged.mark()

  const [cut, kept] = [await scan([torn]), await scan([damaged])]

  expect(cut.result).toMatchObject({ end: { offset, ordinal: 0 }, tornTail: { byte: offset } })
  expect(kept.result).toMatchObject({ end: { offset: damaged.bytes, ordinal: 0 }, tornTail: null })
})

test('[JC4, RC6] every segment of a lower epoch than one before it is stale, whoever came between', async () => {
  const epochs = [1, 3, 2, 3, 1, 4]

  const { result, index, damage } = await scan(
    epochs.map((epoch, at) => segmentWith(at + 1, `of-${at + 1}`, { epoch })),
  )

  expect(result).toMatchObject({ stale: [3, 5], missing: [], end: { segment: 6 } })
  expect(idsOf(index)).toEqual(['of-1', 'of-2', 'of-4', 'of-6'])
  expect(damage.list()).toEqual([])
})

test('[JC4] a mark raises the epoch of its segment', async () => {
  const first = segmentWith(1, 'a')
  first.mark(0, 2)

  const { result, table } = await scan([first, segmentWith(2, 'b')])

  expect(result.stale).toEqual([2])
  expect(table.get(1)?.epoch).toBe(2)
})

test.each([
  ['of the segment where the scan begins', 1, [2]],
  ['of one behind it', 3, []],
])('[JC4] an epoch that the table knows %s counts for what stale is', async (_, known, stale) => {
  const first = segmentWith(1, 'a')
  const table = new SegmentTable()
  for (const segment of [1, 3]) table.of(segment).epoch = segment === known ? 5 : 1
  const from = { segment: 1, offset: first.bytes, ordinal: 1 }

  const { result } = await scan([first, segmentWith(2, 'b', { epoch: 2 })], { table, from })

  expect(result.stale).toEqual(stale)
})

test('[JC1] what stands before the place where the scan begins is not looked at', async () => {
  const early = new HandmadeSegment(1)
  early.rubbish('a')
  const second = segmentWith(2, 'b')
  const from = { segment: 2, offset: second.bytes, ordinal: 1 }

  const { damage, index, result } = await scan([early, second], { from })

  expect(damage.list()).toEqual([])
  expect(idsOf(index)).toEqual([])
  expect(result).toMatchObject({ end: from, missing: [] })
})

test.each([
  ['from the byte on that is known durable', 0, true],
  ['one byte before it', 1, false],
])('[JC1, RC3] bad bytes %s are a torn tail or damage', async (_, more, isTorn) => {
  const segment = segmentWith(1, 'a')
  const place = segment.rubbish('b')
  segment.line(2, 'c', 1, undefined, { durable: place.offset + more })

  const { damage, result, index } = await scan([segment])

  const bytes = segment.bytes - place.offset
  expect(result.tornTail).toEqual(isTorn ? { file: fileOf(1), byte: place.offset, bytes } : null)
  expect(damage.list()).toMatchObject(isTorn ? [] : [{ byte: place.offset, bytes: place.bytes }])
  expect(result.end).toMatchObject(
    isTorn ? { offset: place.offset, ordinal: 1 } : { offset: segment.bytes, ordinal: 2 },
  )
  expect(idsOf(index)).toEqual(isTorn ? ['a'] : ['a', 'c'])
})

test('[JC1] in a compacted segment bad bytes are damage, also when nothing follows', async () => {
  const segment = segmentWith(1, 'a', { compacted: true })
  const place = segment.rubbish('b')

  const { damage, result, table } = await scan([segment])

  expect(damage.list()).toMatchObject([{ byte: place.offset, bytes: place.bytes, sessionIds: ['b'] }])
  expect(result).toMatchObject({ tornTail: null, end: { offset: segment.bytes, ordinal: 1 } })
  expect(table.get(1)).toMatchObject({ isCompacted: true, bytes: segment.bytes })
})

test('[JC1] of a torn segment the table says what is kept', async () => {
  const segment = segmentWith(1, 'a')
  segment.mark(0)
  const place = segment.rubbish('b')

  const { table, result } = await scan([segment])

  expect(result.end).toEqual({ segment: 1, offset: place.offset, ordinal: 1 })
  expect(table.get(1)).toMatchObject({ bytes: place.offset, ordinal: 1, epoch: 1 })
})

test.each([0, 1])('[JC1] a segment that is %i bytes shorter than its index says', async (lack) => {
  const segment = new HandmadeSegment(1)
  const first = segment.line(1, 'a', 1)
  const second = segment.line(2, 'b', 1)
  const { index } = await scan([segment])
  index.set('b', { ...second, bytes: second.bytes + lack }, 1, 'deleted')
  index.set('c', { ...second, bytes: second.bytes + lack }, 1, index.head('a')!.summary)

  const { damage, result } = await scan([segment], {
    index,
    from: { segment: 1, offset: segment.bytes + lack, ordinal: 2 },
  })

  const reason = 'the segment is shorter than its index says'
  const place = { file: fileOf(1), byte: segment.bytes, bytes: 0, reason, sessionIds: ['c'] }
  expect(damage.list()).toEqual(lack === 0 ? [] : [place])
  expect(damage.of('a')).toBeUndefined()
  expect(result.end.offset).toBe(segment.bytes + lack)
  expect(endOf(first)).toBe(second.offset)
})

test('[JC1] a segment that lost lines nobody needs is shorter all the same', async () => {
  const segment = segmentWith(1, 'a')
  const from = { segment: 1, offset: segment.bytes + 10, ordinal: 2 }

  const { damage } = await scan([segment], { from })

  expect(damage.list()).toMatchObject([{ file: fileOf(1), byte: segment.bytes, sessionIds: [] }])
})

test.each([
  ['all there', { segment: 1, ordinals: 1 }, false, 0],
  ['one short', { segment: 1, ordinals: 2 }, false, 1],
  ['one short, and said of another segment', { segment: 7, ordinals: 2 }, false, 0],
  ['one short, and compacted', { segment: 1, ordinals: 2 }, true, 0],
])('[JC1] by the header of the next segment the lines are %s', async (_, sealed, compacted, count) => {
  const first = segmentWith(1, 'a', { compacted })
  const { bytes } = first
  first.raw(Buffer.from('\n\n'))

  const { damage } = await scan([first, segmentWith(2, 'b', { sealed })])

  const reason = 'lines are missing at its end'
  expect(damage.list()).toEqual(
    count === 0 ? [] : [{ file: fileOf(1), byte: bytes, bytes: 0, reason, sessionIds: [] }],
  )
})

test('[JC2, RC2] a life may begin after a tombstone, and nowhere else', async () => {
  const segment = new HandmadeSegment(1)
  const a = segment.line(1, 'a', 1)
  segment.line(2, 'a', 2, a, { tombstone: true })
  segment.line(3, 'a', 3, undefined, { summary: BIRTH, at: 9 })
  const b = segment.line(4, 'b', 1)
  segment.line(5, 'b', 2, undefined, { summary: BIRTH })
  segment.line(6, 'c', 1)
  const c = segment.line(7, 'c', 2, { ...b, ordinal: 6 }, { tombstone: true })
  segment.line(8, 'c', 4, undefined, { summary: BIRTH })
  // Erased tombstones leave a life that begins at any revision.
  segment.line(9, 'd', 12, undefined, { summary: BIRTH })
  const reason = 'the line before it is missing'

  const { index, damage } = await scan([segment])

  expect(idsOf(index)).toEqual(['a', 'b', 'c', 'd'])
  expect(['a', 'd'].map((id) => damage.of(id))).toEqual([undefined, undefined])
  expect(damage.of('b')).toMatchObject({ byte: endOf(b), reason })
  expect(damage.of('c')).toMatchObject({ byte: endOf(c), reason })
  expect(index.head('a')).toMatchObject({ revision: 3, summary: { ...BIRTH, updatedAt: 9 } })
})

test.each([
  ['of another segment', { segment: 2 }],
  ['of another ordinal', { ordinal: 2 }],
])('[JC2] the next revision behind a line %s does not connect', async (_, other) => {
  const segment = new HandmadeSegment(1)
  const born = segment.line(1, 'a', 1)
  const { offset } = segment.line(2, 'a', 2, { ...born, ...other })

  const { damage } = await scan([segment])

  expect(damage.of('a')).toMatchObject({ byte: offset, reason: 'the line before it is missing' })
})

test('[JC2] a line whose life began nowhere is damage of a session that is not listed', async () => {
  const segment = new HandmadeSegment(1)
  const lost = segment.line(1, 'other', 1)
  segment.line(2, 'a', 4, { ...lost, segment: 0, ordinal: 0 }, { summary: { status: 'paused' } })
  segment.line(3, 'b', 4, lost, { summary: BIRTH })

  const { damage, index } = await scan([segment])

  expect(damage.list()).toMatchObject([{ sessionIds: ['a'] }, { sessionIds: ['b'] }])
  expect(idsOf(index)).toEqual(['b', 'other'])
})

test('[JC2] a line says of the summary what has changed, and when', async () => {
  const segment = new HandmadeSegment(1)
  const born = segment.line(1, 'a', 1)
  segment.line(2, 'a', 2, born, { at: 8, summary: { status: 'paused' } })
  segment.line(3, 'b', 7, undefined, { summary: { createdAt: 3 } })

  const { index } = await scan([segment])

  expect(index.head('a')?.summary).toEqual({ ...BIRTH, status: 'paused', updatedAt: 8 })
  const unsaid = { status: '', tenantId: null, userId: null, parentId: null, dueAt: null }
  expect(index.head('b')?.summary).toEqual({ ...unsaid, createdAt: 3, updatedAt: 5 })
})

test.each([true, false])('[JC3] the end of a follower is that of the last line (%s)', async (isFollower) => {
  const segment = segmentWith(1, 'a')
  const { bytes } = segment
  segment.mark()
  const { offset } = segment.rubbish('b')

  const { result, damage } = await scan([segment], { isFollower })

  const torn = { file: fileOf(1), byte: offset, bytes: segment.bytes - offset }
  expect(result.end.offset).toBe(isFollower ? bytes : offset)
  expect(result.tornTail).toEqual(isFollower ? null : torn)
  expect(damage.list()).toEqual([])
})

test.each([
  ['goes on', false, 0],
  ['was compacted', true, 300],
])('[JC3] in a segment that %s a follower finds nothing new, twice', async (_, compacted, saved) => {
  const segment = segmentWith(1, 'a', { compacted })
  const end = { segment: 1, offset: segment.bytes, ordinal: 1 }
  const { result, ...state } = await scan([segmentWith(1, 'a')])
  const before = { ...end, offset: end.offset + saved }

  const first = await scan([segment], { ...state, from: before, isFollower: true })
  const second = await scan([segment], { ...state, from: first.result.end, isFollower: true })

  expect([result.end.ordinal, first.result.end, second.result.end]).toEqual([1, end, end])
  expect(second.damage.list()).toEqual([])
})

/** A follower's scan of two births, the second of which is made durable or not; what it did to the disk. */
async function followed(durable: 'first' | 'all', isFailing: boolean, isFollower = true) {
  const segment = new HandmadeSegment(1)
  const first = segment.line(1, 'a', 1)
  segment.line(2, 'b', 1)
  segment.mark(durable === 'all' ? segment.bytes : endOf(first))
  const calls: string[] = []
  const files = new CrashableFileSystem({ onCall: (call) => void calls.push(call) })
  await segment.writeTo(files, '')
  calls.length = 0
  if (isFailing) files.failNext('sync', 'EIO')
  const { index } = await scan([], { files, segments: [1], isFollower })
  const count = (call: string): number => calls.filter((other) => other === call).length
  expect(count('close')).toBe(count('open'))
  return { ids: idsOf(index), syncs: count('sync') }
}

test('[JC3] a follower syncs lines that do not say that they are durable, and believes no others', async () => {
  expect(await followed('all', false)).toEqual({ ids: ['a', 'b'], syncs: 0 })
  expect(await followed('first', false)).toEqual({ ids: ['a', 'b'], syncs: 1 })
  expect(await followed('first', true)).toEqual({ ids: ['a'], syncs: 1 })
  expect(await followed('first', false, false)).toEqual({ ids: ['a', 'b'], syncs: 0 })
})

test('[JC3] a follower looks no further than a long run of blanks', async () => {
  const segment = segmentWith(1, 'a')
  const born = endOf({ segment: 1, ordinal: 1, offset: 0, bytes: segment.bytes })
  segment.raw(Buffer.alloc(10_000, '\n'))
  segment.line(2, 'b', 1)
  const from = { segment: 1, offset: born, ordinal: 1 }

  const seen = async (isFollower: boolean, start: JournalEnd): Promise<string[]> =>
    idsOf((await scan([segment], { isFollower, from: start })).index)

  expect([await seen(true, NOWHERE), await seen(false, NOWHERE)]).toEqual([['a'], ['a', 'b']])
  expect([await seen(true, from), await seen(false, from)]).toEqual([[], ['b']])
})
