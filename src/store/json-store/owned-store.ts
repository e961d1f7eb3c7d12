/**
 * The side of an open store that writes: the journal's end, checkpoints, compaction, erasure, and the closing.
 *   OS1  Checkpoints, compactions and erasures run one after the other, never two at once.
 *   OS2  Background work never fails an append; what went wrong is told to the logger.
 *   OS3  After a failed write nothing more is written, not even an index; nor after a compaction or erasure that left the
 *        disk in doubt.
 *   OS4  A checkpoint is written only while the store is ours.
 */
import { sessionError } from '../../errors.ts'
import type { Change, StoredState } from '../change.ts'
import type { FileSystem } from '../file-system.ts'
import { diskFileSystem, errnoOf } from '../file-system.ts'
import { Checkpoint } from './checkpoint.ts'
import type { CompactionHost } from './compaction.ts'
import { compactSegments, eraseSessions } from './compaction.ts'
import { inProcessWriter } from './in-process-writer.ts'
import { indexFileName, writeIndexFile } from './index-file.ts'
import { Journal } from './journal.ts'
import type { Append, JournalTail } from './journal-batch.ts'
import { fullError } from './journal-batch.ts'
import { JournalLosses } from './journal-losses.ts'
import type { JsonStoreOptions } from './options.ts'
import { CHECKPOINT_BYTES, IDLE_MARK_MS, SEGMENT_BYTES } from './options.ts'
import type { Ownership } from './owner.ts'
import { pacedFiles } from './paced-files.ts'
import type { RecentSession } from './recent-sessions.ts'
import { extraOf } from './recover.ts'
import { JOURNAL_FOLDER } from './segment.ts'
import { SegmentsAhead } from './segments-ahead.ts'
import { stagedFiles } from './staging.ts'
import type { StoreView } from './store-view.ts'
import { threadWriter } from './thread-writer.ts'
import type { WatchedFiles } from './watched-files.ts'
import { isNoRoom } from './watched-files.ts'

/** The share of the journal bytes since the last checkpoint that snapshots may take (CK1). */
const SNAPSHOT_SHARE = 0.5

/** So many bytes of snapshots may be written however little the journal grew. */
const LEAST_BUDGET_BYTES = 4 << 20

/** On close each snapshot may cost so many bytes of its shard, all together no more than some seconds of writing. */
const CLOSING_BYTES_EACH = 16 << 10
const CLOSING_BUDGET_BYTES = 64 << 20

/**
 * In the background compaction begins when more than this share of the journal is dead. It takes the segments of which
 * half that share is dead, so that it is not due again at once.
 */
const DEAD_SHARE = 0.5

/** What an owned store is made of. */
export interface OwnedStoreOptions {
  readonly options: JsonStoreOptions
  readonly watched: WatchedFiles
  readonly dir: string
  readonly storeId: string
  readonly ownership: Ownership
  readonly view: StoreView
  /** Where the journal goes on, as `repairJournal` says. */
  readonly start: { readonly tail: JournalTail; readonly isOpen: boolean }
}

