/**
 * Giving back the room of dead lines, and erasing sessions without a trace.
 *   CO1  Only lines that the index knows to be dead are left out; the newest tombstone of a session stays.
 *   CO2  Before the first tombstone is erased an index is on the disk that knows of the deletions: an older one would
 *        bring the sessions back.
 *   CO3  Segments are replaced oldest first: while any line of a session is left, so is its tombstone. A crash between
 *        two steps therefore neither loses a session nor brings a deleted one back.
 *   CO4  A segment is replaced only while the store is ours, and not at all while it holds damage, unless to erase.
 *   CO5  After `eraseSessions` no file of the store holds the ids or what their lines held.
 *   CO6  An erasure may end anywhere: until the index without the ids is on the disk they are deleted sessions, and so they
 *        are without any index while the store holds a trace of them, for the tombstones go last. What an earlier erasure did
 *        and could not sync is synced by the next.
 *   CO7  When a rename or sync fails nobody knows what is on the disk, so the store takes no more changes (owned-store.ts).
 */
import { sessionError } from '../../errors.ts'
import type { FileSystem } from '../file-system.ts'
import { errnoOf, readWhole } from '../file-system.ts'
import type { SegmentScan } from './segment.ts'
import { scanSegment, segmentName } from './segment.ts'
import { rewriteSegment } from './segment-rewrite.ts'
import type { RewriteRules } from './segment-rewrite.ts'
import type { SessionIndex } from './session-index.ts'
import type { Snapshots } from './snapshots.ts'
import { SNAPSHOT_FOLDER } from './snapshots.ts'

/** What compaction needs of the store; it runs alone: no checkpoint, other compaction or erase at the same time. */
export interface CompactionHost {
  readonly files: FileSystem
  /** The folder of the store. */
  readonly folder: string
  /** The folder of the segments. */
  readonly journalFolder: string
  /** The folder of what the owner has not finished, or has removed. */
  readonly staging: string
  readonly index: SessionIndex
  readonly snapshots: Snapshots
  readonly unique: () => string
  /** The segments that take no more lines, oldest first. */
  sealed(): Promise<readonly number[]>
  /** Ends the segment that takes lines, so that it is sealed. */
  rotate(): Promise<void>
  /** Writes the index as it is, ending at the durable end of the journal (CO2), and removes older ones. */
  writeIndex(): Promise<void>
  /** A segment was replaced and has so many bytes: readers drop what they know of it. */
  replaced(segment: number, bytes: number): void
  /** Whether the store is still ours (CO4). */
  isOurs(): Promise<boolean>
  readonly epoch: number
}

/** So few ids are searched for as bytes before a segment is taken apart. */
const FEW = 8

/** A segment is replaced when more than this share of it is dead. */
export interface CompactionRules {
  readonly deadShare: number
}

/** Replaces the sealed segments that are dead enough; resolves with the bytes given back. */
export async function compactSegments(host: CompactionHost, { deadShare }: CompactionRules): Promise<number> {
  const segments = await host.sealed()
  const knownDead = host.index.deadBytes
  let freed = 0
  let left = 0
  let isTouched = false
  for (const segment of segments) {
    const scan = await scanned(host, segment)
    if (scan === undefined || scan.bad.length > 0 || scan.header === undefined) continue
    const dead = deadBytesOf(scan, host.index)
    if (dead === 0 || dead <= scan.size * deadShare) {
      left += dead
      continue
    }
    isTouched = true
    freed += await replace(host, scan, {
      line: (line) => !host.index.isDead(line.sessionId, line.revision),
      bad: () => 'keep',
    })
  }
  if (isTouched) {
    // What died meanwhile was not looked at.
    host.index.countedDead(left + host.index.deadBytes - knownDead)
    await host.writeIndex()
  }
  return freed
}

/**
 * Removes every trace of deleted sessions (CO5). May be called again after a crash, also for sessions that are no longer
 * known.
 */
