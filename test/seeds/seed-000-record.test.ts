/** Seed 000, the record of a session, what is read on every handle, and the counters of a stateful provider. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { STATUSES } from '../../src/machines/lifecycle.ts'
import { systemIds } from '../../src/runtime/ids.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import type { Session } from '../../src/runtime/session.ts'
import {
  activeSession,
  everySession,
  memoryRuntime,
  refusalOf,
  sessionInEachStatus,
  START,
} from '../support/memory-runtime.ts'

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const TENANT = '0190a0b0-0000-7000-8000-0000000000aa'

/** The session of the seed's own tests: 300 seconds to live, 5,000 tokens of first context. */
const SEED_SESSION = {
  tenantId: TENANT,
  provider: { id: 'openai', model: 'gpt-4' },
  ttlMs: 300_000,
  initialTokenCount: 5_000,
}

async function withDeltas(runtime: Runtime, initialTokenCount: number, deltas: readonly number[]) {
  const session = await activeSession(runtime, { initialTokenCount })
  for (const tokens of deltas) await session.recordDelta(tokens)
  return session
}

test('[S0-01] after the first context only deltas are counted', async () => {
  const { runtime } = await memoryRuntime()

  const session = await withDeltas(runtime, 5_000, [100, 120, 150])

  expect(session.usage).toMatchObject({ initialTokenCount: 5_000, deltaTokenCount: 370, tokensSaved: 14_630 })
})

test('[S0-09 S0-58] a session id is a UUID that sorts in the order made', async () => {
  const { runtime } = await memoryRuntime({ ids: systemIds })

  const ids: string[] = []
  for (let index = 0; index < 50; index += 1) ids.push((await runtime.create()).id)

  expect(ids.filter((id) => !UUID_V7.test(id))).toEqual([])
  expect(new Set(ids).size).toBe(50)
  expect(ids.toSorted()).toEqual(ids)
})

test('[S0-10 S0-11] a record keeps its tenant and its provider', async () => {
  const { runtime } = await memoryRuntime()
  const { id } = await runtime.create(SEED_SESSION)

  const { record } = await runtime.get(id)

  expect([record.tenantId, record.provider?.id]).toEqual([TENANT, 'openai'])
})

test('[S0-12] the model is locked for the life of the session', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime, SEED_SESSION)

  const refusal = await refusalOf(session.edit({ provider: { id: 'openai', model: 'gpt-5' } } as never))

  expect(refusal).toMatchObject({
    code: 'COMMAND_INVALID',
    details: { command: 'edit', reason: expect.stringContaining('provider') },
  })
  expect(() => Object.assign(session.record.provider ?? {}, { model: 'gpt-5' })).toThrow(TypeError)
  expect(session.record.provider?.model).toBe('gpt-4')
})

test('[S0-13 S0-14 S0-15] times of birth, activation and end', async () => {
  const { runtime, clock } = await memoryRuntime()
  const created = await runtime.create(SEED_SESSION)
  const times = (session: Session): unknown[] => [session.createdAt, session.activatedAt, session.endedAt]
  const atBirth = times(created as Session)
  clock.advance(10)
  const active = await created.activate()
  const whenActive = times(active as Session)
  clock.advance(10)
  const closed = await active.close()

  expect(atBirth).toEqual([START, null, null])
  expect(whenActive).toEqual([START, START + 10, null])
  expect(times(closed as Session)).toEqual([START, START + 10, START + 20])
})

test('[S0-16] a time to live counts no less than 0 and no fractions', async () => {
  const { runtime } = await memoryRuntime()

  const refused = [
    await refusalOf(runtime.create({ ttlMs: -1 })),
    await refusalOf(runtime.create({ ttlMs: 0.5 })),
  ]

  expect(refused).toMatchObject([
    { code: 'COMMAND_INVALID', details: { path: ['ttlMs'] } },
    { code: 'COMMAND_INVALID', details: { path: ['ttlMs'] } },
  ])
  expect((await runtime.create(SEED_SESSION)).expiresAt).toBe(START + 300_000)
  expect((await runtime.create()).expiresAt).toBeNull()
})

test('[S0-17 S0-18 S0-19] rounds, first context and deltas are counted apart', async () => {
  const { runtime } = await memoryRuntime()
  const session = await withDeltas(runtime, 5_000, [100, 120])

  const { roundCount, initialTokenCount, deltaTokenCount } = session.usage

  expect([roundCount, initialTokenCount, deltaTokenCount]).toEqual([2, 5_000, 220])
})

test('[S0-20] metadata is any JSON by key, and empty unless given', async () => {
  const { runtime } = await memoryRuntime()
  const metadata = { nested: { list: [1, null, true] }, text: 'x' }

  const session = await runtime.create({ metadata })
  const bare = await runtime.create()

  expect(session.record.metadata).toEqual(metadata)
  expect(bare.record.metadata).toEqual({})
  expect((await refusalOf(runtime.create({ metadata: [1] as never }))).details).toMatchObject({
    path: ['metadata'],
  })
})

