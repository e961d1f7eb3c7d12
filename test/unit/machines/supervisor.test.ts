import { afterEach, expect, test } from 'vitest'
import { createActor } from 'xstate'
import type { AnyActorRef } from 'xstate'
import { persistedSnapshotOf, sessionMachine } from '../../../src/machines/session.ts'
import { supervisorMachine } from '../../../src/machines/supervisor.ts'
import type { SupervisorEvent } from '../../../src/machines/supervisor.ts'
import { factsOf, limitsOf, listen } from '../../support/session-events.ts'
import type { SessionActor } from '../../support/session-events.ts'

const crashing = sessionMachine.provide({
  guards: {
    isWithin: () => {
      throw new TypeError('the guard broke')
    },
  },
})

const input = { at: 1_000, expiresAt: null, initialTokenCount: 0, limits: limitsOf() }
const entry = { type: 'append', at: 1_100, entryTypes: ['user_message'] } as const

const unhandled: unknown[] = []
const note = (error: unknown): void => {
  unhandled.push(error)
}
process.on('uncaughtException', note)
afterEach(() => {
  unhandled.length = 0
})

function startSupervisor(
  ...events: readonly SupervisorEvent[]
): ReturnType<typeof createActor<typeof supervisorMachine>> {
  const supervisor = createActor(supervisorMachine).start()
  for (const event of events) supervisor.send(event)
  return supervisor
}

/** A session actor as the host makes it: a child by `parent`, kept by the host. */
function spawn(
  parent: AnyActorRef,
  id: string,
  machine = sessionMachine,
  options: object = { input },
): SessionActor {
  const actor = createActor(machine, { ...options, id, parent } as never)
  listen(actor)
  parent.send({ type: 'actorStarted' })
  return actor
}

function spawnActive(parent: AnyActorRef, id: string, machine = sessionMachine): SessionActor {
  const actor = spawn(parent, id, machine)
  actor.send({ type: 'activate', at: 1_000 })
  return actor
}

/** XState reports an unheard error from a timer; this waits until such a timer would have run. */
const timersRun = (): Promise<void> => new Promise((done) => setImmediate(() => setImmediate(done)))

test.each([
  [['start'], 'recovering'],
  [['start', 'recovered'], 'running'],
  [['start', 'recovered', 'drain'], 'draining'],
  [['start', 'drain'], 'draining'],
  [['start', 'recovered', 'drain', 'stopped'], 'stopped'],
  [['recovered'], 'starting'],
  [['start', 'recovered', 'stopped'], 'running'],
] as const)('after %j a runtime is %s', (types, value) => {
  const supervisor = startSupervisor(...types.map((type) => ({ type })))

  expect(supervisor.getSnapshot().value).toBe(value)
})

test.each([[[]], [['start']], [['start', 'recovered']], [['start', 'recovered', 'drain']]] as const)(
  'a runtime may fail after %j, and says why',
  (types) => {
    const supervisor = startSupervisor(...types.map((type) => ({ type })))

    supervisor.send({ type: 'fail', code: 'STORE_FAILED' })

    expect(supervisor.getSnapshot().value).toBe('failed')
    expect(supervisor.getSnapshot().context.failure).toBe('STORE_FAILED')
  },
)

test('[SV3] a runtime that stopped is over, also when it had failed', () => {
  const supervisor = startSupervisor(
    { type: 'start' },
    { type: 'fail', code: 'STORE_FAILED' },
    { type: 'stopped' },
  )

  expect(supervisor.getSnapshot()).toMatchObject({ value: 'stopped', status: 'done' })
})

test('[SV1] spawned sessions are counted, not held in the snapshot', () => {
  const supervisor = startSupervisor({ type: 'start' })

  const actors = Array.from({ length: 500 }, (_, i) => spawn(supervisor, `session-${i}`))

  expect(actors).toHaveLength(500)
  expect(supervisor.getSnapshot().children).toEqual({})
  expect(supervisor.getSnapshot().context.liveActors).toBe(500)
})

test('[SV2] a session that ends is heard of', () => {
  const supervisor = startSupervisor()
  const session = spawnActive(supervisor, 'session-1')

  session.send({ type: 'complete', at: 1_100 })

  expect(session.getSnapshot().status).toBe('done')
  expect(supervisor.getSnapshot().context).toMatchObject({ finished: 1, crashes: 0 })
})

