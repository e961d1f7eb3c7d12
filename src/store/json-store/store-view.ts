/**
 * What can be read of an open store, whoever opened it: states, histories, the feed, the damage.
 *   VI1  A damaged session is refused with its place; the others answer (S4).
 *   VI2  What a caller is given is its own; the state kept at hand is never handed out.
 *   VI3  A session that is deleted while it is read is gone for that reader too, and not damaged.
 */
import type { SessionError } from '../../errors.ts'
import { isSessionError, sessionError } from '../../errors.ts'
import { getOwn, jsonCopy } from '../../json.ts'
import type { Change, StoredState } from '../change.ts'
import type { FileSystem } from '../file-system.ts'
import type { ChangeRange, Damage, StateVisitor } from '../store.ts'
import { Feed } from './feed.ts'
import { FeedWindow } from './feed-window.ts'
import { History } from './history.ts'
import type { JournalTail } from './journal-batch.ts'
import { SegmentReader } from './reader.ts'
import { RecentSessions } from './recent-sessions.ts'
import type { Recovered } from './recover.ts'
import { JOURNAL_FOLDER } from './segment.ts'
import { SNAPSHOT_FOLDER, Snapshots } from './snapshots.ts'

/** Sessions kept at hand with their newest state. */
const MOST_RECENT = 2048

/** Sessions read at once when many are visited: enough to keep a disk busy, few enough to hold. */
const VISITED_AT_ONCE = 64

/** How to make a view. */
export interface StoreViewOptions {
  readonly files: FileSystem
  readonly dir: string
  readonly unique: () => string
  readonly recovered: Recovered
  /** The end of what may be shown. */
  readonly end: () => JournalTail
}

/** The readable side of an open store. */
export class StoreView {
  readonly recovered: Recovered
  readonly snapshots: Snapshots
  readonly reader: SegmentReader
  readonly history: History
  readonly feed: Feed
  readonly window = new FeedWindow()
  readonly recent: RecentSessions

  constructor({ files, dir, unique, recovered, end }: StoreViewOptions) {
    const { index, table } = recovered.state
    this.recovered = recovered
    this.snapshots = new Snapshots({ files, folder: `${dir}/${SNAPSHOT_FOLDER}`, unique })
    this.reader = new SegmentReader(files, `${dir}/${JOURNAL_FOLDER}`, end)
    this.history = new History(this.reader, index, this.snapshots)
    this.recent = new RecentSessions(index, MOST_RECENT)
    this.feed = new Feed({
      reader: this.reader,
      index,
      window: this.window,
      end,
      segments: () => table.list().map((facts) => facts.segment),
    })
  }

  /** The newest durable state of a living session, for the caller to keep (VI2). @throws STORE_CORRUPT */
  async state(sessionId: string): Promise<StoredState | undefined> {
    const state = await this.#newest(sessionId, false)
    if (state === undefined) return undefined
    this.recent.keep(state)
    return jsonCopy(state)
  }

  /** Shows the newest durable states of sessions that belong to one shard; those at hand stay, others are let go. */
  async visit(shard: number, sessionIds: readonly string[], visitor: StateVisitor): Promise<void> {
    const { index } = this.recovered.state
    const snapshots = await this.snapshots.all(shard)
    const others: string[] = []
    for (const sessionId of sessionIds) {
      const state =
        this.recent.state(sessionId, index.lastRevision(sessionId)) ??
        this.history.stateAt(sessionId, getOwn(snapshots, sessionId))
      if (state === undefined || this.damageOf(sessionId) !== undefined) others.push(sessionId)
      else visitor.state(state)
    }
    for (let start = 0; start < others.length; start += VISITED_AT_ONCE) {
      const some = others.slice(start, start + VISITED_AT_ONCE)
      await Promise.all(some.map((sessionId) => this.#visitOne(sessionId, visitor)))
    }
  }

  /** A session that its shard alone does not tell of. */
  async #visitOne(sessionId: string, visitor: StateVisitor): Promise<void> {
    let state: StoredState | undefined
    try {
      state = await this.#newest(sessionId, true)
    } catch (error) {
      visitor.fault(sessionId, error)
      return
    }
    if (state !== undefined) visitor.state(state)
  }

  async #newest(sessionId: string, isOneOfMany: boolean): Promise<StoredState | undefined> {
    const { index } = this.recovered.state
    const recent = this.recent.state(sessionId, index.lastRevision(sessionId))
    if (recent !== undefined) return recent
    this.#refuseDamaged(sessionId)
    return this.#unlessDeleted(sessionId, this.history.state(sessionId, isOneOfMany))
  }

  /** A page of a living session's history. @throws STORE_CORRUPT */
  async changes(sessionId: string, range: ChangeRange): Promise<readonly Change[]> {
    this.#refuseDamaged(sessionId)
    return (await this.#unlessDeleted(sessionId, this.history.changes(sessionId, range))) ?? []
  }

  /** Why a session cannot be used; undefined when it can (VI1). */
  damageOf(sessionId: string): SessionError | undefined {
    const { damage } = this.recovered.state
    const place = damage.isEmpty ? undefined : damage.of(sessionId)
    if (place === undefined) return undefined
    const { file, byte, reason } = place
    return sessionError('STORE_CORRUPT', { file, byte, reason, sessionId })
  }

  /** All damage known so far. */
  damage(): readonly Damage[] {
    return [...this.recovered.state.damage.list(), ...this.snapshots.damage()]
  }

  /** What a read gave; undefined when the session was deleted, and its lines compacted away, while they were read (VI3). */
  async #unlessDeleted<T>(sessionId: string, read: Promise<T>): Promise<T | undefined> {
    try {
      return await read
    } catch (error) {
      const isGone = this.recovered.state.index.head(sessionId) === undefined
      if (isGone && isSessionError(error, 'STORE_CORRUPT')) return undefined
      throw error
    }
  }

  #refuseDamaged(sessionId: string): void {
    const damage = this.damageOf(sessionId)
    if (damage !== undefined) throw damage
  }
}
