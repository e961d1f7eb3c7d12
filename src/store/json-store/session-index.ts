/**
 * The index in memory: for every session that was ever used, where its newest line stands and what listings need.
 *   IX1  One session costs about 130 bytes: numbers and ids live in typed columns, names that repeat are kept once.
 *   IX2  A deleted session keeps its position and revision and nothing else; it has no head.
 *   IX3  A line is dead once a tombstone follows it; `isDead` knows each one and `deadBytes` how much room they take.
 *   IX4  A dropped session leaves no string behind in `columns()`, neither its id nor a name only it used.
 * The index knows no file; `index-file.ts` gives it one.
 */
import type { Summary } from '../change.ts'
import type { Head } from '../store.ts'
import { gathered, resized } from './columns.ts'
import { IdTable } from './id-table.ts'
import type { Place } from './position.ts'

/** Where a line stands: segment and ordinal name it for good; `offset` and `bytes` are hints that compaction may age. */
export interface Position {
  readonly segment: number
  /** 1, 2, 3 … within the segment; compaction leaves gaps, never renumbers. */
  readonly ordinal: number
  readonly offset: number
  /** Length of the line with its newline. */
  readonly bytes: number
}

/** A line that may be the next of its session, and the place of the line that it says is before it. */
export interface FollowingLine extends Position {
  readonly sessionId: string
  readonly revision: number
  readonly prevSegment: number
  readonly prevOrdinal: number
  readonly at: number
}

const U32 = [
  'segment',
  'ordinal',
  'offset',
  'bytes',
  'revision',
  'born',
  'status',
  'tenant',
  'user',
  'parent',
] as const
const F64 = ['createdAt', 'updatedAt', 'dueAt', 'history'] as const

type U32Name = (typeof U32)[number]
type F64Name = (typeof F64)[number]

/**
 * The index as plain arrays, one item per session; names are numbers into `names`, 0 for null. `born` is the revision of
 * the tombstone before the life of a session, 0 for its first; `history` is how many bytes the lines of that life take.
 */
export interface IndexColumns {
  readonly count: number
  /** All ids, one after the other. */
  readonly idBytes: Uint8Array
  readonly idLengths: Uint16Array
  readonly names: readonly string[]
  readonly deadBytes: number
  readonly u32: { readonly [name in U32Name]: Uint32Array }
  readonly f64: { readonly [name in F64Name]: Float64Array }
}

/** The u32 columns in the order in which a file holds them. */
export const U32_COLUMNS: readonly U32Name[] = U32

/** The f64 columns in the order in which a file holds them. */
export const F64_COLUMNS: readonly F64Name[] = F64

/** Stands in the status column for a deleted session; no name has this number. */
const DELETED = 0xffffffff

const FIRST_CAPACITY = 64

/** A head that is read from the columns, field by field, by whoever looks at it; the same object for one slot after the other. */
class Glance implements Head, Summary {
  readonly #id: (slot: number) => string
  readonly #name: (number: number) => string | null
  #slot = 0
  #u32!: Record<U32Name, Uint32Array>
  #f64!: Record<F64Name, Float64Array>

  constructor(id: (slot: number) => string, name: (number: number) => string | null) {
    this.#id = id
    this.#name = name
  }

  at(slot: number, u32: Record<U32Name, Uint32Array>, f64: Record<F64Name, Float64Array>): this {
    this.#slot = slot
    this.#u32 = u32
    this.#f64 = f64
    return this
  }

  get sessionId(): string {
    return this.#id(this.#slot)
  }
  get revision(): number {
    return this.#u32.revision[this.#slot] as number
  }
  get summary(): Summary {
    return this
  }
  get status(): string {
    return this.#name(this.#u32.status[this.#slot] as number) as string
  }
  get tenantId(): string | null {
    return this.#name(this.#u32.tenant[this.#slot] as number)
  }
  get userId(): string | null {
    return this.#name(this.#u32.user[this.#slot] as number)
  }
  get parentId(): string | null {
    return this.#name(this.#u32.parent[this.#slot] as number)
  }
  get createdAt(): number {
    return this.#f64.createdAt[this.#slot] as number
  }
  get updatedAt(): number {
    return this.#f64.updatedAt[this.#slot] as number
  }
  get dueAt(): number | null {
    const dueAt = this.#f64.dueAt[this.#slot] as number
    return Number.isNaN(dueAt) ? null : dueAt
  }
}

