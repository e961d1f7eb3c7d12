/**
 * What a session was: its newest durable state and its changes, read by walking its chain of lines.
 *   HY1  A walk starts at the newest durable line and follows `prev`; every step must be the revision before.
 *   HY2  A life begins with a line that names none before it; what was before that is not shown.
 *   HY3  A snapshot is used only when its line lies on the chain.
 *   HY4  A line of a page is read once: those that the walk passed are not read again.
 *   HY5  A short life in a large store is read line by line, unless its shard is at hand, was asked for often lately, or
 *        it is one of many that are asked for together.
 */
import { sessionError } from '../../errors.ts'
import type { Change, StoredState } from '../change.ts'
import { fold } from '../change.ts'
import type { ChangeRange } from '../store.ts'
import type { ChangeLine } from './line.ts'
import type { SegmentReader } from './reader.ts'
import type { Position, SessionIndex } from './session-index.ts'
import type { Snapshot } from './snapshots.ts'
import { stateOf } from './snapshots.ts'

/** Where snapshots are found. */
export interface SnapshotSource {
  get(sessionId: string): Promise<Snapshot | undefined>
  /** Whether `get` costs little for this one, or is worth its price because others of its shard were asked for lately. */
  isNear(sessionId: string): boolean
}

/**
 * So many sessions of a store make reading a shard as dear as reading one line: a shard holds one of 256, at some 1.1 KB and
 * 14 ns a byte to read and parse; a line takes some 70 µs.
 */
const SESSIONS_PER_LINE = 1200

/** The known places of one session: item i belongs to revision `first + i`. */
interface KnownChain {
  readonly first: number
  readonly positions: readonly Position[]
  /** The place of the line before `first`; undefined when this life begins there. */
  readonly before: Position | undefined
}

interface Walk {
  /** Newest first. */
  readonly positions: Position[]
  /** Where the walk would go on; undefined at the beginning of a life. */
  readonly next: Position | undefined
}

/** Told of each line a walk passes. */
type Passing = (revision: number, line: ChangeLine) => void

/** Positions kept for all sessions together. */
const MOST_POSITIONS = 200_000
const DEFAULT_LIMIT = 256

/** Reads sessions back. */
export class History {
  readonly #reader: SegmentReader
  readonly #index: SessionIndex
  readonly #snapshots: SnapshotSource
  /** Newest use last. */
  readonly #chains = new Map<string, KnownChain>()
  #kept = 0

  constructor(reader: SegmentReader, index: SessionIndex, snapshots: SnapshotSource) {
    this.#reader = reader
    this.#index = index
    this.#snapshots = snapshots
  }

