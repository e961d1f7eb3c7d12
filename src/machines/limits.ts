/**
 * What limits say about a session: pure evaluation, asked by the fast path, by every offer and by the policy's tests.
 *   LM1  A user message opens a turn (several in a row open one), the next assistant message closes it; nothing else
 *       touches turns. Entries of one append are counted in order, all or nothing.
 *   LM2  Limits act at doors: a user message that opens a turn, or an admit. A fact already paid for is refused only
 *       by `maxEntries`.
 *   LM3  Findings come in the order of `LIMITS`, and all of them are reported.
 *   LM4  The action that weighs most wins: end_session, pause, error, ignore. No soft finding masks a hard one.
 *   LM5  `isWithin` is true exactly when nothing is found and no counter reaches its maximum.
 *   LM6  Counters of tokens saturate at `Number.MAX_SAFE_INTEGER`.
 */
import { LIMITS } from './events.ts'
import type {
  LimitAction,
  LimitFinding,
  LimitName,
  LimitOffer,
  LimitVerdict,
  Limits,
  SessionContext,
  SessionEvent,
} from './events.ts'

/** What an event meets: every limit that stands in its way, and whether a counter is at its maximum afterwards. */
export interface Meeting {
  readonly findings: readonly LimitFinding[]
  readonly reaches: boolean
}

/** Where a session stands with its limits between events; the built-in policy is always in the state of this name. */
export type Standing = 'within' | 'atLimit' | 'exceeded'

/** Counters after an append, and the turn it opens last. */
export interface Tally {
  turnCount: number
  awaitingReply: boolean
  entryCount: number
  userMessageCount: number
  assistantMessageCount: number
  toolCallCount: number
  /** Number of the last turn that a user message opens; 0 when none does: then there is no door. */
  openedTurn: number
  /** Tool calls counted when that turn was opened. */
  toolCallsAtDoor: number
}

type Levels = { readonly [limit in LimitName]: number | null }

const NONE: readonly LimitFinding[] = Object.freeze([])

const MAXIMA = {
  turns: 'maxTurns',
  entries: 'maxEntries',
  duration: 'maxDurationMs',
  toolCalls: 'maxToolCalls',
  tokens: 'maxTokens',
  idle: 'maxIdleMs',
} as const satisfies Record<LimitName, keyof Limits>

const HEAVIEST_FIRST = ['end_session', 'pause', 'error', 'ignore'] as const satisfies readonly LimitAction[]

/** The maximum of a limit; null when it is unlimited. */
export function maxOf(limits: Limits, limit: LimitName): number | null {
  return limits[MAXIMA[limit]]
}

/** The action of a limit: its own, or the one all share. */
export function actionOf(limits: Limits, limit: LimitName): LimitAction {
  return limits.actions[limit] ?? limits.action
}

/** A sum that stops at the largest exact integer (LM6). */
export function saturatingSum(a: number, b: number): number {
  return Math.min(a + b, Number.MAX_SAFE_INTEGER)
}

/** The counters after an append of entries of these types (LM1). */
export function tally(context: SessionContext, entryTypes: readonly string[]): Tally {
  const result: Tally = {
    turnCount: context.turnCount,
    awaitingReply: context.awaitingReply,
    entryCount: context.entryCount + entryTypes.length,
    userMessageCount: context.userMessageCount,
    assistantMessageCount: context.assistantMessageCount,
    toolCallCount: context.toolCallCount,
    openedTurn: 0,
    toolCallsAtDoor: 0,
  }
  for (const type of entryTypes) {
    if (type === 'user_message') {
      result.userMessageCount += 1
      if (result.awaitingReply) continue
      result.awaitingReply = true
      result.openedTurn = result.turnCount + 1
      result.toolCallsAtDoor = result.toolCallCount
    } else if (type === 'assistant_message') {
      result.assistantMessageCount += 1
      if (!result.awaitingReply) continue
      result.awaitingReply = false
      result.turnCount += 1
    } else if (type === 'tool_call') {
      result.toolCallCount += 1
    }
  }
  return result
}

