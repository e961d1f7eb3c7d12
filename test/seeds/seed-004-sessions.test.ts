/** Seed 004, what a session of the file store holds, and how it is saved, found, listed and deleted. */
import { expect, test } from 'vitest'
import { stateStore } from '../../src/integrations/interchange/state-store.ts'
import { assistantMessage, systemEvent, userMessage } from '../../src/runtime/entries.ts'
import { systemIds } from '../../src/runtime/ids.ts'
import { listeningLogger } from '../support/listening-logger.ts'
import { activeSession, memoryRuntime, refusalOf, START, transcript } from '../support/memory-runtime.ts'

const BAD_IDS = ['', '.', '..', 'a/b', '../etc/passwd', 'a\\b', 'a..b', ' a', 'ä', 'x'.repeat(129)]

test.each(BAD_IDS)('[S4-01 S4-38] the id %j is refused wherever one is given', async (id) => {
  const { runtime } = await memoryRuntime()
  const parent = await runtime.create()

  const codes = [
    await refusalOf(runtime.create({ id })),
    await refusalOf(runtime.get(id)),
    await refusalOf(runtime.getOrCreate(id)),
    await refusalOf(runtime.delete(id)),
    await refusalOf(runtime.erase({ sessionId: id })),
    await refusalOf(runtime.export(id)),
    await refusalOf(Promise.resolve().then(() => runtime.has(id))),
    await refusalOf(parent.edit({ parentId: id })),
  ].map(({ code }) => code)

  expect(codes).toEqual(Array.from({ length: 8 }, () => 'ID_INVALID'))
})

test('[S4-01] an id is a text of the caller, or a fresh UUID', async () => {
  const { runtime } = await memoryRuntime({ ids: systemIds })

  const [own, fresh] = [await runtime.create({ id: 'user-123:main' }), await runtime.create()]

  expect(own.id).toBe('user-123:main')
  expect(fresh.id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
})

test('[S4-02 S4-03 S4-06 S4-07] messages and responses are printed in two lists, absent keys of a response as null', async () => {
  const { runtime, clock } = await memoryRuntime()
  const session = await activeSession(runtime, { userId: 'user-123' })
  await session.append(userMessage('Hello'))
  clock.advance(1_000)
  await session.append({ type: 'assistant_message', content: { text: 'Hi!', seed_id: 'seed-1' } })

  const printed = stateStore.print(await runtime.export(session.id))

  expect(printed['user_messages']).toEqual([{ content: 'Hello', timestamp: '2030-01-01T00:00:00Z' }])
  expect(printed['agent_responses']).toEqual([
    {
      content: 'Hi!',
      session_id: null,
      seed_id: 'seed-1',
      phase_reached: null,
      evaluation_passed: null,
      timestamp: '2030-01-01T00:00:01Z',
    },
  ])
})

test('[S4-05 S4-08 S4-09 S4-10 S4-11 S4-12] a session is printed with its user and times, and without empty keys', async () => {
  const { runtime, clock } = await memoryRuntime()
  const session = await activeSession(runtime, { userId: 'user-123', metadata: { project_ids: 'p-1' } })
  const print = async () => stateStore.print(await runtime.export(session.id))
  const bare = await print()
  clock.advance(60_000)

  await session.edit({ activeSeedId: 'seed-1', activePersonaId: 'persona-1' })

  expect(bare).toEqual({
    id: 'session-1',
    user_id: 'user-123',
    user_messages: [],
    agent_responses: [],
    created_at: '2030-01-01T00:00:00Z',
    updated_at: '2030-01-01T00:00:00Z',
    metadata: { project_ids: 'p-1' },
  })
  expect(await print()).toEqual({
    ...bare,
    active_seed_id: 'seed-1',
    active_persona_id: 'persona-1',
    updated_at: '2030-01-01T00:01:00Z',
  })
})

test('[S4-13 S4-14] a session of a user, with an id given or made, is created and updated at one instant', async () => {
  const { runtime } = await memoryRuntime()

  const sessions = [
    await runtime.create({ userId: 'ann' }),
    await runtime.create({ userId: 'ann', id: 'own' }),
  ]

  expect(
    sessions.map(({ id, record, createdAt, updatedAt }) => [id, record.userId, createdAt, updatedAt]),
  ).toEqual([
    ['session-1', 'ann', START, START],
    ['own', 'ann', START, START],
  ])
})

test('[S4-15 S4-16] a user message is stamped, a response keeps the time it brings, both update the session', async () => {
  const { runtime, clock } = await memoryRuntime()
  const session = await activeSession(runtime)
  clock.advance(10)
  await session.append(userMessage('Hello'))
  const afterMessage = session.updatedAt
  clock.advance(10)

  await session.append({ ...assistantMessage('Hi!'), at: START + 12 })

  expect((await transcript(session)).map(({ at }) => at)).toEqual([START + 10, START + 12])
  expect([afterMessage, session.updatedAt]).toEqual([START + 10, START + 20])
})

test('[S4-04 S4-17 S4-18 S4-19 S4-20] seed, persona and metadata are set and cleared, and update the session', async () => {
  const { runtime, clock } = await memoryRuntime()
  const session = await activeSession(runtime, { activeSeedId: 'seed-0', metadata: { old: 1 } })
  const after: unknown[] = []
  const step = async (work: Promise<unknown>) => {
    await work
    const { activeSeedId, activePersonaId } = session.record
    after.push([activeSeedId, activePersonaId, session.getMetadata('key') ?? null, session.updatedAt - START])
    clock.advance(1)
  }

  await step(session.edit({ activeSeedId: 'seed-1' }))
  await step(session.edit({ activePersonaId: 'persona-1' }))
  await step(session.setMetadata('key', { any: [true] }))
  await step(session.edit({ activeSeedId: null }))

  expect(after).toEqual([
    ['seed-1', null, null, 0],
    ['seed-1', 'persona-1', null, 1],
    ['seed-1', 'persona-1', { any: [true] }, 2],
    [null, 'persona-1', { any: [true] }, 3],
  ])
  expect([session.getMetadata('old'), session.getMetadata('absent')]).toEqual([1, undefined])
})

test('[S4-21] as many exchanges as the smaller of the two counts', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime)

  await session.appendAll([userMessage('a'), userMessage('b'), userMessage('c'), assistantMessage('d')])
  const fewAnswers = session.exchangeCount
  await session.appendAll(Array.from({ length: 4 }, () => assistantMessage('e')))

  expect([fewAnswers, session.exchangeCount]).toEqual([1, 3])
})

