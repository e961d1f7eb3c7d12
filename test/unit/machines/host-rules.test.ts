/** What the host of session actors relies on: each rule guards against something XState does in silence. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createActor, sendParent, setup } from 'xstate'
import type { AnyMachineSnapshot } from 'xstate'
import type { LimitPolicyEvent } from '../../../src/machines/limit-policy.ts'
import { limitPolicy } from '../../../src/machines/limit-policy.ts'
import { judge } from '../../../src/machines/limits.ts'
import { isSound, persistedSnapshotOf, sessionMachine, statusOf } from '../../../src/machines/session.ts'
import type { ActorFacts } from '../../../src/machines/session.ts'
import { supervisorMachine } from '../../../src/machines/supervisor.ts'
import {
  anyLife,
  factsOf,
  limitsOf,
  policyValueOf,
  restoreSession,
  startSession,
  tell,
} from '../../support/session-events.ts'
import type { SessionActor } from '../../support/session-events.ts'

const oneTurn = limitsOf({ maxTurns: 1, action: 'pause' })
const user = { type: 'append', at: 1_200, entryTypes: ['user_message'] } as const
const assistant = { type: 'append', at: 1_200, entryTypes: ['assistant_message'] } as const

/** The facts of an active session whose one allowed turn is used up. */
function factsAtLimit(): ActorFacts {
  const { actor } = startSession({ limits: oneTurn })
  for (const event of [{ type: 'activate', at: 1_100 } as const, user, assistant]) actor.send(event)
  return factsOf(actor)
}

/** The session machine with another limit policy. */
const withPolicy = (policy: unknown): typeof sessionMachine =>
  sessionMachine.provide({ actors: { limitPolicy: policy as typeof limitPolicy } })

const silentPolicy = setup({ types: {} as { events: LimitPolicyEvent } }).createMachine({
  initial: 'within',
  states: { within: {}, atLimit: {} },
})

const throwingPolicy = setup({ types: {} as { events: LimitPolicyEvent } }).createMachine({
  initial: 'within',
  states: { within: {}, atLimit: {} },
  on: {
    offer: {
      actions: sendParent(() => {
        throw new TypeError('the policy broke')
      }),
    },
  },
})

const quittingPolicy = setup({ types: {} as { events: LimitPolicyEvent } }).createMachine({
  initial: 'within',
  states: { within: { on: { offer: 'gone' } }, gone: { type: 'final' } },
})

test('[SM5] a twin restored from facts answers everything that follows alike, at every step of every life', () => {
  fc.assert(
    fc.property(anyLife, ({ input, events }) => {
      const original = startSession(input)
      const facts: ActorFacts[] = []
      const answers: unknown[] = []
      for (const event of events) {
        if (original.actor.getSnapshot().status === 'done') break
        facts.push(factsOf(original.actor))
        answers.push(tell(original, event))
      }

      facts.forEach((stored, from) => {
        const twin = restoreSession(stored)
        expect(isSound(twin.actor.getSnapshot())).toBe(true)
        expect(factsOf(twin.actor)).toEqual(stored)
        answers.slice(from).forEach((answer, i) => {
          expect(tell(twin, events[from + i] as (typeof events)[number])).toEqual(answer)
        })
      })
    }),
    { numRuns: 200 },
  )
})

test('[SM2] the snapshot built from facts is the one XState would have saved', () => {
  fc.assert(
    fc.property(anyLife, ({ input, events }) => {
      const { actor } = startSession(input)

      for (const event of events) {
        if (actor.getSnapshot().status === 'done') break
        actor.send(event)
        const saved: unknown = JSON.parse(JSON.stringify(actor.getPersistedSnapshot()))
        const built: unknown = JSON.parse(JSON.stringify(persistedSnapshotOf(factsOf(actor))))
        expect(built).toEqual(saved)
      }
    }),
    { numRuns: 300 },
  )
})

