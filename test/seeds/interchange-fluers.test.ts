/** Seed 003, as far as its persisted envelope goes. */
import assert from 'node:assert/strict'
import { expect, test } from 'vitest'
import { FLUERS_SCHEMA_VERSION, fluers } from '../../src/integrations/interchange/fluers.ts'
import { refusalOf } from '../support/refusal.ts'

const id = '7b0c2f52-9a55-4a3e-8b7e-0d3c2b1a4f5e'

const ENVELOPE = {
  schema_version: 1,
  model: 'mock/model',
  max_turns: 4,
  system_message: 'be useful',
  messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
  metadata: { tag: 'test' },
}

const CALL = [
  { role: 'assistant', content: [{ type: 'tool_use', id: 'call-1', name: 'search', input: { q: 'x' } }] },
  { role: 'tool', content: [{ type: 'tool_result', tool_use_id: 'call-1', content: 'found' }] },
  { role: 'tool', content: [{ type: 'tool_result', tool_use_id: 'call-1', content: 'Error: no' }] },
]

test('[S3-01] [S3-03] [S3-11] the envelope carries schema version 1', () => {
  const printed = fluers.print(fluers.parse(ENVELOPE, { id }))

  expect(FLUERS_SCHEMA_VERSION).toBe(1)
  expect(printed['schema_version']).toBe(1)
})

test('[S3-02] [S3-09] [S3-11] the id is the key, a UUID, and not in the envelope', () => {
  const document = fluers.parse(ENVELOPE, { id })

  expect(document.id).toBe(id)
  expect(JSON.stringify(fluers.print(document))).not.toContain(id)
  expect(refusalOf(() => fluers.parse(ENVELOPE))?.reason).toContain('holds no id')
})

test('[S3-04] [S3-05] [S3-06] [S3-08] model, turns, system message and metadata arrive', () => {
  const document = fluers.parse(ENVELOPE, { id })

  expect(document.record).toMatchObject({
    provider: { model: 'mock/model' },
    systemMessage: 'be useful',
    metadata: { tag: 'test' },
  })
  expect(document.limits).toMatchObject({ maxTurns: 4, action: 'error' })
})

test('[S3-05] [S3-13] an empty model and 0 turns are "unspecified", and come back so', () => {
  const unspecified = { ...ENVELOPE, model: '', max_turns: 0, system_message: null }

  const document = fluers.parse(unspecified, { id })

  expect(document.record.provider).toBeNull()
  expect(document.limits.maxTurns).toBeNull()
  assert.deepEqual(fluers.print(document), unspecified)
  const none = { ...document, limits: { ...document.limits, maxTurns: 0 } }
  expect(refusalOf(() => fluers.print(none))?.path).toEqual(['limits', 'maxTurns'])
})

test('[S3-19] what cannot be written is refused by name', () => {
  const document = fluers.parse(ENVELOPE, { id })

  const refusal = refusalOf(() => fluers.print({ ...document, limits: { ...document.limits, maxTurns: 0 } }))

  expect(refusal?.reason).toMatch(new RegExp(`^failed to serialize session \`${id}\`: .`))
})

test('[S3-07] [S3-27] messages of every role and block become entries, whole and in order', () => {
  const messages = [
    { role: 'system', content: [{ type: 'text', text: 'rules' }] },
    ...ENVELOPE.messages,
    ...CALL,
    { role: 'signal' },
    { role: 'user', content: [{ type: 'image', image: { media_type: 'image/png', data: '/w==' } }] },
  ]

  const document = fluers.parse({ ...ENVELOPE, messages }, { id, at: 9 })

  expect(document.entries.map(({ type }) => type)).toEqual([
    'system_message',
    'user_message',
    'assistant_message',
    'tool_call',
    'tool_call',
    'system_event',
    'user_message',
  ])
  expect(document.entries[3]).toMatchObject({ toolName: 'search', success: true, at: 9 })
  expect(document.entries[4]).toMatchObject({ toolName: 'search', success: false })
  expect(document.entries.map(({ content }) => content)).toEqual(messages)
  assert.deepEqual(fluers.print(document), { ...ENVELOPE, messages })
})

