/**
 * The JSON store: a folder of plain files, the embedded default. This file opens it and hands each call to its part.
 *   JT1  One owner at a time (owner.ts); a reader takes no lock and writes nothing.
 *   JT2  The journal is the truth (journal.ts); index and snapshots are a checkpoint and may be deleted.
 *   JT3  A reader looks for news before it reads (`#refresh`) and shows only what is durable; when its ground moved, the
 *       owner having taken back what did not fit, it starts over.
 */
import { dirname, resolve } from 'node:path'
import type { SessionError } from '../../errors.ts'
import { sessionError } from '../../errors.ts'
import type { Change, StoredState } from '../change.ts'
import type { FileSystem } from '../file-system.ts'
import { diskFileSystem, errnoOf } from '../file-system.ts'
import type {
  ChangeRange,
  Head,
  PlacedChange,
  SessionStore,
  StateVisitor,
  StoreCapabilities,
  StoreStats,
} from '../store.ts'
import type { JournalTail } from './journal-batch.ts'
import { scanJournal } from './journal-scan.ts'
import type { JsonStoreOptions } from './options.ts'
import { OwnedStore } from './owned-store.ts'
import { takeOwnership } from './owner.ts'
import { cursorOf } from './position.ts'
import type { Recovered } from './recover.ts'
import { highestEpoch, listSegments, readJournal, repairJournal } from './recover.ts'
import { isNewline } from './line.ts'
import { JOURNAL_FOLDER, readHeader, segmentName } from './segment.ts'
import { byShard, SNAPSHOT_FOLDER } from './snapshots.ts'
import { stagedFiles } from './staging.ts'
import { checkFolder, readStoreFile, STORE_FORMAT, syncWayTo, writeStoreFile } from './store-file.ts'
import { StoreView } from './store-view.ts'
import { watchFiles } from './watched-files.ts'

/** A JSON store in a folder, not opened yet: `open` takes it or looks into it. */
export function openJsonStore(options: JsonStoreOptions): JsonStore {
  return new JsonStore(options)
}

