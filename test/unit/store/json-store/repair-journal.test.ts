/** Reading a folder and making its journal fit for writing, step by step: segments written by hand, and the calls made. */
import { expect, test } from 'vitest'
import type { IndexHeader } from '../../../../src/store/json-store/index-file.ts'
import { indexFileName, writeIndexFile } from '../../../../src/store/json-store/index-file.ts'
import { encodeHeader, encodeMark } from '../../../../src/store/json-store/line.ts'
import type { Recovered, RepairOptions } from '../../../../src/store/json-store/recover.ts'
import {
  extraOf,
  highestEpoch,
  listSegments,
  readJournal,
  repairJournal,
} from '../../../../src/store/json-store/recover.ts'
import { segmentName } from '../../../../src/store/json-store/segment.ts'
import { CrashableFileSystem } from '../../../../src/testing/crashable-file-system.ts'
import { endOf, HandmadeSegment } from '../../../support/handmade-segment.ts'

const FOLDER = '/store'
const JOURNAL = '/store/journal'
const pathOf = (segment: number): string => `${JOURNAL}/${segmentName(segment)}`

/** A folder with a journal, and the calls made to its disk since the last look. */
class Place {
  readonly #calls: string[] = []
  readonly files = new CrashableFileSystem({
    onCall: (call, path) => void this.#calls.push(`${call} ${path}`),
  })

  static async with(...segments: readonly HandmadeSegment[]): Promise<Place> {
    const place = new Place()
    await place.files.makeFolder(JOURNAL)
    for (const segment of segments) await segment.writeTo(place.files, JOURNAL)
    return place
  }

  calls(): string[] {
    return this.#calls.splice(0)
  }

  /** What stands in a file of the journal; undefined when there is none. */
  content(segment: number): Buffer | undefined {
    return this.files.contents().get(pathOf(segment))
  }

  async read(): Promise<Recovered> {
    const recovered = await readJournal(this.files, FOLDER, 's', false)
    this.#calls.length = 0
    return recovered
  }

  /** Repairs what was recovered as owner 2, whose predecessor let go. */
  repair(recovered: Recovered, options: Partial<RepairOptions> = {}): ReturnType<typeof repairJournal> {
    return repairJournal(recovered, {
      files: this.files,
      folder: FOLDER,
      unique: () => 'u',
      isOurs: async () => true,
      epoch: 2,
      mustFence: false,
      now: () => 7,
      ...options,
    })
  }

  /** Writes an index of everything read so far. */
  async checkpoint(recovered: Recovered, header: Partial<IndexHeader>): Promise<void> {
    const { state, end } = recovered
    const full = { storeId: 's', epoch: 1, end, clean: true, extra: extraOf(state), ...header }
    await writeIndexFile(this.files, FOLDER, indexFileName(1, 1), state.index, full, 'u')
  }
}

function segmentWith(segment: number, id: string, header = {}): HandmadeSegment {
  const made = new HandmadeSegment(segment, header)
  made.line(1, id, 1)
  return made
}

function blank(segment: number): HandmadeSegment {
  const made = new HandmadeSegment(segment, null)
  made.raw(Buffer.alloc(100, '\n'))
  return made
}

/** A place whose index says that the journal ends behind its only segment, which a clean close left. */
async function sealed(
  ...more: readonly HandmadeSegment[]
): Promise<{ place: Place; first: HandmadeSegment }> {
  const first = segmentWith(1, 'a', { epoch: 2 })
  const place = await Place.with(first)
  await place.checkpoint(await place.read(), { end: { segment: 2, offset: 0, ordinal: 0 } })
  for (const segment of more) await segment.writeTo(place.files, JOURNAL)
  return { place, first }
}

const NOTHING = { segment: 0, offset: 0, ordinal: 0 }

test('[RC2] a folder without a journal is an empty one', async () => {
  const files = new CrashableFileSystem()
  await files.makeFolder(FOLDER)

  const recovered = await readJournal(files, FOLDER, 's', false)

  expect(await listSegments(files, JOURNAL)).toEqual([])
  expect(recovered).toMatchObject({ storeId: 's', end: NOTHING, tornTail: null, serial: 0, isClean: false })
})

test('[RC2] segments are listed in the order of their numbers, other files not at all', async () => {
  const numbers = [3, 100_000_000, 20, 1]
  const place = await Place.with(...numbers.map(blank))
  for (const name of ['00000002.jsonl.u.tmp', '00000002.jsonl.stale-u', 'notes'])
    await place.files.open(`${JOURNAL}/${name}`, 'create')

  expect(await listSegments(place.files, JOURNAL)).toEqual([1, 3, 20, 100_000_000])
})

