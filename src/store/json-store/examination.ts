/**
 * A look at everything a store holds, for `diagnose` and `repair`. It alters nothing.
 *   EX1  The journal is read from its first byte, whatever the index says; index and snapshots are then held against it.
 *   EX2  While an owner lives, only what is known durable is judged: its newest lines may still be on their way.
 */
import { isSessionError } from '../../errors.ts'
import { getOwn } from '../../json.ts'
import type { FileSystem } from '../file-system.ts'
import { readWhole } from '../file-system.ts'
import type { Damage, TornTail } from '../store.ts'
import { ASIDE_FOLDER } from './compaction.ts'
import { DamageReport } from './damage-report.ts'
import type { FoundIndex } from './index-file.ts'
import { parseIndexFileName, readIndexFile } from './index-file.ts'
import type { JournalState } from './journal-scan.ts'
import { scanJournal } from './journal-scan.ts'
import { parseOwnerFileName } from './owner.ts'
import { listSegments } from './recover.ts'
import { JOURNAL_FOLDER, parseSegmentName, readHeader, segmentName } from './segment.ts'
import { SegmentTable } from './segment-table.ts'
import { SessionIndex } from './session-index.ts'
import { decodeShard, SNAPSHOT_FOLDER } from './snapshots.ts'
import { parseStagingName } from './staging.ts'
import type { Snapshot } from './snapshots.ts'
import type { StoreDocument } from './store-file.ts'
import { readStoreFile, STORE_FILE } from './store-file.ts'

const SHARD = /^[0-9a-f]{2}\.json$/

/** What a look at a store found. */
export interface Examination {
  /** Undefined when the description cannot be used. */
  readonly document: StoreDocument | undefined
  /** The identity of the store, from its description or else its journal. */
  readonly storeId: string
  /** What the journal alone says. */
  readonly state: JournalState
  readonly segments: readonly number[]
  /** Segments that lines or neighbours tell of and that are not there. */
  readonly missing: readonly number[]
  readonly stale: readonly number[]
  readonly damage: readonly Damage[]
  readonly tornTail: TornTail | null
  readonly index: FoundIndex
  /** Sessions of which the index or a snapshot knows a newer revision than the journal. */
  readonly behind: ReadonlyMap<string, number>
  /** Sessions that the index knows to be deleted and the journal does not. */
  readonly buried: ReadonlySet<string>
  readonly snapshots: SnapshotsFound
  /** Files that no part of the store uses, relative to its folder. */
  readonly leftovers: readonly string[]
}

/** What the shards hold. */
export interface SnapshotsFound {
  readonly shards: number
  readonly sessions: number
  readonly damage: readonly Damage[]
  /** Snapshots of sessions that are unknown to the journal, or deleted. */
  readonly orphans: readonly string[]
}

/** Reads a whole store (EX1). @throws FORMAT_TOO_NEW */
export async function examine(files: FileSystem, folder: string, isOwned: boolean): Promise<Examination> {
  const journal = `${folder}/${JOURNAL_FOLDER}`
  const segments = await listSegments(files, journal)
  const damage = new DamageReport()
  const document = await documentOf(files, folder, damage)
  const storeId = document?.storeId ?? (await storeIdOf(files, journal, segments))
  const state: JournalState = { index: new SessionIndex(storeId), table: new SegmentTable(), damage }
  const from = { segment: 0, offset: 0, ordinal: 0 }
  const scan = await scanJournal(state, { files, folder: journal, segments, from, isFollower: isOwned })

  const index = await readIndexFile(files, folder, storeId)
  for (const { file, bytes, reason } of index.rejected)
    damage.add({ file, byte: 0, bytes, reason, sessionIds: [] })
  const end = index.header?.end ?? from
  const missing = [...scan.missing]
  const newest = end.offset === 0 ? end.segment - 1 : end.segment
  for (let segment = (segments.at(-1) ?? 0) + 1; segment <= newest; segment += 1) {
    missing.push(segment)
    const file = `${JOURNAL_FOLDER}/${segmentName(segment)}`
    damage.add({ file, byte: 0, bytes: 0, reason: 'the segment is missing', sessionIds: [] })
  }
  const behind = new Map<string, number>()
  const buried = new Set<string>()
  if (index.index !== undefined) compareIndex(state.index, index.index, behind, buried)
  const snapshots = await examineSnapshots(files, folder, state.index, behind)
  for (const sessionId of behind.keys()) {
    const position = index.index?.position(sessionId)
    const file =
      position === undefined ? JOURNAL_FOLDER : `${JOURNAL_FOLDER}/${segmentName(position.segment)}`
    const reason = 'newest lines that were durable are missing'
    if (damage.of(sessionId) === undefined) {
      damage.add({ file, byte: position?.offset ?? 0, bytes: 0, reason, sessionIds: [sessionId] })
    }
  }
  // What stands before the end of the index was durable, so it is no torn tail.
  const isTorn =
    scan.tornTail !== null &&
    !(scan.end.segment === end.segment && scan.tornTail.byte < end.offset && !isCompacted(state, end.segment))
  if (scan.tornTail !== null && !isTorn)
    damage.add({ ...scan.tornTail, reason: 'durable lines are bad', sessionIds: [] })
  return {
    document,
    storeId,
    state,
    segments,
    missing,
    stale: scan.stale,
    damage: [...damage.list(), ...snapshots.damage],
    tornTail: isTorn ? scan.tornTail : null,
    index,
    behind,
    buried,
    snapshots,
    leftovers: await leftoversOf(files, folder),
  }
}

