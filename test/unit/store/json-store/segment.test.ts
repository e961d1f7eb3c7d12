import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Change } from '../../../../src/store/change.ts'
import { diskFileSystem } from '../../../../src/store/file-system.ts'
import {
  encodeHeader,
  encodeMark,
  lineBody,
  roomFor,
  writeLine,
} from '../../../../src/store/json-store/line.ts'
import { cursorOf, parseCursor } from '../../../../src/store/json-store/position.ts'
import type { ScanStart, SegmentScan } from '../../../../src/store/json-store/segment.ts'
import { parseSegmentName, scanSegment, segmentName } from '../../../../src/store/json-store/segment.ts'
import { CrashableFileSystem } from '../../../../src/testing/crashable-file-system.ts'

const HEADER = encodeHeader({ segment: 1, storeId: 'store', epoch: 3, sealed: null, compacted: false })

function line(ordinal: number, { id = `s-${ordinal}`, segment = 1, text = 'x' } = {}): Buffer {
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
  return bytes.subarray(0, writeLine(bytes, 0, { segment, ordinal, durable: 0 }, idText, 1, undefined, body))
}

async function scan(parts: readonly Buffer[], from?: ScanStart): Promise<SegmentScan> {
  const files = new CrashableFileSystem()
  const handle = await files.open('/segment', 'create')
  await handle.write(Buffer.concat(parts), 0)
  return scanSegment(files, '/segment', 1, from)
}

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