export async function eraseSessions(host: CompactionHost, sessionIds: readonly string[]): Promise<void> {
  const gone = new Set(sessionIds)
  const needles = sessionIds.map((id) => Buffer.from(JSON.stringify(id)))
  let dead = 0
  await host.rotate()
  await host.writeIndex()
  // The tombstones go last: until then another attempt knows, without an index too, what is to be erased.
  await host.snapshots.erase(sessionIds)
  await removeLeftovers(host, needles)
  for (const segment of await host.sealed()) {
    const bytes = await readWhole(host.files, `${host.journalFolder}/${segmentName(segment)}`)
    if (bytes === undefined) continue
    const isNamed = (from: number, to: number): boolean => {
      const part = bytes.subarray(from, to)
      return needles.some((needle) => part.includes(needle))
    }
    if (needles.length <= FEW && !isNamed(0, bytes.length)) continue
    const scan = await scanned(host, segment)
    const isTouched =
      scan?.lines.some((line) => gone.has(line.sessionId)) === true ||
      scan?.bad.some((bad) => isNamed(bad.start, bad.end)) === true
    if (scan === undefined || !isTouched) continue
    for (const line of scan.lines) {
      if (gone.has(line.sessionId) && host.index.isDead(line.sessionId, line.revision)) dead += line.bytes
    }
    await replace(host, scan, {
      line: (line) => !gone.has(line.sessionId),
      bad: (bad) => (isNamed(bad.start, bad.end) ? 'blot' : 'keep'),
    })
  }
  await forget(host, sessionIds)
  host.index.countedDead(Math.max(0, host.index.deadBytes - dead))
}

/** Drops sessions from the index, in memory only once they are out of every file (CO6). */
async function forget(host: CompactionHost, sessionIds: readonly string[]): Promise<void> {
  const { index } = host
  const graves = sessionIds.flatMap((sessionId) => {
    const position = index.position(sessionId)
    return position === undefined ? [] : [{ sessionId, position, revision: index.lastRevision(sessionId) }]
  })
  index.drop(sessionIds)
  try {
    await host.writeIndex()
    // Files that were removed, older indexes too, left through this folder.
    await host.files.syncFolder(host.staging)
  } catch (error) {
    for (const { sessionId, position, revision } of graves) {
      index.set(sessionId, position, revision, 'deleted')
    }
    throw error
  }
}

/** How many bytes of a segment are dead lines. */
function deadBytesOf(scan: SegmentScan, index: SessionIndex): number {
  let dead = 0
  for (const line of scan.lines) if (index.isDead(line.sessionId, line.revision)) dead += line.bytes
  return dead
}

async function scanned(host: CompactionHost, segment: number): Promise<SegmentScan | undefined> {
  try {
    return await scanSegment(host.files, `${host.journalFolder}/${segmentName(segment)}`, segment)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

async function replace(host: CompactionHost, scan: SegmentScan, rules: RewriteRules): Promise<number> {
  if (!(await host.isOurs())) throw sessionError('STORE_FENCED', { epoch: host.epoch, newer: host.epoch + 1 })
  const { files, journalFolder: folder, unique } = host
  const { moved, bytes, freed } = await rewriteSegment({ files, folder, scan, rules, unique: unique() })
  host.replaced(scan.segment, bytes)
  for (const { sessionId, position } of moved) host.index.move(sessionId, position)
  return freed
}

/**
 * What is set aside, stale or unfinished may hold an erased session; nothing reads it, so such a file goes as a whole. Every
 * folder is synced, whatever this call did to it (CO6).
 */
async function removeLeftovers(host: CompactionHost, needles: readonly Buffer[]): Promise<void> {
  const places = [
    { folder: `${host.folder}/${ASIDE_FOLDER}`, isLeftover: () => true },
    { folder: host.staging, isLeftover: () => true },
    { folder: host.journalFolder, isLeftover: (name: string) => name.includes('.stale-') },
    { folder: `${host.folder}/${SNAPSHOT_FOLDER}`, isLeftover: () => false },
    { folder: host.folder, isLeftover: () => false },
  ]
  for (const { folder, isLeftover } of places) {
    if ((await host.files.status(folder))?.kind !== 'folder') continue
    for (const name of await host.files.list(folder)) {
      if (!isLeftover(name)) continue
      const bytes = await readWhole(host.files, `${folder}/${name}`)
      if (!needles.some((needle) => bytes?.includes(needle))) continue
      await host.files.remove(`${folder}/${name}`)
    }
    await host.files.syncFolder(folder)
  }
}

/** The folder, inside a store, of bytes that repair took out. */
export const ASIDE_FOLDER = 'aside'
