/**
 * The JSON store: a folder of plain files, the embedded default. This file composes the parts; each rule lives in its part.
 *   M1  One owner at a time (owner.ts); a reader takes no lock and writes nothing.
 *   M2  The journal is the truth (journal.ts); index and snapshots are a checkpoint (checkpoint.ts) and may be deleted.
 *   M3  Checkpoints, compaction and erasure run one after the other, never two at once.
 */
import { dirname, resolve } from 'node:path'
import { isSessionError, sessionError } from '../../errors.ts'
import type { Change, StoredState } from '../change.ts'
import type { FileSystem } from '../file-system.ts'
import { diskFileSystem } from '../file-system.ts'
import type { ChangeRange, Head, PlacedChange, SessionStore, StoreCapabilities, StoreStats } from '../store.ts'
import { Checkpoint } from './checkpoint.ts'
import type { CompactionHost } from './compaction.ts'
import { compactSegments, eraseSessions } from './compaction.ts'
import { Feed } from './feed.ts'
import { History } from './history.ts'
import { indexFileName, writeIndexFile } from './index-file.ts'
import type { Append, JournalTail, StoreClock } from './journal.ts'
import { Journal } from './journal.ts'
import type { JournalState } from './journal-scan.ts'
import { scanJournal } from './journal-scan.ts'
import { inProcessWriter } from './in-process-writer.ts'
import type { Ownership } from './owner.ts'
import { takeOwnership } from './owner.ts'
import type { Processes } from './processes.ts'
import { cursorOf } from './position.ts'
import { SegmentReader } from './reader.ts'
import { RecentSessions } from './recent-sessions.ts'
import type { Recovered } from './recover.ts'
import { extraOf, listSegments, readJournal, repairJournal } from './recover.ts'
import { JOURNAL_FOLDER, readHeader, segmentName } from './segment.ts'
import { SegmentsAhead } from './segments-ahead.ts'
import { Snapshots } from './snapshots.ts'
import { checkFolder, readStoreFile, STORE_FORMAT, writeStoreFile } from './store-file.ts'
import { threadWriter } from './thread-writer.ts'

export type { StoreClock } from './journal.ts'

/** Where the store tells what it did on its own. */
export interface StoreLogger {
  info(details: object, message: string): void
  warn(details: object, message: string): void
}

/** How to open a JSON store. */
export interface JsonStoreOptions {
  /** The folder of the store; made when it is absent. */
  readonly dir: string
  /** The disk of the machine by default. */
  readonly files?: FileSystem
  /** Who writes: a thread of its own (default), or the process itself (default with other `files`). */
  readonly writer?: 'thread' | 'in-process'
  readonly clock: StoreClock
  /** A string nobody else ever makes. */
  readonly unique: () => string
  /** A segment takes no line that starts behind this; 16 MiB by default. */
  readonly segmentBytes?: number
  /** A checkpoint is written in the background after so many bytes of journal; 64 MiB by default. */
  readonly checkpointBytes?: number
  /** How long after the last acknowledgement a mark says that all is durable; 100 by default. */
  readonly idleMarkMs?: number
  /** Where owners learn about processes. */
  readonly processes?: Processes
  readonly logger?: StoreLogger
}

const SNAPSHOT_FOLDER = 'snapshots'
const MIB = 1 << 20
const MOST_RECENT = 2048
/** On close at least so many bytes of snapshots are written. */
const CLOSING_BUDGET_BYTES = 4 * MIB
/** In the background a segment is compacted when more than this share of it is dead. */
const DEAD_SHARE = 0.5

/** What an open store has, whoever opened it. */
interface Opened {
  readonly storeId: string
  readonly state: JournalState
  readonly recovered: Recovered
  readonly snapshots: Snapshots
  readonly reader: SegmentReader
  readonly history: History
  readonly feed: Feed
  readonly recent: RecentSessions
}

/** What only an owner has. */
interface Owned {
  readonly ownership: Ownership
  readonly journal: Journal
  readonly checkpoint: Checkpoint
}