/** The writing side of a store. */
export class OwnedStore {
  readonly #made: OwnedStoreOptions
  readonly #journal: Journal
  readonly #checkpoint: Checkpoint
  #serial: number
  #bytesSinceCheckpoint = 0
  #isCheckpointDue = false
  readonly #losses = new JournalLosses()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(made: OwnedStoreOptions) {
    const { options, dir, storeId, ownership, view, start } = made
    // The journal's own failures are judged by the journal.
    const files: FileSystem = options.files ?? diskFileSystem
    const { clock, unique } = options
    const { epoch, staging } = ownership
    const { index } = view.recovered.state
    const place = { folder: dir, epoch, staging }
    const host = options.writer ?? (options.files === undefined ? 'thread' : 'in-process')
    const segmentBytes = options.segmentBytes ?? SEGMENT_BYTES
    this.#made = made
    this.#serial = view.recovered.serial
    this.#checkpoint = new Checkpoint({ index, snapshots: view.snapshots, isBusy: this.#isBusy })
    view.window.begin(start.tail)
    this.#journal = new Journal({
      ...start,
      storeId,
      epoch,
      clock,
      segmentBytes,
      idleMarkMs: options.idleMarkMs ?? IDLE_MARK_MS,
      writer: host === 'thread' ? threadWriter(place) : inProcessWriter(files, place),
      ahead: new SegmentsAhead({
        files: stagedFiles(files, staging),
        folder: `${dir}/${JOURNAL_FOLDER}`,
        segmentBytes,
        unique,
      }),
      keep: (change) => view.window.copy(change),
      onWritten: this.#onWritten,
      onDurable: this.#onDurable,
      onLost: this.#onLost,
    })
  }

  /** The epoch of this owner. */
  get epoch(): number {
    return this.#made.ownership.epoch
  }

  /** Changes that are not acknowledged yet. */
  get pending(): number {
    return this.#journal.pending
  }

  /** Living sessions whose snapshot is behind. */
  get unsaved(): number {
    return this.#checkpoint.changed
  }

  /** The durable end of the journal. */
  end(): JournalTail {
    return this.#journal.durable
  }

  /** Makes one change durable. */
  append(change: Change, after: StoredState, entriesText?: string): Promise<void> {
    const { view } = this.#made
    const { sessionId, revision } = change
    const damage = view.damageOf(sessionId)
    if (damage !== undefined) return Promise.reject(damage)
    const session = view.recent.use(sessionId)
    if (revision !== session.revision + 1 && !this.#journal.isFailed) {
      // Decided before its maker heard that what it builds upon found no room: neither does it.
      if (this.#losses.takes(sessionId, revision)) return Promise.reject(fullError(change))
      const reason = `revision ${revision} of session ${sessionId} came after ${session.revision}`
      return Promise.reject(sessionError('INVARIANT_BROKEN', { rule: 'C2', reason }))
    }
    return this.#journal.append(change, after, session, entriesText)
  }

  /** Writes snapshots within the budget, then the index. */
  checkpoint(): Promise<void> {
    return this.#inTurn(() => this.#writeCheckpoint())
  }

  /** Gives back the room of dead lines; resolves with the bytes freed. */
  compact(): Promise<number> {
    return this.#inTurn(() =>
      this.#replacing('compact', async () => {
        await this.#journal.rotate()
        return compactSegments(this.#compactionHost(this.#pacedFiles()), { deadShare: 0 })
      }),
    )
  }

  /** Removes every trace of deleted sessions. */
  erase(sessionIds: readonly string[]): Promise<void> {
    const { view } = this.#made
    const { index } = view.recovered.state
    return this.#inTurn(async () => {
      const living = sessionIds.find((id) => index.has(id) && !index.isDeleted(id))
      if (living !== undefined) {
        const reason = `session ${living} is to be erased and was not deleted`
        throw sessionError('INVARIANT_BROKEN', { rule: 'CO5', reason })
      }
      await this.#replacing('erase', () => eraseSessions(this.#compactionHost(), sessionIds))
      view.recent.drop(sessionIds)
      view.history.forget(sessionIds)
      this.#checkpoint.drop(sessionIds)
    })
  }

  /** Writes what is pending, a last checkpoint, and lets the store go. */
  async close(): Promise<void> {
    await this.#turn
    try {
      await this.#journal.close()
      if (!this.#journal.isFailed) await this.#writeLastCheckpoint()
    } finally {
      await this.#made.ownership.release()
    }
  }

  /** Without it the next open reads more and loses nothing, so a full disk does not fail a close (OS2). */
  async #writeLastCheckpoint(): Promise<void> {
    try {
      await this.#requireOurs()
      const forEach = Math.min(this.#checkpoint.changed * CLOSING_BYTES_EACH, CLOSING_BUDGET_BYTES)
      await this.#checkpoint.write(Math.max(this.#budget(), forEach))
      await this.#writeIndex(true)
    } catch (error) {
      this.#warn(error, 'the last checkpoint failed')
    }
  }

  #warn(error: unknown, message: string): void {
    const { dir, options } = this.#made
    options.logger?.warn({ place: dir, reason: String(error) }, message)
  }

  readonly #onWritten = (end: JournalTail): void => {
    const facts = this.#made.view.recovered.state.table.of(end.segment)
    facts.bytes = end.offset
    facts.ordinal = end.ordinal
    facts.epoch = this.epoch
  }

  readonly #onDurable = (append: Append): void => {
    const { change, after, session } = append
    const { recovered, window } = this.#made.view
    const { index } = recovered.state
    const isDeleted = change.tombstone === true
    index.set(change.sessionId, append, change.revision, isDeleted ? 'deleted' : after.summary)
    window.add(append, append.kept)
    session.state = isDeleted ? undefined : after
    this.#checkpoint.touch(change.sessionId, session)
    this.#bytesSinceCheckpoint += append.bytes
    if (this.#bytesSinceCheckpoint >= (this.#made.options.checkpointBytes ?? CHECKPOINT_BYTES))
      this.#checkpointSoon()
  }

  readonly #onLost = (session: RecentSession): void => {
    this.#losses.note(session.sessionId, session.revision)
    this.#made.view.recent.forget(session)
  }

  #checkpointSoon(): void {
    if (this.#isCheckpointDue) return
    this.#isCheckpointDue = true
    void this.#inTurn(async () => {
      await this.#writeCheckpoint()
      await this.#compactIfWorthwhile()
    }).catch((error: unknown) => this.#warn(error, 'a checkpoint in the background failed'))
  }

  async #writeCheckpoint(): Promise<void> {
    const budget = this.#budget()
    this.#bytesSinceCheckpoint = 0
    this.#isCheckpointDue = false
    this.#refuseWhenFailed('checkpoint')
    await this.#requireOurs()
    await this.#checkpoint.write(budget)
    await this.#writeIndex(false)
  }

  #budget(): number {
    return Math.max(LEAST_BUDGET_BYTES, this.#bytesSinceCheckpoint * SNAPSHOT_SHARE)
  }

  async #compactIfWorthwhile(): Promise<void> {
    const { index, table } = this.#made.view.recovered.state
    if (index.deadBytes <= table.bytes() * DEAD_SHARE) return
    const rules = { deadShare: DEAD_SHARE / 2 }
    await this.#replacing('compact', () => compactSegments(this.#compactionHost(this.#pacedFiles()), rules))
  }

  async #writeIndex(clean: boolean): Promise<void> {
    const { dir, storeId, options, view, watched } = this.#made
    const { state } = view.recovered
    if (!clean) this.#refuseWhenFailed('checkpoint')
    await this.#requireOurs()
    this.#serial += 1
    const name = indexFileName(this.epoch, this.#serial)
    const header = { storeId, epoch: this.epoch, end: this.#journal.end, clean, extra: extraOf(state) }
    await writeIndexFile(watched.files, dir, name, state.index, header, options.unique())
  }

  /** An owner that lost the store knows an end of the journal that is none any more (OS4). @throws STORE_FENCED */
  async #requireOurs(): Promise<void> {
    const { epoch } = this
    if (!(await this.#made.ownership.isOurs()))
      throw sessionError('STORE_FENCED', { epoch, newer: epoch + 1 })
  }

  #refuseWhenFailed(operation: string): void {
    if (!this.#journal.isFailed) return
    throw sessionError('STORE_FAILED', { operation, reason: 'an earlier write failed' })
  }

  /** Whether appends want the loop. */
  readonly #isBusy = (): boolean => this.#journal.pending > 0

  /** An erasure is waited for; a compaction can wait. */
  #pacedFiles(): FileSystem {
    return pacedFiles(this.#made.watched.files, this.#isBusy)
  }

  #compactionHost(files: FileSystem = this.#made.watched.files): CompactionHost {
    const { dir, options, ownership, view } = this.#made
    const { index, table } = view.recovered.state
    return {
      files,
      folder: dir,
      journalFolder: `${dir}/${JOURNAL_FOLDER}`,
      staging: ownership.staging,
      index,
      snapshots: view.snapshots,
      unique: options.unique,
      epoch: this.epoch,
      sealed: () => {
        const open = this.#journal.end.segment
        return Promise.resolve(table.list().flatMap(({ segment }) => (segment < open ? [segment] : [])))
      },
      rotate: () => this.#journal.rotate(),
      writeIndex: () => this.#writeIndex(false),
      replaced: (segment, bytes) => {
        view.reader.forget(segment)
        view.feed.forget()
        view.window.forget(segment)
        const facts = table.of(segment)
        facts.isCompacted = true
        facts.bytes = bytes
      },
      isOurs: () => ownership.isOurs(),
    }
  }

  /** Runs what replaces files of the journal; when that leaves the disk in doubt, nothing is written any more (OS3). */
  async #replacing<T>(operation: string, task: () => Promise<T>): Promise<T> {
    const { watched } = this.#made
    this.#refuseWhenFailed(operation)
    watched.takeDoubt()
    try {
      return await task()
    } catch (error) {
      const doubt = watched.takeDoubt()
      if (errnoOf(error) === 'ENOENT') await this.#requireOurs()
      if (doubt !== undefined) {
        this.#journal.stop(operation, doubt)
        throw sessionError('STORE_FAILED', { operation, reason: doubt }, error)
      }
      throw isNoRoom(error) ? sessionError('STORE_FULL', { operation }, error) : error
    }
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(task).catch((error: unknown) => this.#explain(error))
    this.#turn = result.catch(() => undefined)
    return result
  }

  /** Whoever took the store removed what this owner had not finished. @throws STORE_FENCED, or the error itself */
  async #explain(error: unknown): Promise<never> {
    if (errnoOf(error) === 'ENOENT') await this.#requireOurs()
    throw error
  }
}