test('[S4-22] a session without user messages is empty, whatever else it holds', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime)

  await session.appendAll([assistantMessage('anybody?'), systemEvent('tick')])
  const before = session.isEmpty
  await session.append(userMessage('yes'))

  expect([before, session.isEmpty]).toEqual([true, false])
})

test('[S4-32 S4-34 S4-40] every change is kept when it is acknowledged, so there is nothing to save', async () => {
  const { runtime, store } = await memoryRuntime()
  const session = await activeSession(runtime, { userId: 'user-123' })

  const { revision } = await session.append(userMessage('Hello'))

  expect([store.head(session.id)?.revision, revision]).toEqual([3, 3])
  const loaded = await runtime.get(session.id)
  expect([loaded.record.userId, loaded.usage.userMessageCount]).toEqual(['user-123', 1])
  expect((await refusalOf(runtime.get('nobody'))).code).toBe('NOT_FOUND')
})

test('[S4-40] two who update one session do not overwrite each other, and each update is dated', async () => {
  const { runtime, clock } = await memoryRuntime()
  const mine = await activeSession(runtime)
  const theirs = (await runtime.get(mine.id)).as('active')
  const { revision } = mine
  clock.advance(5)

  await theirs.edit({ name: 'theirs' }, { expectedRevision: revision })
  const refusal = await refusalOf(mine.edit({ name: 'mine' }, { expectedRevision: revision }))

  expect(refusal).toEqual({
    code: 'REVISION_CONFLICT',
    details: { sessionId: mine.id, expected: 2, actual: 3 },
  })
  expect([mine.name, mine.updatedAt]).toEqual(['theirs', START + 5])
})

test('[S4-35] a store that cannot be read at all is an error, not an empty list', async () => {
  const { runtime } = await memoryRuntime()
  await runtime.create()
  await runtime.close()

  expect((await refusalOf(runtime.list())).code).toBe('RUNTIME_CLOSED')
})