  /** The newest durable state of a living session. @throws STORE_CORRUPT */
  async state(sessionId: string): Promise<StoredState | undefined> {
    // Whoever makes a session looks for it first: there is no file to read for what is not there.
    if (this.#newest(sessionId) === undefined) return undefined
    return this.stateFrom(
      sessionId,
      this.#isShort(sessionId) ? undefined : await this.#snapshots.get(sessionId),
    )
  }

  /** The same, from a snapshot on when its line lies on the chain (HY3), otherwise from the beginning. @throws STORE_CORRUPT */
  async stateFrom(sessionId: string, snapshot: Snapshot | undefined): Promise<StoredState | undefined> {
    const newest = this.#newest(sessionId)
    if (newest === undefined) return undefined
    const [segment, ordinal] = snapshot?.position ?? [0, 0]
    const isSnapshotAt = (position: Position, revision: number): boolean =>
      snapshot?.revision === revision && position.segment === segment && position.ordinal === ordinal

    const changes: Change[] = []
    let base: StoredState | undefined
    let { position, revision } = newest
    for (;;) {
      if (snapshot !== undefined && isSnapshotAt(position, revision)) {
        base = stateOf(sessionId, snapshot)
        break
      }
      const line = await this.#step(position, revision, sessionId)
      if (line.change.tombstone === true) break
      changes.push(line.change)
      if (line.change.patch.whole === true || line.prev === undefined) break
      position = line.prev
      revision -= 1
    }
    return changes.reduceRight((state: StoredState | undefined, change) => fold(state, change), base)
  }

  /** Whether a snapshot is of the newest line of a living session, which is its state then (HY3). */
  isNewest(sessionId: string, { revision, position }: Pick<Snapshot, 'revision' | 'position'>): boolean {
    const [segment, ordinal] = position
    return this.#index.isAt(sessionId, revision, { segment, ordinal })
  }

  /** A page of a living session's changes. @throws STORE_CORRUPT */
  async changes(sessionId: string, range: ChangeRange): Promise<Change[]> {
    const newest = this.#newest(sessionId)
    if (newest === undefined) return []
    const limit = range.limit ?? DEFAULT_LIMIT
    const isDescending = range.order === 'desc'
    const to = Math.min(range.to ?? newest.revision, newest.revision)
    const from = Math.max(range.from ?? 1, 1)
    const least = isDescending ? Math.max(from, to - limit + 1) : from
    if (limit < 1 || least > to) return []
    const passed = new Map<number, ChangeLine>()
    const pass: Passing = (revision, line) => {
      if (revision >= least && revision <= to && revision < least + limit) passed.set(revision, line)
    }
    const chain = await this.#chain(sessionId, newest, least, pass)
    const first = Math.max(least, chain.first)
    const last = isDescending ? to : Math.min(to, first + limit - 1)
    const result: Change[] = []
    for (let revision = first; revision <= last; revision += 1) {
      const position = chain.positions[revision - chain.first] as Position
      const line = passed.get(revision) ?? (await this.#step(position, revision, sessionId))
      result.push(line.change)
    }
    return isDescending ? result.reverse() : result
  }

  /** Forgets the places of sessions. */
  forget(sessionIds: Iterable<string>): void {
    for (const sessionId of sessionIds) {
      this.#kept -= this.#chains.get(sessionId)?.positions.length ?? 0
      this.#chains.delete(sessionId)
    }
  }

  /** Whether reading the whole life is cheaper than reading its shard (HY5). */
  #isShort(sessionId: string): boolean {
    const life = this.#index.lifeOf(sessionId)
    return life * SESSIONS_PER_LINE < this.#index.size && !this.#snapshots.isNear(sessionId)
  }

  #newest(sessionId: string): { position: Position; revision: number } | undefined {
    if (this.#index.isDeleted(sessionId)) return undefined
    const position = this.#index.position(sessionId)
    return position === undefined ? undefined : { position, revision: this.#index.lastRevision(sessionId) }
  }

  /** One line of the walk (HY1). */
  async #step(position: Position, revision: number, sessionId: string): Promise<ChangeLine> {
    const line = await this.#reader.line(position, sessionId)
    if (line.change.revision === revision) return line
    const reason = `revision ${line.change.revision} stands where ${revision} belongs`
    const file = this.#reader.path(position.segment)
    throw sessionError('STORE_CORRUPT', { file, byte: position.offset, reason, sessionId })
  }

  /** The places from `least` (or the first revision of this life) to the newest; only unknown ones are walked. */
  async #chain(
    sessionId: string,
    newest: { position: Position; revision: number },
    least: number,
    pass: Passing,
  ): Promise<KnownChain> {
    const known = this.#chains.get(sessionId)
    const isKnown = (position: Position | undefined, revision: number): boolean => {
      if (known === undefined || revision !== known.first + known.positions.length - 1) return false
      const last = known.positions.at(-1)
      return last?.segment === position?.segment && last?.ordinal === position?.ordinal
    }
    const { position, revision } = newest
    const isEnd = (at: Position, r: number): boolean => r < least || isKnown(at, r)
    const top = await this.#walk(sessionId, position, revision, isEnd, pass)
    const first = revision - top.positions.length + 1
    let chain: KnownChain = { first, positions: top.positions.reverse(), before: top.next }
    if (known !== undefined && isKnown(top.next, first - 1)) {
      const positions =
        chain.positions.length === 0 ? known.positions : [...known.positions, ...chain.positions]
      chain = { first: known.first, positions, before: known.before }
    }
    if (chain.before !== undefined && chain.first > least) {
      const older = await this.#walk(sessionId, chain.before, chain.first - 1, (_, r) => r < least, pass)
      const positions = [...older.positions.reverse(), ...chain.positions]
      chain = { first: chain.first - older.positions.length, positions, before: older.next }
    }
    this.#remember(sessionId, chain)
    return chain
  }

  async #walk(
    sessionId: string,
    from: Position,
    newest: number,
    isEnd: (position: Position, revision: number) => boolean,
    pass: Passing,
  ): Promise<Walk> {
    const positions: Position[] = []
    let next: Position | undefined = from
    for (let revision = newest; next !== undefined && !isEnd(next, revision); revision -= 1) {
      const line: ChangeLine = await this.#step(next, revision, sessionId)
      if (line.change.tombstone === true) return { positions, next: undefined }
      positions.push(next)
      pass(revision, line)
      next = line.prev
    }
    return { positions, next }
  }

  #remember(sessionId: string, chain: KnownChain): void {
    this.forget([sessionId])
    this.#chains.set(sessionId, chain)
    this.#kept += chain.positions.length
    for (const oldest of this.#chains.keys()) {
      if (this.#kept <= MOST_POSITIONS || oldest === sessionId) break
      this.forget([oldest])
    }
  }
}