test('[OW2, JN13] whichever segment or index bears it, the highest epoch is found, also before a stale owner', async () => {
  const epochs = [3, 7, 5]
  const place = await Place.with(...epochs.map((epoch, at) => segmentWith(at + 1, 'a', { epoch })), blank(4))

  const written = await highestEpoch(place.files, FOLDER)
  await place.files.open(`${FOLDER}/${indexFileName(9, 1)}`, 'create')

  expect([written, await highestEpoch(place.files, FOLDER)]).toEqual([7, 9])
})

test('[IF1, RC1] an index that cannot be used is damage, and the journal is read instead', async () => {
  const place = await Place.with(segmentWith(1, 'a'))
  const name = indexFileName(1, 4)
  await (await place.files.open(`${FOLDER}/${name}`, 'create')).write(Buffer.from('rubbish'), 0)

  const { state, serial } = await place.read()

  const reason = 'it is not an index'
  expect(state.damage.list()).toEqual([{ file: name, byte: 0, bytes: 7, reason, sessionIds: [] }])
  expect([state.index.lastRevision('a'), serial]).toEqual([1, 4])
})

test('[RC1] an index brings the segments and the damage that were known', async () => {
  const place = await Place.with(segmentWith(1, 'a'))
  const first = await place.read()
  const damage = { file: 'f', byte: 3, bytes: 4, reason: 'r', sessionIds: ['a'] }
  first.state.damage.add(damage)
  await place.checkpoint(first, {})

  const { state, isClean } = await place.read()

  expect(isClean).toBe(true)
  expect(state.table.list()).toEqual(first.state.table.list())
  expect(state.damage.list()).toEqual([damage])
})

test('[RC11] a clean close is believed where the journal ends as it said, and nowhere else', async () => {
  const first = segmentWith(1, 'a')
  const second = segmentWith(2, 'b')
  const cleanAfter = async (alter: (place: Place) => Promise<unknown>): Promise<boolean> => {
    const place = await Place.with(first, second)
    await place.checkpoint(await place.read(), {})
    await alter(place)
    const { isClean, scan } = await place.read()
    expect(scan === undefined).toBe(isClean)
    return isClean
  }
  const grown = (place: Place) =>
    place.files.open(pathOf(2), 'write').then((file) => file.write(Buffer.from('\n'), second.bytes))

  expect(await cleanAfter(async () => undefined)).toBe(true)
  expect(await cleanAfter(grown)).toBe(false)
  expect(await cleanAfter((place) => blank(3).writeTo(place.files, JOURNAL))).toBe(false)
  expect(await cleanAfter((place) => place.files.remove(pathOf(2)))).toBe(false)
  expect(await cleanAfter((place) => place.files.remove(pathOf(1)))).toBe(false)
})

test('[RC11] an index that is no clean close has the journal read behind it', async () => {
  const place = await Place.with(segmentWith(1, 'a'))
  await place.checkpoint(await place.read(), { clean: false })

  expect(await place.read()).toMatchObject({ isClean: false, scan: { missing: [] } })
})

test('[RC11] behind a sealed segment a clean close is believed as long as no other follows', async () => {
  const { place } = await sealed()
  const untouched = await place.read()
  await segmentWith(2, 'b', { epoch: 2 }).writeTo(place.files, JOURNAL)

  const followed = await place.read()

  expect(untouched).toMatchObject({ isClean: true, end: { segment: 2, offset: 0 } })
  expect(followed).toMatchObject({ isClean: false, end: { segment: 2, ordinal: 1 } })
  expect(followed.state.index.lastRevision('b')).toBe(1)
})

test('[RC11, X1] an index may end behind a sealed segment: nothing is read, unless that one has grown', async () => {
  const { place, first } = await sealed()
  const end = { segment: 2, offset: 0, ordinal: 0 }

  const same = await place.read()
  const known = first.bytes
  first.line(2, 'a', 2, same.state.index.position('a'))
  const handle = await place.files.open(pathOf(1), 'write')
  await handle.write(first.contents.subarray(known), known)
  const grown = await place.read()

  expect(same).toMatchObject({ end, isClean: true, scan: undefined })
  expect(grown).toMatchObject({ end: { segment: 1, offset: first.bytes, ordinal: 2 }, isClean: false })
  expect(grown.state.index.lastRevision('a')).toBe(2)
})

