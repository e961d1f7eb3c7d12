/** Seed 000, what is stored of a session, how it is loaded as what it is, and the one error of a wrong state. */
import { expect, test } from 'vitest'
import { isSessionError } from '../../src/errors.ts'
import { cellstate } from '../../src/integrations/interchange/cellstate.ts'
import { STATUSES } from '../../src/machines/lifecycle.ts'
import { sessionDocumentJsonSchema } from '../../src/runtime/document-schema.ts'
import type { SessionDocument } from '../../src/runtime/document.ts'
import type { StoredState } from '../../src/store/change.ts'
import { createMemoryStore } from '../../src/store/memory-store.ts'
import {
  activeSession,
  everySession,
  memoryRuntime,
  refusalOf,
  sessionInEachStatus,
  START,
} from '../support/memory-runtime.ts'

test('[S0-22] a session has a schema for API descriptions', () => {
  const schema = sessionDocumentJsonSchema() as {
    readonly properties: { readonly [key: string]: { readonly [key: string]: unknown } }
    readonly required: readonly string[]
  }

  expect(schema.properties['status']).toEqual({ type: 'string', enum: STATUSES })
  expect(schema.properties['createdAt']).toMatchObject({ type: 'integer', minimum: 0 })
  expect(schema.properties['entries']?.['items']).toMatchObject({
    required: ['id', 'at', 'type', 'content'],
    properties: { type: { enum: expect.arrayContaining(['user_message', 'system_event']) } },
  })
  expect(schema.required).toEqual(Object.keys(schema.properties))
})

test('[S0-48 S0-54] the status stands beside the record, and both can be read without a handle', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime, { name: 'talk' })

  const document = await runtime.export(session.id)

  expect([document.status, document.record.name]).toEqual(['active', 'talk'])
  expect(Object.keys(document.record)).not.toContain('status')
})

test('[S0-48] a session is printed for the seed with its status beside its data', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime, {
    id: '0190a0b0-0000-7000-8000-000000000001',
    tenantId: '0190a0b0-0000-7000-8000-000000000002',
    provider: { id: 'openai', model: 'gpt-4' },
    ttlMs: 300_000,
    initialTokenCount: 5_000,
  })
  await session.recordDelta(100)

  const stored = cellstate.print(await runtime.export(session.id))

  expect(stored).toEqual({
    data: {
      session_id: '0190a0b0-0000-7000-8000-000000000001',
      tenant_id: '0190a0b0-0000-7000-8000-000000000002',
      provider_id: 'openai',
      model: 'gpt-4',
      created_at: '2030-01-01T00:00:00Z',
      activated_at: '2030-01-01T00:00:00Z',
      closed_at: null,
      ttl_secs: 300,
      round_count: 1,
      initial_token_count: 5_000,
      delta_token_count: 100,
      metadata: {},
    },
    status: 'active',
  })
})

test('[S0-49] what is loaded is one of the typed handles, told apart by its state', async () => {
  const base = await memoryRuntime()
  const sessions = await everySession(base)

  const states: string[] = []
  for (const { id } of sessions) {
    const session = await base.runtime.get(id)
    // Compiles only because the test of `state` narrows the union to the one handle that can be activated.
    states.push(session.state === 'created' ? (await session.activate()).state : session.state)
  }

  expect(states).toEqual(STATUSES.map((status) => (status === 'created' ? 'active' : status)))
})

test('[S0-50] loading follows the stored status alone', async () => {
  const base = await memoryRuntime()
  const sessions = await everySession(base)

  const loaded = await Promise.all(sessions.map(async ({ id }) => (await base.runtime.get(id)).state))

  expect(loaded).toEqual(sessions.map(({ id }) => base.store.head(id)?.summary.status))
})

test('[S0-35 S0-50] a stored active session without its activation is refused on load, and harms no other', async () => {
  const whole = createMemoryStore()
  const { runtime } = await memoryRuntime({ store: whole })
  const { id } = await activeSession(runtime)
  const other = await activeSession(runtime)
  const damaged = {
    ...whole,
    state: async (sessionId: string) =>
      sessionId === id ? withoutActivation(await whole.state(sessionId)) : whole.state(sessionId),
  }
  const { runtime: reopened } = await memoryRuntime({ store: damaged })

  const refusal = await refusalOf(reopened.get(id))

  expect(refusal).toMatchObject({
    code: 'STORE_CORRUPT',
    details: { sessionId: id, reason: 'active without "activatedAt"' },
  })
  expect((await reopened.get(other.id)).status).toBe('active')
})

test.each([
  ['active', 'activatedAt'],
  ['paused', 'pausedAt'],
  ['closed', 'endedAt'],
  ['expired', 'endedAt'],
] as const)('[S0-35 S0-45 S0-46] a document that is %s without %s does not come in', async (status, key) => {
  const base = await memoryRuntime()
  const session = (await sessionInEachStatus(base))[status]
  const document: SessionDocument = { ...(await base.runtime.export(session.id)), id: 'other', [key]: null }

  const refusal = await refusalOf(base.runtime.import(document))

  expect(refusal).toMatchObject({
    code: 'INTERCHANGE_INVALID',
    details: { path: [key], reason: `a session that is ${status} must have ${key}` },
  })
  expect(base.runtime.has('other')).toBe(false)
})

test('[S0-45 S0-46] an end is dated for as long as it is kept', async () => {
  const base = await memoryRuntime()
  const { closed, expired } = await sessionInEachStatus(base)

  const again = [await base.runtime.get(closed.id), await base.runtime.get(expired.id)]

  expect(again.map(({ endedAt }) => endedAt)).toEqual([START, START + 1_000])
})

test('[S0-51 S0-52 S0-53] a handle becomes one of its own status and of no other', async () => {
  const sessions = await everySession(await memoryRuntime())

  for (const session of sessions) {
    const possible = STATUSES.filter((status) => {
      try {
        return session.as(status).state === status
      } catch (error) {
        expect(isSessionError(error, 'WRONG_STATE')).toBe(true)
        return false
      }
    })
    expect(possible).toEqual([session.status])
  }
})

test('[S0-55] a wrong state is told by value: session, expected, actual', async () => {
  const { runtime } = await memoryRuntime()
  const stale = await runtime.create({ id: 'talk-1' })
  await stale.activate()

  const [first, second] = [await refusalOf(stale.activate()), await refusalOf(stale.activate())]

  expect(first.details).toEqual({
    sessionId: 'talk-1',
    expected: ['created'],
    actual: 'active',
    command: 'activate',
  })
  expect(second).toEqual(first)
})

test('[S0-56] a wrong state says which session is where and should be where', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime, { id: 'talk-1' })

  expect(() => session.as('created')).toThrow(/^Session talk-1 is in state active but expected created$/)
})

function withoutActivation(state: StoredState | undefined): StoredState | undefined {
  if (state === undefined) return undefined
  const { facts } = state
  return { ...state, facts: { ...facts, context: { ...facts.context, activatedAt: null } } }
}
