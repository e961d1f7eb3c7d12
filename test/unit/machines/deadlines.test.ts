import fc from 'fast-check'
import { expect, test } from 'vitest'
import { deadlinesOf, nextDueAt, nextDueKind } from '../../../src/machines/deadlines.ts'
import { DEADLINE_KINDS } from '../../../src/machines/events.ts'
import type { LimitAction, SessionEvent } from '../../../src/machines/events.ts'
import { STATUSES } from '../../../src/machines/lifecycle.ts'
import { statusOf } from '../../../src/machines/session.ts'
import {
  anyLife,
  factsOf,
  limitsOf,
  restoreSession,
  startSession,
  tell,
} from '../../support/session-events.ts'
import type { SessionActor } from '../../support/session-events.ts'

/** Whether a copy of a session would do anything at this deadline. */
function acts(actor: SessionActor, event: SessionEvent): boolean {
  const { actor: twin } = restoreSession(factsOf(actor))
  const before = twin.getSnapshot()
  twin.send(event)
  return twin.getSnapshot() !== before
}

test('[DL1] [DL2] a deadline is named exactly when the machine acts on it, and from that instant on', () => {
  fc.assert(
    fc.property(anyLife, ({ input, events }) => {
      const { actor } = startSession(input)

      for (const event of events) {
        actor.send(event)
        const { value, context, status } = actor.getSnapshot()
        if (status === 'done') break
        const deadlines = deadlinesOf(statusOf(value) ?? 'created', context)
        for (const kind of DEADLINE_KINDS) {
          const dueAt = deadlines[kind]
          const at = dueAt ?? 9_999_999
          expect(acts(actor, { type: 'deadline', kind, at, dueAt: at }), `${kind} at ${at}`).toBe(
            dueAt !== null,
          )
          if (dueAt !== null && dueAt > event.at) {
            expect(acts(actor, { type: 'deadline', kind, at: dueAt - 1, dueAt }), `${kind} early`).toBe(false)
          }
        }
      }
    }),
    { numRuns: 300 },
  )
})

test('[DL3] at one instant ttl wins, then duration, then idle', () => {
  expect(nextDueKind({ ttl: 5, duration: 5, idle: 5 })).toBe('ttl')
  expect(nextDueKind({ ttl: null, duration: 5, idle: 5 })).toBe('duration')
  expect(nextDueKind({ ttl: 7, duration: 6, idle: 5 })).toBe('idle')
  expect(nextDueKind({ ttl: null, duration: null, idle: null })).toBeNull()
})

test('the next instant is the earliest, or none', () => {
  expect(nextDueAt({ ttl: 7, duration: 5, idle: null })).toBe(5)
  expect(nextDueAt({ ttl: null, duration: null, idle: null })).toBeNull()
})

test('[DL2] duration and idle act one millisecond after their maximum, ttl at its instant', () => {
  const limits = limitsOf({ maxDurationMs: 500, maxIdleMs: 50, action: 'pause' })
  const session = startSession({ expiresAt: 3_000, limits })
  const { context } = tell(session, { type: 'activate', at: 1_100 })

  expect(deadlinesOf('active', context)).toEqual({ ttl: 3_000, duration: 1_501, idle: 1_151 })
})

test.each([
  ['error', null, null, null],
  ['end_session', 1_501, 1_501, 1_151],
  ['pause', 1_501, null, 1_151],
  ['ignore', 1_501, 1_501, 1_151],
] as const)(
  '[DL1] with action %s the clock speaks of %s while active, %s while paused',
  (action, active, paused, idle) => {
    const limits = limitsOf({ maxDurationMs: 500, maxIdleMs: 50, action: action satisfies LimitAction })
    const session = startSession({ limits })
    const { context } = tell(session, { type: 'activate', at: 1_100 })

    expect(deadlinesOf('active', context)).toEqual({ ttl: null, duration: active, idle })
    expect(deadlinesOf('paused', { ...context, idleSince: null })).toEqual({
      ttl: null,
      duration: paused,
      idle: null,
    })
    expect(deadlinesOf('active', { ...context, noticed: ['duration', 'idle'] }).duration).toBe(
      action === 'ignore' ? null : active,
    )
  },
)

test('[DL1] an ended session has no deadlines', () => {
  const session = startSession({ expiresAt: 3_000, limits: limitsOf({ maxDurationMs: 1, action: 'pause' }) })
  const { context } = tell(session, { type: 'cancel', at: 1_100 })

  for (const status of STATUSES.slice(3)) {
    expect(nextDueAt(deadlinesOf(status, context)), status).toBeNull()
  }
})

test('a maximum beyond all time stays an exact integer', () => {
  const session = startSession({
    limits: limitsOf({ maxDurationMs: Number.MAX_SAFE_INTEGER, action: 'pause' }),
  })
  const { context } = tell(session, { type: 'activate', at: 1_100 })

  expect(deadlinesOf('active', context).duration).toBe(Number.MAX_SAFE_INTEGER)
})
