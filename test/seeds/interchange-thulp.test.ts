/** Seed 001, as far as its JSON goes. */
import assert from 'node:assert/strict'
import { expect, test } from 'vitest'
import { thulp } from '../../src/integrations/interchange/thulp.ts'
import { evaluationResult, systemEvent, systemMessage, type Entry } from '../../src/runtime/entries.ts'
import { refusalOf } from '../support/refusal.ts'

const SESSION = {
  metadata: {
    id: '3f2b8c1e-5d4a-4e6f-9a7b-1c2d3e4f5a6b',
    name: 'Test',
    session_type: { type: 'teacher_demo', task: 'Demo task', model: 'gpt-4' },
    created_at: 1_700_000_000_000,
    updated_at: 1_700_000_005_000,
    status: 'active',
    tags: ['b', 'a', 'b'],
    parent_session: '3f2b8c1e-5d4a-4e6f-9a7b-1c2d3e4f5a6c',
  },
  entries: [
    {
      id: '3f2b8c1e-5d4a-4e6f-9a7b-1c2d3e4f5a61',
      timestamp: 1_700_000_001_000,
      entry_type: { type: 'user_message' },
      content: { text: 'Hello' },
    },
    {
      id: '3f2b8c1e-5d4a-4e6f-9a7b-1c2d3e4f5a62',
      timestamp: 1_700_000_002_000,
      entry_type: { type: 'assistant_message' },
      content: { text: 'Hi!' },
    },
  ],
  context: { key: 'value' },
}

const session = (metadata: object) => ({ ...SESSION, metadata: { ...SESSION.metadata, ...metadata } })
const entry = (entry_type: object, content: unknown = null) => ({
  ...SESSION,
  entries: [{ ...SESSION.entries[0], entry_type, content }],
})

test.each([
  [
    { type: 'teacher_demo', task: 't', model: 'm' },
    { type: 'teacher_demo', task: 't', model: 'm' },
  ],
  [
    { type: 'evaluation', skill_name: 's', test_cases: 4 },
    { type: 'evaluation', skillName: 's', testCases: 4 },
  ],
  [
    { type: 'refinement', skill_name: 's', iteration: 2 },
    { type: 'refinement', skillName: 's', iteration: 2 },
  ],
  [
    { type: 'conversation', purpose: 'p' },
    { type: 'conversation', purpose: 'p' },
  ],
  [
    { type: 'agent', agent_name: 'a' },
    { type: 'agent', agentName: 'a' },
  ],
])('[S1-09] [S1-10] [S1-11] [S1-12] [S1-13] [S1-14] session type %j', (session_type, kind) => {
  const document = thulp.parse(session({ session_type }))

  expect(document.record.kind).toEqual(kind)
  assert.deepEqual(thulp.print(document), session({ session_type }))
})

test.each([
  [{ type: 'dream' }, ['type']],
  [{ type: 'Agent', agent_name: 'a' }, ['type']],
  [{ type: 'agent' }, ['agent_name']],
  [{ type: 'agent', agentName: 'a' }, ['agent_name']],
  [{ type: 'evaluation', skill_name: 's', test_cases: -1 }, ['test_cases']],
  [{ type: 'evaluation', skill_name: 's', test_cases: 2 ** 53 }, ['test_cases']],
  [{ type: 'refinement', skill_name: 's', iteration: 0.5 }, ['iteration']],
])('[S1-09] session type %j is refused with its place', (session_type, path) => {
  const refusal = refusalOf(() => thulp.parse(session({ session_type })))

  expect(refusal?.path).toEqual(['metadata', 'session_type', ...path])
})

test.each(['active', 'completed', 'failed', 'cancelled', 'paused'])('[S1-15] [S1-21] status %s', (status) => {
  const document = thulp.parse(session({ status }))

  expect(document.status).toBe(status)
  expect(document.activatedAt).toBe(SESSION.metadata.created_at)
  expect(document.endedAt).toBe(['active', 'paused'].includes(status) ? null : SESSION.metadata.updated_at)
  expect(document.pausedAt).toBe(status === 'paused' ? SESSION.metadata.updated_at : null)
  assert.deepEqual(thulp.print(document), session({ status }))
})

