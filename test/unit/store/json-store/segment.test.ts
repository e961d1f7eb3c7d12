import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import type { Change } from '../../../../src/store/change.ts'
import type { FileSystem } from '../../../../src/store/file-system.ts'
import { diskFileSystem } from '../../../../src/store/file-system.ts'
import type { SegmentHeader } from '../../../../src/store/json-store/line.ts'
import {
  encodeHeader,
  encodeMark,
  lineBody,
  roomFor,
  writeLine,
} from '../../../../src/store/json-store/line.ts'
import { cursorOf, parseCursor } from '../../../../src/store/json-store/position.ts'
import type { ScanStart, SegmentScan } from '../../../../src/store/json-store/segment.ts'
import {
  parseSegmentName,
  readHeader,
  scanSegment,
  segmentName,
} from '../../../../src/store/json-store/segment.ts'
import { CrashableFileSystem } from '../../../../src/testing/crashable-file-system.ts'

/** A line of a version that is not read here, whole. */
const TOO_NEW = '{"v":2,"pos":[1,1]'
const tooNew = Buffer.from(`${TOO_NEW},"crc":"${crc32(TOO_NEW).toString(16).padStart(8, '0')}"}\n`)

const HEADER = encodeHeader({ segment: 1, storeId: 'store', epoch: 3, sealed: null, compacted: false })

function line(ordinal: number, { id = `s-${ordinal}`, segment = 1, text = 'x', durable = 0 } = {}): Buffer {
  const entry = { id: 'e', at: 1, type: 'user_message', content: text }
  const change: Change = {
    sessionId: id,
    revision: 1,
    at: 5,
    event: { type: 'a' },
    patch: {},
    entries: [entry],
  }
  const body = lineBody(change)
  const idText = JSON.stringify(id)
  const bytes = Buffer.alloc(roomFor(idText, body))
  return bytes.subarray(0, writeLine(bytes, 0, { segment, ordinal, durable }, idText, 1, undefined, body))
}

/** A disk with one file, and how many of its handles are open. */
async function diskOf(parts: readonly Buffer[]): Promise<{ files: CrashableFileSystem; open: () => number }> {
  const files = new CrashableFileSystem()
  const handle = await files.open('/segment', 'create')
  await handle.write(Buffer.concat(parts), 0)
  await handle.close()
  return { files, open: () => files.calls('open') - files.calls('close') }
}

async function scan(parts: readonly Buffer[], from?: ScanStart): Promise<SegmentScan> {
  const { files, open } = await diskOf(parts)
  const found = await scanSegment(files, '/segment', 1, from)
  expect(open()).toBe(0)
  return found
}

async function headerOf(...parts: readonly Buffer[]): Promise<SegmentHeader | undefined> {
  const { files, open } = await diskOf(parts)
  const header = await readHeader(files, '/segment')
  expect(open()).toBe(0)
  return header
}

const byteLength = (parts: readonly Buffer[]): number => Buffer.concat(parts).length

const ordinalsOf = (found: SegmentScan): number[] => found.lines.map(({ ordinal }) => ordinal)

test('[SG2] lines come back in order with their places, header and marks beside them', async () => {
  const lines = [line(1), line(2), line(3)]
  const found = await scan([HEADER, ...lines, encodeMark({ durable: 77, at: 1, epoch: 4 })])

  expect(ordinalsOf(found)).toEqual([1, 2, 3])
  expect(found.lines[1]).toMatchObject({
    offset: HEADER.length + lines[0]!.length,
    bytes: lines[1]!.length,
    sessionId: 's-2',
  })
  expect(found).toMatchObject({ epoch: 4, durable: 77, ordinal: 3, bad: [], end: found.size })
})

test('[SG1, JN3] blank lines are no lines, however many and wherever', async () => {
  const blanks = Buffer.alloc(3_000_000, '\n')
  const found = await scan([HEADER, line(1), Buffer.from('\n\n'), line(2), blanks])

  expect(ordinalsOf(found)).toEqual([1, 2])
  expect(found.bad).toEqual([])
  expect(found.end).toBe(HEADER.length + line(1).length + 2 + line(2).length)
})

