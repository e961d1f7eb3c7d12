/**
 * From scanned segments to an index: what is believed, what is damage, and where the tail is torn.
 *   JC1  Bad bytes are damage when something durable comes after them: a later segment with lines, a durable offset or
 *       mark behind them, or the end the index says. Otherwise they are a torn tail, and nothing after them is believed.
 *   JC2  A line moves the index when it is the next revision and its `prev` is the line the index holds. The first line of
 *       a life names none: it is the next revision after a tombstone, or any when the tombstone has been erased.
 *   JC3  An owner, who is alone, believes what is whole. A follower, who is not, makes it durable before it believes it,
 *       and takes what is not whole for not there yet.
 *   JC4  A segment of a lower epoch than one before it was written by somebody who had lost the store; it is not read.
 *   JC5  Segments are numbered from 1 without gaps and never removed, so a number that is not there is damage.
 */
import type { Summary } from '../change.ts'
import type { FileSystem } from '../file-system.ts'
import type { TornTail } from '../store.ts'
import type { DamagedPlace, DamageReport } from './damage-report.ts'
import type { JournalEnd } from './index-file.ts'
import type { PlacedLine } from './line-scan.ts'
import type { BadBytes, SegmentScan } from './segment.ts'
import { JOURNAL_FOLDER, readHeader, scanSegment, segmentName } from './segment.ts'
import type { SegmentTable } from './segment-table.ts'
import type { Position, SessionIndex } from './session-index.ts'

/** What recovery fills. */
export interface JournalState {
  readonly index: SessionIndex
  readonly table: SegmentTable
  readonly damage: DamageReport
}

/** What a scan of the journal came to. */
export interface ScanResult {
  /** The end of what is believed. */
  readonly end: JournalEnd
  readonly tornTail: TornTail | null
  /** Segments of a stale owner (JC4). */
  readonly stale: readonly number[]
  /** Segments behind the end that hold no line. */
  readonly empty: readonly number[]
  /** Segments that are not there and should be (JC5). */
  readonly missing: readonly number[]
}

/** How to scan. */
export interface ScanOptions {
  readonly files: FileSystem
  /** The journal folder. */
  readonly folder: string
  /** Segments present, in order. */
  readonly segments: readonly number[]
  /** Everything before it is in the state already. */
  readonly from: JournalEnd
  readonly isFollower: boolean
}

const UNBORN: Summary = {
  status: '',
  tenantId: null,
  userId: null,
  parentId: null,
  createdAt: 0,
  updatedAt: 0,
  dueAt: null,
}

/** Reads the journal from `from` to its end into a state. @throws FORMAT_TOO_NEW */
export async function scanJournal(state: JournalState, options: ScanOptions): Promise<ScanResult> {
  const { from, segments } = options
  const stale: number[] = []
  const missing = missingBefore(state, options)
  for (const segment of missing) noteMissing(state, segment)
  let empty: number[] = []
  let gap: number[] = []
  let expected = Math.max(1, from.segment)
  let epoch = Math.max(
    0,
    ...state.table.list().map((facts) => (facts.segment <= from.segment ? facts.epoch : 0)),
  )
  let last: SegmentScan | undefined
  for (const segment of segments) {
    if (segment < from.segment) continue
    const scan = await scanOne(options, segment)
    for (; expected < segment; expected += 1) gap.push(expected)
    expected = segment + 1
    if (scan.epoch !== 0 && scan.epoch < epoch) {
      stale.push(segment)
      continue
    }
    epoch = Math.max(epoch, scan.epoch)
    if (last !== undefined && !hasLines(scan)) {
      empty.push(segment)
      continue
    }
    // Lines stand behind them, so segments that hold none have lost theirs (JC1).
    if (last !== undefined) settle(state, options, last, scan)
    for (const lost of empty) {
      state.damage.add({
        ...fileOf(lost),
        byte: 0,
        bytes: 0,
        reason: 'the segment lost its lines',
        sessionIds: [],
      })
    }
    for (const lost of gap) noteMissing(state, lost)
    missing.push(...gap)
    empty = []
    gap = []
    last = scan
  }
  const nothing = { end: missing.includes(from.segment) ? behind(from.segment) : from, tornTail: null }
  const result = last === undefined ? nothing : settle(state, options, last, undefined)
  return { ...result, stale, empty, missing }
}

