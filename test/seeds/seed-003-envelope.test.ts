/** Seed 003, the envelope of a resumable session: its version, its keys, and where the id is. */
import { expect, test } from 'vitest'
import { fluers, FLUERS_SCHEMA_VERSION } from '../../src/integrations/interchange/fluers.ts'
import { SESSION_MACHINE_VERSION } from '../../src/machines/session.ts'
import { DOCUMENT_FORMAT } from '../../src/runtime/document.ts'
import { systemIds } from '../../src/runtime/ids.ts'
import { assistantMessage, toolCall, userMessage } from '../../src/runtime/entries.ts'
import { activeSession, memoryRuntime, refusalOf, START } from '../support/memory-runtime.ts'

const ID = '3f2c9d6e-8c1b-4a52-9e0d-7b1c5a3f2e10'

/** The envelope of the seed's own round trip. */
const ENVELOPE = {
  schema_version: 1,
  model: 'mock/model',
  max_turns: 4,
  system_message: 'be useful',
  messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
  metadata: { tag: 'test' },
}

test('[S3-01] everything that is stored says its version', async () => {
  const { runtime, store } = await memoryRuntime()
  const { id } = await runtime.create()

  expect([FLUERS_SCHEMA_VERSION, SESSION_MACHINE_VERSION, DOCUMENT_FORMAT]).toEqual([
    1,
    1,
    'sessionwright/session@1',
  ])
  expect((await store.state(id))?.facts.machine.version).toBe(1)
  expect((await runtime.export(id)).format).toBe('sessionwright/session@1')
})

test('[S3-02] an id is a UUID nobody has to choose', async () => {
  const { runtime } = await memoryRuntime({ ids: systemIds })

  const { id } = await runtime.create()

  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})

test('[S3-03 S3-04 S3-05 S3-06 S3-07 S3-08 S3-28] an envelope comes in whole and goes out as it was', async () => {
  const { runtime } = await memoryRuntime()

  const session = await runtime.import(fluers.parse(ENVELOPE, { id: ID, at: START }))

  expect(session.record).toMatchObject({
    provider: { model: 'mock/model' },
    systemMessage: 'be useful',
    metadata: { tag: 'test' },
  })
  expect([session.limits.maxTurns, session.usage.userMessageCount]).toEqual([4, 1])
  expect(fluers.print(await runtime.export(ID))).toEqual(ENVELOPE)
})

test('[S3-06] an envelope may do without a system message', () => {
  const { system_message: _, ...bare } = ENVELOPE

  const document = fluers.parse({ ...bare, system_message: null }, { id: ID })

  expect(document.record.systemMessage).toBeNull()
  expect(fluers.parse(bare, { id: ID }).record.systemMessage).toBeNull()
})

test('[S3-05 S3-09 S3-11] the id is the key of an envelope, and the version of today is stamped on it', async () => {
  const { runtime } = await memoryRuntime({ ids: systemIds })
  const session = await activeSession(runtime, {
    provider: { id: 'openai', model: 'gpt-4' },
    limits: { maxTurns: 3 },
  })

  const printed = fluers.print(await runtime.export(session.id))

  expect(printed).toEqual({
    schema_version: 1,
    model: 'gpt-4',
    max_turns: 3,
    system_message: null,
    messages: [],
    metadata: {},
  })
  expect(fluers.parse(printed, { id: ID }).id).toBe(ID)
  expect(() => fluers.parse(printed)).toThrow('the envelope holds no id; give its key beside it')
})

test('[S3-09] a document of ours holds its id, so that it can stand alone', async () => {
  const { runtime } = await memoryRuntime()
  const { id } = await runtime.create()

  expect((await runtime.export(id)).id).toBe('session-1')
})

test('[S3-10] status, times and deletion, which the seed does not have, are there', async () => {
  const { runtime } = await memoryRuntime()
  await runtime.import(fluers.parse(ENVELOPE, { id: ID, at: START }))
  const session = (await runtime.get(ID)).as('active')

  const closed = await session.close()

  expect([session.createdAt, closed.endedAt, closed.status]).toEqual([START, START, 'closed'])
  expect(await runtime.delete(ID)).toBe(true)
  expect((await refusalOf(runtime.get(ID))).code).toBe('NOT_FOUND')
})

test('[S3-19] content that cannot be serialised is refused with its place, before anything is written', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime)

  const refusal = await refusalOf(session.append({ type: 'user_message', content: { big: 1n } }))

  expect(refusal).toEqual({
    code: 'CONTENT_INVALID',
    details: { path: ['content', 'big'], reason: 'a bigint has no JSON form' },
  })
  expect(session.revision).toBe(2)
})

test('[S3-22] a bad shape is told with the id and the place', () => {
  const { model: _, ...bare } = ENVELOPE

  expect(() => fluers.parse(bare, { id: ID })).toThrow(
    `at "model": failed to deserialize session \`${ID}\`: missing field \`model\``,
  )
})

test.each([0, 2])('[S3-23 S3-28] an envelope of version %d is refused', (version) => {
  const envelope = { ...ENVELOPE, schema_version: version }

  expect(() => fluers.parse(envelope, { id: ID })).toThrow(
    `unsupported session schema version ${version} for \`${ID}\` (expected 1)`,
  )
})

test('[S3-23] a session document of another version is refused', async () => {
  const { runtime } = await memoryRuntime()
  const document = await runtime.export((await runtime.create()).id)

  const refusal = await refusalOf(runtime.import({ ...document, id: 'b', format: 'sessionwright/session@2' }))

  expect(refusal).toMatchObject({ code: 'INTERCHANGE_INVALID', details: { path: ['format'] } })
})

test('[S3-27] a message is a role and blocks, and is kept whole', async () => {
  const { runtime } = await memoryRuntime()
  const messages = [
    { role: 'user', content: [{ type: 'text', text: 'find it' }] },
    { role: 'assistant', content: [{ type: 'tool_use', id: 'call-1', name: 'search', input: { q: 'it' } }] },
    { role: 'tool', content: [{ type: 'tool_result', tool_use_id: 'call-1', content: 'found' }] },
  ]

  await runtime.import(fluers.parse({ ...ENVELOPE, messages }, { id: ID, at: START }))

  const { entries } = await runtime.export(ID)
  expect(entries.map(({ content }) => content)).toEqual(messages)
  expect(entries.map(({ type }) => type)).toEqual(['user_message', 'assistant_message', 'tool_call'])
  expect(entries[2]).toMatchObject({ toolName: 'search' })
})

test('[S3-27] entries of ours are printed as messages of roles and blocks', async () => {
  const { runtime } = await memoryRuntime({ ids: systemIds })
  const session = await activeSession(runtime)
  await session.appendAll([userMessage('hi'), assistantMessage('hello'), toolCall('search', true, 'found')])

  const { messages } = fluers.print(await runtime.export(session.id))

  expect(messages).toEqual([
    { role: 'user', content: [{ type: 'text', text: 'hi' }] },
    { role: 'assistant', content: [{ type: 'text', text: 'hello' }] },
    { role: 'tool', content: [{ type: 'tool_result', tool_use_id: '', content: 'found' }] },
  ])
})
