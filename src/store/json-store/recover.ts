/**
 * Opening: from what the disk shows to what is believed, and then to a journal that may be written.
 *   X1  Reading comes first and alters nothing; an owner repairs only after all of it was read.
 *   X2  Unless the last close said where the journal ends, the last segment is written anew, synced and renamed over
 *       before it is trusted: what the page cache shows may not be on the disk.
 *   X3  Nothing that could hold somebody's change is removed: a stale owner's segment is set aside.
 *   X4  A store whose last owner did not let go is fenced before anybody is answered: the journal goes on in a file that
 *       no other process has open, and bears the new epoch. What that owner still writes is stale from the start.
 */
import { sessionError } from '../../errors.ts'
import type { Json } from '../../json.ts'
import { isJsonObject } from '../../json.ts'
import type { FileSystem } from '../file-system.ts'
import { errnoOf } from '../file-system.ts'
import type { TornTail } from '../store.ts'
import { DamageReport } from './damage-report.ts'
import type { JournalEnd } from './index-file.ts'
import { parseIndexFileName, readIndexFile } from './index-file.ts'
import type { JournalTail } from './journal-batch.ts'
import type { JournalState, ScanResult } from './journal-scan.ts'
import { scanJournal } from './journal-scan.ts'
import { encodeHeader, encodeMark } from './line.ts'
import { JOURNAL_FOLDER, parseSegmentName, scanSegment, segmentName } from './segment.ts'
import { SegmentTable } from './segment-table.ts'
import { SessionIndex } from './session-index.ts'
import { parseStagingName } from './staging.ts'

/** What opening found. */
export interface Recovered {
  readonly storeId: string
  readonly state: JournalState
  readonly end: JournalEnd
  readonly tornTail: TornTail | null
  /** The highest serial an index file bears. */
  readonly serial: number
  /** The last close said that nothing follows `end`, and nothing does. */
  readonly isClean: boolean
  readonly scan: ScanResult | undefined
}

/** The segments present, oldest first. */
export async function listSegments(files: FileSystem, journal: string): Promise<number[]> {
  const names = (await files.status(journal)) === undefined ? [] : await files.list(journal)
  return names
    .map(parseSegmentName)
    .filter((segment) => segment !== undefined)
    .sort((a, b) => a - b)
}

/** The highest epoch a store bears, its owner files aside; 0 when it bears none. @throws FORMAT_TOO_NEW */
export async function highestEpoch(files: FileSystem, folder: string): Promise<number> {
  const names = (await files.list(folder)).map(
    (name) => parseIndexFileName(name)?.epoch ?? parseStagingName(name) ?? 0,
  )
  const journal = `${folder}/${JOURNAL_FOLDER}`
  let written = 0
  // The newest segment may be that of a stale owner, so no single one knows.
  for (const segment of await listSegments(files, journal)) {
    const { epoch } = await scanSegment(files, `${journal}/${segmentName(segment)}`, segment)
    written = Math.max(written, epoch)
  }
  return Math.max(written, ...names)
}

/** Reads everything and alters nothing (X1). @throws FORMAT_TOO_NEW */
export async function readJournal(
  files: FileSystem,
  folder: string,
  storeId: string,
  isFollower: boolean,
): Promise<Recovered> {
  const journal = `${folder}/${JOURNAL_FOLDER}`
  const found = await readIndexFile(files, folder, storeId)
  const segments = await listSegments(files, journal)
  const state: JournalState = {
    index: found.index ?? new SessionIndex(storeId),
    table: new SegmentTable(),
    damage: new DamageReport(),
  }
  loadExtra(state, found.header?.extra)
  for (const { file, bytes, reason } of found.rejected) {
    state.damage.add({ file, byte: 0, bytes, reason, sessionIds: [] })
  }
  const from = await endOf(files, journal, state, found.header?.end ?? { segment: 0, offset: 0, ordinal: 0 })
  const { serial } = found
  const present = new Set(segments)
  const isComplete = state.table.list().every(({ segment }) => present.has(segment))
  if (found.header?.clean === true && isComplete && (await isUntouched(files, journal, segments, from))) {
    return { storeId, state, end: from, tornTail: null, serial, isClean: true, scan: undefined }
  }
  const scan = await scanJournal(state, { files, folder: journal, segments, from, isFollower })
  return { storeId, state, end: scan.end, tornTail: scan.tornTail, serial, isClean: false, scan }
}

/** What an index file carries beside the index. */
export function extraOf({ table, damage }: JournalState): Json {
  return { segments: table.toJson(), damage: damage.toJson() }
}

function loadExtra({ table, damage }: JournalState, extra: Json | undefined): void {
  if (!isJsonObject(extra)) return
  table.load(extra['segments'])
  damage.load(extra['damage'])
}

/**
 * The end an index covers. One that says "behind this segment" was wrong when the segment has grown since: another owner
 * went on in it, unknown to the one that wrote the index (OW5). Then it ends where the segment ended for that one.
 */
