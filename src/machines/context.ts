/**
 * What an accepted event makes of the machine context: pure updates, only the keys that may change.
 *   CX1  Every key of the context is always present; nested values are replaced, never mutated.
 *   CX2  Only entries, activation and resume restart the idle time; outside `active` there is none.
 *   CX3  A session that ended has `end` and `endedAt`.
 */
import type {
  LimitFinding,
  LimitName,
  LimitVerdict,
  SessionContext,
  SessionEnd,
  SessionEvent,
  SessionInput,
} from './events.ts'
import { isEnd, TARGETS } from './lifecycle.ts'
import type { EndStatus, Status } from './lifecycle.ts'
import { saturatingSum, stillNoticed, tally } from './limits.ts'
import type { Tally } from './limits.ts'

/** Some keys of the context. */
export type ContextUpdate = Partial<SessionContext>

const NONE: readonly never[] = Object.freeze([])

const ENDINGS = {
  close: TARGETS.close,
  complete: TARGETS.complete,
  fail: TARGETS.fail,
  cancel: TARGETS.cancel,
} as const satisfies Partial<Record<SessionEvent['type'], EndStatus>>

/** The command or deadline behind an event: a verdict hands back what was offered. */
export function causeOf(event: SessionEvent | LimitVerdict): SessionEvent {
  return event.type === 'verdict' ? event.event : event
}

/** The limits that stood in the way, as the policy reports them; none on any other event. */
export function findingsOf(event: SessionEvent | LimitVerdict): readonly LimitFinding[] {
  return event.type === 'verdict' ? event.findings : NONE
}

/** The context a session is born with (CX1). */
export function initialContext(input: SessionInput): SessionContext {
  return {
    turnCount: 0,
    awaitingReply: false,
    entryCount: 0,
    userMessageCount: 0,
    assistantMessageCount: 0,
    toolCallCount: 0,
    roundCount: 0,
    initialTokenCount: input.initialTokenCount,
    deltaTokenCount: 0,
    createdAt: input.at,
    activatedAt: null,
    pausedAt: null,
    endedAt: null,
    updatedAt: input.at,
    expiresAt: input.expiresAt,
    idleSince: null,
    limits: input.limits,
    noticed: NONE,
    end: null,
  }
}

/** The context after an append or a delta, with the time of any other event (CX2). */
export function kept(context: SessionContext, event: SessionEvent): SessionContext {
  switch (event.type) {
    case 'append':
      return counted(context, tally(context, event.entryTypes), event.at)
    case 'recordDelta':
      return {
        ...context,
        roundCount: saturatingSum(context.roundCount, 1),
        deltaTokenCount: saturatingSum(context.deltaTokenCount, event.tokens),
        updatedAt: event.at,
      }
    default:
      return { ...context, updatedAt: event.at }
  }
}

/** Every key by its name: this is done for each append, and a spread of so many keys takes twenty times as long. */
function counted(context: SessionContext, after: Tally, at: number): SessionContext {
  return {
    turnCount: after.turnCount,
    awaitingReply: after.awaitingReply,
    entryCount: after.entryCount,
    userMessageCount: after.userMessageCount,
    assistantMessageCount: after.assistantMessageCount,
    toolCallCount: after.toolCallCount,
    roundCount: context.roundCount,
    initialTokenCount: context.initialTokenCount,
    deltaTokenCount: context.deltaTokenCount,
    createdAt: context.createdAt,
    activatedAt: context.activatedAt,
    pausedAt: context.pausedAt,
    endedAt: context.endedAt,
    updatedAt: at,
    expiresAt: context.expiresAt,
    idleSince: at,
    limits: context.limits,
    noticed: context.noticed,
    end: context.end,
  }
}

/** Soft limits of these findings are noticed from here on. */
export function noticed(context: SessionContext, findings: readonly LimitFinding[]): ContextUpdate {
  const limits = findings.map(({ limit }) => limit).filter((limit) => !context.noticed.includes(limit))
  return limits.length === 0 ? {} : { noticed: [...context.noticed, ...limits] satisfies LimitName[] }
}

/** New limits in place of the old ones; what changed may be noticed afresh. */
export function extended(context: SessionContext, event: SessionEvent): ContextUpdate {
  if (event.type !== 'extendLimits') return {}
  return { limits: event.limits, noticed: stillNoticed(context, event.limits), updatedAt: event.at }
}

/** A session at rest since `at`. */
export function paused(at: number): ContextUpdate {
  return { pausedAt: at, idleSince: null, updatedAt: at }
}

/** A session that is over, with how it came to that (CX3). */
export function ended(at: number, end: SessionEnd): ContextUpdate {
  return { end, endedAt: at, idleSince: null, updatedAt: at }
}

/** How a session ends by a command or by its time to live: `fail` says why, the others need no words. */
export function endBy(event: SessionEvent): SessionEnd {
  const isFailure = event.type === 'fail'
  return {
    status: event.type in ENDINGS ? ENDINGS[event.type as keyof typeof ENDINGS] : 'expired',
    code: isFailure ? event.code : null,
    message: isFailure ? event.message : null,
    findings: NONE,
  }
}

/** How a session ends by a limit. */
export function endByLimit(findings: readonly LimitFinding[]): SessionEnd {
  return { status: 'closed', code: 'LIMIT_REACHED', message: null, findings }
}

const CHECKS: { readonly [key in keyof SessionContext]: (value: unknown) => boolean } = {
  turnCount: isCount,
  awaitingReply: (value) => typeof value === 'boolean',
  entryCount: isCount,
  userMessageCount: isCount,
  assistantMessageCount: isCount,
  toolCallCount: isCount,
  roundCount: isCount,
  initialTokenCount: isCount,
  deltaTokenCount: isCount,
  createdAt: isInstant,
  activatedAt: isInstantOrNull,
  pausedAt: isInstantOrNull,
  endedAt: isInstantOrNull,
  updatedAt: isInstant,
  expiresAt: isInstantOrNull,
  idleSince: isInstantOrNull,
  limits: (value) => isObject(value) && isObject(value['actions']) && typeof value['action'] === 'string',
  noticed: Array.isArray,
  end: (value) => value === null || (isObject(value) && Array.isArray(value['findings'])),
}

/** Whether the machine context has a key of this name. */
export function isContextKey(key: string): key is keyof SessionContext {
  return Object.hasOwn(CHECKS, key)
}

/** What is wrong with a stored context in this status (CX1–CX3); null when nothing is. */
export function contextFault(status: Status, context: { readonly [key: string]: unknown }): string | null {
  for (const [key, isRight] of Object.entries(CHECKS)) {
    if (!Object.hasOwn(context, key) || !isRight(context[key]))
      return `"${key}" is missing or of the wrong type`
  }
  const { activatedAt, pausedAt, endedAt, idleSince, end } = context as unknown as SessionContext
  if ((status === 'active' || status === 'paused') && activatedAt === null)
    return `${status} without "activatedAt"`
  if (status === 'paused' && pausedAt === null) return 'paused without "pausedAt"'
  if ((status === 'active') !== (idleSince !== null)) return `"idleSince" does not fit ${status}`
  if (isEnd(status) !== (endedAt !== null)) return `"endedAt" does not fit ${status}`
  if ((end?.status ?? null) !== (isEnd(status) ? status : null)) return `"end" does not fit ${status}`
  return null
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isInstant(value: unknown): boolean {
  return Number.isSafeInteger(value)
}

function isInstantOrNull(value: unknown): boolean {
  return value === null || isInstant(value)
}
