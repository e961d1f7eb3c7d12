/**
 * `repair`: brings a damaged store back to where every session works, and says what that cost.
 *   RP1  Nothing is dropped before it is set aside, durably: damaged bytes and intact lines that lost their connection.
 *   RP2  Only damaged sessions change; every other line stays byte for byte what it was.
 *   RP3  Segments are rewritten newest first: what is lifted into a later line is there before its source goes. Repair may
 *        be stopped anywhere and run again.
 *   RP4  The report names every session that was touched and every revision that is gone.
 */
import { resolve } from 'node:path'
import { sessionError } from '../../errors.ts'
import type { FileSystem } from '../file-system.ts'
import { diskFileSystem, readWhole, replaceFile } from '../file-system.ts'
import type { Damage } from '../store.ts'
import { ASIDE_FOLDER } from './compaction.ts'
import type { Diagnosis, DoctorOptions } from './doctor.ts'
import { damagedSessions, diagnosisOf, requireStore } from './doctor.ts'
import type { Examination } from './examination.ts'
import { examine } from './examination.ts'
import { parseIndexFileName } from './index-file.ts'
import type { ChangeLine, SegmentHeader } from './line.ts'
import { parseLine } from './line.ts'
import type { Ownership } from './owner.ts'
import { takeOwnership } from './owner.ts'
import { highestEpoch } from './recover.ts'
import { remainsOf } from './remains.ts'
import type { Remains } from './remains.ts'
import type { SalvagePlan, SessionRepair } from './salvage.ts'
import { planSalvage } from './salvage.ts'
import type { PlacedLine } from './line-scan.ts'
import type { SegmentScan } from './segment.ts'
import { JOURNAL_FOLDER, scanSegment, segmentName } from './segment.ts'
import type { AddedLine } from './segment-rewrite.ts'
import { rewriteSegment } from './segment-rewrite.ts'
import { SNAPSHOT_FOLDER, Snapshots } from './snapshots.ts'
import { stagedFiles } from './staging.ts'
import { checkFolder, STORE_FILE } from './store-file.ts'

/** How to repair a store. */
export interface RepairOptions extends DoctorOptions {
  /** A string nobody else ever makes. */
  readonly unique: () => string
}

/** What a repair did. Files are relative to the folder of the store. */
export interface RepairReport {
  /** False when there was nothing to repair; then nothing was written. */
  readonly repaired: boolean
  /** How the store was before. */
  readonly before: Diagnosis
  /** What became of every session that damage touched. */
  readonly sessions: readonly SessionRepair[]
  /** Where the bytes are that were taken out. */
  readonly aside: readonly string[]
  /** Damaged places that were taken out, without any session that could be told. */
  readonly unattributed: readonly Damage[]
}

/**
 * Takes the store in `dir` and repairs it (RP1–RP4).
 * @throws STORE_LOCKED, STORE_NOT_FOUND, STORE_UNSAFE, FORMAT_TOO_NEW - nothing was touched.
 */
export async function repair(dir: string, options: RepairOptions): Promise<RepairReport> {
  const { files = diskFileSystem, processes, unique } = options
  const place = resolve(dir)
  await requireStore(files, place)
  await checkFolder(files, place, false)
  const taking = processes === undefined ? {} : { processes }
  const ownership = await takeOwnership(files, place, {
    token: unique(),
    highestEpoch: () => highestEpoch(files, place),
    ...taking,
  })
  try {
    return await new Repair(stagedFiles(files, ownership.staging), place, unique, ownership).run()
  } finally {
    await ownership.release()
  }
}

/** What happens to one segment. */
interface SegmentPlan {
  readonly scan: SegmentScan
  readonly source: Buffer
  readonly dropped: Set<number>
  readonly discarded: Set<number>
  readonly starts: Map<number, Buffer>
  /** Lines where none stands any more. */
  readonly added: AddedLine[]
}

class Repair {
  readonly #files: FileSystem
  readonly #place: string
  readonly #journal: string
  readonly #unique: () => string
  readonly #ownership: Ownership
  readonly #aside: string[] = []

  constructor(files: FileSystem, place: string, unique: () => string, ownership: Ownership) {
    this.#files = files
    this.#place = place
    this.#journal = `${place}/${JOURNAL_FOLDER}`
    this.#unique = unique
    this.#ownership = ownership
  }

