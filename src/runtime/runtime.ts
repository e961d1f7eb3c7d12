/**
 * The runtime: what owns a store and gives out sessions.
 *   U1  Nobody hears of a change before the journal holds it: caller, subscriber, inspector, telemetry.
 *   U2  A refused command leaves no trace.
 */
import type { Json } from '../json.ts'
import type { SessionContext } from '../machines/events.ts'
import type { Status } from '../machines/lifecycle.ts'
import type { StoredState } from '../store/change.ts'
import type { SessionStore, StoreStats } from '../store/store.ts'
import type { Clock } from './clock.ts'
import type { Ids } from './ids.ts'
import type { CommandOptions, LimitOptions, Session, SessionChange } from './session.ts'
import type { Provider, SessionKind } from './record.ts'
import type { SessionDocument } from './document.ts'

/** Whose session it is. Given to a read or command, sessions of others are as unknown ones. */
export interface Principal {
  readonly tenantId?: string | null
  readonly userId?: string | null
}

/** What a session is made of; everything has a default. */
export interface CreateOptions {
  /** 1 to 128 characters of `A-Z a-z 0-9 . _ : @ + = ~ -`, starting with a letter or digit; a UUIDv7 by default. */
  readonly id?: string
  readonly name?: string
  readonly kind?: SessionKind
  readonly provider?: Provider | null
  readonly tenantId?: string | null
  readonly userId?: string | null
  readonly parentId?: string | null
  readonly tags?: readonly string[]
  readonly metadata?: { readonly [key: string]: unknown }
  readonly context?: { readonly [key: string]: unknown }
  readonly systemMessage?: string | null
  readonly activeSeedId?: string | null
  readonly activePersonaId?: string | null
  readonly initialTokenCount?: number
  /** Time to live since creation, milliseconds; without it the session does not expire. */
  readonly ttlMs?: number | null
  readonly limits?: LimitOptions
}

/** Which sessions to list. Filters combine with "and"; a filter left out matches all. */
export interface ListQuery {
  readonly tenantId?: string | null
  readonly userId?: string | null
  readonly status?: Status | readonly Status[]
  /** The tag of the kind: `agent`, `conversation` … */
  readonly kind?: SessionKind['type']
  readonly tag?: string
  /** Sessions of this parent; null: only sessions without one. */
  readonly parentId?: string | null
  /** Part of the name, ignoring case. */
  readonly nameContains?: string
  /** Strictly before, epoch ms. */
  readonly createdBefore?: number
  /** Strictly after, epoch ms. */
  readonly createdAfter?: number
  readonly updatedBefore?: number
  readonly updatedAfter?: number
  /** `updated` and `created` are newest first, the `-asc` ones oldest first; `updated` by default. */
  readonly order?: 'updated' | 'created' | 'updated-asc' | 'created-asc'
  /** 1 to 1,000; 50 by default. */
  readonly limit?: number
  readonly cursor?: string
}

/** One line of a listing. */
export interface SessionSummary {
  readonly id: string
  readonly status: Status
  readonly revision: number
  readonly name: string
  readonly kind: SessionKind
  readonly tenantId: string | null
  readonly userId: string | null
  readonly parentId: string | null
  readonly tags: readonly string[]
  readonly model: string | null
  readonly turnCount: number
  readonly entryCount: number
  readonly userMessageCount: number
  readonly activeSeedId: string | null
  /** The metadata key `project_ids` when it is a string, as in the seed's summary. */
  readonly projectId: string | null
  readonly createdAt: number
  readonly updatedAt: number
  readonly expiresAt: number | null
  /** A deadline is due and was not told yet. */
  readonly overdue: boolean
  readonly quarantined: boolean
}

/** A page of a listing; `nextCursor` is null at the end. */
export interface SessionPage {
  readonly items: readonly SessionSummary[]
  readonly nextCursor: string | null
  /** Sessions that could not be read, with the code why; they never hide the others. */
  readonly unreadable: readonly { readonly id: string; readonly code: string }[]
}

/** What to prune. By age first; its victims leave the count of the second rule. */
export interface PruneOptions {
  /** Sessions whose last change is strictly older; 168 hours by default; 0 turns the rule off. */
  readonly olderThanMs?: number
  /** Keep at most so many, the newest; 100 by default; 0 turns the rule off. */
  readonly maxSessions?: number
  /** Also open sessions (created, active, paused); false by default. */
  readonly includeOpen?: boolean
  readonly dryRun?: boolean
  /** Only sessions of this principal. */
  readonly principal?: Principal
}

/** What a prune did, or with `dryRun` would do. */
export interface PruneReport {
  readonly deleted: readonly string[]
  /** Sessions that should go and could not, with the code why. */
  readonly failed: readonly { readonly id: string; readonly code: string }[]
  readonly dryRun: boolean
  /** False when the throttle said "not yet" and nothing was looked at. */
  readonly ran: boolean
}

/** How to delete. */
export interface DeleteOptions extends CommandOptions {
  readonly principal?: Principal
  /** Also a session that is still open. */
  readonly force?: boolean
  /** What happens to children: without it a session that has some is refused with HAS_CHILDREN. */
  readonly children?: 'detach' | 'delete'
}

/** Which sessions to erase: one, or all of a user. */
export type EraseTarget =
  { readonly sessionId: string } | { readonly userId: string; readonly tenantId?: string | null }

