/**
 * The checkpoint: snapshots of the sessions that changed, shard by shard, then the index. Never the only copy.
 *   CK1  Shard bytes stay within a budget of the journal bytes since the last checkpoint; shards with most changes first.
 *   CK2  What found no room in the budget stays on the list for the next checkpoint.
 *   CK3  A snapshot is of a durable revision and names its line; a session that moves on meanwhile is left for later.
 */
import type { StoredState } from '../change.ts'
import type { Position, SessionIndex } from './session-index.ts'
import type { Snapshot, Snapshots } from './snapshots.ts'
import { shardOf, snapshotOf } from './snapshots.ts'

/** Sessions whose states are read at once. */
const AT_ONCE = 16

/** What a checkpoint needs of the store. */
export interface CheckpointSource {
  readonly index: SessionIndex
  readonly snapshots: Snapshots
  /** The newest durable state. @throws STORE_CORRUPT */
  state(sessionId: string): Promise<StoredState | undefined>
}

/** Keeps the list of changed sessions and writes their snapshots. */
export class Checkpoint {
  readonly #source: CheckpointSource
  #changed = new Set<string>()

  constructor(source: CheckpointSource) {
    this.#source = source
  }

  /** Sessions changed since their last snapshot. */
  get changed(): number {
    return this.#changed.size
  }

  /** A session has a newer durable line. */
  touch(sessionId: string): void {
    this.#changed.add(sessionId)
  }

  /** Sessions that were erased need no snapshot. */
  drop(sessionIds: Iterable<string>): void {
    for (const sessionId of sessionIds) this.#changed.delete(sessionId)
  }

  /** Writes snapshots while they fit the budget (CK1); resolves with the bytes written. */
  async write(budgetBytes: number): Promise<number> {
    const shards = new Map<number, string[]>()
    for (const sessionId of this.#changed) {
      const shard = shardOf(sessionId)
      const ids = shards.get(shard)
      if (ids === undefined) shards.set(shard, [sessionId])
      else ids.push(sessionId)
    }
    let written = 0
    for (const [shard, ids] of [...shards].sort((a, b) => b[1].length - a[1].length)) {
      if (written >= budgetBytes) break
      written += await this.#writeShard(shard, ids)
    }
    return written
  }

  async #writeShard(shard: number, sessionIds: readonly string[]): Promise<number> {
    const changes = new Map<string, Snapshot | undefined>()
    for (let start = 0; start < sessionIds.length; start += AT_ONCE) {
      const some = sessionIds.slice(start, start + AT_ONCE)
      for (const sessionId of some) this.#changed.delete(sessionId)
      const snapshots = await Promise.all(some.map((sessionId) => this.#snapshot(sessionId)))
      for (const [index, sessionId] of some.entries()) {
        const snapshot = snapshots[index]
        if (snapshot !== 'later') changes.set(sessionId, snapshot)
      }
    }
    try {
      return await this.#source.snapshots.update(shard, changes)
    } catch (error) {
      for (const sessionId of sessionIds) this.#changed.add(sessionId)
      throw error
    }
  }

  /** The snapshot of a session, undefined for a deleted one (CK3). */
  async #snapshot(sessionId: string): Promise<Snapshot | undefined | 'later'> {
    const { index } = this.#source
    if (index.isDeleted(sessionId) || !index.has(sessionId)) return undefined
    try {
      const state = await this.#source.state(sessionId)
      const position: Position | undefined = index.position(sessionId)
      if (state !== undefined && position !== undefined && index.lastRevision(sessionId) === state.revision) {
        return snapshotOf(state, position)
      }
      this.#changed.add(sessionId)
      return 'later'
    } catch {
      // A damaged session has no snapshot; whoever reads it hears why.
      return 'later'
    }
  }
}
