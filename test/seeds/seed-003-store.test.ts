/** Seed 003, the store of sessions and the adapter it saves through. */
import { expect, test } from 'vitest'
import { sessionError } from '../../src/errors.ts'
import { fluers } from '../../src/integrations/interchange/fluers.ts'
import { assistantMessage, userMessage } from '../../src/runtime/entries.ts'
import type { Session } from '../../src/runtime/session.ts'
import { createMemoryStore } from '../../src/store/memory-store.ts'
import type { SessionStore } from '../../src/store/store.ts'
import { activeSession, memoryRuntime, refusalOf, transcript } from '../support/memory-runtime.ts'

/** A store that outlives the runtime on it, as a folder does, and writes down what it is asked to keep. */
function keptStore(over: (inner: SessionStore) => Partial<SessionStore> = () => ({})) {
  const inner = createMemoryStore()
  const appended: string[] = []
  const store: SessionStore = {
    ...inner,
    append: (change, after) => {
      appended.push(`${change.sessionId} ${change.revision} ${change.event.type}`)
      return inner.append(change, after)
    },
    close: async () => {},
    ...over(inner),
  }
  return { store, appended }
}

test('[S3-12] everybody who asks for a session gets the same one', async () => {
  const { runtime } = await memoryRuntime()
  const writer = await activeSession(runtime)
  const reader = await runtime.get(writer.id)

  await writer.append(userMessage('hello'))

  expect([reader.revision, reader.usage.entryCount]).toEqual([3, 1])
  expect(runtime.stats().residentSessions).toBe(1)
})

test('[S3-13] nothing given is nothing specified', async () => {
  const { runtime } = await memoryRuntime()

  const { record, limits } = await runtime.create()

  expect([record.provider, record.systemMessage, limits.maxTurns]).toEqual([null, null, null])
})

test('[S3-14] model, turns and system message are given at creation', async () => {
  const { runtime } = await memoryRuntime()

  const { record, limits } = await runtime.create({
    provider: { id: 'mock', model: 'mock/model' },
    limits: { maxTurns: 8 },
    systemMessage: 'system',
  })

  expect([record.provider?.model, limits.maxTurns, record.systemMessage]).toEqual(['mock/model', 8, 'system'])
})

test('[S3-15 S3-18] what is appended to an unknown session is refused with its id, and not kept', async () => {
  const { store, appended } = keptStore()
  const { runtime } = await memoryRuntime({ store })
  const session = await activeSession(runtime)
  await runtime.delete(session.id, { force: true })
  const before = appended.length

  const refusals = [
    await refusalOf(session.append(userMessage('late'))),
    await refusalOf(runtime.get('nobody')),
  ]

  expect(refusals).toEqual([
    { code: 'NOT_FOUND', details: { sessionId: session.id } },
    { code: 'NOT_FOUND', details: { sessionId: 'nobody' } },
  ])
  expect(appended).toHaveLength(before)
})

test('[S3-15] the maximum of turns is enforced', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime, { limits: { maxTurns: 1 } })
  await session.appendAll([userMessage('one'), assistantMessage('answer')])

  expect((await refusalOf(session.append(userMessage('two')))).code).toBe('LIMIT_REACHED')
})

test('[S3-16] reading gives a copy that nobody can write through', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime)
  await session.append(userMessage('hello'))

  const [first] = await transcript(session)
  Object.assign(first ?? {}, { type: 'system_message' })
  const [second] = await transcript(session)

  expect(second).toMatchObject({ type: 'user_message', content: { text: 'hello' } })
})

test('[S3-17] what is kept is what was handed over, and others need not wait for it', async () => {
  let letGo = (): void => {}
  const held = new Promise<void>((resolve) => (letGo = resolve))
  const { store } = keptStore((inner) => ({
    append: async (change, after) => {
      const done = inner.append(change, after)
      if (change.sessionId === 'slow' && change.revision === 3) await held
      await done
    },
  }))
  const { runtime } = await memoryRuntime({ store })
  const [slow, quick] = [
    await activeSession(runtime, { id: 'slow' }),
    await activeSession(runtime, { id: 'quick' }),
  ]
  const content = { text: 'as it was' }

  const appending = slow.append({ type: 'user_message', content })
  content.text = 'changed meanwhile'
  await quick.append(userMessage('not held up'))
  const whileHeld = [slow.revision, quick.revision]
  letGo()
  await appending

  expect(whileHeld).toEqual([2, 3])
  expect((await transcript(slow)).map((entry) => entry.content)).toEqual([{ text: 'as it was' }])
})

