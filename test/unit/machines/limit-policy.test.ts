import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createActor, setup } from 'xstate'
import type { ActorRefFrom } from 'xstate'
import type { LimitAction, LimitFinding, LimitVerdict, SessionEvent } from '../../../src/machines/events.ts'
import { limitPolicy } from '../../../src/machines/limit-policy.ts'
import { standingOf } from '../../../src/machines/limits.ts'
import { sessionMachine } from '../../../src/machines/session.ts'
import { anyLife, limitsOf, policyValueOf, startSession, tell } from '../../support/session-events.ts'
import type { Answer } from '../../support/session-events.ts'

/** The same session machine, with every event offered to the policy. */
const withoutFastPath = sessionMachine.provide({ guards: { isWithin: () => false } })

const AT_REST = { within: 'within', atLimit: 'atLimit', exceeded: { exceeded: 'ignore' } } as const

const user: SessionEvent = { type: 'append', at: 1_100, entryTypes: ['user_message'] }
const assistant: SessionEvent = { type: 'append', at: 1_100, entryTypes: ['assistant_message'] }

/** An active session of one allowed turn, which is used up. */
function atTurnLimit(action: LimitAction): ReturnType<typeof startSession> {
  const session = startSession({ limits: limitsOf({ maxTurns: 1, action }) })
  for (const event of [{ type: 'activate', at: 1_050 } as const, user, assistant]) session.actor.send(event)
  session.said.length = 0
  return session
}

test('[LM5] [SM5] the fast path and the policy decide alike', () => {
  fc.assert(
    fc.property(anyLife, ({ input, events }) => {
      const quick = startSession(input)
      const slow = startSession(input, withoutFastPath)

      for (const event of events) {
        if (quick.actor.getSnapshot().status === 'done') break
        expect(tell(slow, event)).toEqual(tell(quick, event))
      }
      expect(slow.actor.getSnapshot().status).toBe(quick.actor.getSnapshot().status)
    }),
    { numRuns: 1_000 },
  )
})

test('[LP3] [SM6] between events the policy says where the session stands, also after a refusal', () => {
  fc.assert(
    fc.property(anyLife, ({ input, events }) => {
      const session = startSession(input)

      for (const event of events) {
        if (session.actor.getSnapshot().status === 'done') break
        const { value, context, policy } = tell(session, event)
        const isActive = typeof value === 'object'
        expect(policy).toEqual(isActive ? AT_REST[standingOf(context)] : null)
      }
    }),
    { numRuns: 500 },
  )
})

test('[SM4] [SM6] [SM7] whatever happens, answers and contexts agree', () => {
  fc.assert(
    fc.property(anyLife, ({ input, events }) => {
      const session = startSession(input)
      let before: Answer | undefined

      for (const event of events) {
        if (session.actor.getSnapshot().status === 'done') break
        const answer = tell(session, event)
        const [decided, ...more] = answer.said
        const changed = before === undefined || answer.context !== before.context
        expect(more).toEqual([])
        if (changed) expect(answer.context.updatedAt).toBe(event.at)
        if (decided?.accepted === false) {
          expect(changed).toBe(false)
          expect(answer.policy).toEqual(before?.policy ?? null)
          expect(decided.findings.some(({ action }) => action !== 'ignore')).toBe(true)
        }
        before = answer
      }
    }),
    { numRuns: 500 },
  )
})

test('the policy follows a session from within to its limit', () => {
  const { actor } = startSession({ limits: limitsOf({ maxTurns: 1 }) })

  const values = [{ type: 'activate', at: 1_050 } as const, user, assistant].map((event) => {
    actor.send(event)
    return policyValueOf(actor)
  })

  expect(values).toEqual(['within', 'within', 'atLimit'])
})

test('error refuses: nothing changes', () => {
  const session = atTurnLimit('error')
  const { context } = session.actor.getSnapshot()

  const answer = tell(session, user)

  const findings = [{ limit: 'turns', current: 2, max: 1, action: 'error' }]
  expect(answer.said).toEqual([{ type: 'decided', accepted: false, entryKept: false, findings }])
  expect(answer.context).toBe(context)
  expect(answer.value).toEqual({ active: 'ready' })
  expect(answer.policy).toBe('atLimit')
})