function isCompacted(state: JournalState, segment: number): boolean {
  return state.table.get(segment)?.isCompacted === true
}

async function documentOf(
  files: FileSystem,
  folder: string,
  damage: DamageReport,
): Promise<StoreDocument | undefined> {
  try {
    return await readStoreFile(files, folder)
  } catch (error) {
    if (!isSessionError(error, 'STORE_CORRUPT')) throw error
    const bytes = (await files.status(`${folder}/${STORE_FILE}`))?.bytes ?? 0
    damage.add({ file: STORE_FILE, byte: 0, bytes, reason: error.details.reason, sessionIds: [] })
    return undefined
  }
}

async function storeIdOf(files: FileSystem, journal: string, segments: readonly number[]): Promise<string> {
  for (const segment of segments) {
    const header = await readHeader(files, `${journal}/${segmentName(segment)}`)
    if (header !== undefined) return header.storeId
  }
  return ''
}

function compareIndex(
  journal: SessionIndex,
  index: SessionIndex,
  behind: Map<string, number>,
  buried: Set<string>,
): void {
  for (const sessionId of index.ids()) {
    const revision = index.lastRevision(sessionId)
    if (revision <= journal.lastRevision(sessionId)) continue
    if (index.isDeleted(sessionId)) {
      // A session that was erased is in no line any more; that its tombstone is still in an older index is no loss.
      if (journal.has(sessionId)) buried.add(sessionId)
      else continue
    }
    behind.set(sessionId, revision)
  }
}

async function examineSnapshots(
  files: FileSystem,
  folder: string,
  journal: SessionIndex,
  behind: Map<string, number>,
): Promise<SnapshotsFound> {
  const damage: Damage[] = []
  const orphans: string[] = []
  let shards = 0
  let sessions = 0
  for (const name of await namesIn(files, `${folder}/${SNAPSHOT_FOLDER}`)) {
    if (!SHARD.test(name)) continue
    const file = `${SNAPSHOT_FOLDER}/${name}`
    const bytes = await readWhole(files, `${folder}/${file}`)
    if (bytes === undefined) continue
    shards += 1
    const document = decodeShard(bytes)
    if (typeof document === 'string') {
      damage.push({ file, byte: 0, bytes: bytes.length, reason: document, sessionIds: [] })
      continue
    }
    for (const sessionId of Object.keys(document.sessions)) {
      sessions += 1
      const { revision } = getOwn(document.sessions, sessionId) as Snapshot
      if (!journal.has(sessionId) || journal.isDeleted(sessionId)) orphans.push(sessionId)
      else if (revision > Math.max(journal.lastRevision(sessionId), behind.get(sessionId) ?? 0)) {
        behind.set(sessionId, revision)
      }
    }
  }
  return { shards, sessions, damage, orphans }
}

async function leftoversOf(files: FileSystem, folder: string): Promise<string[]> {
  const own = new Set([STORE_FILE, JOURNAL_FOLDER, SNAPSHOT_FOLDER, ASIDE_FOLDER, 'documents'])
  const places: readonly (readonly [string, (name: string) => boolean])[] = [
    [
      '',
      (name) =>
        own.has(name) ||
        parseIndexFileName(name) !== undefined ||
        parseOwnerFileName(name) !== undefined ||
        // In use, or gone with the next owner.
        parseStagingName(name) !== undefined,
    ],
    [`${JOURNAL_FOLDER}/`, (name) => parseSegmentName(name) !== undefined],
    [`${SNAPSHOT_FOLDER}/`, (name) => SHARD.test(name)],
    [`${ASIDE_FOLDER}/`, () => false],
  ]
  const result: string[] = []
  for (const [place, isUsed] of places) {
    const path = place === '' ? folder : `${folder}/${place.slice(0, -1)}`
    for (const name of await namesIn(files, path)) if (!isUsed(name)) result.push(`${place}${name}`)
  }
  return result.sort()
}

async function namesIn(files: FileSystem, folder: string): Promise<string[]> {
  const isThere = (await files.status(folder))?.kind === 'folder'
  return isThere ? (await files.list(folder)).sort() : []
}