test('[S3-20] whether a session is there can be asked without an error', async () => {
  const { runtime } = await memoryRuntime()
  const { id } = await runtime.create({ userId: 'ann' })

  expect([runtime.has(id), runtime.has('nobody'), runtime.has(id, { userId: 'bob' })]).toEqual([
    true,
    false,
    false,
  ])
})

test('[S3-21] reading a document makes no session', async () => {
  const { runtime } = await memoryRuntime()
  const id = '3f2c9d6e-8c1b-4a52-9e0d-7b1c5a3f2e10'

  const envelope = { schema_version: 1, model: '', max_turns: 0, messages: [], metadata: {} }
  const document = fluers.parse(envelope, { id })
  await refusalOf(runtime.get(id))

  expect(document.id).toBe(id)
  expect([runtime.has(id), (await runtime.list()).items]).toEqual([false, []])
})

test('[S3-24] whatever fails in a store is of one family, and the session stays what it durably was', async () => {
  let isBroken = false
  const { store } = keptStore((inner) => ({
    append: (change, after) =>
      isBroken
        ? Promise.reject(sessionError('STORE_FAILED', { operation: 'append', reason: 'EIO' }))
        : inner.append(change, after),
  }))
  const { runtime } = await memoryRuntime({ store })
  const session = await activeSession(runtime)
  isBroken = true

  const failure = session.append(userMessage('lost'))

  await expect(failure).rejects.toMatchObject({ code: 'STORE_FAILED', family: 'storage' })
  expect([session.revision, session.usage.entryCount]).toEqual([2, 0])
  isBroken = false
  expect(await session.append(userMessage('kept'))).toMatchObject({ revision: 3 })
  expect(session.usage.entryCount).toBe(1)
  expect((await transcript(session)).map(({ content }) => content)).toEqual([{ text: 'kept' }])
})

test('[S3-25] one session that cannot be read does not hide the others', async () => {
  const { store } = keptStore((inner) => ({
    state: (sessionId) =>
      sessionId === 'bad'
        ? Promise.reject(sessionError('STORE_CORRUPT', { sessionId, file: 'x', byte: 0, reason: 'checksum' }))
        : inner.state(sessionId),
  }))
  const first = await memoryRuntime({ store: { ...store, state: async () => undefined } })
  for (const id of ['good', 'bad', 'better']) await first.runtime.create({ id })
  const { runtime } = await memoryRuntime({ store })

  const { items, unreadable } = await runtime.list({ order: 'created' })

  expect(items.map(({ id }) => id)).toEqual(['good', 'better'])
  expect(unreadable).toEqual([{ id: 'bad', code: 'STORE_CORRUPT' }])
})

test('[S3-26] a store of one’s own is asked to keep every change, and gives it back', async () => {
  const { store, appended } = keptStore()
  const { runtime } = await memoryRuntime({ store })
  const session = await activeSession(runtime, { id: 'talk-1' })
  await session.append(userMessage('persist me'))

  const { items } = await runtime.list()

  expect(appended).toEqual(['talk-1 1 created', 'talk-1 2 activate', 'talk-1 3 append'])
  expect((await store.state('talk-1'))?.revision).toBe(3)
  expect(items.map(({ id }) => id)).toEqual(['talk-1'])
})

test('[S3-28] a session saved by one runtime is loaded by the next', async () => {
  const { store } = keptStore()
  const { runtime } = await memoryRuntime({ store })
  const session = await activeSession(runtime, {
    provider: { id: 'mock', model: 'mock/model' },
    limits: { maxTurns: 8 },
    systemMessage: 'system',
  })
  await session.append(userMessage('persist me'))
  await runtime.close()

  const { runtime: next } = await memoryRuntime({ store })
  const loaded = (await next.get(session.id)) as Session<'active'>

  expect(loaded.record).toMatchObject({ provider: { model: 'mock/model' }, systemMessage: 'system' })
  expect([loaded.limits.maxTurns, loaded.usage.entryCount]).toEqual([8, 1])
  expect((await transcript(loaded)).map(({ content }) => content)).toEqual([{ text: 'persist me' }])
  expect(await loaded.append(assistantMessage('and go on'))).toMatchObject({ kept: true, revision: 4 })
})