/** Sessions in a folder of plain files. */
export class JsonStore implements SessionStore {
  readonly capabilities: StoreCapabilities = { durable: true, readWhileOwned: true }
  readonly #options: JsonStoreOptions
  readonly #files: FileSystem
  readonly #dir: string
  readonly #journalFolder: string
  #opened: Opened | undefined
  #owned: Owned | undefined
  /** A reader's end of what it believes. */
  #seen: JournalTail = { segment: 0, offset: 0, ordinal: 0 }
  #newest: { segment: number; ordinal: number } | undefined
  #serial = 0
  #bytesSinceCheckpoint = 0
  #isCheckpointDue = false
  #alone: Promise<unknown> = Promise.resolve()
  #refreshing: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(options: JsonStoreOptions) {
    this.#options = options
    this.#files = options.files ?? diskFileSystem
    this.#dir = resolve(options.dir)
    this.#journalFolder = `${this.#dir}/${JOURNAL_FOLDER}`
  }

  async open({ readOnly }: { readonly readOnly: boolean }): Promise<void> {
    const files = this.#files
    for (const folder of [this.#dir, this.#journalFolder, `${this.#dir}/${SNAPSHOT_FOLDER}`]) {
      await checkFolder(files, folder, readOnly)
    }
    const document = await readStoreFile(files, this.#dir)
    if (!readOnly) return this.#openOwned()
    if (document === undefined) throw sessionError('STORE_NOT_FOUND', { place: this.#dir })
    this.#compose(document.storeId, await readJournal(files, this.#dir, document.storeId, true))
  }

  append(change: Change, after: StoredState): Promise<void> {
    const opened = this.#opened
    if (opened === undefined || this.#closing !== undefined) return Promise.reject(closed('append'))
    if (this.#owned === undefined) return Promise.reject(sessionError('READ_ONLY', { command: 'append' }))
    const { sessionId, revision } = change
    const damage = this.#damageOf(opened, sessionId)
    if (damage !== undefined) return Promise.reject(damage)
    const session = opened.recent.use(sessionId)
    if (revision !== session.revision + 1) {
      const reason = `revision ${revision} of session ${sessionId} came after ${session.revision}`
      return Promise.reject(sessionError('INVARIANT_BROKEN', { rule: 'C2', reason }))
    }
    return this.#owned.journal.append(change, after, session)
  }

  head(sessionId: string): Head | undefined {
    return this.#opened?.state.index.head(sessionId)
  }

  lastRevision(sessionId: string): number {
    return this.#opened?.state.index.lastRevision(sessionId) ?? 0
  }

  heads(): Iterable<Head> {
    return this.#opened?.state.index.heads() ?? []
  }

  async state(sessionId: string): Promise<StoredState | undefined> {
    const opened = await this.#forReading('state')
    const { index } = opened.state
    const recent = opened.recent.state(sessionId, index.lastRevision(sessionId))
    if (recent !== undefined) return recent
    const damage = this.#damageOf(opened, sessionId)
    if (damage !== undefined) throw damage
    const state = await opened.history.state(sessionId)
    if (state !== undefined) opened.recent.keep(state)
    return state
  }

  async changes(sessionId: string, range: ChangeRange): Promise<readonly Change[]> {
    const opened = await this.#forReading('changes')
    const damage = this.#damageOf(opened, sessionId)
    if (damage !== undefined) throw damage
    return opened.history.changes(sessionId, range)
  }

  async feed(after: string | undefined, limit: number): Promise<readonly PlacedChange[]> {
    return (await this.#forReading('feed')).feed.next(after, limit)
  }

  newest(): string | undefined {
    return this.#newest === undefined ? undefined : cursorOf(this.#newest)
  }

  async erase(sessionIds: readonly string[]): Promise<void> {
    const { opened, owned } = this.#forWriting('erase')
    const { index } = opened.state
    const living = sessionIds.find((id) => index.has(id) && !index.isDeleted(id))
    if (living !== undefined) {
      const reason = `session ${living} is to be erased and was not deleted`
      throw sessionError('INVARIANT_BROKEN', { rule: 'CO5', reason })
    }
    await this.#inTurn(async () => {
      await eraseSessions(this.#compactionHost(opened, owned), sessionIds)
      opened.recent.drop(sessionIds)
      opened.history.forget(sessionIds)
      owned.checkpoint.drop(sessionIds)
    })
  }

  async checkpoint(): Promise<void> {
    const { opened, owned } = this.#forWriting('checkpoint')
    await this.#inTurn(() => this.#writeCheckpoint(opened, owned))
  }

  async compact(): Promise<number> {
    const { opened, owned } = this.#forWriting('compact')
    return this.#inTurn(async () => {
      await owned.journal.rotate()
      return compactSegments(this.#compactionHost(opened, owned), { deadShare: 0 })
    })
  }

  stats(): StoreStats {
    const opened = this.#opened
    const tail = this.#end()
    const segments = opened?.state.table.list() ?? []
    const isNew = tail.offset > 0 && segments.every((facts) => facts.segment !== tail.segment)
    const sealed = segments.reduce((sum, facts) => sum + (facts.segment === tail.segment ? 0 : facts.bytes), 0)
    return {
      kind: 'json',
      place: this.#dir,
      sessions: opened?.state.index.size ?? 0,
      pendingChanges: this.#owned?.journal.pending ?? 0,
      journalBytes: sealed + tail.offset,
      deadBytes: opened?.state.index.deadBytes ?? 0,
      segments: segments.length + (isNew ? 1 : 0),
      snapshotSessions: Math.max(0, (opened?.state.index.size ?? 0) - (this.#owned?.checkpoint.changed ?? 0)),
      epoch: this.#owned?.ownership.epoch ?? 0,
      damage: [...(opened?.state.damage.list() ?? []), ...(opened?.snapshots.damage() ?? [])],
      tornTail: opened?.recovered.tornTail ?? null,
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #openOwned(): Promise<void> {
    const files = this.#files
    const { unique, clock, processes } = this.#options
    const dir = this.#dir
    await files.makeFolder(this.#journalFolder)
    const ownership = await takeOwnership(files, dir, {
      token: unique(),
      ...(processes === undefined ? {} : { processes }),
    })
    try {
      let document = await readStoreFile(files, dir)
      if (document === undefined) {
        document = { format: STORE_FORMAT, storeId: await this.#storeIdOfJournal(), createdAt: clock.now() }
        await writeStoreFile(files, dir, document, unique())
        await files.syncFolder(dirname(dir))
      }
      const { storeId } = document
      const { epoch, isOurs } = ownership
      const recovered = await readJournal(files, dir, storeId, false)
      const start = await repairJournal(recovered, { files, folder: dir, unique, isOurs, epoch })
      const opened = this.#compose(storeId, recovered)
      const { index } = recovered.state
      const checkpoint = new Checkpoint({ index, snapshots: opened.snapshots, state: (id) => this.#ownState(id) })
      const journal = this.#makeJournal(opened, checkpoint, epoch, start)
      this.#owned = { ownership, journal, checkpoint }
    } catch (error) {
      await ownership.release().catch(() => undefined)
      throw error
    }
  }

  #makeJournal(
    { storeId, recent }: Opened,
    checkpoint: Checkpoint,
    epoch: number,
    start: { tail: JournalTail; isOpen: boolean },
  ): Journal {
    const { files, unique, clock } = this.#options
    const place = { folder: this.#dir, epoch }
    const host = this.#options.writer ?? (files === undefined ? 'thread' : 'in-process')
    const segmentBytes = this.#options.segmentBytes ?? 16 * MIB
    return new Journal({
      ...start,
      storeId,
      epoch,
      clock,
      segmentBytes,
      writer: host === 'thread' ? threadWriter(place) : inProcessWriter(this.#files, place),
      ahead: new SegmentsAhead({ files: this.#files, folder: this.#journalFolder, segmentBytes, unique }),
      idleMarkMs: this.#options.idleMarkMs ?? 100,
      onDurable: (append) => this.#onDurable(append, checkpoint),
      onLost: (session) => recent.forget(session),
    })
  }

  #compose(storeId: string, recovered: Recovered): Opened {
    const files = this.#files
    const { state, end, serial } = recovered
    const { unique } = this.#options
    const reader = new SegmentReader(files, this.#journalFolder)
    const snapshots = new Snapshots({ files, folder: `${this.#dir}/${SNAPSHOT_FOLDER}`, unique })
    const { index, table } = state
    this.#seen = end
    this.#serial = serial
    this.#noteNewest(end)
    const feed = new Feed({
      reader,
      index,
      end: () => this.#end(),
      segments: () => {
        const known = table.list().map((facts) => facts.segment)
        const last = this.#end().segment
        return known.includes(last) ? known : [...known, last]
      },
    })
    const history = new History(reader, index, snapshots)
    const recent = new RecentSessions(index, MOST_RECENT)
    this.#opened = { storeId, state, recovered, snapshots, reader, history, feed, recent }
    return this.#opened
  }

  /** A store whose description was lost keeps the identity its journal names. */
  async #storeIdOfJournal(): Promise<string> {
    const [first] = await listSegments(this.#files, this.#journalFolder)
    const header =
      first === undefined ? undefined : await readHeader(this.#files, `${this.#journalFolder}/${segmentName(first)}`)
    return header?.storeId ?? this.#options.unique()
  }

  #onDurable(append: Append, checkpoint: Checkpoint): void {
    const { change, after, session } = append
    const { state } = this.#opened as Opened
    const isDeleted = change.tombstone === true
    state.index.set(change.sessionId, append, change.revision, isDeleted ? 'deleted' : after.summary)
    session.state = isDeleted ? undefined : after
    checkpoint.touch(change.sessionId)
    const last = this.#newest
    if (last?.segment !== append.segment) this.#noteSegment(state, append)
    this.#newest = append
    this.#bytesSinceCheckpoint += append.bytes
    if (this.#bytesSinceCheckpoint >= (this.#options.checkpointBytes ?? 64 * MIB)) this.#checkpointSoon()
  }
}