/** Every session's newest line and summary. Calls are synchronous and never touch a disk. */
export class SessionIndex {
  readonly #table: IdTable
  readonly #names: string[]
  readonly #numberOf: Map<string, number>
  #u32: Record<U32Name, Uint32Array>
  #f64: Record<F64Name, Float64Array>
  #capacity: number
  #living = 0
  #deadBytes = 0

  /**
   * An empty index, or the one that `columns()` described; the arrays are copied.
   *
   * @param secret - the identity of the store, which those who choose session ids do not know.
   */
  constructor(secret = '', from?: IndexColumns) {
    const count = from?.count ?? 0
    this.#capacity = Math.max(count, FIRST_CAPACITY)
    this.#table = new IdTable(secret, from?.idBytes, from?.idLengths)
    this.#numberOf = new Map()
    this.#names = ['']
    this.#deadBytes = from?.deadBytes ?? 0
    this.#u32 = resized(U32, from?.u32, (capacity) => new Uint32Array(capacity), this.#capacity)
    this.#f64 = resized(F64, from?.f64, (capacity) => new Float64Array(capacity), this.#capacity)
    for (const name of from?.names.slice(1) ?? []) this.#numberOf.set(name, this.#names.push(name) - 1)
    for (let slot = 0; slot < count; slot += 1) if (this.#u32.status[slot] !== DELETED) this.#living += 1
  }

  /** How many sessions are living. */
  get size(): number {
    return this.#living
  }

  /** How many sessions are known, deleted ones included. */
  get known(): number {
    return this.#table.size
  }

  /** Moves a session to its newest line. A `deleted` one keeps position and revision only (IX2). */
  set(sessionId: string, position: Position, revision: number, summary: Summary | 'deleted'): void {
    const known = this.#table.find(sessionId)
    const slot = known < 0 ? this.#table.add(sessionId) : known
    if (slot >= this.#capacity) this.#grow()
    const u32 = this.#u32
    const f64 = this.#f64
    const wasDeleted = known >= 0 && u32.status[slot] === DELETED
    if (known < 0) u32.born[slot] = f64.history[slot] = u32.segment[slot] = 0
    else if (!wasDeleted) this.#living -= 1
    if (wasDeleted && summary !== 'deleted') u32.born[slot] = u32.revision[slot] as number
    this.#place(slot, position, revision, summary === 'deleted')
    if (summary === 'deleted') {
      u32.status[slot] = DELETED
      u32.tenant[slot] = u32.user[slot] = u32.parent[slot] = 0
      f64.createdAt[slot] = f64.updatedAt[slot] = f64.dueAt[slot] = NaN
      return
    }
    this.#living += 1
    u32.status[slot] = this.#number(summary.status)
    u32.tenant[slot] = this.#number(summary.tenantId)
    u32.user[slot] = this.#number(summary.userId)
    u32.parent[slot] = this.#number(summary.parentId)
    f64.createdAt[slot] = summary.createdAt
    f64.updatedAt[slot] = summary.updatedAt
    f64.dueAt[slot] = summary.dueAt ?? NaN
  }

  /**
   * Moves a living session to the line right behind its newest one, when that is what this line is and of the summary only
   * `updatedAt` moves: what `set` would do, in one look. Otherwise false, and nothing was done.
   */
  follow(line: FollowingLine): boolean {
    const slot = this.#table.find(line.sessionId)
    if (slot < 0) return false
    const { status, revision, segment, ordinal } = this.#u32
    if (status[slot] === DELETED || line.revision !== (revision[slot] as number) + 1) return false
    if (line.prevSegment !== segment[slot] || line.prevOrdinal !== ordinal[slot]) return false
    this.#place(slot, line, line.revision, false)
    this.#f64.updatedAt[slot] = line.at
    return true
  }

  /** Whether a tombstone follows this line (IX3). Lines of unknown sessions are not known to be dead. */
  isDead(sessionId: string, revision: number): boolean {
    const slot = this.#table.find(sessionId)
    if (slot < 0) return false
    const { status, revision: newest, born } = this.#u32
    return revision < ((status[slot] === DELETED ? newest : born)[slot] as number)
  }

  /** Whether a line that is no tombstone is one of a living session's present life, and known here. */
  isShown(sessionId: string, revision: number): boolean {
    const slot = this.#table.find(sessionId)
    if (slot < 0) return false
    const { status, revision: newest, born } = this.#u32
    if (status[slot] === DELETED || revision < (born[slot] as number)) return false
    return revision <= (newest[slot] as number)
  }

  /** About how many bytes dead lines take (IX3). */
  get deadBytes(): number {
    return this.#deadBytes
  }

  /** Says how many bytes of dead lines are left, once somebody has looked. */
  countedDead(bytes: number): void {
    this.#deadBytes = bytes
  }

  /** Corrects where the newest line of a session stands, when it is still the line of that segment and ordinal. */
  move(sessionId: string, position: Position): void {
    const slot = this.#table.find(sessionId)
    if (slot < 0) return
    const u32 = this.#u32
    if (u32.segment[slot] !== position.segment || u32.ordinal[slot] !== position.ordinal) return
    u32.offset[slot] = position.offset
    u32.bytes[slot] = position.bytes
  }

  /** Whether the session is known and deleted. */
  isDeleted(sessionId: string): boolean {
    const slot = this.#table.find(sessionId)
    return slot >= 0 && this.#u32.status[slot] === DELETED
  }

  /** Whether the session is known, deleted or not. */
  has(sessionId: string): boolean {
    return this.#table.find(sessionId) >= 0
  }

  /** The head of a living session; undefined for unknown and deleted ones. */
  head(sessionId: string): Head | undefined {
    const slot = this.#table.find(sessionId)
    return slot < 0 || this.#u32.status[slot] === DELETED ? undefined : this.#head(sessionId, slot)
  }

  /** The newest revision, deleted sessions included; 0 for an unknown id. */
  lastRevision(sessionId: string): number {
    const slot = this.#table.find(sessionId)
    return slot < 0 ? 0 : (this.#u32.revision[slot] as number)
  }

  /** Where the newest line stands, deleted sessions included (their tombstone); undefined for an unknown id. */
  position(sessionId: string): Position | undefined {
    const slot = this.#table.find(sessionId)
    if (slot < 0) return undefined
    const u32 = this.#u32
    return {
      segment: u32.segment[slot] as number,
      ordinal: u32.ordinal[slot] as number,
      offset: u32.offset[slot] as number,
      bytes: u32.bytes[slot] as number,
    }
  }

  /** Whether the newest line of a living session is of this revision and stands there. */
  isAt(sessionId: string, revision: number, place: Place): boolean {
    const slot = this.#table.find(sessionId)
    if (slot < 0) return false
    const { status, revision: newest, segment, ordinal } = this.#u32
    if (status[slot] === DELETED || newest[slot] !== revision) return false
    return segment[slot] === place.segment && ordinal[slot] === place.ordinal
  }

  /** The heads of all living sessions, those known last first; with `accept` only those it accepts. */
  *heads(accept?: (head: Head) => boolean): Generator<Head> {
    const glance = new Glance(
      (slot) => this.#table.id(slot),
      (number) => this.#name(number),
    )
    const accepts = (slot: number): boolean =>
      accept === undefined || accept(glance.at(slot, this.#u32, this.#f64))
    for (let slot = this.#livingBefore(this.#table.end, accepts); slot >= 0;) {
      yield this.#head(this.#table.id(slot), slot)
      slot = this.#livingBefore(slot, accepts)
    }
  }

  /** The next living session below a slot that is accepted; -1 when there is none. A generator's own loop would be slow. */
  #livingBefore(end: number, accepts: (slot: number) => boolean): number {
    const { status } = this.#u32
    for (let slot = end - 1; slot >= 0; slot -= 1) {
      if (status[slot] !== DELETED && this.#table.isUsed(slot) && accepts(slot)) return slot
    }
    return -1
  }

  /** The heads of those that wait for an instant, in no order. */
  *dueHeads(): Generator<Head> {
    const { dueAt } = this.#f64
    for (let slot = 0; slot < dueAt.length; slot += 1) {
      if (Number.isNaN(dueAt[slot]) || !this.#table.isUsed(slot)) continue
      yield this.#head(this.#table.id(slot), slot)
    }
  }

  /** How long the life of a living session is so far, in changes; 0 for others. */
  lifeOf(sessionId: string): number {
    const slot = this.#table.find(sessionId)
    const { status, revision, born } = this.#u32
    return slot < 0 || status[slot] === DELETED ? 0 : (revision[slot] as number) - (born[slot] as number)
  }

  /** Every known id, deleted ones included. */
  *ids(): Generator<string> {
    for (const slot of this.#table.slots()) yield this.#table.id(slot)
  }

  /** Forgets sessions as if they had never been (IX4). */
  drop(sessionIds: Iterable<string>): void {
    for (const sessionId of sessionIds) {
      const slot = this.#table.remove(sessionId)
      if (slot >= 0 && this.#u32.status[slot] !== DELETED) this.#living -= 1
    }
  }

  /** A copy as plain arrays: known sessions without gaps, and only the names they use (IX4). */
  columns(): IndexColumns {
    const count = this.#table.size
    const order = Uint32Array.from(this.#table.slots())
    const u32 = gathered(U32, this.#u32, order, (size) => new Uint32Array(size))
    const f64 = gathered(F64, this.#f64, order, (size) => new Float64Array(size))
    const names = ['']
    const renumbered = new Uint32Array(this.#names.length)
    for (const column of [u32.status, u32.tenant, u32.user, u32.parent]) {
      for (let row = 0; row < count; row += 1) {
        const number = column[row] as number
        if (number === 0 || number === DELETED) continue
        if (renumbered[number] === 0) renumbered[number] = names.push(this.#names[number] as string) - 1
        column[row] = renumbered[number] as number
      }
    }
    const { bytes: idBytes, lengths: idLengths } = this.#table.pack()
    return { count, idBytes, idLengths, names, deadBytes: this.#deadBytes, u32, f64 }
  }

  /** Puts the newest line of a session where it stands. */
  #place(slot: number, position: Position, revision: number, deleted: boolean): void {
    this.#count(slot, position, deleted)
    const u32 = this.#u32
    u32.segment[slot] = position.segment
    u32.ordinal[slot] = position.ordinal
    u32.offset[slot] = position.offset
    u32.bytes[slot] = position.bytes
    u32.revision[slot] = revision
  }

  /** A tombstone turns the bytes of a life into dead ones; a line that was counted before is not counted again. */
  #count(slot: number, { segment, ordinal, bytes }: Position, deleted: boolean): void {
    const { segment: segments, ordinal: ordinals } = this.#u32
    const { history } = this.#f64
    const held = segments[slot] as number
    if (segment < held || (segment === held && ordinal <= (ordinals[slot] as number))) return
    if (deleted) {
      this.#deadBytes += history[slot] as number
      history[slot] = 0
    }
    history[slot] = (history[slot] as number) + bytes
  }

  #head(sessionId: string, slot: number): Head {
    const u32 = this.#u32
    const f64 = this.#f64
    const dueAt = f64.dueAt[slot] as number
    return {
      sessionId,
      revision: u32.revision[slot] as number,
      summary: {
        status: this.#names[u32.status[slot] as number] as string,
        tenantId: this.#name(u32.tenant[slot] as number),
        userId: this.#name(u32.user[slot] as number),
        parentId: this.#name(u32.parent[slot] as number),
        createdAt: f64.createdAt[slot] as number,
        updatedAt: f64.updatedAt[slot] as number,
        dueAt: Number.isNaN(dueAt) ? null : dueAt,
      },
    }
  }

  #name(number: number): string | null {
    return number === 0 ? null : (this.#names[number] as string)
  }

  #number(name: string | null): number {
    if (name === null) return 0
    const known = this.#numberOf.get(name)
    if (known !== undefined) return known
    const number = this.#names.push(name) - 1
    this.#numberOf.set(name, number)
    return number
  }

  #grow(): void {
    this.#capacity = Math.ceil(this.#capacity * 1.5)
    this.#u32 = resized(U32, this.#u32, (capacity) => new Uint32Array(capacity), this.#capacity)
    this.#f64 = resized(F64, this.#f64, (capacity) => new Float64Array(capacity), this.#capacity)
  }
}