  async run(): Promise<RepairReport> {
    const found = await examine(this.#files, this.#place, false)
    const before = diagnosisOf(this.#place, null, found)
    const nothing = { repaired: false, before, sessions: [], aside: [], unattributed: [] }
    if (before.isSound) return nothing

    const { plans, remains } = await this.#segmentPlans(found)
    const sessions = await this.#sessionPlans(found, plans, remains)
    await this.#setAside(plans)
    if (found.document === undefined) await this.#setStoreFileAside()
    await this.#rewrite(found, plans)
    await this.#repairSnapshots(found, sessions)
    await this.#removeIndex()
    return {
      repaired: true,
      before,
      sessions: sessions.map(({ report }) => report),
      aside: this.#aside,
      unattributed: found.damage.filter(({ sessionIds }) => sessionIds.length === 0),
    }
  }

  /**
   * Every segment that is there, with the remains of lines in its bad bytes. One that is gone is made anew, without lines, so
   * that its absence is not found again and again.
   */
  async #segmentPlans(found: Examination): Promise<{ plans: SegmentPlan[]; remains: Remains }> {
    const plans: SegmentPlan[] = []
    const remains: Remains = new Map()
    for (const segment of found.segments) {
      if (found.stale.includes(segment)) continue
      const path = `${this.#journal}/${segmentName(segment)}`
      const scan = await scanSegment(this.#files, path, segment)
      const hasBad = scan.bad.length > 0
      const source = hasBad ? ((await readWhole(this.#files, path)) ?? Buffer.alloc(0)) : Buffer.alloc(0)
      for (const bad of scan.bad) remainsOf(source.subarray(bad.start, bad.end), remains)
      plans.push(untouched(scan, source))
    }
    for (const segment of found.missing) {
      plans.push(untouched(emptyScan(segment), Buffer.alloc(0)))
    }
    plans.sort((a, b) => a.scan.segment - b.scan.segment)
    return { plans, remains }
  }

  /** Plans every damaged session and notes in the segments what becomes of its lines. */
  async #sessionPlans(
    found: Examination,
    segments: readonly SegmentPlan[],
    remains: Remains,
  ): Promise<SalvagePlan[]> {
    const lines = new Map<string, ChangeLine[]>(damagedSessions(found).map((id) => [id, []]))
    for (const { scan } of segments) {
      const path = `${this.#journal}/${segmentName(scan.segment)}`
      const touched = scan.lines.filter((line) => lines.has(line.sessionId))
      if (touched.length === 0) continue
      const source = (await readWhole(this.#files, path)) ?? Buffer.alloc(0)
      for (const line of touched) {
        const parsed = parseLine(source, line.offset, line.offset + line.bytes - 1, path)
        if (parsed.kind === 'change') lines.get(line.sessionId)?.push(parsed.line)
      }
    }
    const snapshots = this.#snapshots()
    const bySegment = new Map(segments.map((plan) => [plan.scan.segment, plan]))
    const plans: SalvagePlan[] = []
    for (const [sessionId, known] of lines) {
      const last = known.at(-1)?.change.revision ?? 0
      const told = remains.get(sessionId)
      const newestRevision = Math.max(found.behind.get(sessionId) ?? 0, told?.newestAfter(last) ?? 0)
      const isDeleted = found.buried.has(sessionId) || told?.isDeletedAfter(last) === true
      const snapshot = await snapshots.get(sessionId)
      const plan = planSalvage(sessionId, known, { snapshot, newestRevision, isDeleted })
      for (const { segment, ordinal } of plan.dropped) bySegment.get(segment)?.dropped.add(ordinal)
      for (const { segment, ordinal } of plan.discarded) bySegment.get(segment)?.discarded.add(ordinal)
      if (plan.start !== undefined) noteStart(bySegment.get(plan.start.place.segment), sessionId, plan.start)
      plans.push(plan)
    }
    return plans
  }

  /** Everything that leaves the journal goes to files of its own first (RP1). */
  async #setAside(segments: readonly SegmentPlan[]): Promise<void> {
    for (const { scan, source, dropped, starts } of segments) {
      const leaving = [
        ...scan.bad.map(({ start, end }) => ({ start, end })),
        // A line that is written anew may drop nothing, yet its old form is kept as well.
        ...scan.lines
          .filter(({ ordinal }) => dropped.has(ordinal) || starts.has(ordinal))
          .map(({ offset, bytes }) => ({ start: offset, end: offset + bytes })),
      ].filter(({ start, end }) => end > start)
      if (leaving.length === 0) continue
      const path = `${this.#journal}/${segmentName(scan.segment)}`
      const bytes = source.length > 0 ? source : ((await readWhole(this.#files, path)) ?? Buffer.alloc(0))
      for (const { start, end } of joined(leaving)) {
        await this.#put(`${String(scan.segment).padStart(8, '0')}-${start}`, bytes.subarray(start, end))
      }
    }
  }

  /** Writes a file that nothing replaces: a repair that was stopped and runs again may find other bytes at a place. */
  async #put(stem: string, bytes: Uint8Array): Promise<void> {
    const folder = `${this.#place}/${ASIDE_FOLDER}`
    await this.#files.makeFolder(folder)
    await this.#files.syncFolder(this.#place)
    for (let turn = 1; ; turn += 1) {
      const name = turn === 1 ? `${stem}.bin` : `${stem}-${turn}.bin`
      const held = await readWhole(this.#files, `${folder}/${name}`)
      if (held !== undefined && !held.equals(bytes)) continue
      if (held === undefined) await replaceFile(this.#files, folder, name, bytes, this.#unique())
      this.#aside.push(`${ASIDE_FOLDER}/${name}`)
      return
    }
  }

  /** The next open makes a new description with the identity that the journal names. */
  async #setStoreFileAside(): Promise<void> {
    const path = `${this.#place}/${STORE_FILE}`
    const bytes = await readWhole(this.#files, path)
    if (bytes === undefined) return
    await this.#put(STORE_FILE, bytes)
    await this.#files.remove(path)
  }

  async #rewrite(found: Examination, segments: readonly SegmentPlan[]): Promise<void> {
    const damaged = new Set(found.damage.map(({ file }) => file))
    for (const { scan, dropped, discarded, starts, added } of segments.toReversed()) {
      const isDamaged = scan.bad.length > 0 || damaged.has(`${JOURNAL_FOLDER}/${segmentName(scan.segment)}`)
      if (!isDamaged && dropped.size + discarded.size + starts.size + added.length === 0) continue
      await this.#requireOurs()
      const keeps = ({ ordinal }: PlacedLine): boolean | Buffer =>
        starts.get(ordinal) ?? (!dropped.has(ordinal) && !discarded.has(ordinal))
      await rewriteSegment({
        files: this.#files,
        folder: this.#journal,
        scan,
        rules: { line: keeps, bad: () => 'drop' },
        added,
        header: this.#headerOf(found, scan.segment),
        unique: this.#unique(),
      })
    }
  }

  #headerOf({ state, storeId }: Examination, segment: number): SegmentHeader {
    const earlier = state.table.list().filter((facts) => facts.segment <= segment)
    const epoch = earlier.reduce((highest, facts) => Math.max(highest, facts.epoch), 0)
    return { segment, storeId, epoch, sealed: null, compacted: true }
  }

  /** Snapshots of sessions that went back, and shards that cannot be used, are worth nothing any more. */
  async #repairSnapshots(found: Examination, sessions: readonly SalvagePlan[]): Promise<void> {
    for (const { file } of found.snapshots.damage) {
      const path = `${this.#place}/${file}`
      await this.#put(file.replace('/', '-'), (await readWhole(this.#files, path)) ?? Buffer.alloc(0))
      await this.#files.remove(path)
      await this.#files.syncFolder(`${this.#place}/${SNAPSHOT_FOLDER}`)
    }
    const changed = sessions.map(({ report }) => report).filter(({ outcome }) => outcome !== 'intact')
    await this.#snapshots().erase(changed.map(({ sessionId }) => sessionId))
  }

  /** Last, because it knows of lines that the journal has lost; the next open makes a new one from the journal. */
  async #removeIndex(): Promise<void> {
    for (const name of await this.#files.list(this.#place)) {
      if (parseIndexFileName(name) !== undefined) await this.#files.remove(`${this.#place}/${name}`)
    }
    await this.#files.syncFolder(this.#place)
  }

  #snapshots(): Snapshots {
    const folder = `${this.#place}/${SNAPSHOT_FOLDER}`
    return new Snapshots({ files: this.#files, folder, unique: this.#unique })
  }

  async #requireOurs(): Promise<void> {
    const { epoch } = this.#ownership
    if (!(await this.#ownership.isOurs())) throw sessionError('STORE_FENCED', { epoch, newer: epoch + 1 })
  }
}

function untouched(scan: SegmentScan, source: Buffer): SegmentPlan {
  return { scan, source, dropped: new Set(), discarded: new Set(), starts: new Map(), added: [] }
}

function emptyScan(segment: number): SegmentScan {
  const nothing = { epoch: 0, lines: [], bad: [], durable: 0, end: 0, ordinal: 0, size: 0 }
  return { segment, header: undefined, ...nothing }
}

/** A line takes the place of one that stands there, or of one that is gone. */
function noteStart(
  plan: SegmentPlan | undefined,
  sessionId: string,
  { place: { ordinal }, bytes }: NonNullable<SalvagePlan['start']>,
): void {
  const isThere = plan?.scan.lines.some((line) => line.ordinal === ordinal) === true
  if (isThere) plan.starts.set(ordinal, bytes)
  else plan?.added.push({ sessionId, ordinal, bytes })
}

/** Ranges that touch become one. */
function joined(ranges: readonly { start: number; end: number }[]): { start: number; end: number }[] {
  const result: { start: number; end: number }[] = []
  for (const range of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = result.at(-1)
    if (last !== undefined && last.end >= range.start) last.end = Math.max(last.end, range.end)
    else result.push({ ...range })
  }
  return result
}