test('[SM5] at rest every actor is sound', () => {
  fc.assert(
    fc.property(anyLife, ({ input, events }) => {
      const { actor } = startSession(input)

      for (const event of events) {
        if (actor.getSnapshot().status === 'done') break
        actor.send(event)
        expect(isSound(actor.getSnapshot())).toBe(true)
        expect(statusOf(actor.getSnapshot().value)).toBeDefined()
      }
    }),
    { numRuns: 300 },
  )
})

test('the policy of a restored session is alive and in its state', () => {
  const restored = restoreSession(factsAtLimit())

  expect(policyValueOf(restored.actor)).toBe('atLimit')
  expect(tell(restored, user).value).toBe('paused')
})

test('restoring leaves the facts as they were', () => {
  const facts = factsAtLimit()
  const before = JSON.stringify(facts)
  Object.freeze(facts.context)

  const actor = createActor(sessionMachine, { snapshot: persistedSnapshotOf(facts) } as never) as SessionActor
  actor.start().send(user)

  expect(actor.getSnapshot().value).toBe('paused')
  expect(JSON.stringify(facts)).toBe(before)
})

test('every chart bears the name under which inspectors show it', () => {
  expect([supervisorMachine.id, sessionMachine.id, limitPolicy.id]).toEqual([
    'supervisor',
    'session',
    'limitPolicy',
  ])
})

test('[SM5] only what is at rest and of the table has a status', () => {
  const values = [
    'paused',
    { active: 'ready' },
    'active',
    'archived',
    { active: 'offering' },
    { active: 'ready', a: 1 },
  ]

  expect(values.map(statusOf)).toEqual(['paused', 'active', undefined, undefined, undefined, undefined])
})

test.each(['archived', { active: 'thinking' }, { parked: 'ready' }])(
  'a removed state (%j) gives an actor in error, which is refused',
  (value) => {
    const facts = { ...factsAtLimit(), value }
    const options = {
      id: 'old',
      parent: createActor(supervisorMachine).start(),
      snapshot: persistedSnapshotOf(facts),
    }

    const actor = createActor(sessionMachine, options as never).start() as SessionActor

    expect(actor.getSnapshot().status).toBe('error')
    expect(isSound(actor.getSnapshot())).toBe(false)
  },
)

test('a policy that gives no answer wedges its session at the door in silence, which is found out', () => {
  const wedged = restoreSession(factsAtLimit(), withPolicy(silentPolicy))
  expect(isSound(wedged.actor.getSnapshot())).toBe(true)

  const answer = tell(wedged, user)
  const after = tell(wedged, assistant)

  expect(answer).toMatchObject({ value: { active: 'offering' }, said: [] })
  expect(after).toMatchObject({ value: { active: 'offering' }, said: [], context: { entryCount: 2 } })
  expect(isSound(wedged.actor.getSnapshot())).toBe(false)
})

test('[SM5] what is inside all limits is decided without the policy', () => {
  const session = startSession({ limits: oneTurn }, withPolicy(silentPolicy))
  tell(session, { type: 'activate', at: 1_100 })

  const { value, said } = tell(session, user)

  expect(value).toEqual({ active: 'ready' })
  expect(said).toEqual([{ type: 'decided', accepted: true, entryKept: true, findings: [] }])
})

test('a policy that ended is found out before the next door', () => {
  const session = restoreSession(factsAtLimit(), withPolicy(limitPolicy))
  const { status, value, context, children } = session.actor.getSnapshot()
  const ended = createActor(quittingPolicy).start()
  ended.send({ type: 'offer' } as LimitPolicyEvent)

  expect(isSound({ status, value, children })).toBe(true)
  expect(isSound({ status, value, children: { limitPolicy: ended } })).toBe(false)
  expect(context.entryCount).toBe(2)
})

test('an active session without a policy is refused at once', () => {
  const snapshot = { ...(persistedSnapshotOf(factsAtLimit()) as AnyMachineSnapshot), children: {} }
  const actor = createActor(sessionMachine, { snapshot } as never).start()

  expect(actor.getSnapshot().status).toBe('active')
  expect(isSound(actor.getSnapshot() as never)).toBe(false)
})

