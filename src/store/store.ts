/**
 * What a store must do. A store knows changes, never charts; the runtime decides, the store remembers.
 *   S1  `append` encodes at once and resolves once the change survives whatever the store's capabilities promise.
 *   S2  Appends resolve in the order they were made; after one failed, every later one fails too.
 *   S3  Readers see only what is durable.
 *   S4  Damage is confined to the sessions it touches and always reported with its place.
 * `sessionwright/testing` holds the contract suite that proves an adapter.
 */
import type { Change, StoredState, Summary } from './change.ts'

/** What an adapter promises, so that the contract suite and callers can tell adapters apart without names. */
export interface StoreCapabilities {
  /** An acknowledged change survives a killed process and a power cut. */
  readonly durable: boolean
  /** A second process may read while one owns the store. */
  readonly readWhileOwned: boolean
}

/** The newest durable point of a session. */
export interface Head {
  readonly sessionId: string
  readonly revision: number
  readonly summary: Summary
}

/** A change with its place in the store's order. */
export interface PlacedChange {
  readonly change: Change
  /** Opaque; survives compaction. */
  readonly cursor: string
}

/** A damaged place and what it touches. */
export interface Damage {
  readonly file: string
  readonly byte: number
  readonly bytes: number
  readonly reason: string
  /** The sessions that lost something there; empty when they could not be told from the bytes. */
  readonly sessionIds: readonly string[]
}

/** A torn end that was cut when the store was opened: bytes no acknowledgement ever covered. */
export interface TornTail {
  readonly file: string
  readonly byte: number
  readonly bytes: number
}

/** Who is shown the states of many sessions, one after the other. */
export interface StateVisitor {
  /** The state may be shared and must not be altered. */
  state(state: StoredState): void
  /** This session cannot be read, for instance because it is damaged (`STORE_CORRUPT`); the others go on. */
  fault(sessionId: string, error: unknown): void
}

/** How a store is, for `runtime.stats()` and `doctor`. */
export interface StoreStats {
  readonly kind: string
  readonly place: string
  readonly sessions: number
  readonly pendingChanges: number
  readonly journalBytes: number
  readonly deadBytes: number
  readonly segments: number
  readonly snapshotSessions: number
  readonly epoch: number
  readonly damage: readonly Damage[]
  readonly tornTail: TornTail | null
}

/** One page of a session's history. */
export interface ChangeRange {
  /** First revision, inclusive; 1 by default. */
  readonly from?: number
  /** Last revision, inclusive; the newest durable by default. */
  readonly to?: number
  /** At most so many changes, 256 by default. */
  readonly limit?: number
  /** `asc` starts at `from`, `desc` at `to`; `asc` by default. */
  readonly order?: 'asc' | 'desc'
}

/**
 * A place where changes survive.
 *
 * Calls other than `append` may run concurrently; each sees the durable state of its start or later. After `close`
 * every call rejects with `RUNTIME_CLOSED`.
 */
export interface SessionStore {
  readonly capabilities: StoreCapabilities

  /**
   * Takes the store (or, with `readOnly`, only looks) and recovers what is durable.
   * @throws STORE_LOCKED, STORE_NOT_FOUND, STORE_UNSAFE, FORMAT_TOO_NEW - nothing was touched.
   */
  open(options: { readonly readOnly: boolean }): Promise<void>

  /**
   * Makes one change durable (S1, S2). The revision must be that of the newest append of the session plus one;
   * `after` is the state it leads to, so that a store may keep a whole copy now and then; `entriesText` is
   * `JSON.stringify(change.entries)` when somebody has that at hand, so that it need not be made again.
   * @throws STORE_FULL - this change and those after it were not written; the store goes on.
   * @throws OUTCOME_UNKNOWN - it may or may not be there after the next open; the store is closed for writing.
   * @throws STORE_FAILED - it was not written.
   */
  append(change: Change, after: StoredState, entriesText?: string): Promise<void>

  /** Looks for what another process made durable; a store that owns its data has nothing to look for. */
  refresh(): Promise<void>

  /** The newest durable head of a living session; undefined for unknown and deleted ones. Never touches the disk. */
  head(sessionId: string): Head | undefined

  /** The newest durable revision, deleted sessions included; 0 for an id that was never used. */
  lastRevision(sessionId: string): number

  /**
   * The heads of all living sessions, in no order; with `accept` only those it accepts. What `accept` is given is valid only
   * while it looks, so that a store of very many sessions need not make an object for each. Never touches the disk.
   */
  heads(accept?: (head: Head) => boolean): Iterable<Head>

  /** The heads of living sessions that wait for an instant (`dueAt`); where it is left out, `heads` are looked through. */
  dueHeads?(): Iterable<Head>

  /** The newest durable state of a living session. @throws STORE_CORRUPT when this session is damaged. */
  state(sessionId: string): Promise<StoredState | undefined>

  /**
   * Shows the newest durable states of many living sessions, each once, in whatever order costs least; of those that are
   * gone nothing is said. Left out where `state` for one after the other costs no more.
   *
   * @param having - strings that all are values or keys somewhere in each state that is wanted: a state that lacks one need
   * not be shown, so that a store can leave out what it need not read.
   */
  visit?(sessionIds: Iterable<string>, visitor: StateVisitor, having?: readonly string[]): Promise<void>

  /** A page of the living session's history. @throws STORE_CORRUPT when it runs into damage. */
  changes(sessionId: string, range: ChangeRange): Promise<readonly Change[]>

  /** The next changes of all sessions in journal order; `after` undefined starts at the oldest kept one. */
  feed(after: string | undefined, limit: number): Promise<readonly PlacedChange[]>

  /** The cursor of the newest durable change; undefined when there is none. */
  newest(): string | undefined

  /** Removes every trace of these deleted sessions. Resolves when no file holds them any more. */
  erase(sessionIds: readonly string[]): Promise<void>

  /** Writes snapshots and index now, so that the next open is quick. */
  checkpoint(): Promise<void>

  /** Gives back the room of dead changes now; resolves with the bytes freed. */
  compact(): Promise<number>

  stats(): StoreStats

  /** Waits for pending appends, writes a checkpoint and lets the store go. Safe to call twice. */
  close(): Promise<void>
}
