/**
 * `diagnose`: is a store sound, and if not, what is damaged and whom does it touch. It takes no lock and writes nothing.
 */
import { resolve } from 'node:path'
import { sessionError } from '../../errors.ts'
import type { FileSystem } from '../file-system.ts'
import { diskFileSystem } from '../file-system.ts'
import type { Damage, TornTail } from '../store.ts'
import type { Examination } from './examination.ts'
import { examine } from './examination.ts'
import type { OwnerStatus } from './owner.ts'
import { readOwner } from './owner.ts'
import type { Processes } from './processes.ts'
import { JOURNAL_FOLDER, segmentName } from './segment.ts'
import { STORE_FORMAT } from './store-file.ts'

/** How to look at a store. */
export interface DoctorOptions {
  readonly files?: FileSystem
  readonly processes?: Processes
}

/** One segment of the journal. */
export interface SegmentReport {
  readonly file: string
  readonly bytes: number
  /** The ordinal of its last line. */
  readonly lastOrdinal: number
  /** The newest epoch that wrote to it. */
  readonly epoch: number
  /** Lines were taken out of it. */
  readonly isCompacted: boolean
}

/** How a store is. Files are relative to `place`. */
export interface Diagnosis {
  readonly place: string
  /** No damage; a torn tail, leftovers and an unusable index are no damage. */
  readonly isSound: boolean
  readonly format: { readonly found: number | null; readonly supported: number }
  readonly storeId: string
  readonly owner: OwnerStatus | null
  readonly segments: readonly SegmentReport[]
  readonly journalBytes: number
  readonly deadBytes: number
  readonly sessions: number
  readonly deletedSessions: number
  readonly damage: readonly Damage[]
  /** Every session that some damage touches. */
  readonly damagedSessions: readonly string[]
  /** Bytes at the end that no acknowledgement covers; the next owner cuts them. */
  readonly tornTail: TornTail | null
  readonly index: {
    readonly file: string | null
    readonly isClean: boolean
    readonly rejected: readonly string[]
  }
  readonly snapshots: {
    readonly shards: number
    readonly sessions: number
    /** Snapshots of sessions that the journal does not know as living. */
    readonly orphans: readonly string[]
  }
  /** Files that no part of the store uses: temporary ones, those of stale owners, what repair set aside. */
  readonly leftovers: readonly string[]
}

/** Looks at the store in `dir`. @throws STORE_NOT_FOUND, FORMAT_TOO_NEW */
export async function diagnose(dir: string, options: DoctorOptions = {}): Promise<Diagnosis> {
  const { files = diskFileSystem, processes } = options
  const place = resolve(dir)
  await requireStore(files, place)
  const owner = (await readOwner(files, place, processes)) ?? null
  return diagnosisOf(place, owner, await examine(files, place, owner?.isLive === true))
}

/** @throws STORE_NOT_FOUND when there is neither a description nor a journal. */
export async function requireStore(files: FileSystem, place: string): Promise<void> {
  for (const part of ['store.json', JOURNAL_FOLDER]) {
    if ((await files.status(`${place}/${part}`)) !== undefined) return
  }
  throw sessionError('STORE_NOT_FOUND', { place })
}

/** The report of an examination. */
export function diagnosisOf(place: string, owner: OwnerStatus | null, found: Examination): Diagnosis {
  const { state, index, snapshots, damage } = found
  const { sessions, shards, orphans } = snapshots
  const rejected = new Set(index.rejected.map(({ file }) => file))
  return {
    place,
    isSound: damage.every(({ file }) => rejected.has(file)),
    format: { found: found.document?.format ?? null, supported: STORE_FORMAT },
    storeId: found.storeId,
    owner,
    segments: state.table.list().map((facts) => ({
      file: `${JOURNAL_FOLDER}/${segmentName(facts.segment)}`,
      bytes: facts.bytes,
      lastOrdinal: facts.ordinal,
      epoch: facts.epoch,
      isCompacted: facts.isCompacted,
    })),
    journalBytes: state.table.list().reduce((sum, facts) => sum + facts.bytes, 0),
    deadBytes: state.index.deadBytes,
    sessions: state.index.size,
    deletedSessions: state.index.known - state.index.size,
    damage,
    damagedSessions: damagedSessions(found),
    tornTail: found.tornTail,
    index: { file: index.file ?? null, isClean: index.header?.clean === true, rejected: [...rejected] },
    snapshots: { shards, sessions, orphans },
    leftovers: found.leftovers,
  }
}

/** Every session that some damage touches. */
export function damagedSessions({ damage, behind }: Examination): string[] {
  return [...new Set([...damage.flatMap(({ sessionIds }) => sessionIds), ...behind.keys()])].sort()
}
