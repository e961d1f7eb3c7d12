/** Seed 004, as far as its session files go. */
import assert from 'node:assert/strict'
import { expect, test } from 'vitest'
import { stateStore } from '../../src/integrations/interchange/state-store.ts'
import { refusalOf } from '../support/refusal.ts'

const RESPONSE = {
  content: 'Hi!',
  session_id: null,
  seed_id: 'seed-1',
  phase_reached: null,
  evaluation_passed: true,
  timestamp: '2026-01-02T03:04:06.000000001Z',
}

const SESSION = {
  id: 'user-session.1',
  user_id: 'user-123',
  user_messages: [
    { content: 'Hello', timestamp: '2026-01-02T03:04:05.5Z' },
    { content: 'And?', timestamp: '2026-01-02T03:04:07Z' },
  ],
  agent_responses: [RESPONSE],
  active_seed_id: 'seed-1',
  created_at: '2026-01-02T03:04:05Z',
  updated_at: '2026-01-02T03:04:07.25Z',
  metadata: { project_ids: 'p1', any: [1, null] },
}

test('[S4-01] the id is a bare string; one that could leave its folder is refused', () => {
  expect(stateStore.parse(SESSION).id).toBe('user-session.1')
  for (const id of ['', '../x', 'a/b', 'a\\b', 'a..b', '\0', '__proto__', 'x'.repeat(10_000), 7]) {
    expect(refusalOf(() => stateStore.parse({ ...SESSION, id }))?.path, String(id).slice(0, 20)).toEqual([
      'id',
    ])
  }
})

test('[S4-02] a user message is its text and its time', () => {
  const [entry] = stateStore.parse(SESSION).entries

  expect(entry).toMatchObject({
    type: 'user_message',
    at: Date.UTC(2026, 0, 2, 3, 4, 5, 500),
    content: { text: 'Hello' },
  })
})

test('[S4-03] a response keeps its four other keys, nulls too; new ones are written with nulls', () => {
  const document = stateStore.parse(SESSION)
  const live = { id: 'x', at: 0, type: 'assistant_message', content: { text: 'Live' } } as const

  expect(document.entries[1]).toMatchObject({
    type: 'assistant_message',
    at: Date.UTC(2026, 0, 2, 3, 4, 6),
    content: {
      text: 'Hi!',
      session_id: null,
      seed_id: 'seed-1',
      phase_reached: null,
      evaluation_passed: true,
    },
  })
  expect(stateStore.print({ ...document, entries: [live] })['agent_responses']).toEqual([
    {
      content: 'Live',
      session_id: null,
      seed_id: null,
      phase_reached: null,
      evaluation_passed: null,
      timestamp: '1970-01-01T00:00:00Z',
    },
  ])
})

test('[S4-04] [S4-12] metadata is any JSON by name; absent is empty, null is refused', () => {
  const { metadata: _, ...without } = SESSION

  expect(stateStore.parse(SESSION).record.metadata).toMatchObject(SESSION.metadata)
  expect(Object.keys(stateStore.parse(without).record.metadata)).toEqual(['interchange'])
  expect(refusalOf(() => stateStore.parse({ ...SESSION, metadata: null }))?.path).toEqual(['metadata'])
})

test('[S4-05] the user is the user of the session', () => {
  expect(stateStore.parse(SESSION).record.userId).toBe('user-123')
  const { record, ...document } = stateStore.parse(SESSION)
  const refusal = refusalOf(() => stateStore.print({ ...document, record: { ...record, userId: null } }))
  expect(refusal).toMatchObject({ path: ['record', 'userId'], reason: 'user_id is required' })
})

test('[S4-06] [S4-07] both lists may be missing', () => {
  const { user_messages: _, agent_responses: __, ...bare } = SESSION

  const document = stateStore.parse(bare)

  expect(document.entries).toEqual([])
  assert.deepEqual(stateStore.print(document), bare)
})

test('[S4-08] [S4-09] active seed and persona are omitted when there is none', () => {
  const document = stateStore.parse(SESSION)

  expect(document.record).toMatchObject({ activeSeedId: 'seed-1', activePersonaId: null })
  const cleared = stateStore.print({ ...document, record: { ...document.record, activeSeedId: null } })
  expect(cleared).not.toHaveProperty('active_seed_id')
  expect(cleared).not.toHaveProperty('active_persona_id')
  const withPersona = stateStore.print({ ...document, record: { ...document.record, activePersonaId: 'p' } })
  expect(withPersona['active_persona_id']).toBe('p')
})

test('[S4-10] [S4-11] [S4-40] both times are kept as they were written', () => {
  const document = stateStore.parse(SESSION)

  expect(document.createdAt).toBe(Date.UTC(2026, 0, 2, 3, 4, 5))
  expect(document.updatedAt).toBe(Date.UTC(2026, 0, 2, 3, 4, 7, 250))
  assert.deepEqual(stateStore.print(document), SESSION)
})

test.each(['id', 'user_id', 'created_at', 'updated_at'])(
  '[S4-05] [S4-10] [S4-11] %s must be there',
  (key) => {
    expect(refusalOf(() => stateStore.parse({ ...SESSION, [key]: undefined }))).toEqual({
      format: 'state-store',
      path: [key],
      reason: `missing field \`${key}\``,
    })
  },
)

test('[S4-13] [S4-14] a new session file has empty lists, empty metadata and one instant', () => {
  const fresh = {
    id: 'a',
    user_id: 'u',
    user_messages: [],
    agent_responses: [],
    created_at: '2026-01-02T03:04:05.123Z',
    updated_at: '2026-01-02T03:04:05.123Z',
    metadata: {},
  }

  const document = stateStore.parse(fresh)

  expect(document.createdAt).toBe(document.updatedAt)
  expect(document.record.metadata).toEqual({})
  assert.deepEqual(stateStore.print(document), fresh)
})

test('the two lists become one transcript by time, and neither is reordered', () => {
  const at = (second: number, nanos = '') => `2026-01-02T03:04:0${second}${nanos}Z`
  const user = (content: string, timestamp: string) => ({ content, timestamp })
  const document = stateStore.parse({
    ...SESSION,
    user_messages: [user('u0', at(1)), user('u1', at(1, '.000000002')), user('u2', at(5))],
    agent_responses: [
      user('a0', at(1)),
      user('a1', at(1, '.000000001')),
      user('a2', at(6)),
      user('a3', at(2)),
    ],
  })

  const order = document.entries.map(({ content }) => (content as { text: string }).text)

  expect(order).toEqual(['u0', 'a0', 'a1', 'u1', 'u2', 'a2', 'a3'])
})