/** Whether an event passes every limit and leaves every counter below its maximum: one cheap pass (LM5). */
export function isWithin(context: SessionContext, event: SessionEvent): boolean {
  const { limits } = context
  switch (event.type) {
    case 'append': {
      const after = tally(context, event.entryTypes)
      return (
        !isReached(limits, after, tokensOf(context)) && (after.openedTurn === 0 || !isAged(context, event.at))
      )
    }
    case 'recordDelta':
      return !isReached(limits, context, saturatingSum(tokensOf(context), event.tokens))
    case 'admit':
      return !isReached(limits, context, tokensOf(context)) && !isAged(context, event.at)
    default:
      return false
  }
}

/** What an event meets (LM2, LM3). */
export function meet(context: SessionContext, event: SessionEvent): Meeting {
  const { limits } = context
  const tokens = tokensOf(context)
  switch (event.type) {
    case 'append': {
      const after = tally(context, event.entryTypes)
      const isDoor = after.openedTurn > 0
      const levels = {
        turns: isDoor ? after.openedTurn : null,
        entries: after.entryCount,
        duration: isDoor ? ageOf(context, event.at) : null,
        toolCalls: isDoor ? after.toolCallsAtDoor : null,
        tokens: isDoor ? tokens : null,
        idle: isDoor ? idleTimeOf(context, event.at) : null,
      }
      return { findings: findingsAt(limits, levels), reaches: isReached(limits, after, tokens) }
    }
    case 'admit': {
      const levels = {
        turns: context.turnCount + (context.awaitingReply || event.door === 'turn' ? 1 : 0),
        entries: context.entryCount + 1,
        duration: ageOf(context, event.at),
        toolCalls: context.toolCallCount + (event.door === 'toolCall' ? 1 : 0),
        tokens,
        idle: idleTimeOf(context, event.at),
      }
      return { findings: findingsAt(limits, levels), reaches: isReached(limits, context, tokens) }
    }
    case 'recordDelta': {
      const after = saturatingSum(tokens, event.tokens)
      return { findings: NONE, reaches: isReached(limits, context, after) }
    }
    case 'deadline': {
      const finding = overdueFinding(context, event)
      return {
        findings: finding === undefined ? NONE : [finding],
        reaches: isReached(limits, context, tokens),
      }
    }
    default:
      return { findings: NONE, reaches: isReached(limits, context, tokens) }
  }
}

/**
 * What still forbids a paused session to go on: for limits that pause, what the next user message would meet (or it
 * would be paused again at once); for limits that refuse or end, a counter or an age past its maximum.
 */
export function meetOnResume(context: SessionContext, at: number): readonly LimitFinding[] {
  const { limits } = context
  const duration = ageOf(context, at)
  const tokens = tokensOf(context)
  const { turnCount, entryCount, toolCallCount: toolCalls } = context
  const next: Levels = {
    turns: turnCount + 1,
    entries: entryCount + 1,
    duration,
    toolCalls,
    tokens,
    idle: null,
  }
  const past: Levels = { turns: turnCount, entries: entryCount, duration, toolCalls, tokens, idle: null }
  const findings: LimitFinding[] = []
  for (const limit of LIMITS) {
    const action = actionOf(limits, limit)
    if (action === 'ignore') continue
    const finding =
      action === 'pause'
        ? findingOf(limits, limit, next[limit], true)
        : findingOf(limits, limit, past[limit], false)
    if (finding !== undefined) findings.push(finding)
  }
  return findings
}

/** The built-in answer to an offer (LM4). Findings that are ignored are reported only while they are new. */
export function judge(offer: LimitOffer): LimitVerdict {
  const { event, findings, noticed } = offer
  const action = HEAVIEST_FIRST.find((candidate) => findings.some((finding) => finding.action === candidate))
  if (action === undefined) return { type: 'verdict', action: 'accept', findings: NONE, event }
  const reported = action === 'ignore' ? findings.filter(({ limit }) => !noticed.includes(limit)) : findings
  return { type: 'verdict', action, findings: reported, event }
}