function behind(segment: number): JournalEnd {
  return { segment: segment + 1, offset: 0, ordinal: 0 }
}

function fileOf(segment: number): { file: string } {
  return { file: `${JOURNAL_FOLDER}/${segmentName(segment)}` }
}

function hasLines({ lines, header }: SegmentScan): boolean {
  return lines.length > 0 || header !== undefined
}

async function scanOne(options: ScanOptions, segment: number): Promise<SegmentScan> {
  const { files, folder, from, isFollower } = options
  const path = `${folder}/${segmentName(segment)}`
  const endsAtBlanks = isFollower
  if (segment !== from.segment || from.offset === 0) {
    return settled(options, await scanSegment(files, path, segment, { offset: 0, ordinal: 0, endsAtBlanks }))
  }
  const behind = await scanSegment(files, path, segment, { ...from, endsAtBlanks })
  // Looked at after the lines: an owner that lost the store may still put its compacted file here while we read.
  const header = await readHeader(files, path)
  if (header?.compacted !== true) return settled(options, { ...behind, header })
  // Compacted since the index was written: offsets have moved, ordinals have not.
  const scan = await scanSegment(files, path, segment)
  return { ...scan, lines: scan.lines.filter((line) => line.ordinal > from.ordinal) }
}

/** For a follower: syncs whole lines that do not say of themselves that they are durable (JC3). */
async function settled({ files, folder, isFollower }: ScanOptions, scan: SegmentScan): Promise<SegmentScan> {
  const last = scan.lines.at(-1)
  if (!isFollower || last === undefined || last.offset + last.bytes <= scan.durable) return scan
  const handle = await files.open(`${folder}/${segmentName(scan.segment)}`, 'read')
  try {
    await handle.sync()
    return scan
  } catch {
    return { ...scan, lines: scan.lines.filter((line) => line.offset + line.bytes <= scan.durable) }
  } finally {
    await handle.close()
  }
}

/** Decides what of one segment is believed; `next` is the segment with lines that follows it. */
function settle(
  state: JournalState,
  { from, isFollower }: ScanOptions,
  scan: SegmentScan,
  next: SegmentScan | undefined,
): { end: JournalEnd; tornTail: TornTail | null } {
  const { segment } = scan
  const { file } = fileOf(segment)
  const isCompacted = scan.header?.compacted === true
  const isFirst = segment === from.segment
  const isSealed = next !== undefined || isCompacted
  const durable = isSealed ? Infinity : scan.durable
  const torn = scan.bad.find((bad) => bad.start >= durable)
  const limit = torn?.start ?? Infinity

  const facts = state.table.of(segment)
  facts.epoch = Math.max(facts.epoch, scan.epoch)
  facts.isCompacted ||= isCompacted
  if (isFirst && !isCompacted && scan.size < from.offset) {
    const reason = 'the segment is shorter than its index says'
    state.damage.add({ file, byte: scan.size, bytes: 0, reason, sessionIds: [] })
    blameBehind(state, segment, scan.size, { file, byte: scan.size, reason })
  }
  let end: JournalEnd =
    isFirst && !isCompacted ? from : { segment, offset: 0, ordinal: isFirst ? from.ordinal : 0 }
  const bad = scan.bad.filter((place) => place.start < limit)
  for (const line of scan.lines) {
    if (line.offset + line.bytes > limit) break
    while (bad[0] !== undefined && bad[0].start <= line.offset) note(state, file, bad.shift() as BadBytes)
    apply(state, line, file)
    end = { segment, offset: line.offset + line.bytes, ordinal: line.ordinal }
  }
  for (const place of bad) note(state, file, place)
  // Marks and bad bytes behind the last line belong to what is kept; blanks before a torn header do not. Where lines may
  // still come a follower looks again.
  const looked = Math.max(scan.end, ...scan.bad.map((place) => place.end))
  const isBegun = torn === undefined || scan.header !== undefined || end.offset > 0
  const isGrowing = isFollower && !isCompacted
  end = { ...end, offset: Math.max(end.offset, isBegun && !isGrowing ? Math.min(limit, looked) : 0) }
  const sealed = next?.header?.sealed
  if (sealed?.segment === segment && !isCompacted && scan.ordinal < sealed.ordinals) {
    state.damage.add({
      file,
      byte: scan.end,
      bytes: 0,
      reason: 'lines are missing at its end',
      sessionIds: [],
    })
  }
  facts.bytes = Math.max(facts.bytes, end.offset)
  facts.ordinal = end.ordinal
  const tornTail =
    torn === undefined || isFollower ? null : { file, byte: torn.start, bytes: looked - torn.start }
  return { end, tornTail }
}