test('a stored policy value the policy does not know is found out', () => {
  const restored = createActor(sessionMachine, {
    parent: createActor(supervisorMachine).start(),
    snapshot: persistedSnapshotOf({ ...factsAtLimit(), policy: 'forgotten' }),
  } as never).start() as SessionActor

  expect(isSound(restored.getSnapshot())).toBe(false)
})

test('without a stored value the policy starts afresh', () => {
  const restored = restoreSession({ ...factsAtLimit(), policy: null })

  expect(policyValueOf(restored.actor)).toBe('within')
  expect(tell(restored, user).value).toBe('paused')
})

test('a stopped actor is not to be stored', () => {
  const { actor } = startSession()
  actor.send({ type: 'activate', at: 1_100 })

  actor.stop()

  expect(actor.getSnapshot().status).toBe('stopped')
  expect(isSound(actor.getSnapshot())).toBe(false)
})

test.each([
  ['done', 'closed', true],
  ['active', 'closed', false],
  ['done', 'created', false],
  ['active', 'created', true],
  ['active', 'paused', true],
  ['active', 'active', false],
  ['active', { active: 'ready' }, false],
  ['active', { active: 'ready', other: 'x' }, false],
  ['error', undefined, false],
  ['active', null, false],
] as const)('an actor that is %s in %j without children is sound: %s', (status, value, sound) => {
  expect(isSound({ status, value, children: {} })).toBe(sound)
})

test('[SM2] keys that XState gives a meaning never enter the context', () => {
  const odd = JSON.parse(
    '{"sessionId":"x","xstate$$type":1,"__proto__":{"id":"p"},"send":1,"ref":2,"constructor":3}',
  ) as object
  const facts = factsAtLimit()
  const stuffed = JSON.parse(JSON.stringify({ ...facts, context: null })) as { context: object }
  stuffed.context = Object.defineProperties({ ...facts.context }, Object.getOwnPropertyDescriptors(odd))

  const restored = restoreSession(stuffed as ActorFacts)
  tell(restored, { ...odd, type: 'edit', at: 1_300 } as never)

  const { context } = restored.actor.getSnapshot()
  expect(Object.keys(stuffed.context)).toContain('__proto__')
  expect(Object.keys(context)).toEqual(Object.keys(facts.context))
  expect(Object.getPrototypeOf(context)).toBe(Object.prototype)
  expect(JSON.stringify(restored.actor.getPersistedSnapshot())).not.toContain('sessionId')
})

test('a policy that throws is the end of that actor only', async () => {
  const supervisor = createActor(supervisorMachine).start()
  const uncaught: unknown[] = []
  const note = (error: unknown): number => uncaught.push(error)
  process.on('uncaughtException', note)
  const options = { id: 'broken', parent: supervisor, snapshot: persistedSnapshotOf(factsAtLimit()) }
  const broken = createActor(withPolicy(throwingPolicy), options as never).start() as SessionActor
  const neighbour = createActor(sessionMachine, {
    ...options,
    id: 'neighbour',
  } as never).start() as SessionActor

  broken.send(user)
  neighbour.send(user)
  await new Promise((done) => setImmediate(() => setImmediate(done)))
  process.off('uncaughtException', note)

  expect(broken.getSnapshot().status).toBe('error')
  expect(isSound(broken.getSnapshot())).toBe(false)
  expect(neighbour.getSnapshot().value).toBe('paused')
  expect(supervisor.getSnapshot()).toMatchObject({ status: 'active', context: { crashes: 1 } })
  expect(uncaught).toEqual([])
})

test("[LP1] a policy of one's own takes the place of the built-in", () => {
  const lenient = setup({ types: {} as { events: LimitPolicyEvent } }).createMachine({
    initial: 'open',
    states: { open: {} },
    on: {
      offer: {
        actions: sendParent(({ event }) =>
          event.type === 'offer'
            ? { ...judge(event), action: 'accept' as const, findings: [] }
            : { type: 'none' },
        ),
      },
    },
  })

  const session = restoreSession({ ...factsAtLimit(), policy: null }, withPolicy(lenient))
  const answer = tell(session, user)

  expect(answer.said).toMatchObject([{ accepted: true, entryKept: true, findings: [] }])
  expect(answer.context.entryCount).toBe(3)
})