test.each(['Active', 'closed', 'created', ''])('[S1-15] the word %j is no status here', (status) => {
  const refusal = refusalOf(() => thulp.parse(session({ status })))

  expect(refusal?.path).toEqual(['metadata', 'status'])
  expect(refusal?.reason).toContain(`SessionStatus: ${JSON.stringify(status)}`)
})

test.each(['created', 'closed', 'expired'] as const)(
  '[S1-15] a %s session has no word there and is not printed',
  (status) => {
    const refusal = refusalOf(() => thulp.print({ ...thulp.parse(SESSION), status }))

    expect(refusal?.path).toEqual(['status'])
    expect(refusal?.reason).toContain(`no "${status}"`)
  },
)

test('[S1-16] [S1-17] [S1-18] [S1-19] [S1-20] [S1-22] [S1-23] every key of the metadata arrives', () => {
  const document = thulp.parse(SESSION)

  expect(document).toMatchObject({
    id: SESSION.metadata.id,
    createdAt: 1_700_000_000_000,
    updatedAt: 1_700_000_005_000,
    record: {
      name: 'Test',
      kind: { type: 'teacher_demo' },
      tags: ['b', 'a', 'b'],
      parentId: SESSION.metadata.parent_session,
    },
  })
})

test.each(['id', 'name', 'session_type', 'created_at', 'updated_at', 'status'])(
  '[S1-16] [S1-17] [S1-18] [S1-19] [S1-20] [S1-21] %s must be there',
  (key) => {
    const refusal = refusalOf(() => thulp.parse(session({ [key]: undefined })))

    expect(refusal?.path.slice(0, 2)).toEqual(['metadata', key])
  },
)

test('[S1-16] [S1-34] ids are UUIDs, in any spelling the crate reads', () => {
  const document = thulp.parse(session({ id: '{3F2B8C1E-5D4A-4E6F-9A7B-1C2D3E4F5A6B}' }))

  expect(document.id).toBe(SESSION.metadata.id)
  expect(refusalOf(() => thulp.parse(session({ id: 'ticket-42' })))?.path).toEqual(['metadata', 'id'])
  expect(
    refusalOf(() => thulp.parse({ ...SESSION, entries: [{ ...SESSION.entries[0], id: '7' }] }))?.path,
  ).toEqual(['entries', 0, 'id'])
})

test('[S1-16] [S1-34] an id that is no UUID is not printed', () => {
  const document = thulp.parse(SESSION)
  const entries = document.entries.map((read) => ({ ...read, id: 'mine' }))

  expect(refusalOf(() => thulp.print({ ...document, id: 'ticket-42' }))?.path).toEqual(['id'])
  expect(refusalOf(() => thulp.print({ ...document, entries }))?.path).toEqual(['entries', 0, 'id'])
})

test.each([
  [{ type: 'user_message' }, { type: 'user_message' }],
  [{ type: 'assistant_message' }, { type: 'assistant_message' }],
  [{ type: 'system_message' }, { type: 'system_message' }],
  [
    { type: 'tool_call', tool_name: 't', success: false },
    { type: 'tool_call', toolName: 't', success: false },
  ],
  [
    { type: 'skill_execution', skill_name: 's', success: true },
    { type: 'skill_execution', skillName: 's', success: true },
  ],
  [
    { type: 'evaluation_result', score: 0.5, metrics: { f1: 0.25, any_Key: 3 } },
    { type: 'evaluation_result', score: 0.5, metrics: { f1: 0.25, any_Key: 3 } },
  ],
  [
    { type: 'system_event', event: 'e' },
    { type: 'system_event', event: 'e' },
  ],
])('[S1-27] [S1-28] [S1-29] [S1-30] [S1-31] [S1-32] [S1-33] [S1-36] entry type %j', (theirs, ours) => {
  const document = thulp.parse(entry(theirs))

  expect(document.entries[0]).toMatchObject(ours)
  assert.deepEqual(thulp.print(document), entry(theirs))
})

test.each([-0.1, 1.1, '1', null])(
  '[S1-32] a score of %j is refused with its place; the seed keeps it',
  (score) => {
    const refusal = refusalOf(() => thulp.parse(entry({ type: 'evaluation_result', score, metrics: {} })))

    expect(refusal?.path).toEqual(['entries', 0, 'entry_type', 'score'])
  },
)