function note(state: JournalState, file: string, bad: BadBytes): void {
  const { start, end, reason, sessionIds } = bad
  state.damage.add({ file, byte: start, bytes: end - start, reason, sessionIds })
}

/** Moves the index to a line (JC2). */
function apply(state: JournalState, line: PlacedLine, file: string): void {
  const { index, damage } = state
  const { sessionId, revision } = line
  // Most lines are this and no more.
  if (line.summary === undefined && !line.deleted && damage.isEmpty && index.follow(line)) return
  if (line.deleted) {
    index.set(sessionId, line, revision, 'deleted')
    damage.end(sessionId)
    return
  }
  const head = index.head(sessionId)
  // Only the first line of a life, and the line a repair made the first, carry the whole summary.
  const isStart = line.summary?.createdAt !== undefined
  const isBirth = line.prevSegment === 0 && isStart
  const newest = index.position(sessionId)
  const connects =
    newest === undefined
      ? isBirth
      : revision === index.lastRevision(sessionId) + 1 &&
        ((isBirth && index.isDeleted(sessionId)) || follows(line, newest))
  if (!connects) damage.blame(sessionId, { file, byte: line.offset, reason: 'the line before it is missing' })
  else if (!damage.isEmpty) damage.clear(sessionId)
  // Without the summary of its birth a session cannot be listed; it stays known as damaged.
  if (!connects && head === undefined && !isStart) return
  const summary = { ...(head?.summary ?? UNBORN), ...line.summary, updatedAt: line.at }
  index.set(sessionId, line, revision, summary)
}

function follows({ prevSegment, prevOrdinal }: PlacedLine, { segment, ordinal }: Position): boolean {
  return prevSegment === segment && prevOrdinal === ordinal
}

/** Segments that the state knows of and that are not there, up to where the scan begins. */
function missingBefore({ table }: JournalState, { segments, from }: ScanOptions): number[] {
  const present = new Set(segments)
  const known = table.list().map(({ segment }) => segment)
  return known.filter((segment) => !present.has(segment) && (segment < from.segment || from.offset > 0))
}

/** Notes the damage of a segment that is not there (JC5), and the sessions whose newest line it held. */
function noteMissing(state: JournalState, segment: number): void {
  const place = { ...fileOf(segment), byte: 0, reason: 'the segment is missing' }
  state.table.remove(segment)
  state.damage.add({ ...place, bytes: 0, sessionIds: [] })
  blameBehind(state, segment, 0, place)
}

/** Blames a place, which was noted just now, for the sessions whose newest line stood behind byte `size` of a segment. */
function blameBehind(state: JournalState, segment: number, size: number, place: DamagedPlace): void {
  const { index, damage } = state
  for (const { sessionId } of index.heads()) {
    const position = index.position(sessionId)
    if (position?.segment !== segment || position.offset + position.bytes <= size) continue
    damage.blame(sessionId, place)
  }
}
