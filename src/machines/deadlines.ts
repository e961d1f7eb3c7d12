/**
 * When the clock has something to tell a session: absolute instants from plain facts.
 *   DL1  A deadline is named only if the machine would act on it at that instant and in that status.
 *   DL2  `ttl` acts at its instant; `duration` and `idle` act when the maximum is exceeded, so one millisecond after.
 *   DL3  At one instant `ttl` wins, then `duration`, then `idle`.
 */
import { DEADLINE_KINDS } from './events.ts'
import type { DeadlineKind, SessionContext } from './events.ts'
import { isEnd } from './lifecycle.ts'
import type { Status } from './lifecycle.ts'
import { actionOf, saturatingSum } from './limits.ts'

/** The instants (epoch ms) at which the clock has something to say, kind by kind; null for never. */
export type Deadlines = { readonly [kind in DeadlineKind]: number | null }

/** The deadlines of a session (DL1, DL2). */
export function deadlinesOf(status: Status, context: SessionContext): Deadlines {
  return {
    ttl: isEnd(status) ? null : context.expiresAt,
    duration: durationDueAt(status, context),
    idle: idleDueAt(context),
  }
}

/** The next instant at which the clock has something to say; null for never. */
export function nextDueAt(deadlines: Deadlines): number | null {
  const kind = nextDueKind(deadlines)
  return kind === null ? null : deadlines[kind]
}

/** Which deadline is next (DL3); null for none. */
export function nextDueKind(deadlines: Deadlines): DeadlineKind | null {
  let next: DeadlineKind | null = null
  let earliest = Infinity
  for (const kind of DEADLINE_KINDS) {
    const dueAt = deadlines[kind]
    if (dueAt === null || dueAt >= earliest) continue
    next = kind
    earliest = dueAt
  }
  return next
}

function durationDueAt(status: Status, context: SessionContext): number | null {
  const { limits, createdAt } = context
  if (limits.maxDurationMs === null || !acts(context, 'duration')) return null
  const isListening = status === 'active' || (status === 'paused' && actionOf(limits, 'duration') !== 'pause')
  return isListening ? momentAfter(createdAt, limits.maxDurationMs) : null
}

/** Only an active session is idle since some instant. */
function idleDueAt(context: SessionContext): number | null {
  const { limits, idleSince } = context
  if (idleSince === null || limits.maxIdleMs === null || !acts(context, 'idle')) return null
  return momentAfter(idleSince, limits.maxIdleMs)
}

/** `error` acts at doors only, `ignore` only until it was noticed. */
function acts(context: SessionContext, limit: 'duration' | 'idle'): boolean {
  const action = actionOf(context.limits, limit)
  return action !== 'error' && !(action === 'ignore' && context.noticed.includes(limit))
}

function momentAfter(since: number, maxMs: number): number {
  return saturatingSum(saturatingSum(since, maxMs), 1)
}