/** Sessions in a folder of plain files. */
export class JsonStore implements SessionStore {
  readonly capabilities: StoreCapabilities = { durable: true, readWhileOwned: true }
  readonly #options: JsonStoreOptions
  readonly #files: FileSystem
  readonly #dir: string
  readonly #journalFolder: string
  #view: StoreView | undefined
  #owned: OwnedStore | undefined
  /** How far a reader believes the journal. */
  #seen: JournalTail = { segment: 0, offset: 0, ordinal: 0 }
  /** The last look for news that was begun, and the one that begins behind it. */
  #lastLook: Promise<void> = Promise.resolve()
  #nextLook: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(options: JsonStoreOptions) {
    this.#options = options
    this.#files = options.files ?? diskFileSystem
    this.#dir = resolve(options.dir)
    this.#journalFolder = `${this.#dir}/${JOURNAL_FOLDER}`
  }

  async open({ readOnly }: { readonly readOnly: boolean }): Promise<void> {
    if (this.#closing !== undefined) throw sessionError('RUNTIME_CLOSED', { command: 'open' })
    const files = this.#files
    for (const folder of [this.#dir, this.#journalFolder, `${this.#dir}/${SNAPSHOT_FOLDER}`]) {
      await checkFolder(files, folder, readOnly)
    }
    const document = await readStoreFile(files, this.#dir)
    if (!readOnly) return this.#openOwned()
    if (document === undefined) throw sessionError('STORE_NOT_FOUND', { place: this.#dir })
    this.#show(await readJournal(files, this.#dir, document.storeId, true))
  }

  append(change: Change, after: StoredState, entriesText?: string): Promise<void> {
    if (this.#owned !== undefined && this.#closing === undefined) {
      return this.#owned.append(change, after, entriesText)
    }
    return Promise.reject(this.#refusal('append'))
  }

  async refresh(): Promise<void> {
    await this.#forReading('refresh')
  }

  head(sessionId: string): Head | undefined {
    return this.#view?.recovered.state.index.head(sessionId)
  }

  lastRevision(sessionId: string): number {
    return this.#view?.recovered.state.index.lastRevision(sessionId) ?? 0
  }

  heads(accept?: (head: Head) => boolean): Iterable<Head> {
    return this.#view?.recovered.state.index.heads(accept) ?? []
  }

  dueHeads(): Iterable<Head> {
    return this.#view?.recovered.state.index.dueHeads() ?? []
  }

  async state(sessionId: string): Promise<StoredState | undefined> {
    return (await this.#forReading('state')).state(sessionId)
  }

  async visit(
    sessionIds: Iterable<string>,
    visitor: StateVisitor,
    having: readonly string[] = [],
  ): Promise<void> {
    const shards = byShard(sessionIds).entries()
    const texts = having.map((text) => Buffer.from(JSON.stringify(text)))
    const walk = async (): Promise<void> => {
      for (const [shard, ids] of shards)
        await (await this.#forReading('state')).visit(shard, ids, visitor, texts)
    }
    // So that one shard is read while another is looked through.
    await Promise.all([walk(), walk()])
  }

  async changes(sessionId: string, range: ChangeRange): Promise<readonly Change[]> {
    return (await this.#forReading('changes')).changes(sessionId, range)
  }

  async feed(after: string | undefined, limit: number): Promise<readonly PlacedChange[]> {
    return (await this.#forReading('feed')).feed.next(after, limit)
  }

  newest(): string | undefined {
    const end = this.#end()
    if (end.ordinal > 0) return this.#view?.feed.cursorAt(end)
    const last = this.#view?.recovered.state.table.list().findLast((facts) => facts.ordinal > 0)
    return last === undefined ? undefined : cursorOf(last)
  }

  async erase(sessionIds: readonly string[]): Promise<void> {
    await this.#forWriting('erase').erase(sessionIds)
  }

  async checkpoint(): Promise<void> {
    await this.#forWriting('checkpoint').checkpoint()
  }

  async compact(): Promise<number> {
    return this.#forWriting('compact').compact()
  }

  stats(): StoreStats {
    const state = this.#view?.recovered.state
    const sessions = state?.index.size ?? 0
    return {
      kind: 'json',
      place: this.#dir,
      sessions,
      pendingChanges: this.#owned?.pending ?? 0,
      journalBytes: state?.table.bytes() ?? 0,
      deadBytes: state?.index.deadBytes ?? 0,
      segments: state?.table.size ?? 0,
      snapshotSessions: Math.max(0, sessions - (this.#owned?.unsaved ?? 0)),
      epoch: this.#owned?.epoch ?? Math.max(0, ...(state?.table.list().map((facts) => facts.epoch) ?? [])),
      damage: this.#view?.damage() ?? [],
      tornTail: this.#view?.recovered.tornTail ?? null,
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    try {
      await this.#owned?.close()
    } finally {
      await this.#view?.reader.close()
    }
  }

  async #openOwned(): Promise<void> {
    const dir = this.#dir
    const { unique, clock, processes } = this.#options
    await this.#files.makeFolder(this.#journalFolder)
    const token = unique()
    const ownership = await takeOwnership(this.#files, dir, {
      token,
      highestEpoch: () => highestEpoch(this.#files, dir),
      ...(processes === undefined ? {} : { processes }),
    })
    const watched = watchFiles(stagedFiles(this.#files, ownership.staging))
    const { files } = watched
    try {
      let document = await readStoreFile(files, dir)
      if (document === undefined) {
        document = { format: STORE_FORMAT, storeId: await this.#storeIdOfJournal(), createdAt: clock.now() }
        await writeStoreFile(files, dir, document, unique())
      }
      // Also when the folder was there: who made it may have died before this.
      await files.syncFolder(dirname(dir))
      const { storeId } = document
      const { epoch } = ownership
      const isOurs = (): Promise<boolean> => ownership.isOurs()
      const recovered = await readJournal(files, dir, storeId, false)
      // Whoever wrote an index had opened the store before, and that saw to the whole way.
      if (recovered.serial === 0) await syncWayTo(files, dirname(dir))
      const start = await repairJournal(recovered, {
        files,
        folder: dir,
        unique,
        isOurs,
        epoch,
        mustFence: !ownership.isFenced,
        now: () => clock.now(),
      })
      ownership.fenced()
      const view = this.#show(recovered, files)
      const options = this.#options
      this.#owned = new OwnedStore({ options, watched, dir, storeId, ownership, view, start })
    } catch (error) {
      const isLost = errnoOf(error) === 'ENOENT' && !(await ownership.isOurs())
      await ownership.release().catch(() => undefined)
      const { epoch } = ownership
      throw isLost ? sessionError('STORE_FENCED', { epoch, newer: epoch + 1 }, error) : error
    }
    this.#report()
  }

  /** A store whose description was lost keeps the identity its journal names. */
  async #storeIdOfJournal(): Promise<string> {
    const [first] = await listSegments(this.#files, this.#journalFolder)
    if (first === undefined) return this.#options.unique()
    const header = await readHeader(this.#files, `${this.#journalFolder}/${segmentName(first)}`)
    return header?.storeId ?? this.#options.unique()
  }

  #show(recovered: Recovered, files = this.#files): StoreView {
    this.#seen = recovered.end
    const view = new StoreView({
      files,
      dir: this.#dir,
      unique: this.#options.unique,
      recovered,
      end: () => this.#end(),
    })
    this.#view = view
    return view
  }

  #end(): JournalTail {
    return this.#owned?.end() ?? this.#seen
  }

  #report(): void {
    const { logger } = this.#options
    const { damage, tornTail } = this.stats()
    if (tornTail !== null) logger?.warn({ ...tornTail }, 'a torn end was cut')
    for (const { file, byte, bytes, reason } of damage)
      logger?.warn({ file, byte, bytes, reason }, 'damage was found')
  }

  #refusal(command: string): SessionError {
    if (this.#view === undefined || this.#closing !== undefined)
      return sessionError('RUNTIME_CLOSED', { command })
    return sessionError('READ_ONLY', { command })
  }

  #forWriting(command: string): OwnedStore {
    if (this.#owned === undefined || this.#closing !== undefined) throw this.#refusal(command)
    return this.#owned
  }

  async #forReading(command: string): Promise<StoreView> {
    const view = this.#view
    if (view === undefined || this.#closing !== undefined) throw sessionError('RUNTIME_CLOSED', { command })
    if (this.#owned !== undefined) return view
    await this.#refresh()
    return this.#view ?? view
  }

  /**
   * Takes in what the owner made durable since (JT3). A look that is under way may have passed what was acknowledged before
   * this call; the next one has not begun, so all who ask meanwhile share it.
   */
  #refresh(): Promise<void> {
    this.#nextLook ??= this.#lookBehind(this.#lastLook)
    return this.#nextLook
  }

  async #lookBehind(look: Promise<void>): Promise<void> {
    await look.catch(() => undefined)
    this.#nextLook = undefined
    if (this.#view === undefined) return
    this.#lastLook = this.#takeIn(this.#view)
    await this.#lastLook
  }

  async #takeIn(view: StoreView): Promise<void> {
    const files = this.#files
    const folder = this.#journalFolder
    const from = this.#seen
    if (await this.#isQuiet(from)) return
    const segments = await listSegments(files, folder)
    if (await this.#hasMoved(from)) {
      await view.reader.close()
      this.#show(await readJournal(files, this.#dir, view.recovered.storeId, true))
      return
    }
    const { end } = await scanJournal(view.recovered.state, {
      files,
      folder,
      segments,
      from,
      isFollower: true,
    })
    if (end.segment === from.segment && end.offset === from.offset) return
    // The owner may have put another file in the place of the one that is open here.
    view.reader.forget(from.segment)
    view.reader.forget(end.segment)
    this.#seen = end
  }

  /** Most looks find nothing: no next segment, and where this one goes on there is nothing, or what fills it ahead. */
  async #isQuiet({ segment, offset }: JournalTail): Promise<boolean> {
    const path = (of: number): string => `${this.#journalFolder}/${segmentName(of)}`
    const next = await this.#files.status(path(segment + 1))
    const status = await this.#files.status(path(segment))
    if (next !== undefined || (status?.bytes ?? 0) < offset) return false
    if (status === undefined || status.bytes === offset) return true
    const handle = await this.#files.open(path(segment), 'read')
    try {
      const byte = Buffer.alloc(1)
      return (await handle.read(byte, 0, 1, offset)) === 1 && isNewline(byte[0])
    } finally {
      await handle.close()
    }
  }

  async #hasMoved({ segment, offset }: JournalTail): Promise<boolean> {
    if (offset === 0) return false
    const path = `${this.#journalFolder}/${segmentName(segment)}`
    const status = await this.#files.status(path)
    if (status === undefined || status.bytes >= offset) return false
    return (await readHeader(this.#files, path))?.compacted !== true
  }
}
