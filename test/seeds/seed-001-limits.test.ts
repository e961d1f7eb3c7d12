/** Seed 001, limits as options, the ordered query of the seed, and the actions it declares and never takes. */
import { expect, test } from 'vitest'
import { LIMIT_ACTIONS } from '../../src/machines/events.ts'
import { assistantMessage, systemMessage, toolCall, userMessage } from '../../src/runtime/entries.ts'
import type { LimitOptions, Session } from '../../src/runtime/session.ts'
import { activeSession, memoryRuntime, refusalOf, until } from '../support/memory-runtime.ts'

const U = userMessage('question')
const A = assistantMessage('answer')

async function limited(limits?: LimitOptions) {
  const base = await memoryRuntime()
  const session = await activeSession(base.runtime, limits === undefined ? {} : { limits })
  return { ...base, session }
}

async function takeTurns(session: Session<'active'>, turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await session.appendAll([U, A])
}

test('[S1-61 S1-62 S1-63 S1-64 S1-66] nothing is limited unless given, and the action is error', async () => {
  const { session } = await limited()

  expect(session.limits).toEqual({
    maxTurns: null,
    maxEntries: null,
    maxToolCalls: null,
    maxTokens: null,
    maxDurationMs: null,
    maxIdleMs: null,
    action: 'error',
    actions: {},
  })
})

test('[S1-61 S1-62 S1-63 S1-64 S1-65] limits are one object of options, each of which can be given alone', async () => {
  const given = { maxTurns: 2, maxEntries: 9, maxDurationMs: 60_000, action: 'ignore' } as const

  const { session } = await limited(given)
  await session.extendLimits({ maxTurns: 3 })

  expect(session.limits).toMatchObject({ ...given, maxTurns: 3 })
})

test('[S1-61 S1-64] a limit counts no less than 0, and an action is one of four', async () => {
  const { runtime } = await memoryRuntime()

  const refusals = [
    await refusalOf(runtime.create({ limits: { maxTurns: -1 } })),
    await refusalOf(runtime.create({ limits: { action: 'explode' as never } })),
  ]

  expect(refusals).toMatchObject([
    { code: 'COMMAND_INVALID', details: { path: ['maxTurns'] } },
    { code: 'COMMAND_INVALID', details: { path: ['action'] } },
  ])
  expect(LIMIT_ACTIONS).toEqual(['error', 'end_session', 'ignore', 'pause'])
})

test('[S1-66] the action error refuses what would exceed, and nothing is written', async () => {
  const { session } = await limited({ maxTurns: 1 })
  await takeTurns(session, 1)
  const { revision } = session

  const refusal = await refusalOf(session.append(U))

  expect(refusal).toEqual({
    code: 'LIMIT_REACHED',
    details: {
      sessionId: session.id,
      findings: [{ limit: 'turns', current: 2, max: 1, action: 'error' }],
    },
  })
  expect([session.status, session.revision, session.usage.entryCount]).toEqual(['active', revision, 2])
})

test('[S1-67] the action end_session ends the session in good order', async () => {
  const { session } = await limited({ maxTurns: 1, action: 'end_session' })
  await takeTurns(session, 1)

  const answer = await session.append(U)

  const findings = [{ limit: 'turns', current: 2, max: 1, action: 'end_session' }]
  expect(answer).toEqual({ kept: false, outcome: 'ended', revision: 4, findings })
  expect(session.end).toEqual({ status: 'closed', code: 'LIMIT_REACHED', message: null, findings })
  expect(session.usage.entryCount).toBe(2)
})

test('[S1-68] the action ignore goes on, and says so once', async () => {
  const { session } = await limited({ maxTurns: 1, action: 'ignore' })
  await takeTurns(session, 1)

  const first = await session.append(U)
  await session.append(A)
  const second = await session.append(U)

  expect(first).toMatchObject({ kept: true, notices: [{ limit: 'turns', current: 2, max: 1 }] })
  expect(second).toMatchObject({ kept: true, notices: [] })
  expect([session.status, session.usage.entryCount]).toEqual(['active', 5])
})

test('[S1-69 S1-76] without limits the check is ok', async () => {
  const { session, clock } = await limited()
  await takeTurns(session, 3)
  clock.advance(1e9)
  await session.append(A)

  expect(session.checkLimits()).toEqual({ check: 'ok' })
})

test('[S1-69 S1-70 S1-72] turns: below is ok, equal is at the limit, above is exceeded', async () => {
  const { session } = await limited({ maxTurns: 2, action: 'ignore' })

  const checks = [session.checkLimits()]
  for (let turn = 0; turn < 3; turn += 1) {
    await takeTurns(session, 1)
    checks.push(session.checkLimits())
  }

  expect(checks).toEqual([
    { check: 'ok' },
    { check: 'ok' },
    { check: 'at_limit' },
    { check: 'exceeded', limit: 'turns', current: 3, max: 2 },
  ])
})

test('[S1-70 S1-72] entries: below is ok, equal is at the limit, above is exceeded', async () => {
  const { session } = await limited({ maxEntries: 2, action: 'ignore' })

  const checks = []
  for (let entry = 0; entry < 3; entry += 1) {
    await session.append(systemMessage('note'))
    checks.push(session.checkLimits())
  }

  expect(checks).toEqual([
    { check: 'ok' },
    { check: 'at_limit' },
    { check: 'exceeded', limit: 'entries', current: 3, max: 2 },
  ])
})