test('[SG1] a follower stops at a long run of blanks', async () => {
  const parts = [HEADER, line(1), Buffer.alloc(200_000, '\n'), line(2)]

  expect(ordinalsOf(await scan(parts, { offset: 0, ordinal: 0, endsAtBlanks: true }))).toEqual([1])
  expect(ordinalsOf(await scan(parts))).toEqual([1, 2])
})

test.each([
  [4_095, [1, 2]],
  [4_096, [1]],
])('[SG1] %i blanks in a row end a follower or do not', async (count, ordinals) => {
  const blanks = Buffer.alloc(count, '\n')

  const found = await scan([HEADER, line(1), blanks, line(2)], { offset: 0, ordinal: 0, endsAtBlanks: true })

  expect(ordinalsOf(found)).toEqual(ordinals)
})

test('[SG1] a follower reads lines of any length to the end of the file', async () => {
  const parts = [HEADER, ...[1, 2, 3].map((ordinal) => line(ordinal, { text: 'y'.repeat(50_000) }))]

  const found = await scan(parts, { offset: 0, ordinal: 0, endsAtBlanks: true })

  expect(ordinalsOf(found)).toEqual([1, 2, 3])
  expect(found.end).toBe(found.size)
})

test.each([
  ['before', 1],
  ['behind', 0],
])('[SG1] one blank %s full runs of them', async (where, first) => {
  const runs = [Buffer.alloc(2 * 4_096, '\n')]
  const one = [Buffer.from('\n')]
  const blanks = where === 'before' ? [...one, ...runs] : [...runs, ...one]

  const found = await scan([HEADER, ...blanks, line(first)])

  expect([ordinalsOf(found), found.bad.length]).toEqual(first === 1 ? [[1], 0] : [[], 1])
})

test('a line longer than a block is read whole', async () => {
  const found = await scan([HEADER, line(1, { text: 'y'.repeat(5_000_000) }), line(2)])

  expect(ordinalsOf(found)).toEqual([1, 2])
})