test('end_session closes the session instead of keeping the entry', () => {
  const session = atTurnLimit('end_session')

  const answer = tell(session, { ...user, at: 1_200 })

  const findings = [{ limit: 'turns', current: 2, max: 1, action: 'end_session' }]
  expect(answer.said).toEqual([{ type: 'decided', accepted: true, entryKept: false, findings }])
  expect(answer.value).toBe('closed')
  expect(answer.context).toMatchObject({
    entryCount: 2,
    endedAt: 1_200,
    end: { status: 'closed', code: 'LIMIT_REACHED', message: null, findings },
  })
})

test('pause pauses the session, and it resumes once the limit is extended', () => {
  const session = atTurnLimit('pause')
  const limits = limitsOf({ maxTurns: 2, action: 'pause' })

  const met = tell(session, { ...user, at: 1_200 })
  const held = tell(session, { type: 'resume', at: 1_210 })
  tell(session, { type: 'extendLimits', at: 1_220, limits })
  const resumed = tell(session, { type: 'resume', at: 1_230 })

  expect(met.said).toMatchObject([{ accepted: true, entryKept: false, findings: [{ limit: 'turns' }] }])
  expect(met.context).toMatchObject({ entryCount: 2, pausedAt: 1_200, idleSince: null })
  expect(held.said).toMatchObject([
    { accepted: false, entryKept: false, findings: [{ limit: 'turns', current: 2, max: 1 }] },
  ])
  expect(held.context).toBe(met.context)
  expect(resumed.value).toEqual({ active: 'ready' })
  expect(resumed.policy).toBe('within')
})

test('ignore keeps the entry and notices once per limit', () => {
  const session = atTurnLimit('ignore')

  const first = tell(session, user)
  const again = [assistant, user].map((event) => tell(session, event))

  const kept = { type: 'decided', accepted: true, entryKept: true }
  expect(first.said).toEqual([
    { ...kept, findings: [{ limit: 'turns', current: 2, max: 1, action: 'ignore' }] },
  ])
  expect(first.context).toMatchObject({ entryCount: 3, noticed: ['turns'] })
  expect(first.policy).toEqual({ exceeded: 'ignore' })
  expect(again.map(({ said }) => said)).toEqual([[{ ...kept, findings: [] }], [{ ...kept, findings: [] }]])
  expect(again[1]?.context.entryCount).toBe(5)
})

test('extended limits bring the policy back, and a changed soft limit is noticed afresh', () => {
  const session = atTurnLimit('ignore')
  tell(session, user)

  const extended = tell(session, {
    type: 'extendLimits',
    at: 1_200,
    limits: limitsOf({ maxTurns: 2, action: 'ignore' }),
  })
  const reached = tell(session, assistant)
  const noticed = tell(session, user)

  expect(extended.policy).toBe('within')
  expect(extended.context.noticed).toEqual([])
  expect(reached.policy).toBe('atLimit')
  expect(noticed.said).toMatchObject([{ findings: [{ limit: 'turns', current: 3, max: 2 }] }])
})

test('an admitted call changes nothing, unless it is noticed', () => {
  const session = atTurnLimit('ignore')
  session.actor.send({
    type: 'extendLimits',
    at: 1_150,
    limits: limitsOf({ maxTokens: 0, action: 'ignore' }),
  })
  const { context } = session.actor.getSnapshot()

  const noticed = tell(session, { type: 'admit', at: 1_200, door: 'modelCall' })
  const admitted = tell(session, { type: 'admit', at: 1_300, door: 'modelCall' })

  expect(noticed.said).toMatchObject([{ accepted: true, entryKept: true, findings: [{ limit: 'tokens' }] }])
  expect(noticed.context).toEqual({ ...context, noticed: ['tokens'], updatedAt: 1_200 })
  expect(admitted.said).toMatchObject([{ accepted: true, entryKept: true, findings: [] }])
  expect(admitted.context).toBe(noticed.context)
})