test('[RC11] a journal that lost all it had is empty, and stays it', async () => {
  const place = await Place.with()
  await place.checkpoint(await place.read(), { end: { segment: 2, offset: 0, ordinal: 0 } })

  expect(await place.read()).toMatchObject({ isClean: true, end: { segment: 2, offset: 0 } })
})

test('[X1] an index that ends behind a segment is not misled by one that was compacted since, or is gone', async () => {
  const { place } = await sealed()
  const recovered = await place.read()
  const end = { segment: 2, offset: 0, ordinal: 0 }
  const facts = recovered.state.table.of(1)

  Object.assign(facts, { bytes: facts.bytes - 1 })
  await place.checkpoint(recovered, { end })
  const grown = await place.read()
  facts.isCompacted = true
  await place.checkpoint(recovered, { end })
  const compacted = await place.read()
  await place.files.remove(pathOf(1))
  facts.isCompacted = false
  await place.checkpoint(recovered, { end })
  const gone = await place.read()

  expect(grown.end).toMatchObject({ segment: 1 })
  expect(compacted).toMatchObject({ end, isClean: true })
  expect(gone).toMatchObject({ end, isClean: false, scan: { missing: [1] } })
})

test('[X2, RC5] what is kept of a torn segment, and nothing else, goes on in a file of its own with a mark', async () => {
  const segment = segmentWith(1, 'a')
  segment.raw(Buffer.alloc(1_500_000, '\n'))
  const last = segment.line(2, 'b', 1)
  const { offset } = segment.raw(Buffer.alloc(1_200_000, 'x'))
  const place = await Place.with(segment)
  const recovered = await place.read()

  const start = await place.repair(recovered)

  const mark = encodeMark({ durable: offset, at: 7, epoch: 2 })
  expect(endOf(last)).toBe(offset)
  expect(place.content(1)?.equals(Buffer.concat([segment.contents.subarray(0, offset), mark]))).toBe(true)
  expect(start).toEqual({ tail: { segment: 1, offset: offset + mark.length, ordinal: 2 }, isOpen: true })
  expect(recovered.state.table.get(1)).toMatchObject({ bytes: offset + mark.length, ordinal: 2, epoch: 2 })
})

test('[X2] the new file is whole and synced before it takes the name, and the name is synced', async () => {
  const place = await Place.with(segmentWith(1, 'a'))
  const recovered = await place.read()

  await place.repair(recovered)

  const temporary = `${pathOf(1)}.u.tmp`
  const calls = place.calls()
  const steps = calls.filter((call) => !/^(status|list|read) /.test(call))
  expect(steps).toEqual([
    `open ${pathOf(1)}`,
    `open ${temporary}`,
    `write ${temporary}`,
    `write ${temporary}`,
    `sync ${temporary}`,
    `close ${temporary}`,
    `close ${pathOf(1)}`,
    `rename ${temporary}`,
    `syncFolder ${JOURNAL}`,
  ])
})

test('[X4] an owner that lost the store meanwhile puts no file in the place of another', async () => {
  const segment = segmentWith(1, 'a')
  const place = await Place.with(segment)
  const recovered = await place.read()

  const repaired = place.repair(recovered, { isOurs: async () => false })

  await expect(repaired).rejects.toMatchObject({ code: 'STORE_FENCED', details: { epoch: 2, newer: 3 } })
  expect(place.content(1)).toEqual(segment.contents)
})

test('[X2, RC5] where the last close was clean the journal goes on as it is, unless it has to be fenced', async () => {
  const segment = segmentWith(1, 'a')
  const place = await Place.with(segment)
  await place.checkpoint(await place.read(), {})
  const recovered = await place.read()

  const clean = await place.repair(recovered)
  const content = place.content(1)
  const fenced = await place.repair(recovered, { mustFence: true })

  expect(clean).toEqual({ tail: recovered.end, isOpen: true })
  expect(content).toEqual(segment.contents)
  const bytes = segment.bytes + encodeMark({ durable: segment.bytes, at: 7, epoch: 2 }).length
  expect(fenced).toEqual({ tail: { segment: 1, offset: bytes, ordinal: 1 }, isOpen: true })
  expect(place.content(1)?.length).toBe(bytes)
})

test('[X2] where there is nothing to repair nothing is written', async () => {
  const { place, first } = await sealed()
  const recovered = await place.read()

  const start = await place.repair(recovered)

  expect(start).toEqual({ tail: { segment: 1, offset: first.bytes, ordinal: 1 }, isOpen: false })
  expect(place.calls().filter((call) => !/^(status|list) /.test(call))).toEqual([])
})

