/**
 * The checkpoint: snapshots of the sessions that changed, shard by shard, then the index. Never the only copy.
 *   CK1  Shards with most changes are written first; none is begun once the shard bytes reach the budget.
 *   CK2  What found no room in the budget stays on the list for the next checkpoint.
 *   CK3  A snapshot is of a durable revision and names its line; a session that moves on meanwhile is left for later.
 *   CK4  Nothing is read back for a snapshot. The states of so many changed sessions are held; beyond them those held
 *        longest are let go, and have a snapshot again after their next change.
 *   CK5  The loop belongs to the appends: while there are any, one shard is begun in four turns of it, and more only when
 *        sessions would be let go.
 */
import type { StoredState } from '../change.ts'
import { Turns } from '../turns.ts'
import type { SessionIndex } from './session-index.ts'
import type { Snapshot, Snapshots } from './snapshots.ts'
import { shardOf, snapshotOf } from './snapshots.ts'

/** How many changed sessions are held: some 40 MB. */
const MOST_HELD = 16_384

/** Shards written at once: under load each step of a write waits for the turn of a busy loop. */
const LANES = 32

/** Turns of the loop behind each that begins a shard, which belong to others (CK5). */
const REST = 3
/** Shards in one turn, and in every one, where a quarter of those that may be held wait (CK5). */
const HURRIED = 4

/** A session with its newest durable state; undefined once it is deleted. */
export interface ChangedSession {
  readonly state: StoredState | undefined
}

/** What a checkpoint needs of the store. */
export interface CheckpointSource {
  readonly index: SessionIndex
  readonly snapshots: Snapshots
  /** How many changed sessions are held; 16,384 unless given. */
  readonly mostHeld?: number
  /** Whether appends want the loop (CK5); always unless given. */
  readonly isBusy?: () => boolean
}

/** Keeps the list of changed sessions and writes their snapshots. */
export class Checkpoint {
  readonly #source: CheckpointSource
  readonly #mostHeld: number
  readonly #turns: Turns
  /** By id, those held longest first. */
  #held = new Map<string, ChangedSession>()
  /** Those whose snapshots are being written. */
  #taken = new Map<string, ChangedSession>()
  /** Changed as well, and let go (CK4). */
  readonly #letGo = new Set<string>()

  constructor(source: CheckpointSource) {
    this.#source = source
    this.#mostHeld = source.mostHeld ?? MOST_HELD
    this.#turns = new Turns(source.isBusy)
  }

  /** Sessions changed since their last snapshot. */
  get changed(): number {
    return this.#held.size + this.#taken.size + this.#letGo.size
  }

  /** A session has a newer durable line; its `state` is looked at when the snapshot is written. */
  touch(sessionId: string, session: ChangedSession): void {
    this.#held.set(sessionId, session)
    if (this.#letGo.size > 0) this.#letGo.delete(sessionId)
    if (this.#held.size <= this.#mostHeld) return
    const longest = this.#held.keys().next().value as string
    this.#held.delete(longest)
    this.#letGo.add(longest)
  }

  /** Sessions that were erased need no snapshot. */
  drop(sessionIds: Iterable<string>): void {
    for (const sessionId of sessionIds) {
      this.#held.delete(sessionId)
      this.#taken.delete(sessionId)
      this.#letGo.delete(sessionId)
    }
  }

  /** Writes snapshots while they fit the budget (CK1); resolves with the bytes written. One at a time. */
  async write(budgetBytes: number): Promise<number> {
    // What changes meanwhile is for the next one, and does not push these out.
    const taken = this.#held
    this.#taken = taken
    this.#held = new Map()
    const shards = new Map<number, string[]>()
    for (const sessionId of taken.keys()) {
      const shard = shardOf(sessionId)
      const ids = shards.get(shard)
      if (ids === undefined) shards.set(shard, [sessionId])
      else ids.push(sessionId)
    }
    let written = 0
    try {
      const queue = [...shards].sort((a, b) => b[1].length - a[1].length).values()
      const lane = async (): Promise<void> => {
        for (const [shard, ids] of queue) {
          await this.#turn()
          if (written >= budgetBytes) return
          const bytes = await this.#writeShard(shard, ids)
          written += bytes
        }
      }
      await allSettledOrThrow(Array.from({ length: LANES }, lane))
      return written
    } finally {
      this.#taken = new Map()
      for (const [sessionId, session] of taken) if (!this.#held.has(sessionId)) this.touch(sessionId, session)
    }
  }

  #turn(): Promise<void> {
    const isHurried = this.#held.size > this.#mostHeld / 4
    this.#source.snapshots.atATurn = this.#turns.most = isHurried ? HURRIED : 1
    this.#turns.rest = isHurried ? 0 : REST
    return this.#turns.take()
  }

  async #writeShard(shard: number, sessionIds: readonly string[]): Promise<number> {
    const changes = new Map<string, Snapshot | undefined>()
    for (const sessionId of sessionIds) {
      const session = this.#taken.get(sessionId)
      const snapshot = session === undefined ? 'later' : this.#snapshot(sessionId, session)
      if (snapshot !== 'later') changes.set(sessionId, snapshot)
    }
    const written = await this.#source.snapshots.update(shard, changes)
    for (const sessionId of changes.keys()) this.#taken.delete(sessionId)
    return written
  }

  /** The snapshot of a session, undefined for a deleted one (CK3). */
  #snapshot(sessionId: string, { state }: ChangedSession): Snapshot | undefined | 'later' {
    const { index } = this.#source
    if (index.isDeleted(sessionId) || !index.has(sessionId)) return undefined
    const position = index.position(sessionId)
    if (state === undefined || position === undefined) return 'later'
    return index.lastRevision(sessionId) === state.revision ? snapshotOf(state, position) : 'later'
  }
}

/** Waits for all, whatever becomes of one, and only then fails with the first failure. */
async function allSettledOrThrow(work: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(work)
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