test('[SV2] a session that crashes leaves its parent, its neighbours and the process alive', async () => {
  const supervisor = startSupervisor({ type: 'start' }, { type: 'recovered' })
  const [first, broken, last] = [
    spawnActive(supervisor, 'session-1'),
    spawnActive(supervisor, 'session-2', crashing),
    spawnActive(supervisor, 'session-3'),
  ]

  broken.send(entry)
  first.send(entry)
  last.send(entry)
  await timersRun()

  expect(broken.getSnapshot().status).toBe('error')
  expect(supervisor.getSnapshot()).toMatchObject({
    status: 'active',
    value: 'running',
    context: { crashes: 1 },
  })
  expect([first, last].map((one) => one.getSnapshot().context.entryCount)).toEqual([1, 1])
  expect(unhandled).toEqual([])
})

test('[SV2] an error of an actor nobody knows kills nothing, in no state', async () => {
  const lives: readonly (readonly SupervisorEvent[])[] = [
    [],
    [{ type: 'start' }],
    [{ type: 'start' }, { type: 'recovered' }],
    [{ type: 'start' }, { type: 'drain' }],
    [{ type: 'fail', code: 'STORE_FAILED' }],
  ]

  const supervisors = lives.map((events) => startSupervisor(...events))
  for (const supervisor of supervisors) {
    supervisor.send({
      type: 'xstate.error.actor.nobody',
      actorId: 'nobody',
      error: new TypeError('who was that'),
    })
  }
  await timersRun()

  expect(supervisors.map((one) => one.getSnapshot().status)).toEqual(lives.map(() => 'active'))
  expect(unhandled).toEqual([])
})

test('[SV3] a released actor is stopped, its neighbour is not', () => {
  const supervisor = startSupervisor({ type: 'start' }, { type: 'recovered' })
  const [released, kept] = [spawnActive(supervisor, 'session-1'), spawnActive(supervisor, 'session-2')]

  supervisor.send({ type: 'actorReleased', actor: released })
  kept.send(entry)

  expect(released.getSnapshot().status).toBe('stopped')
  expect(kept.getSnapshot().context.entryCount).toBe(1)
  expect(supervisor.getSnapshot().context.liveActors).toBe(1)
})

test('[SV3] actors that ended or crashed are released like any other, also while failed', () => {
  const supervisor = startSupervisor({ type: 'start' })
  const [ended, broken] = [
    spawnActive(supervisor, 'session-1'),
    spawnActive(supervisor, 'session-2', crashing),
  ]
  ended.send({ type: 'close', at: 1_100 })
  broken.send(entry)
  supervisor.send({ type: 'fail', code: 'STORE_FAILED' })

  for (const actor of [ended, broken]) supervisor.send({ type: 'actorReleased', actor })

  expect(supervisor.getSnapshot()).toMatchObject({ status: 'active', context: { liveActors: 0 } })
  expect([ended, broken].map((one) => one.getSnapshot().status)).toEqual(['done', 'error'])
})

test('[SV3] a child cannot stop by itself: only the supervisor stops it', () => {
  const supervisor = startSupervisor()
  const session = spawnActive(supervisor, 'session-1')

  expect(() => session.stop()).toThrow('non-root')
})

test('a crashed session comes back under its id from its facts, once it was released', () => {
  const supervisor = startSupervisor()
  const broken = spawnActive(supervisor, 'session-1', crashing)
  const facts = factsOf(broken)
  broken.send(entry)

  supervisor.send({ type: 'actorReleased', actor: broken })
  const restored = spawn(supervisor, 'session-1', sessionMachine, { snapshot: persistedSnapshotOf(facts) })
  restored.send(entry)
  restored.send({ type: 'complete', at: 1_200 })

  expect(restored.getSnapshot()).toMatchObject({ value: 'completed', context: { entryCount: 1 } })
  expect(supervisor.getSnapshot().context).toMatchObject({ liveActors: 1, crashes: 1, finished: 1 })
})

test('stopping the supervisor leaves sessions running, so the host releases them first', () => {
  const supervisor = startSupervisor()
  const [forgotten, released] = [spawnActive(supervisor, 'session-1'), spawnActive(supervisor, 'session-2')]

  supervisor.send({ type: 'actorReleased', actor: released })
  supervisor.stop()
  forgotten.send(entry)

  expect(forgotten.getSnapshot()).toMatchObject({ status: 'active', context: { entryCount: 1 } })
  expect(released.getSnapshot().status).toBe('stopped')
})

test('[SV4] quarantined sessions are counted while they are set aside', () => {
  const supervisor = startSupervisor({ type: 'sessionQuarantined' }, { type: 'sessionQuarantined' })

  supervisor.send({ type: 'sessionReleased' })

  expect(supervisor.getSnapshot().context.quarantined).toBe(1)
  expect(Object.keys(supervisor.getSnapshot().context)).toHaveLength(5)
})
