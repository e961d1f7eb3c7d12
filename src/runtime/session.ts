/**
 * What a caller holds of a session: a handle whose type knows the status, so that an illegal call does not compile.
 *   H1  Properties show the last acknowledged state, never one that is still on its way to the disk.
 *   H2  The commands of `Session<S>` are exactly those the lifecycle table allows in `S`.
 *   H3  A handle whose session has moved on fails with WRONG_STATE; nothing is written.
 */
import type { Json } from '../json.ts'
import type { CommandOf, Status } from '../machines/lifecycle.ts'
import type {
  DeadlineKind,
  Door,
  LimitAction,
  LimitFinding,
  LimitName,
  Limits,
  SessionEnd,
} from '../machines/events.ts'
import type { Quarantine } from '../store/change.ts'
import type { Entry, EntryDraft, EntryTag } from './entries.ts'
import type { SessionRecord } from './record.ts'

/** Limits as a caller writes them: what is left out is unlimited; `action` is `error` unless given. */
export interface LimitOptions {
  readonly maxTurns?: number | null
  readonly maxEntries?: number | null
  readonly maxToolCalls?: number | null
  /** Initial plus delta tokens. */
  readonly maxTokens?: number | null
  /** Age since creation, pauses included; milliseconds. */
  readonly maxDurationMs?: number | null
  /** Time in `active` since the last accepted entry, activation or resume; milliseconds. */
  readonly maxIdleMs?: number | null
  readonly action?: LimitAction
  readonly actions?: { readonly [limit in LimitName]?: LimitAction }
}

/** Options every command takes. */
export interface CommandOptions {
  /** The caller's name for this command: a retry with the same id is answered, not applied again. */
  readonly operationId?: string
  /** Refuse with REVISION_CONFLICT unless the session is at this revision. */
  readonly expectedRevision?: number
  /** Abandons before anything is encoded (ABORTED), later only stops the waiting (OUTCOME_UNKNOWN). */
  readonly signal?: AbortSignal
}

/** What `append` answers when the entry is in the transcript. */
export interface Kept {
  readonly kept: true
  readonly revision: number
  readonly entryId: string
  readonly entryIds: readonly string[]
  /** Soft limits met for the first time by this command. */
  readonly notices: readonly LimitFinding[]
}

/** What `append` or `admit` answers when a limit ended or paused the session instead. */
export interface NotKept {
  readonly kept: false
  readonly outcome: 'ended' | 'paused'
  readonly revision: number
  readonly findings: readonly LimitFinding[]
}

/** What `append` and `appendAll` answer. */
export type Appended = Kept | NotKept

/** What `admit` answers: go on, or the session was ended or paused. */
export type Admitted =
  | { readonly admitted: true; readonly revision: number; readonly notices: readonly LimitFinding[] }
  | {
      readonly admitted: false
      readonly outcome: 'ended' | 'paused'
      readonly revision: number
      readonly findings: readonly LimitFinding[]
    }

/** Counters of a session at its last acknowledged revision. */
export interface Usage {
  readonly turnCount: number
  readonly entryCount: number
  readonly userMessageCount: number
  readonly assistantMessageCount: number
  readonly toolCallCount: number
  readonly roundCount: number
  readonly initialTokenCount: number
  readonly deltaTokenCount: number
  /** Rounds × initial tokens − delta tokens, floored at 0; the product saturates at `Number.MAX_SAFE_INTEGER`. */
  readonly tokensSaved: number
}

/** The seed's limit check: the first finding in the order turns, entries, duration. */
export type LimitCheck =
  | { readonly check: 'ok' }
  | { readonly check: 'at_limit' }
  | {
      readonly check: 'exceeded'
      readonly limit: 'turns' | 'entries' | 'duration'
      readonly current: number
      readonly max: number
    }

/** An instant at which the clock will tell the session something. */
export interface Deadline {
  readonly kind: DeadlineKind
  readonly dueAt: number
  /** Due and not yet told: only a read-only runtime shows this for long. */
  readonly overdue: boolean
}

/** One edit of the record; every key is optional, what is left out stays. */
export interface RecordChanges {
  readonly name?: string
  readonly systemMessage?: string | null
  readonly activeSeedId?: string | null
  readonly activePersonaId?: string | null
  readonly parentId?: string | null
  readonly tags?: readonly string[]
  /** Keys to set; a key whose value is undefined is removed. */
  readonly metadata?: { readonly [key: string]: unknown }
  /** Keys to set; a key whose value is undefined is removed. */
  readonly context?: { readonly [key: string]: unknown }
}

/** One accepted change as a reader sees it. */
export interface SessionChange {
  readonly sessionId: string
  readonly revision: number
  readonly at: number
  readonly event: { readonly type: string; readonly [key: string]: Json }
  readonly operationId: string | null
  /** The status after this change. */
  readonly status: Status | 'deleted'
  readonly entries: readonly Entry[]
  readonly findings: readonly LimitFinding[]
}

