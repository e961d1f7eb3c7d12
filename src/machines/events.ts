/**
 * What the machines hear and say. Every event carries its time `at` (epoch ms): machines read no clock.
 */
import type { EndStatus } from './lifecycle.ts'

/** The six limits, in the order in which the seed's ordered query reports them first. */
export const LIMITS = ['turns', 'entries', 'duration', 'toolCalls', 'tokens', 'idle'] as const

/** The name of a limit. */
export type LimitName = (typeof LIMITS)[number]

/** What happens when a limit is met at a door. */
export const LIMIT_ACTIONS = ['error', 'end_session', 'ignore', 'pause'] as const

/** One of the four limit actions. */
export type LimitAction = (typeof LIMIT_ACTIONS)[number]

/** Limits as the machine keeps them: every key present, null for unlimited. */
export interface Limits {
  readonly maxTurns: number | null
  readonly maxEntries: number | null
  readonly maxToolCalls: number | null
  readonly maxTokens: number | null
  readonly maxDurationMs: number | null
  readonly maxIdleMs: number | null
  /** The action of every limit that has none of its own. */
  readonly action: LimitAction
  readonly actions: { readonly [limit in LimitName]?: LimitAction }
}

/** One limit that was met: how far, how far allowed, and what its action is. */
export interface LimitFinding {
  readonly limit: LimitName
  readonly current: number
  readonly max: number
  readonly action: LimitAction
}

/** How a session ended; `code` and `message` are kept for `failed`, `findings` when a limit ended it. */
export interface SessionEnd {
  readonly status: EndStatus
  readonly code: string | null
  readonly message: string | null
  readonly findings: readonly LimitFinding[]
}

/** The machine context: ours only, bounded, plain JSON, every key always present. */
export interface SessionContext {
  readonly turnCount: number
  /** A user message waits for its assistant message: the turn is open. */
  readonly awaitingReply: boolean
  readonly entryCount: number
  readonly userMessageCount: number
  readonly assistantMessageCount: number
  readonly toolCallCount: number
  readonly roundCount: number
  readonly initialTokenCount: number
  readonly deltaTokenCount: number
  readonly createdAt: number
  readonly activatedAt: number | null
  readonly pausedAt: number | null
  readonly endedAt: number | null
  readonly updatedAt: number
  readonly expiresAt: number | null
  /** Since when the session is idle: the last accepted entry, activation or resume; null unless active. */
  readonly idleSince: number | null
  readonly limits: Limits
  /** Soft limits already noticed, so that each is noticed once. */
  readonly noticed: readonly LimitName[]
  readonly end: SessionEnd | null
}

/** What a session actor is born with. */
export interface SessionInput {
  readonly at: number
  readonly expiresAt: number | null
  readonly initialTokenCount: number
  readonly limits: Limits
}

/**
 * The places where limits act before something is spent. `turn` is the door of the user message that would open the next
 * turn, for callers that must know before they have it.
 */
export const DOORS = ['turn', 'modelCall', 'toolCall'] as const

/** A place where limits act before something is spent. */
export type Door = (typeof DOORS)[number]

/** The clock's three messages. At one instant `ttl` wins, then `duration`, then `idle`. */
export const DEADLINE_KINDS = ['ttl', 'duration', 'idle'] as const

/** The kind of a deadline. */
export type DeadlineKind = (typeof DEADLINE_KINDS)[number]

/** Everything a session actor may be told. */
export type SessionEvent =
  | { readonly type: 'activate'; readonly at: number }
  | { readonly type: 'append'; readonly at: number; readonly entryTypes: readonly string[] }
  | { readonly type: 'recordDelta'; readonly at: number; readonly tokens: number }
  | { readonly type: 'admit'; readonly at: number; readonly door: Door }
  | { readonly type: 'edit'; readonly at: number }
  | { readonly type: 'extendLimits'; readonly at: number; readonly limits: Limits }
  | { readonly type: 'pause'; readonly at: number }
  | { readonly type: 'resume'; readonly at: number }
  | { readonly type: 'close'; readonly at: number }
  | { readonly type: 'complete'; readonly at: number }
  | { readonly type: 'fail'; readonly at: number; readonly code: string; readonly message: string }
  | { readonly type: 'cancel'; readonly at: number }
  | { readonly type: 'deadline'; readonly at: number; readonly kind: DeadlineKind; readonly dueAt: number }

/** What a session asks its limit policy when something stands at a threshold. */
export interface LimitOffer {
  readonly type: 'offer'
  readonly at: number
  /** The event that stands at the door; the policy hands it back with its verdict. */
  readonly event: SessionEvent
  readonly limits: Limits
  readonly noticed: readonly LimitName[]
  /** Every limit the event meets, in the order of `LIMITS`; empty when it only reaches one. */
  readonly findings: readonly LimitFinding[]
  /** Some limit will be reached exactly once the event is accepted, or is reached already. */
  readonly reaches: boolean
}

/** The policy's one answer to an offer, sent to its session at once. */
export interface LimitVerdict {
  readonly type: 'verdict'
  readonly action: 'accept' | LimitAction
  readonly findings: readonly LimitFinding[]
  readonly event: SessionEvent
}

/** What a session tells its host about the event just sent; emitted exactly once for every event that passes a door. */
export interface Decided {
  readonly type: 'decided'
  /** False: refused, nothing changed. */
  readonly accepted: boolean
  /** False with `accepted`: the session was ended or paused instead of keeping what was offered. */
  readonly entryKept: boolean
  readonly findings: readonly LimitFinding[]
}