test('several entries at once go in together or not at all', () => {
  const session = startSession({ limits: limitsOf({ maxTurns: 1 }) })
  session.actor.send({ type: 'activate', at: 1_050 })
  const entryTypes = ['user_message', 'assistant_message', 'user_message']

  const answer = tell(session, { type: 'append', at: 1_100, entryTypes })

  expect(answer.said).toMatchObject([{ accepted: false, findings: [{ limit: 'turns', current: 2, max: 1 }] }])
  expect(answer.context.entryCount).toBe(0)
})

test('[SM8] while paused a duration deadline ends or notices, and never pauses again', () => {
  const due = { type: 'deadline', kind: 'duration', at: 1_501, dueAt: 1_501 } as const
  const met = (action: LimitAction): Answer => {
    const session = startSession({ limits: limitsOf({ maxDurationMs: 500, action }) })
    session.actor.send({ type: 'activate', at: 1_050 })
    session.actor.send({ type: 'pause', at: 1_100 })
    return tell(session, due)
  }

  const [ended, noticed, pausing, refusing] = [met('end_session'), met('ignore'), met('pause'), met('error')]

  const finding = { limit: 'duration', current: 501, max: 500 }
  expect(ended.value).toBe('closed')
  expect(ended.said).toMatchObject([{ accepted: true, entryKept: false, findings: [finding] }])
  expect(ended.context.end).toMatchObject({ code: 'LIMIT_REACHED', findings: [finding] })
  expect(noticed.value).toBe('paused')
  expect(noticed.said).toMatchObject([{ accepted: true, entryKept: true, findings: [finding] }])
  expect(noticed.context).toMatchObject({ noticed: ['duration'], updatedAt: 1_501, pausedAt: 1_100 })
  for (const quiet of [pausing, refusing]) {
    expect(quiet.value).toBe('paused')
    expect(quiet.said).toEqual([])
  }
})

test('a notice of the clock is no activity: the idle time goes on', () => {
  const session = startSession({ limits: limitsOf({ maxIdleMs: 10, action: 'ignore' }) })
  session.actor.send({ type: 'activate', at: 1_050 })

  const { said, context } = tell(session, { type: 'deadline', kind: 'idle', at: 1_061, dueAt: 1_061 })

  expect(said).toMatchObject([
    { accepted: true, entryKept: true, findings: [{ limit: 'idle', current: 11 }] },
  ])
  expect(context).toMatchObject({ idleSince: 1_050, noticed: ['idle'], updatedAt: 1_061 })
})

test('[LP1] [LP2] the chart of the policy hears offers in every state alike', () => {
  const states = Object.values(limitPolicy.root.states).flatMap((node) => [
    node,
    ...Object.values(node.states),
  ])

  expect([...limitPolicy.root.transitions.keys()].toSorted()).toEqual(['offer', 'review'])
  expect(states.map(({ transitions }) => transitions.size)).toEqual(states.map(() => 0))
  expect(states.map(({ path }) => path.join('.'))).toEqual([
    'within',
    'atLimit',
    'exceeded',
    'exceeded.error',
    'exceeded.endSession',
    'exceeded.ignore',
    'exceeded.pause',
  ])
})

test.each([
  ['end_session', { exceeded: 'endSession' }],
  ['pause', { exceeded: 'pause' }],
  ['error', { exceeded: 'error' }],
  ['ignore', { exceeded: 'ignore' }],
] as const)('[LP3] at a door the state of the policy names what it answered: %s', (action, state) => {
  const limits = limitsOf({ maxTurns: 1, action })
  const findings: LimitFinding[] = [{ limit: 'turns', current: 2, max: 1, action }]
  const verdicts: LimitVerdict[] = []
  const asker = setup({
    types: {} as { events: LimitVerdict },
    actors: { limitPolicy },
    actions: { note: ({ event }) => void verdicts.push(event) },
  }).createMachine({
    invoke: { id: 'limitPolicy', src: 'limitPolicy' },
    on: { verdict: { actions: 'note' } },
  })
  const actor = createActor(asker).start()
  const policy = actor.getSnapshot().children['limitPolicy'] as ActorRefFrom<typeof limitPolicy>

  policy.send({ type: 'offer', at: 1_100, event: user, limits, noticed: [], findings, reaches: false })

  expect(verdicts).toEqual([{ type: 'verdict', action, findings, event: user }])
  expect(policy.getSnapshot().value).toEqual(state)
})
