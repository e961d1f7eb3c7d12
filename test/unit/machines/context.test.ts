import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  contextFault,
  extended,
  initialContext,
  isContextKey,
  noticed,
} from '../../../src/machines/context.ts'
import type { LimitFinding, SessionContext } from '../../../src/machines/events.ts'
import { statusOf } from '../../../src/machines/session.ts'
import { anyLife, limitsOf, startSession } from '../../support/session-events.ts'

const birth = initialContext({ at: 1_000, expiresAt: null, initialTokenCount: 0, limits: limitsOf() })
const active: SessionContext = { ...birth, activatedAt: 1_000, idleSince: 1_000 }
const paused: SessionContext = { ...active, pausedAt: 1_100, idleSince: null }
const end = { status: 'closed', code: null, message: null, findings: [] } as const
const closed: SessionContext = { ...paused, endedAt: 1_200, end }

test('[CX1] every context a session ever has is whole and survives JSON', () => {
  fc.assert(
    fc.property(anyLife, ({ input, events }) => {
      const { actor } = startSession(input)

      for (const event of events) {
        if (actor.getSnapshot().status === 'done') break
        actor.send(event)
        const { value, context } = actor.getSnapshot()
        const stored: unknown = JSON.parse(JSON.stringify(context))
        expect(stored).toStrictEqual(context)
        expect(contextFault(statusOf(value) ?? 'created', context as never)).toBeNull()
        expect(Object.keys(context)).toEqual(Object.keys(birth))
      }
    }),
    { numRuns: 300 },
  )
})

test('[CX1] nested values are replaced, never mutated', () => {
  fc.assert(
    fc.property(anyLife, ({ input, events }) => {
      const { actor } = startSession(input)

      for (const event of events) {
        const { context, status } = actor.getSnapshot()
        if (status === 'done') break
        for (const nested of [context, context.limits, context.limits.actions, context.noticed])
          Object.freeze(nested)
        actor.send(event)
        expect(actor.getSnapshot().status).not.toBe('error')
      }
    }),
    { numRuns: 200 },
  )
})

test.each(Object.keys(birth))('[CX1] a stored context without "%s" is found out', (key) => {
  const { [key as keyof SessionContext]: _, ...rest } = birth

  expect(contextFault('created', rest)).toContain(key)
  expect(contextFault('created', { ...birth, [key]: { odd: true } })).toContain(key)
  expect(isContextKey(key)).toBe(true)
})

test('[CX2] [CX3] a stored context that does not fit its status is found out', () => {
  const fault = (status: Parameters<typeof contextFault>[0], context: SessionContext): string | null =>
    contextFault(status, { ...context })

  expect(fault('created', birth)).toBeNull()
  expect(fault('active', active)).toBeNull()
  expect(fault('paused', paused)).toBeNull()
  expect(fault('closed', closed)).toBeNull()
  expect(fault('active', { ...active, activatedAt: null })).toBe('active without "activatedAt"')
  expect(fault('paused', { ...paused, activatedAt: null })).toBe('paused without "activatedAt"')
  expect(fault('paused', { ...paused, pausedAt: null })).toBe('paused without "pausedAt"')
  expect(fault('active', { ...active, idleSince: null })).toBe('"idleSince" does not fit active')
  expect(fault('paused', { ...paused, idleSince: 1_000 })).toBe('"idleSince" does not fit paused')
  expect(fault('closed', { ...closed, endedAt: null })).toBe('"endedAt" does not fit closed')
  expect(fault('active', { ...active, endedAt: 1_200 })).toBe('"endedAt" does not fit active')
  expect(fault('closed', { ...closed, end: null })).toBe('"end" does not fit closed')
  expect(fault('failed', closed)).toBe('"end" does not fit failed')
})

test('[CX1] a count that is no whole number is found out', () => {
  for (const turnCount of [-1, 0.5, Infinity, '1', null]) {
    expect(contextFault('created', { ...birth, turnCount })).toContain('turnCount')
  }
})

test.each([
  ['limits', null],
  ['limits', []],
  ['limits', { action: 'error' }],
  ['limits', { action: 'error', actions: [] }],
  ['limits', { action: 'error', actions: null }],
  ['limits', { actions: {} }],
  ['limits', 'none'],
  ['noticed', {}],
  ['end', 'closed'],
  ['end', {}],
  ['end', []],
] as const)('[CX1] a stored context whose "%s" is %j is found out', (key, value) => {
  expect(contextFault('created', { ...birth, [key]: value })).toBe(`"${key}" is missing or of the wrong type`)
})

test('[CX1] a limit is noticed once, and when nothing is new nothing changes', () => {
  const finding = { current: 2, max: 1, action: 'ignore' } as const
  const findings: LimitFinding[] = [
    { ...finding, limit: 'turns' },
    { ...finding, limit: 'idle' },
  ]

  expect(noticed({ ...active, noticed: ['turns'] }, findings)).toEqual({ noticed: ['turns', 'idle'] })
  expect(noticed({ ...active, noticed: ['idle', 'turns'] }, findings)).toEqual({})
})

test('[CX1] only extended limits take the place of the old ones', () => {
  const limits = limitsOf({ maxTurns: 3 })

  expect(extended(active, { type: 'extendLimits', at: 1_300, limits })).toMatchObject({ limits })
  expect(extended(active, { type: 'edit', at: 1_300 })).toEqual({})
})