test('[S4-36] a line of a listing tells user, user messages, seed, project and times', async () => {
  const { runtime, clock } = await memoryRuntime()
  const session = await activeSession(runtime, {
    userId: 'ann',
    activeSeedId: 'seed-1',
    metadata: { project_ids: 'p-1' },
  })
  clock.advance(9)
  await session.appendAll([userMessage('a'), userMessage('b'), assistantMessage('c')])
  await runtime.create({ metadata: { project_ids: ['p-1'] } })

  const { items } = await runtime.list({ order: 'created-asc' })

  expect(items[0]).toMatchObject({
    id: session.id,
    userId: 'ann',
    userMessageCount: 2,
    activeSeedId: 'seed-1',
    projectId: 'p-1',
    createdAt: START,
    updatedAt: START + 9,
  })
  expect(items[1]).toMatchObject({ userId: null, activeSeedId: null, projectId: null })
})

test('[S4-37] sessions are listed by their last change, the newest first', async () => {
  const { runtime, clock } = await memoryRuntime()
  const sessions = []
  for (let index = 0; index < 3; index += 1) {
    sessions.push(await activeSession(runtime))
    clock.advance(10)
  }

  await sessions[0]?.append(userMessage('again'))

  expect((await runtime.list()).items.map(({ id }) => id)).toEqual(['session-1', 'session-3', 'session-2'])
})

test('[S4-38] deleting says whether there was something to delete, and is logged', async () => {
  const { logger, lines } = listeningLogger()
  const { runtime } = await memoryRuntime({ logger })
  const session = await (await activeSession(runtime)).close()

  const answers = [
    await runtime.delete(session.id),
    await runtime.delete(session.id),
    await runtime.delete('nobody'),
  ]

  expect(answers).toEqual([true, false, false])
  expect(runtime.has(session.id)).toBe(false)
  expect(lines).toEqual([['info', { sessionId: session.id }, 'session deleted']])
})

test('[S4-38] a session in use is not deleted unless forced', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime)

  const refusal = await refusalOf(runtime.delete(session.id))

  expect(refusal).toMatchObject({ code: 'WRONG_STATE', details: { command: 'delete', actual: 'active' } })
  expect(await runtime.delete(session.id, { force: true })).toBe(true)
})

test('[S4-39] an existing session is returned as it is', async () => {
  const { runtime } = await memoryRuntime()
  const existing = await activeSession(runtime, { userId: 'user-123', name: 'first' })
  await existing.append(userMessage('Original message'))

  const retrieved = await runtime.getOrCreate(existing.id, { userId: 'user-123', name: 'second' })

  expect([retrieved.id, retrieved.name, retrieved.usage.userMessageCount]).toEqual([existing.id, 'first', 1])
  expect(retrieved.revision).toBe(3)
})

test('[S4-39] a session of somebody else is as one that does not exist, and is not replaced', async () => {
  const { runtime } = await memoryRuntime()
  const { id } = await runtime.create({ userId: 'ann', tenantId: 'here' })

  const refusals = [
    await refusalOf(runtime.getOrCreate(id, { userId: 'bob', tenantId: 'here' })),
    await refusalOf(runtime.getOrCreate(id, { userId: 'ann', tenantId: 'there' })),
    await refusalOf(runtime.get(id, { userId: 'bob' })),
  ]

  expect(refusals).toEqual(
    Array.from({ length: 3 }, () => ({ code: 'NOT_FOUND', details: { sessionId: id } })),
  )
  expect((await runtime.get(id)).record.userId).toBe('ann')
})

test('[S4-39] a missing session is made with the id asked for, or a fresh one, and kept at once', async () => {
  const { runtime, store } = await memoryRuntime()

  const named = await runtime.getOrCreate('own', { userId: 'user-456' })
  const fresh = await runtime.getOrCreate(undefined, { userId: 'user-456' })

  expect([named.id, fresh.id]).toEqual(['own', 'session-1'])
  expect([named, fresh].map(({ record, isEmpty }) => [record.userId, isEmpty])).toEqual([
    ['user-456', true],
    ['user-456', true],
  ])
  expect([store.head('own')?.revision, store.head('session-1')?.revision]).toEqual([1, 1])
})