async function endOf(
  files: FileSystem,
  journal: string,
  { table }: JournalState,
  end: JournalEnd,
): Promise<JournalEnd> {
  const before = end.offset === 0 ? table.get(end.segment - 1) : undefined
  if (before === undefined || before.isCompacted) return end
  const { segment, bytes, ordinal } = before
  const status = await files.status(`${journal}/${segmentName(segment)}`)
  return status === undefined || status.bytes <= bytes ? end : { segment, offset: bytes, ordinal }
}

/** Whether the journal ends exactly where a clean close left it. */
async function isUntouched(
  files: FileSystem,
  journal: string,
  segments: readonly number[],
  end: JournalEnd,
): Promise<boolean> {
  const last = segments.at(-1) ?? 0
  // Nothing was written since the segment before it was sealed.
  if (end.offset === 0) return last < end.segment
  return last === end.segment && (await files.status(`${journal}/${segmentName(last)}`))?.bytes === end.offset
}

/** What an owner needs to repair. */
export interface RepairOptions {
  readonly files: FileSystem
  readonly folder: string
  readonly unique: () => string
  /** Asked right before a file takes the name of another. */
  readonly isOurs: () => Promise<boolean>
  readonly epoch: number
  /** An earlier owner may still be at work (X4). */
  readonly mustFence: boolean
  readonly now: () => number
}

/** Makes the journal fit for writing (X2, X3, X4); answers where it goes on. */
export async function repairJournal(
  recovered: Recovered,
  options: RepairOptions,
): Promise<{ tail: JournalTail; isOpen: boolean }> {
  const { files, folder, unique } = options
  const journal = `${folder}/${JOURNAL_FOLDER}`
  const { end, state } = recovered
  const mayGrow = end.offset > 0 && state.table.get(end.segment)?.isCompacted !== true
  const { stale, empty } = recovered.scan ?? { stale: [], empty: [] }
  for (const segment of stale) {
    await files.rename(
      `${journal}/${segmentName(segment)}`,
      `${journal}/${segmentName(segment)}.stale-${unique()}`,
    )
  }
  const blank =
    end.offset === 0 && state.table.get(end.segment) !== undefined ? [...empty, end.segment] : empty
  for (const segment of blank) {
    await files.remove(`${journal}/${segmentName(segment)}`)
    state.table.remove(segment)
  }
  const tail = mayGrow && (options.mustFence || !recovered.isClean) ? await rewrite(options, end) : end
  if (stale.length > 0 || blank.length > 0 || mayGrow) await files.syncFolder(journal)
  if (tail !== end) Object.assign(state.table.of(tail.segment), { bytes: tail.offset, epoch: options.epoch })
  if (mayGrow) return { tail, isOpen: true }
  const last = behindSealed(recovered)
  return options.mustFence
    ? { tail: await beginSegment(options, recovered, last), isOpen: true }
    : { tail: last, isOpen: false }
}

/** The end of a journal whose last segment takes no more lines. */
function behindSealed({ end, state }: Recovered): JournalTail {
  if (end.offset > 0 || end.segment === 0) return end
  const segment = end.segment - 1
  const before = state.table.get(segment)
  return { segment, offset: before?.bytes ?? 0, ordinal: before?.ordinal ?? 0 }
}

/** Makes the next segment, which bears the new epoch (X4). @throws STORE_FAILED when the earlier owner made it meanwhile. */
async function beginSegment(
  { files, folder, epoch }: RepairOptions,
  { storeId, state }: Recovered,
  last: JournalTail,
): Promise<JournalTail> {
  const segment = last.segment + 1
  const journal = `${folder}/${JOURNAL_FOLDER}`
  const sealed = last.segment === 0 ? null : { segment: last.segment, ordinals: last.ordinal }
  const header = encodeHeader({ segment, storeId, epoch, sealed, compacted: false })
  try {
    const handle = await files.open(`${journal}/${segmentName(segment)}`, 'create-synced')
    try {
      await handle.write(header, 0)
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
    throw sessionError(
      'STORE_FAILED',
      { operation: 'open', reason: 'an earlier owner is still at work' },
      error,
    )
  }
  await files.syncFolder(journal)
  Object.assign(state.table.of(segment), { bytes: header.length, epoch })
  return { segment, offset: header.length, ordinal: 0 }
}

/** Copies what is believed of a segment to a fresh file that takes its place, and marks it (X2, X4). */
async function rewrite(
  { files, folder, unique, isOurs, epoch, now }: RepairOptions,
  end: JournalEnd,
): Promise<JournalTail> {
  const mark = encodeMark({ durable: end.offset, at: now(), epoch })
  const path = `${folder}/${JOURNAL_FOLDER}/${segmentName(end.segment)}`
  const temporary = `${path}.${unique()}.tmp`
  const source = await files.open(path, 'read')
  try {
    const target = await files.open(temporary, 'create')
    try {
      const block = Buffer.allocUnsafe(Math.min(1 << 20, end.offset))
      for (let at = 0; at < end.offset;) {
        const read = await source.read(block, 0, Math.min(block.length, end.offset - at), at)
        if (read === 0) break
        await target.write(block.subarray(0, read), at)
        at += read
      }
      await target.write(mark, end.offset)
      await target.sync()
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
  if (!(await isOurs())) throw sessionError('STORE_FENCED', { epoch, newer: epoch + 1 })
  await files.rename(temporary, path)
  return { ...end, offset: end.offset + mark.length }
}