test('a file of several blocks is read from the disk as from memory', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'segment-'))
  try {
    const path = join(folder, segmentName(1))
    const text = 'y'.repeat(700_000)
    await writeFile(path, Buffer.concat([HEADER, line(1, { text }), line(2, { text }), line(3)]))

    expect(ordinalsOf(await scanSegment(diskFileSystem, path, 1))).toEqual([1, 2, 3])
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('[SG3] bad bytes end where the next whole line begins, also without a newline between', async () => {
  const found = await scan([
    HEADER,
    line(1),
    Buffer.from('{"v":1,"pos":[1,2],"id":"lost","rev'),
    line(3),
    line(4),
  ])

  expect(ordinalsOf(found)).toEqual([1, 3, 4])
  const start = HEADER.length + line(1).length
  expect(found.bad).toEqual([{ start, end: start + 35, reason: expect.any(String), sessionIds: ['lost'] }])
  expect(found.lines[1]).toMatchObject({ offset: start + 35, bytes: line(3).length })
  expect(found.end).toBe(found.size)
})

test('[SG3] a byte changed in one line leaves the others whole', async () => {
  const damaged = line(2, { id: 'hit' })
  damaged[damaged.length - 40] = 0x7f
  const found = await scan([HEADER, line(1), damaged, line(3)])

  expect(ordinalsOf(found)).toEqual([1, 3])
  expect(found.bad).toMatchObject([{ sessionIds: ['hit'], reason: 'its checksum does not fit' }])
})

test('[SG2] a gap between ordinals is reported, though every line is whole', async () => {
  const found = await scan([HEADER, line(1), Buffer.from('\n\n\n'), line(3)])

  const start = HEADER.length + line(1).length
  expect(found.bad).toEqual([{ start, end: start + 3, reason: 'lines are missing', sessionIds: [] }])
})

test('[SG2] in a compacted segment gaps are no damage', async () => {
  const header = encodeHeader({ segment: 1, storeId: 's', epoch: 3, sealed: null, compacted: true })

  expect((await scan([header, line(4), line(9)])).bad).toEqual([])
})

test.each([
  ['written twice', [line(1), line(2), line(2), line(3)], 'it is out of order'],
  [
    'of another segment',
    [line(1), line(2), line(7, { segment: 2 }), line(3)],
    'it belongs to another segment',
  ],
])('[SG2] a whole line %s is not believed', async (_, lines, reason) => {
  const found = await scan([HEADER, ...lines])

  expect(ordinalsOf(found)).toEqual([1, 2, 3])
  expect(found.bad).toMatchObject([{ reason }])
})

test('[SG2] a scan goes on where it is told to, behind the ordinal it is told', async () => {
  const parts = [HEADER, line(1)]
  const from = { offset: byteLength(parts), ordinal: 1 }

  const found = await scan([...parts, line(2), line(2), line(3)], from)
  const nothing = await scan(parts, from)

  expect(found).toMatchObject({ ordinal: 3, header: undefined, epoch: 0 })
  expect(found.lines.map(({ offset }) => offset)).toEqual([
    from.offset,
    from.offset + byteLength([line(2), line(2)]),
  ])
  expect(found.bad).toMatchObject([{ start: from.offset + line(2).length, reason: 'it is out of order' }])
  expect(nothing).toMatchObject({ end: from.offset, ordinal: 1, bad: [], lines: [] })
})

test('[SG2] lines missing where a scan goes on are noticed there', async () => {
  const parts = [HEADER, line(1)]
  const offset = byteLength(parts)

  const { bad } = await scan([...parts, line(3)], { offset, ordinal: 1 })

  expect(bad).toEqual([{ start: offset, end: offset, reason: 'lines are missing', sessionIds: [] }])
})

test('[SG2, JN3] a header counts at the start of its own segment, and nowhere else', async () => {
  const other = encodeHeader({ segment: 2, storeId: 's', epoch: 9, sealed: null, compacted: false })
  const reason = 'it is the header of another segment'

  const foreign = await scan([other, line(1)])
  const late = await scan([line(1), HEADER, line(2)])
  const inside = await scan([Buffer.from('torn'), HEADER, line(1)])

  expect(foreign).toMatchObject({
    header: undefined,
    epoch: 0,
    bad: [{ start: 0, end: other.length, reason }],
  })
  expect(late).toMatchObject({ header: undefined, epoch: 0, bad: [{ start: line(1).length, reason }] })
  expect(inside).toMatchObject({ header: undefined, bad: [{ start: 0, end: 4 + HEADER.length }] })
  expect([foreign, late, inside].map(ordinalsOf)).toEqual([[1], [1, 2], [1]])
})

test('[JN12] the highest epoch and the farthest durable place count, whichever came last', async () => {
  const marks = [encodeMark({ durable: 90, at: 1, epoch: 5 }), encodeMark({ durable: 80, at: 2, epoch: 2 })]

  const found = await scan([HEADER, ...marks, line(1)])

  expect(found).toMatchObject({ epoch: 5, durable: 90, header: { epoch: 3 } })
  expect(await scan([HEADER, marks[1] as Buffer])).toMatchObject({ epoch: 3, durable: 80 })
  expect(await scan([HEADER, line(1, { durable: 70 }), line(2)])).toMatchObject({ durable: 70 })
})

test('[SG3] bad bytes in a row are one place, with the ids of all lines that begin there', async () => {
  const bad = [
    Buffer.from('"id":"no line begins before it" {"v":1,"id":"a"\n'),
    Buffer.from('{"v":1,"id":"b" {"v":1,"pos":{"id":"nested"} {"v":1,"id":"\\q" {"v":1,"id":"c\\n"\n'),
  ]

  const found = await scan([HEADER, line(1), ...bad, line(2)])

  const start = byteLength([HEADER, line(1)])
  const reason = 'it is not a whole line'
  expect(found.bad).toEqual([{ start, end: start + byteLength(bad), reason, sessionIds: ['a', 'b', 'c\n'] }])
  expect(ordinalsOf(found)).toEqual([1, 2])
})

test('[SG3] bad bytes may look like the beginnings of any number of lines', async () => {
  const bad = Buffer.from(`${'{"v":'.repeat(50_000)}\n`)

  const found = await scan([HEADER, bad, line(1)])

  expect(found.bad).toMatchObject([{ start: HEADER.length, end: HEADER.length + bad.length, sessionIds: [] }])
  expect(ordinalsOf(found)).toEqual([1])
})

test('[SG2, SG3] bad places with a line between them are told one by one', async () => {
  const bad = Buffer.from('rubbish\n')
  const parts = [HEADER, bad, line(1), bad, line(2), line(4)]
  const at = (count: number): number => byteLength(parts.slice(0, count))

  const found = await scan(parts)

  expect(found.bad).toMatchObject([
    { start: at(1), end: at(2), reason: 'it is not a whole line' },
    { start: at(3), end: at(4), reason: 'it is not a whole line' },
    { start: at(5), end: at(5), reason: 'lines are missing' },
  ])
})

test('[SG3] of one bad place no more than a thousand ids are told', async () => {
  const ids = Array.from({ length: 1_001 }, (_, at) => `id-${at}`)

  const found = await scan([HEADER, ...ids.map((id) => Buffer.from(`{"v":1,"id":"${id}"\n`)), line(1)])

  expect(found.bad.map(({ sessionIds }) => sessionIds)).toEqual([ids.slice(0, -1)])
})

test('[RC4] bad bytes behind the last line end where the file does', async () => {
  const found = await scan([HEADER, line(1), Buffer.from('rubbish\nmore')])

  const start = byteLength([HEADER, line(1)])
  expect(found.bad).toMatchObject([{ start, end: start + 12, sessionIds: [] }])
  expect(found).toMatchObject({ end: start, size: start + 12 })
})

test('[JN6] a line of a newer version is refused with the file that holds it', async () => {
  await expect(scan([HEADER, tooNew])).rejects.toMatchObject({
    code: 'FORMAT_TOO_NEW',
    details: { file: '/segment', found: 2 },
  })
})

test('[BL1] a scan that stops in the midst closes the file once nothing reads it any more', async () => {
  const content = Buffer.concat([HEADER, tooNew, Buffer.alloc(3 << 20, 'x')])
  let [underWay, atClose] = [0, -1]
  const handle = {
    size: async () => content.length,
    async read(target: Buffer, offset: number, length: number, position: number) {
      underWay += 1
      await new Promise((resolve) => setImmediate(resolve))
      underWay -= 1
      return content.copy(target, offset, position, position + length)
    },
    close: async () => void (atClose = underWay),
  }
  const files = { open: async () => handle } as unknown as FileSystem

  await expect(scanSegment(files, '/segment', 1)).rejects.toMatchObject({ code: 'FORMAT_TOO_NEW' })
  expect(atClose).toBe(0)
})

test('[JN3] a header is read when it is the first line, and whole', async () => {
  expect(await headerOf(HEADER, line(1))).toMatchObject({ segment: 1, storeId: 'store', epoch: 3 })
  expect(await headerOf(HEADER)).toMatchObject({ segment: 1 })
  for (const first of [line(1), encodeMark({ durable: 1, at: 1, epoch: 1 }), Buffer.from('\n'), Buffer.of()])
    expect(await headerOf(first, HEADER.subarray(0, -1))).toBeUndefined()
})

test('[LN1] an end without a newline is bad, whole as the line may look', async () => {
  const found = await scan([HEADER, line(1), line(2).subarray(0, -1)])

  expect(ordinalsOf(found)).toEqual([1])
  expect(found.bad).toMatchObject([{ reason: 'it ends without a newline', sessionIds: ['s-2'] }])
})

test('names of segments are numbers of eight digits or more, and nothing else', () => {
  expect(segmentName(42)).toBe('00000042.jsonl')
  expect(parseSegmentName('00000042.jsonl')).toBe(42)
  expect(parseSegmentName(segmentName(123_456_789))).toBe(123_456_789)
  for (const name of [
    '42.jsonl',
    '00000042.jsonl.x.tmp',
    '00000042.jsonl.stale-1',
    'x00000042.jsonl',
    '000000042.jsonl',
    '9007199254740992.jsonl',
  ]) {
    expect(parseSegmentName(name), name).toBeUndefined()
  }
})

test('[PO1] a cursor names segment and ordinal; anything else is refused', () => {
  expect(parseCursor(cursorOf({ segment: 12, ordinal: 345 }))).toEqual({ segment: 12, ordinal: 345 })
  for (const cursor of [
    '',
    'x',
    Buffer.from('1.2.3').toString('base64url'),
    Buffer.from('01.2').toString('base64url'),
  ]) {
    expect(() => parseCursor(cursor)).toThrow(expect.objectContaining({ code: 'CURSOR_INVALID' }))
  }
})