/** Where a session stands between events: past a soft limit it was told of, at a maximum, or within. */
export function standingOf(context: SessionContext): Standing {
  if (context.noticed.length > 0) return 'exceeded'
  return isReached(context.limits, context, tokensOf(context)) ? 'atLimit' : 'within'
}

/** The soft limits that stay noticed under new limits: those whose maximum and action did not change. */
export function stillNoticed(context: SessionContext, limits: Limits): readonly LimitName[] {
  const isSame = (limit: LimitName): boolean =>
    maxOf(limits, limit) === maxOf(context.limits, limit) &&
    actionOf(limits, limit) === actionOf(context.limits, limit)
  return context.noticed.every(isSame) ? context.noticed : context.noticed.filter(isSame)
}

/** Initial and delta tokens together. */
export function tokensOf(context: SessionContext): number {
  return saturatingSum(context.initialTokenCount, context.deltaTokenCount)
}

/** What sending only deltas has saved: rounds × initial − delta tokens, the product saturating (LM6), never below 0. */
export function tokensSaved(context: SessionContext): number {
  const { roundCount, initialTokenCount, deltaTokenCount } = context
  return Math.max(0, Math.min(roundCount * initialTokenCount, Number.MAX_SAFE_INTEGER) - deltaTokenCount)
}

function ageOf(context: SessionContext, at: number): number {
  return at - context.createdAt
}

function idleTimeOf(context: SessionContext, at: number): number | null {
  return context.idleSince === null ? null : at - context.idleSince
}

function isReached(
  limits: Limits,
  counters: { readonly turnCount: number; readonly entryCount: number; readonly toolCallCount: number },
  tokens: number,
): boolean {
  return (
    (limits.maxTurns !== null && counters.turnCount >= limits.maxTurns) ||
    (limits.maxEntries !== null && counters.entryCount >= limits.maxEntries) ||
    (limits.maxToolCalls !== null && counters.toolCallCount >= limits.maxToolCalls) ||
    (limits.maxTokens !== null && tokens >= limits.maxTokens)
  )
}

function isAged(context: SessionContext, at: number): boolean {
  const { maxDurationMs, maxIdleMs } = context.limits
  if (maxDurationMs !== null && ageOf(context, at) > maxDurationMs) return true
  return maxIdleMs !== null && context.idleSince !== null && at - context.idleSince > maxIdleMs
}

/** A duration or idle deadline that is met and has something to do: `error` waits for a door, `ignore` speaks once. */
function overdueFinding(
  context: SessionContext,
  event: Extract<SessionEvent, { type: 'deadline' }>,
): LimitFinding | undefined {
  if (event.kind === 'ttl') return undefined
  const age = event.kind === 'duration' ? ageOf(context, event.at) : idleTimeOf(context, event.at)
  const finding = findingOf(context.limits, event.kind, age, false)
  if (finding === undefined || finding.action === 'error') return undefined
  return finding.action === 'ignore' && context.noticed.includes(event.kind) ? undefined : finding
}

function findingsAt(limits: Limits, levels: Levels): readonly LimitFinding[] {
  const findings: LimitFinding[] = []
  for (const limit of LIMITS) {
    const finding = findingOf(limits, limit, levels[limit], true)
    if (finding !== undefined) findings.push(finding)
  }
  return findings
}

/** At a door tokens are about to be spent, so having all of them spent is too many already. */
function findingOf(
  limits: Limits,
  limit: LimitName,
  current: number | null,
  isDoor: boolean,
): LimitFinding | undefined {
  const max = maxOf(limits, limit)
  if (current === null || max === null) return undefined
  const isMet = isDoor && limit === 'tokens' ? current >= max : current > max
  return isMet ? { limit, current, max, action: actionOf(limits, limit) } : undefined
}