test('[X3, RC6] a stale segment is set aside for good', async () => {
  const { place, first } = await sealed(segmentWith(2, 'b'), segmentWith(3, 'c'))
  const recovered = await place.read()

  const start = await place.repair(recovered)

  const calls = place.calls().filter((call) => /^(rename|remove|syncFolder) /.test(call))
  expect(calls).toEqual([`rename ${pathOf(2)}`, `rename ${pathOf(3)}`, `syncFolder ${JOURNAL}`])
  const aside = [...place.files.contents().keys()].filter((path) => path.includes('stale'))
  expect(aside.sort()).toEqual([`${pathOf(2)}.stale-u`, `${pathOf(3)}.stale-u`])
  expect(start.tail).toEqual({ segment: 1, offset: first.bytes, ordinal: 1 })
})

test('[JN3] segments without lines are removed for good and begun anew', async () => {
  const { place } = await sealed(blank(2), blank(3))
  const recovered = await place.read()

  const start = await place.repair(recovered)

  const calls = place.calls().filter((call) => /^(rename|remove|syncFolder) /.test(call))
  expect(calls.sort()).toEqual([`remove ${pathOf(2)}`, `remove ${pathOf(3)}`, `syncFolder ${JOURNAL}`])
  expect(start).toMatchObject({ tail: { segment: 1, ordinal: 1 }, isOpen: false })
  expect(recovered.state.table.list().map(({ segment }) => segment)).toEqual([1])
})

test.each([false, true])(
  '[JN3] a journal of one segment without lines begins anew (%s)',
  async (mustFence) => {
    const place = await Place.with(blank(1))
    const recovered = await place.read()

    const start = await place.repair(recovered, { mustFence })

    const header = encodeHeader({ segment: 1, storeId: 's', epoch: 2, sealed: null, compacted: false })
    expect(start).toEqual(
      mustFence
        ? { tail: { segment: 1, offset: header.length, ordinal: 0 }, isOpen: true }
        : { tail: NOTHING, isOpen: false },
    )
    expect(place.content(1)).toEqual(mustFence ? header : undefined)
    expect(recovered.state.table.get(1)?.bytes).toBe(mustFence ? header.length : undefined)
  },
)

test('[X4, RC5] behind a segment that takes no more lines the new epoch begins the next, before anybody is answered', async () => {
  const { place } = await sealed()
  const recovered = await place.read()

  const start = await place.repair(recovered, { mustFence: true, epoch: 6 })

  const before = { segment: 1, ordinals: 1 }
  const header = encodeHeader({ segment: 2, storeId: 's', epoch: 6, sealed: before, compacted: false })
  expect(place.content(2)).toEqual(header)
  expect(start).toEqual({ tail: { segment: 2, offset: header.length, ordinal: 0 }, isOpen: true })
  expect(recovered.state.table.get(2)).toMatchObject({ bytes: header.length, ordinal: 0, epoch: 6 })
  expect(place.calls().slice(-4)).toEqual([
    `open ${pathOf(2)}`,
    `write ${pathOf(2)}`,
    `close ${pathOf(2)}`,
    `syncFolder ${JOURNAL}`,
  ])
})

test.each([false, true])('[X4] a compacted segment takes no more lines (%s)', async (mustFence) => {
  const segment = segmentWith(1, 'a', { compacted: true })
  const place = await Place.with(segment)

  const start = await place.repair(await place.read(), { mustFence })

  expect(start.isOpen).toBe(mustFence)
  expect(start.tail).toMatchObject(
    mustFence ? { segment: 2, ordinal: 0 } : { segment: 1, offset: segment.bytes, ordinal: 1 },
  )
  expect(place.content(1)).toEqual(segment.contents)
})

test('[X4] an earlier owner that made the next segment meanwhile is told from a disk that fails', async () => {
  const { place } = await sealed()
  const recovered = await place.read()
  const theirs = segmentWith(2, 'b')
  await theirs.writeTo(place.files, JOURNAL)

  const repaired = place.repair(recovered, { mustFence: true })
  await expect(repaired).rejects.toMatchObject({ code: 'STORE_FAILED', details: { operation: 'open' } })

  expect(place.content(2)).toEqual(theirs.contents)
  place.files.failNext('open', 'EIO')
  await expect(place.repair(recovered, { mustFence: true })).rejects.toMatchObject({ code: 'EIO' })
})
