/**
 * What can be read of an open store, whoever opened it: states, histories, the feed, the damage.
 *   VI1  A damaged session is refused with its place; the others answer (S4).
 *   VI2  What a caller is given is its own; the state kept at hand is never handed out.
 *   VI3  A session that is deleted while it is read is gone for that reader too, and not damaged.
 *   VI4  Of many, each is shown as its newest line says; only one whose snapshot is of that line may be left out unparsed.
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
import type { GlancedSnapshot } from './shard-scan.ts'
import type { Snapshot } from './snapshots.ts'
import { SNAPSHOT_FOLDER, Snapshots, stateOf } from './snapshots.ts'

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
    const state = await this.#newest(sessionId)
    if (state === undefined) return undefined
    this.recent.keep(state)
    return jsonCopy(state)
  }

  /** Shows the newest durable states of sessions of one shard, but for those that surely lack one of the texts. */
  async visit(
    shard: number,
    sessionIds: readonly string[],
    visitor: StateVisitor,
    texts: readonly Buffer[],
  ): Promise<void> {
    const { index } = this.recovered.state
    const find = await this.#finderOf(shard, texts)
    const others: (() => Promise<void>)[] = []
    for (const sessionId of sessionIds) {
      const recent = this.recent.state(sessionId, index.lastRevision(sessionId))
      const found = find(sessionId)
      if (recent !== undefined) visitor.state(recent)
      else if (
        found === undefined ||
        this.damageOf(sessionId) !== undefined ||
        !this.history.isNewest(sessionId, found)
      ) {
        others.push(() => this.#visitOne(sessionId, found?.parse(), visitor))
      } else if (found.hasAll) visitor.state(stateOf(sessionId, found.parse()))
    }
    for (let start = 0; start < others.length; start += VISITED_AT_ONCE) {
      await Promise.all(others.slice(start, start + VISITED_AT_ONCE).map((visit) => visit()))
    }
  }

  /** What finds the snapshots of a shard. */
  async #finderOf(
    shard: number,
    texts: readonly Buffer[],
  ): Promise<(sessionId: string) => GlancedSnapshot | undefined> {
    const glanced = await this.snapshots.glance(shard, texts)
    if (glanced !== undefined) return (sessionId) => glanced.get(sessionId)
    const all = await this.snapshots.all(shard)
    return (sessionId) => {
      const snapshot = getOwn(all, sessionId)
      if (snapshot === undefined) return undefined
      const { revision, position } = snapshot
      return { revision, position, hasAll: true, parse: () => snapshot }
    }
  }

  /** A session that its snapshot alone does not tell of. */
  async #visitOne(sessionId: string, snapshot: Snapshot | undefined, visitor: StateVisitor): Promise<void> {
    let state: StoredState | undefined
    try {
      this.#refuseDamaged(sessionId)
      state = await this.#unlessDeleted(sessionId, this.history.stateFrom(sessionId, snapshot))
    } catch (error) {
      visitor.fault(sessionId, error)
      return
    }
    if (state !== undefined) visitor.state(state)
  }

  async #newest(sessionId: string): Promise<StoredState | undefined> {
    const { index } = this.recovered.state
    const recent = this.recent.state(sessionId, index.lastRevision(sessionId))
    if (recent !== undefined) return recent
    this.#refuseDamaged(sessionId)
    return this.#unlessDeleted(sessionId, this.history.state(sessionId))
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