test.each([
  [{ role: 'robot', content: [] }, ['role']],
  [{ content: [] }, ['role']],
  [{ role: 'user', content: 'hello' }, ['content']],
  [{ role: 'user', content: [{ type: 'video' }] }, ['content', 0, 'type']],
  [{ role: 'user', content: [{ type: 'text' }] }, ['content', 0, 'text']],
  [
    { role: 'user', content: [{ type: 'image', image: { media_type: 'i', data: '!!!' } }] },
    ['content', 0, 'image', 'data'],
  ],
])('[S3-22] [S3-27] message %j is refused with its place', (message, path) => {
  const refusal = refusalOf(() => fluers.parse({ ...ENVELOPE, messages: [message] }, { id }))

  expect(refusal?.path).toEqual(['messages', 0, ...path])
  expect(refusal?.reason).toMatch(new RegExp(`^failed to deserialize session \`${id}\`: .`))
})

test.each(['schema_version', 'model', 'max_turns', 'messages', 'metadata'])(
  '[S3-22] without %s the shape is bad, and the error says so',
  (key) => {
    const refusal = refusalOf(() => fluers.parse({ ...ENVELOPE, [key]: undefined }, { id }))

    expect(refusal).toEqual({
      format: 'fluers',
      path: [key],
      reason: `failed to deserialize session \`${id}\`: missing field \`${key}\``,
    })
  },
)

test('[S3-08] metadata values are text there', () => {
  const refusal = refusalOf(() => fluers.parse({ ...ENVELOPE, metadata: { n: 1 } }, { id }))

  expect(refusal?.path).toEqual(['metadata', 'n'])
})

test.each([0, 2, 4_294_967_295])(
  '[S3-23] [S3-28] schema version %i is refused, older or newer',
  (schema_version) => {
    const refusal = refusalOf(() => fluers.parse({ ...ENVELOPE, schema_version }, { id, line: 3 }))

    expect(refusal).toEqual({
      format: 'fluers',
      path: ['schema_version'],
      reason: `unsupported session schema version ${schema_version} for \`${id}\` (expected 1)`,
      line: 3,
    })
  },
)

test('[S3-25] one id that is none is refused by itself; the others come in', () => {
  const keys = [id, 'not-a-uuid', id.replace('7b', '7c')]

  const results = keys.map((key) => refusalOf(() => fluers.parse(ENVELOPE, { id: key }))?.reason)

  expect(results).toEqual([
    undefined,
    'invalid persisted session id `not-a-uuid`: it is not a UUID',
    undefined,
  ])
})

test('[S3-10] no status and no times are there: a session comes in active, at the instant given', () => {
  const document = fluers.parse(ENVELOPE, { id, at: 1_700_000_000_000 })

  expect(document).toMatchObject({
    status: 'active',
    createdAt: 1_700_000_000_000,
    activatedAt: 1_700_000_000_000,
    updatedAt: 1_700_000_000_000,
  })
  expect(Object.keys(fluers.print(document)).sort()).toEqual(Object.keys(ENVELOPE).sort())
})

test('[S3-28] an envelope goes through JSON and comes back equal', () => {
  const back = fluers.print(fluers.parse(JSON.stringify(ENVELOPE), { id }))

  assert.deepEqual(back, ENVELOPE)
})

test('live entries become messages; what is no message stays behind', () => {
  const document = fluers.parse(ENVELOPE, { id })
  const at = 1
  const entries = [
    { id: '1', at, type: 'user_message', content: { text: 'q' } },
    { id: '2', at, type: 'tool_call', toolName: 't', success: true, content: { rows: 3 } },
    { id: '3', at, type: 'system_event', event: 'e', content: null },
    { id: '4', at, type: 'assistant_message', content: { role: 'assistant', content: 'a' } },
  ] as const

  const printed = fluers.print({ ...document, entries })

  expect(printed['messages']).toEqual([
    { role: 'user', content: [{ type: 'text', text: 'q' }] },
    { role: 'tool', content: [{ type: 'tool_result', tool_use_id: '', content: { rows: 3 } }] },
    { role: 'assistant', content: [{ type: 'text', text: 'a' }] },
  ])
})