test('[S1-32] metrics are numbers, whatever their names', () => {
  const metrics = JSON.parse('{"__proto__":1,"constructor":2}') as object

  const document = thulp.parse(entry({ type: 'evaluation_result', score: 1, metrics }))

  assert.deepEqual(thulp.print(document), entry({ type: 'evaluation_result', score: 1, metrics }))
  const refusal = refusalOf(() =>
    thulp.parse(entry({ type: 'evaluation_result', score: 1, metrics: { a: 'b' } })),
  )
  expect(refusal?.path).toEqual(['entries', 0, 'entry_type', 'metrics', 'a'])
})

test.each([{ type: 'thought' }, { type: 'tool_call', tool_name: 't' }, { type: 'system_event' }, {}])(
  '[S1-27] [S1-30] [S1-33] [S1-36] entry type %j is refused with its place',
  (entry_type) => {
    const refusal = refusalOf(() => thulp.parse(entry(entry_type)))

    expect(refusal?.path.slice(0, 3)).toEqual(['entries', 0, 'entry_type'])
  },
)

test('[S1-34] [S1-35] [S1-37] an entry keeps its id, its time and its content, whatever that is', () => {
  for (const content of [null, 7, 'text', [1, { a: null }], { text: 'Hello', more: [] }]) {
    const [read] = thulp.parse(entry({ type: 'user_message' }, content)).entries

    expect(read).toEqual({
      id: SESSION.entries[0]?.id,
      at: SESSION.entries[0]?.timestamp,
      type: 'user_message',
      content,
    })
  }
  const { content: _, ...silent } = entry({ type: 'user_message' }).entries[0] ?? {}
  expect(refusalOf(() => thulp.parse({ ...SESSION, entries: [silent] }))).toMatchObject({
    path: ['entries', 0, 'content'],
    reason: 'missing field `content`',
  })
})

test('[S1-38] [S1-39] user and assistant text is {text}, the result of a tool is the content itself', () => {
  const document = thulp.parse({
    ...SESSION,
    entries: [
      ...SESSION.entries,
      {
        ...SESSION.entries[0],
        entry_type: { type: 'tool_call', tool_name: 't', success: true },
        content: { result: 'ok' },
      },
    ],
  })

  expect(document.entries.map(({ content }) => content)).toEqual([
    { text: 'Hello' },
    { text: 'Hi!' },
    { result: 'ok' },
  ])
})

test('[S1-40] system, evaluation and event entries have makers here, and the same form there', () => {
  const drafts = [systemMessage('rules'), evaluationResult(0.5, { f1: 1 }), systemEvent('woke')]
  const entries = drafts.map((draft, index) => ({ ...draft, id: SESSION.metadata.id, at: index })) as Entry[]

  const printed = thulp.print({ ...thulp.parse(SESSION), entries })

  expect(printed['entries']).toMatchObject([
    { entry_type: { type: 'system_message' }, content: { text: 'rules' } },
    { entry_type: { type: 'evaluation_result', score: 0.5, metrics: { f1: 1 } }, content: null },
    { entry_type: { type: 'system_event', event: 'woke' }, content: null },
  ])
})

test('[S1-22] [S1-23] [S1-41] [S1-79] tags, parent and context may be missing and take their defaults', () => {
  const { tags: _, parent_session: __, ...metadata } = SESSION.metadata
  const bare = { metadata, entries: SESSION.entries }

  const document = thulp.parse(bare)

  expect(document.record).toMatchObject({ tags: [], parentId: null, context: {} })
  assert.deepEqual(thulp.print(document), bare)
  expect(refusalOf(() => thulp.parse({ ...bare, entries: undefined }))?.path).toEqual(['entries'])
})

test('[S1-41] [S1-79] a session goes through JSON with its name, its entries in order and its context', () => {
  const back = thulp.print(thulp.parse(JSON.stringify(SESSION)))

  assert.deepEqual(back, SESSION)
})

test('[S1-05] [S1-19] [S1-20] [S1-35] times are whole unsigned milliseconds', () => {
  for (const value of [-1, 0.5, 2 ** 53, '2026-01-01T00:00:00Z']) {
    expect(refusalOf(() => thulp.parse(session({ created_at: value })))?.path).toEqual([
      'metadata',
      'created_at',
    ])
  }
})