/** How to erase. */
export interface EraseOptions {
  readonly principal?: Principal
  /** Also sessions that are still open. */
  readonly force?: boolean
  /** What happens to children; a detached child keeps the erased id in its own history. */
  readonly children?: 'detach' | 'delete'
}

/** What was erased. */
export interface EraseReport {
  readonly erased: readonly string[]
}

/** Where to go on in the changes of all sessions. */
export interface FeedQuery {
  /** A cursor from an earlier change; without it the oldest kept change comes first. */
  readonly after?: string
  readonly live?: boolean
  readonly signal?: AbortSignal
  readonly onLag?: (missed: number) => void
}

/** How a runtime is. */
export interface RuntimeStats {
  readonly status: 'starting' | 'recovering' | 'running' | 'draining' | 'stopped' | 'failed'
  readonly readOnly: boolean
  readonly residentSessions: number
  readonly liveActors: number
  readonly pendingCommands: number
  readonly deadlines: number
  readonly restarts: number
  readonly quarantined: number
  readonly store: StoreStats
}

/** A logger in the shape of pino; every line has a code and ids, never content. */
export interface Logger {
  debug(details: object, message: string): void
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

/** A limit policy of one's own: an XState actor logic that answers every offer at once (see `limitPolicy`). */
export interface PolicyOptions {
  readonly logic: unknown
  readonly name: string
  readonly version: number
}

/** How to open a runtime: a folder, or a store of one's own. */
export interface RuntimeOptions {
  /** Folder of a JSON store; made with mode 0700 when absent. */
  readonly dir?: string
  readonly store?: SessionStore
  /** Only read: no lock is taken, deadlines do not fire, commands fail with READ_ONLY. */
  readonly readOnly?: boolean
  /** Largest entry as UTF-8 JSON; 1 MiB by default. */
  readonly maxEntryBytes?: number
  /** Largest command; 8 MiB by default. */
  readonly maxChangeBytes?: number
  /** Commands on their way to the disk before STORE_BUSY; 65,536 by default. */
  readonly maxPendingCommands?: number
  /** Sessions that keep an actor; the least recently used are passivated. 1,000 by default. */
  readonly maxLiveActors?: number
  /** Restarts of a failing session within `withinMs` before it is quarantined; 3 within 60 s by default. */
  readonly restartIntensity?: { readonly maxRestarts: number; readonly withinMs: number }
  readonly limitPolicy?: PolicyOptions
  /** Prune after a change, at most every `cooldownMs`: the seed's throttle, wired. Off by default. */
  readonly autoPrune?: PruneOptions & { readonly cooldownMs: number }
  readonly logger?: Logger
  /** Time, ids: the doors tests hold. */
  readonly clock?: Clock
  readonly ids?: Ids
}

/** What an observer is told: an acknowledged change, and the state of the actor after it. */
export interface Observation {
  readonly change: SessionChange
  /** State value, machine context and policy value after the change; null after a deletion. */
  readonly facts: { readonly value: Json; readonly context: SessionContext; readonly policy: Json } | null
}

/** Owns a store and gives out sessions. Made by `openRuntime`. */
export interface Runtime extends AsyncDisposable {
  create(options?: CreateOptions, command?: CommandOptions): Promise<Session<'created'>>
  get(sessionId: string, principal?: Principal): Promise<Session>
  /** The session with this id if there is one of this principal, else a new one with that id. */
  getOrCreate(
    sessionId: string | undefined,
    options?: CreateOptions,
    command?: CommandOptions,
  ): Promise<Session>
  has(sessionId: string, principal?: Principal): boolean
  list(query?: ListQuery): Promise<SessionPage>
  /** True when it was there, false when not. */
  delete(sessionId: string, options?: DeleteOptions): Promise<boolean>
  erase(target: EraseTarget, options?: EraseOptions): Promise<EraseReport>
  prune(options?: PruneOptions): Promise<PruneReport>
  /** Lifts a quarantine. */
  release(sessionId: string, options?: CommandOptions): Promise<Session>
  /** The cursor of the newest durable change, from which `changes` gives only later ones; undefined when there is none. */
  newestCursor(): string | undefined
  changes(query?: FeedQuery): AsyncIterable<SessionChange & { readonly cursor: string }>
  /**
   * Calls back after each acknowledgement, in order; returns how to stop. For inspectors and telemetry: a callback that
   * throws is logged and otherwise ignored, and none may wait.
   */
  observe(observer: (observation: Observation) => void): () => void
  /** How a session was at a revision (its newest by default): facts of the actor, record, summary. Changes nothing. */
  stateAt(sessionId: string, revision?: number, principal?: Principal): Promise<StoredState>
  /** The whole session as one plain-JSON document. */
  export(sessionId: string, principal?: Principal): Promise<SessionDocument>
  /** A session from a document, with its entries, times and status; refused when the id is in use. */
  import(document: unknown, command?: CommandOptions): Promise<Session>
  checkpoint(): Promise<void>
  compact(): Promise<{ readonly freedBytes: number }>
  stats(): RuntimeStats
  /** Drains, writes a checkpoint and lets the store go. Safe to call twice. @throws CLOSE_TIMEOUT */
  close(options?: { readonly timeoutMs?: number }): Promise<void>
}