test('[S1-70 S1-74] duration: equal is ok and never at the limit, above is exceeded', async () => {
  const { session, clock } = await limited({ maxDurationMs: 1_000 })
  clock.advance(1_000)
  await session.append(A)
  const atEqual = session.checkLimits()
  clock.advance(1)
  await session.append(A)

  expect(atEqual).toEqual({ check: 'ok' })
  expect(session.checkLimits()).toEqual({ check: 'exceeded', limit: 'duration', current: 1_001, max: 1_000 })
})

test('[S1-71] the check looks at turns, then entries, then duration, and tells the first finding', async () => {
  const { session, clock } = await limited({
    maxTurns: 1,
    maxEntries: 1,
    maxDurationMs: 10,
    action: 'ignore',
  })
  clock.advance(11)
  await takeTurns(session, 2)
  const all = session.checkLimits()
  await session.extendLimits({ maxTurns: 99 })
  const withoutTurns = session.checkLimits()
  await session.extendLimits({ maxEntries: null })

  expect([all, withoutTurns, session.checkLimits()]).toMatchObject([
    { check: 'exceeded', limit: 'turns' },
    { check: 'exceeded', limit: 'entries' },
    { check: 'exceeded', limit: 'duration' },
  ])
})

test('[S1-73] the ordered check hides what comes later; a refusal tells every finding', async () => {
  const { session, clock } = await limited({ maxTurns: 1, maxEntries: 3, maxDurationMs: 10 })
  await takeTurns(session, 1)
  await session.append(toolCall('search', true, null))
  clock.advance(11)

  const refusal = await refusalOf(session.append(U))

  expect(session.checkLimits()).toEqual({ check: 'at_limit' })
  expect(refusal.details).toMatchObject({
    findings: [
      { limit: 'turns', current: 2, max: 1 },
      { limit: 'entries', current: 4, max: 3 },
      { limit: 'duration', current: 11, max: 10 },
    ],
  })
})

test('[S1-75] a maximum of 0 is at the limit at once, and opens no turn', async () => {
  const { session } = await limited({ maxTurns: 0 })

  const check = session.checkLimits()
  const refusal = await refusalOf(session.append(U))

  expect(check).toEqual({ check: 'at_limit' })
  expect([session.isAtTurnLimit, session.remainingTurns]).toEqual([true, 0])
  expect(refusal.code).toBe('LIMIT_REACHED')
})

test('[S1-77 S1-78] without a maximum no session is at its turn limit, and no number of turns is left', async () => {
  const { session } = await limited()
  await takeTurns(session, 5)

  expect([session.isAtTurnLimit, session.remainingTurns]).toEqual([false, null])
})

test('[S1-77 S1-78] at the maximum and past it a session is at its turn limit, and 0 turns are left', async () => {
  const { session } = await limited({ maxTurns: 2, action: 'ignore' })

  const steps: unknown[] = []
  for (let turn = 0; turn < 3; turn += 1) {
    await takeTurns(session, 1)
    steps.push([session.isAtTurnLimit, session.remainingTurns])
  }

  expect(steps).toEqual([
    [false, 1],
    [true, 0],
    [true, 0],
  ])
})

test('[S1-80] the path of the seed: two turns of two, then a third', async () => {
  const { session } = await limited({ maxTurns: 2, action: 'ignore' })
  const steps = [[session.checkLimits().check, session.remainingTurns, session.isAtTurnLimit]]
  for (let turn = 0; turn < 3; turn += 1) {
    await takeTurns(session, 1)
    steps.push([session.checkLimits().check, session.remainingTurns, session.isAtTurnLimit])
  }

  expect(steps).toEqual([
    ['ok', 2, false],
    ['ok', 1, false],
    ['at_limit', 0, true],
    ['exceeded', 0, true],
  ])
  expect(session.checkLimits()).toEqual({ check: 'exceeded', limit: 'turns', current: 3, max: 2 })
})

test('[S1-79] a session goes through JSON with its name, its entries and its context', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime, {
    name: 'Test',
    kind: { type: 'teacher_demo', task: 'Demo task', model: 'gpt-4' },
    context: { key: 'value' },
  })
  await session.appendAll([userMessage('Hello'), assistantMessage('Hi!')])
  const text = JSON.stringify(await runtime.export(session.id))
  await session.close()
  await runtime.delete(session.id)

  const again = await runtime.import(JSON.parse(text))

  expect([again.id, again.name, again.getContext('key')]).toEqual([session.id, 'Test', 'value'])
  expect(again.usage.entryCount).toBe(2)
  expect(await runtime.export(again.id)).toEqual(JSON.parse(text))
})

test('[S1-63 S1-67] a session that is too old ends by itself where end_session is its action', async () => {
  const { session, clock } = await limited({ maxDurationMs: 1_000, action: 'end_session' })

  clock.advance(1_001)
  await until(() => session.status !== 'active')

  expect(session.end).toMatchObject({ status: 'closed', findings: [{ limit: 'duration', max: 1_000 }] })
})