test('[S0-21] a record is compared and copied by value', async () => {
  const { runtime } = await memoryRuntime()
  const first = await activeSession(runtime, SEED_SESSION)
  const second = await activeSession(runtime, SEED_SESSION)

  const copy = structuredClone(first.record)
  await second.edit({ name: 'renamed' })

  expect(copy).toEqual(first.record)
  expect(second.record).toEqual({ ...first.record, name: 'renamed' })
  expect(copy.name).toBe('')
})

test('[S0-24 S0-25 S0-26 S0-27 S0-28 S0-29 S0-30] every handle tells its data, whatever its status', async () => {
  const sessions = await everySession(await memoryRuntime(), SEED_SESSION)

  const told = sessions.map(({ id, record, createdAt, usage, state }) => ({
    numbered: /^session-\d+$/.test(id),
    tenant: record.tenantId,
    provider: record.provider,
    createdAt,
    rounds: usage.roundCount,
    state,
  }))

  expect(told).toEqual(
    STATUSES.map((state) => ({
      numbered: true,
      tenant: TENANT,
      provider: SEED_SESSION.provider,
      createdAt: START + (state === 'active' ? 1_000 : 0),
      rounds: 0,
      state,
    })),
  )
})

test('[S0-24] the record of a handle is read-only', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime, { ...SEED_SESSION, tags: ['a'] })

  expect(() => Object.assign(session, { record: {} })).toThrow(TypeError)
  expect(() => (session.record.tags as string[]).push('b')).toThrow(TypeError)
  expect(session.record.tags).toEqual(['a'])
})

test('[S0-31] export hands over the whole record, and the handle goes on', async () => {
  const { runtime } = await memoryRuntime()
  const session = await withDeltas(runtime, 5_000, [100])

  const document = await runtime.export(session.id)
  await session.recordDelta(20)

  expect(document).toEqual(JSON.parse(JSON.stringify(document)))
  expect(document).toMatchObject({ id: session.id, record: session.record, deltaTokenCount: 100 })
  expect(session.usage.deltaTokenCount).toBe(120)
})

test('[S0-36] a delta is one more round and its tokens, and the session stays active', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime, SEED_SESSION)

  const answer = await session.recordDelta(100)

  expect(answer).toEqual({ revision: 3 })
  expect([session.status, session.usage.roundCount, session.usage.deltaTokenCount]).toEqual([
    'active',
    1,
    100,
  ])
  expect((await refusalOf(session.recordDelta(-1))).code).toBe('COMMAND_INVALID')
})

test('[S0-38] counters stop at the largest exact integer', async () => {
  const { runtime } = await memoryRuntime()

  const session = await withDeltas(runtime, 0, [Number.MAX_SAFE_INTEGER, 5])

  expect(session.usage).toMatchObject({ roundCount: 2, deltaTokenCount: Number.MAX_SAFE_INTEGER })
})

test('[S0-39] what deltas save is never less than nothing', async () => {
  const { runtime } = await memoryRuntime()

  const session = await withDeltas(runtime, 10, [25])

  expect(session.usage.tokensSaved).toBe(0)
})

test('[S0-39 S2-03] saved is rounds times the first context, less the deltas', async () => {
  const { runtime } = await memoryRuntime()
  const deltas = fc.array(fc.nat({ max: 20_000 }), { maxLength: 6 })

  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 9_000 }), deltas, async (initial, tokens) => {
      const session = await withDeltas(runtime, initial, tokens)

      const sent = tokens.reduce((sum, delta) => sum + delta, 0)
      expect(session.usage.tokensSaved).toBe(Math.max(0, tokens.length * initial - sent))
    }),
    { numRuns: 30 },
  )
})

test('[S0-40] what was saved can be read in every status', async () => {
  const { runtime } = await memoryRuntime()
  const active = await withDeltas(runtime, 5_000, [100, 120, 150])

  const closed = await active.close()

  expect(closed.usage.tokensSaved).toBe(14_630)
})

test('[S0-41] the product of rounds and first context saturates', async () => {
  const { runtime } = await memoryRuntime()

  const session = await withDeltas(runtime, Number.MAX_SAFE_INTEGER, [1, 1])

  expect(session.usage.tokensSaved).toBe(Number.MAX_SAFE_INTEGER - 2)
})

test('[S0-42] without rounds nothing is saved', async () => {
  const { runtime } = await memoryRuntime()

  const session = await activeSession(runtime, SEED_SESSION)

  expect([session.usage.roundCount, session.usage.tokensSaved]).toEqual([0, 0])
})

test('[S0-57] the numbers of the seed: three rounds, 370 tokens sent, 14,630 saved', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime, SEED_SESSION)

  for (const tokens of [100, 120, 150]) await session.recordDelta(tokens)

  expect(session.usage).toMatchObject({ roundCount: 3, deltaTokenCount: 370, tokensSaved: 14_630 })
  expect(session.expiresAt).toBe(START + 300_000)
})

test('[S0-35] an active session always knows since when', async () => {
  const sessions = await sessionInEachStatus(await memoryRuntime())

  const known = STATUSES.filter((status) => sessions[status].activatedAt !== null)

  expect(known).toEqual(['active', 'paused', 'closed', 'completed', 'failed', 'cancelled', 'expired'])
  expect(sessions.active.activatedAt).toBe(START + 1_000)
})