/** Which entries to read; `after` and `before` are entry positions (0 is the first entry of the session). */
export interface EntryQuery {
  /** Only entries behind this position. */
  readonly after?: number
  /** Only entries before this position. */
  readonly before?: number
  /** Only entries of this revision and later ones; nothing older is read. */
  readonly fromRevision?: number
  /** Only entries of this revision and earlier ones; nothing newer is read. */
  readonly toRevision?: number
  /** Only the newest so many that match, oldest first. */
  readonly last?: number
  readonly types?: readonly EntryTag[]
  readonly signal?: AbortSignal
}

/** An entry with its place. */
export type PlacedEntry = Entry & { readonly position: number; readonly revision: number }

/** Where and how long to follow changes. */
export interface ChangeQuery {
  /** First revision, inclusive; 1 by default. */
  readonly from?: number
  /** Go on as changes are made (default true); false ends at the newest durable one. */
  readonly live?: boolean
  readonly signal?: AbortSignal
  /** Told how many changes left the buffer unread; they are read from the store instead, none is lost. */
  readonly onLag?: (missed: number) => void
}

/** Everything that can be read, in every status. */
export interface SessionReads<S extends Status = Status> {
  readonly id: string
  /** The status this handle stands for; test it to narrow the union that `runtime.get` gives. */
  readonly state: S
  /** The last acknowledged status; another than `state` once the session has moved on. */
  readonly status: Status
  /** A handle on this session as one in the given status. @throws WRONG_STATE when it is in another. */
  as<T extends Status>(status: T): Session<T>
  readonly revision: number
  readonly record: SessionRecord
  readonly name: string
  readonly usage: Usage
  readonly limits: Limits
  readonly createdAt: number
  readonly activatedAt: number | null
  readonly pausedAt: number | null
  readonly endedAt: number | null
  readonly updatedAt: number
  readonly expiresAt: number | null
  /** How the session ended; null while it is open. */
  readonly end: SessionEnd | null
  readonly quarantine: Quarantine | null
  /** `updatedAt − createdAt`, floored at 0: the seed's duration. Age at a door is real time instead. */
  readonly durationMs: number
  /** The smaller of user and assistant message counts. */
  readonly exchangeCount: number
  /** No user messages, whatever else there is. */
  readonly isEmpty: boolean
  readonly isAtTurnLimit: boolean
  /** Turns left; null when unlimited. */
  readonly remainingTurns: number | null
  /** The seed's ordered first-finding query; `findings` on errors and changes report all. */
  checkLimits(): LimitCheck
  readonly deadlines: readonly Deadline[]
  getContext(key: string): Json | undefined
  getMetadata(key: string): Json | undefined
  entries(query?: EntryQuery): AsyncIterable<PlacedEntry>
  changes(query?: ChangeQuery): AsyncIterable<SessionChange>
}

/** Every command of the lifecycle table. A handle offers those its status allows. */
export interface SessionCommands {
  activate(options?: CommandOptions): Promise<Session<'active'>>
  append(entry: EntryDraft, options?: CommandOptions): Promise<Appended>
  recordDelta(tokens: number, options?: CommandOptions): Promise<{ readonly revision: number }>
  admit(door: Door, options?: CommandOptions): Promise<Admitted>
  pause(options?: CommandOptions): Promise<Session<'paused'>>
  resume(options?: CommandOptions): Promise<Session<'active'>>
  close(options?: CommandOptions): Promise<Session<'closed'>>
  complete(options?: CommandOptions): Promise<Session<'completed'>>
  fail(
    error: { readonly code: string; readonly message: string },
    options?: CommandOptions,
  ): Promise<Session<'failed'>>
  cancel(options?: CommandOptions): Promise<Session<'cancelled'>>
  edit(changes: RecordChanges, options?: CommandOptions): Promise<{ readonly revision: number }>
  extendLimits(limits: LimitOptions, options?: CommandOptions): Promise<{ readonly revision: number }>
}

/** Shorthands that are spelt with another command of the table and live where it does. */
export interface SessionShorthands {
  readonly append: {
    /** Several entries as one revision, all or nothing. */
    appendAll(entries: readonly EntryDraft[], options?: CommandOptions): Promise<Appended>
  }
  readonly edit: {
    setContext(key: string, value: unknown, options?: CommandOptions): Promise<{ readonly revision: number }>
    removeContext(key: string, options?: CommandOptions): Promise<{ readonly revision: number }>
    setMetadata(key: string, value: unknown, options?: CommandOptions): Promise<{ readonly revision: number }>
    addTag(tag: string, options?: CommandOptions): Promise<{ readonly revision: number }>
  }
}

type Shorthands<Command> = Command extends 'append'
  ? SessionShorthands['append']
  : Command extends 'edit'
    ? SessionShorthands['edit']
    : never

type Intersection<Union> = (Union extends unknown ? (member: Union) => void : never) extends (
  member: infer Result,
) => void
  ? Result
  : never

/**
 * A handle on a session in status `S`, with the commands the table allows there (H2). `Session` alone is the union of
 * all: test `state`, or narrow with `as`.
 */
export type Session<S extends Status = Status> = S extends Status
  ? SessionReads<S> & Pick<SessionCommands, CommandOf<S>> & Intersection<Shorthands<CommandOf<S>>>
  : never
