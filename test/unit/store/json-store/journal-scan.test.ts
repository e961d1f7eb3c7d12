/** Reading a journal: segments written by hand, and what is believed of them, with an index and without. */
import { expect, test } from 'vitest'
import type { Change } from '../../../../src/store/change.ts'
import { DamageReport } from '../../../../src/store/json-store/damage-report.ts'
import { indexFileName, writeIndexFile } from '../../../../src/store/json-store/index-file.ts'
import type { JournalState, ScanOptions } from '../../../../src/store/json-store/journal-scan.ts'
import { scanJournal } from '../../../../src/store/json-store/journal-scan.ts'
import { encodeHeader, lineBody, roomFor, writeLine } from '../../../../src/store/json-store/line.ts'
import { extraOf, readJournal } from '../../../../src/store/json-store/recover.ts'
import { segmentName } from '../../../../src/store/json-store/segment.ts'
import { SegmentTable } from '../../../../src/store/json-store/segment-table.ts'
import type { Position } from '../../../../src/store/json-store/session-index.ts'
import { SessionIndex } from '../../../../src/store/json-store/session-index.ts'
import { CrashableFileSystem } from '../../../../src/testing/crashable-file-system.ts'

const BIRTH = { status: 'created', tenantId: null, userId: null, parentId: null, createdAt: 5, dueAt: null }
const NOWHERE = { segment: 0, offset: 0, ordinal: 0 }

/** A segment as it stands on the disk. */
class Segment {
  readonly segment: number
  readonly #parts: Buffer[] = []
  bytes = 0

  constructor(segment: number, compacted = false) {
    this.segment = segment
    this.#add(encodeHeader({ segment, storeId: 's', epoch: 1, sealed: null, compacted }))
  }

  /** Writes a line; answers where it stands. The first revision is a birth. */
  line(ordinal: number, id: string, revision: number, prev?: Position): Position {
    const change: Change = {
      sessionId: id,
      revision,
      at: 5,
      event: { type: 'a' },
      patch: {},
      entries: [],
      ...(revision === 1 ? { summary: BIRTH } : {}),
    }
    const body = lineBody(change)
    const text = JSON.stringify(id)
    const bytes = Buffer.alloc(roomFor(text, body))
    const place = { segment: this.segment, ordinal, durable: this.bytes }
    const end = writeLine(bytes, 0, place, text, revision, prev, body)
    return this.#add(bytes.subarray(0, end), ordinal)
  }

  /** Writes bytes that are no line, though an id is legible in them. */
  rubbish(id: string): Position {
    return this.#add(Buffer.from(`{"v":1,"id":"${id}" and no more\n`))
  }

  async writeTo(files: CrashableFileSystem, folder: string): Promise<void> {
    const handle = await files.open(`${folder}/${segmentName(this.segment)}`, 'create')
    await handle.write(Buffer.concat(this.#parts), 0)
  }

  #add(bytes: Buffer, ordinal = 0): Position {
    const offset = this.bytes
    this.#parts.push(bytes)
    this.bytes += bytes.length
    return { segment: this.segment, ordinal, offset, bytes: bytes.length }
  }
}

async function scan(
  segments: readonly Segment[],
  given: Partial<ScanOptions> & { index?: SessionIndex } = {},
) {
  const { index = new SessionIndex('secret'), ...options } = given
  const files = new CrashableFileSystem()
  for (const segment of segments) await segment.writeTo(files, '')
  const state: JournalState = { index, table: new SegmentTable(), damage: new DamageReport() }
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

test('[JC1] behind lines the journal ends with the last one, behind a bare header at ordinal 0', async () => {
  const first = new Segment(1)
  const born = first.line(1, 'a', 1)
  first.line(2, 'a', 2, born)
  const from = { segment: 1, offset: born.offset + born.bytes, ordinal: 1 }
  const second = new Segment(2)

  const one = await scan([first])
  const both = await scan([first, second], { from, index: one.index })

  expect(one.result).toMatchObject({ end: { segment: 1, offset: first.bytes, ordinal: 2 }, tornTail: null })
  expect(both.result.end).toEqual({ segment: 2, offset: second.bytes, ordinal: 0 })
})

test('[JC2] what a compacted segment says again of the time before the index is not heard twice', async () => {
  const whole = new Segment(1)
  const born = whole.line(1, 'a', 1)
  const { index } = await scan([whole])
  const compacted = new Segment(1, true)
  compacted.line(1, 'a', 1)

  const { damage, result } = await scan([compacted], {
    index,
    from: { segment: 1, offset: born.offset + born.bytes, ordinal: 1 },
  })

  expect(damage.list()).toEqual([])
  expect(result.end.ordinal).toBe(1)
})

test.each([1, 2])('[JC2] a segment that is compacted before look %i at it is no damage', async (look) => {
  const whole = new Segment(1)
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
  await new Segment(1, true).writeTo(files, '/compacted')
  await whole.writeTo(files, '')

  const { damage, result } = await scan([], {
    files,
    segments: [1],
    index,
    from: { segment: 1, offset: born.offset + born.bytes, ordinal: 1 },
  })

  expect(looks).toBeGreaterThanOrEqual(2)
  expect(damage.list()).toEqual([])
  expect(result.end).toMatchObject({ segment: 1, ordinal: 1 })
})

test('[JC2] a line that does not connect is damage, and still the newest that is known', async () => {
  const segment = new Segment(1)
  const born = segment.line(1, 'a', 1)
  const lost = { ...born, ordinal: 2 }
  const third = segment.line(3, 'a', 3, lost)
  segment.line(4, 'a', 4, third)

  const { index, damage } = await scan([segment])

  expect(index.lastRevision('a')).toBe(4)
  expect(damage.of('a')).toMatchObject({ reason: 'lines are missing' })
})

test('[DR1] rubbish that names a session is not its own when its next line connects', async () => {
  const segment = new Segment(1)
  const born = segment.line(1, 'a', 1)
  segment.line(2, 'b', 1)
  const { offset } = segment.rubbish('b')
  segment.rubbish('a')
  segment.line(3, 'a', 2, born)

  const { damage } = await scan([segment])

  expect(damage.of('a')).toBeUndefined()
  expect(damage.list()).toMatchObject([{ byte: offset, sessionIds: ['b'] }])
})

test('[RC11, X1] an index may end behind a sealed segment: nothing is read, unless that one has grown', async () => {
  const sealed = new Segment(1)
  const born = sealed.line(1, 'a', 1)
  const state = await scan([sealed])
  const end = { segment: 2, offset: 0, ordinal: 0 }
  const header = { storeId: 's', epoch: 1, end, clean: true, extra: extraOf(state) }
  const read = async (content: Segment) => {
    const files = new CrashableFileSystem()
    await files.makeFolder('/store/journal')
    await content.writeTo(files, '/store/journal')
    await writeIndexFile(files, '/store', indexFileName(1, 1), state.index, header, 'u')
    return readJournal(files, '/store', 's', false)
  }

  const same = await read(sealed)
  sealed.line(2, 'a', 2, born)
  const grown = await read(sealed)

  expect(same).toMatchObject({ end, isClean: true, scan: undefined })
  expect(grown).toMatchObject({ end: { segment: 1, offset: sealed.bytes, ordinal: 2 }, isClean: false })
  expect(grown.state.index.lastRevision('a')).toBe(2)
})
