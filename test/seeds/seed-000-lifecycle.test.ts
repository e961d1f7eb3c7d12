/** Seed 000, the words of a status and the way of a session from created to its end. */
import { expect, test } from 'vitest'
import { cellstate } from '../../src/integrations/interchange/cellstate.ts'
import {
  COMMANDS,
  END_STATUSES,
  isEnd,
  isStatus,
  parseStatus,
  STATUSES,
  statusesFor,
} from '../../src/machines/lifecycle.ts'
import type { CommandName } from '../../src/machines/lifecycle.ts'
import type { Session } from '../../src/runtime/session.ts'
import {
  activeSession,
  everySession,
  memoryRuntime,
  refusalOf,
  sessionInEachStatus,
  START,
  until,
} from '../support/memory-runtime.ts'

test('[S0-02 S1-15] the statuses of the seeds are among ours, and there are eight', () => {
  expect(STATUSES).toEqual([
    'created',
    'active',
    'paused',
    'closed',
    'completed',
    'failed',
    'cancelled',
    'expired',
  ])
})

test('[S0-03] a status is stored as its lower-case word', async () => {
  const base = await memoryRuntime()
  const sessions = await everySession(base)

  const stored = sessions.map(({ id }) => base.store.head(id)?.summary.status)

  expect(stored).toEqual([...STATUSES])
  expect(stored.join('')).toMatch(/^[a-z]+$/)
})

test('[S0-04] the case of a stored word does not matter to who parses it', () => {
  expect(parseStatus('ACTIVE')).toBe('active')
  expect(parseStatus('Expired')).toBe('expired')
  expect(isStatus('ACTIVE')).toBe(false)
})

test('[S0-05] an unknown word is refused with the name of the type and the word as it was', () => {
  const stored = { data: dataOfCellstate(), status: 'Zombie' }

  expect(parseStatus('Zombie')).toBeUndefined()
  expect(() => cellstate.parse(stored)).toThrow('at "status": invalid SessionStatus: "Zombie"')
})

test('[S0-06] closed and expired are ends, created and active are not', () => {
  expect(STATUSES.filter(isEnd)).toEqual(['closed', 'completed', 'failed', 'cancelled', 'expired'])
  expect(isEnd('created')).toBe(false)
  expect(isEnd('active')).toBe(false)
})

test('[S0-07] a status prints as the word it is stored as, and that word parses to it', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime)

  expect(`${session.status}`).toBe('active')
  expect(STATUSES.map((status) => parseStatus(String(status)))).toEqual([...STATUSES])
})

test('[S0-08] a status is a value: it may be copied and be the key of a map', async () => {
  const base = await memoryRuntime()
  await activeSession(base.runtime)
  const sessions = await everySession(base)

  const counts = new Map<string, number>()
  for (const { status } of (await base.runtime.list()).items)
    counts.set(status, (counts.get(status) ?? 0) + 1)

  expect(counts.get(sessions[0]?.status ?? '')).toBe(1)
  expect(counts.get('active')).toBe(2)
  expect(structuredClone(sessions[1]?.status)).toBe('active')
})

test('[S0-23] nobody adds a status from outside', async () => {
  const { runtime } = await memoryRuntime()
  const session = await runtime.create()
  // @ts-expect-error there is no such status, so there is no handle of it
  type Napping = Session<'napping'>

  const refusal = await refusalOf(Promise.resolve().then((): Napping => session.as('napping' as never)))

  expect(refusal).toEqual({
    code: 'WRONG_STATE',
    details: { sessionId: 'session-1', expected: ['napping'], actual: 'created' },
  })
  expect((await refusalOf(runtime.list({ status: 'napping' as never }))).code).toBe('COMMAND_INVALID')
})

test('[S0-32] a session is only ever made in created', async () => {
  const { runtime } = await memoryRuntime()

  const session = await runtime.create()
  const withStatus = refusalOf(runtime.create({ status: 'active' } as never))
  const withTime = refusalOf(runtime.create({ activatedAt: START } as never))

  expect([session.state, session.activatedAt]).toEqual(['created', null])
  expect((await withStatus).details).toMatchObject({
    command: 'create',
    reason: expect.stringContaining('status'),
  })
  expect((await withTime).details).toMatchObject({ reason: expect.stringContaining('activatedAt') })
})

test('[S0-32] a created session that was active before does not come in', async () => {
  const { runtime } = await memoryRuntime()
  const document = await runtime.export((await runtime.create()).id)

  const refusal = await refusalOf(runtime.import({ ...document, id: 'other', activatedAt: START }))

  expect(refusal).toMatchObject({ code: 'INTERCHANGE_INVALID', details: { path: ['activatedAt'] } })
})

test('[S0-33] activating dates the session, gives an active handle and ends the old one', async () => {
  const { runtime, clock } = await memoryRuntime()
  const created = await runtime.create()
  clock.advance(7)

  const active = await created.activate()

  expect([active.state, active.activatedAt]).toEqual(['active', START + 7])
  expect((await refusalOf(created.activate())).details).toEqual({
    sessionId: 'session-1',
    command: 'activate',
    expected: ['created'],
    actual: 'active',
  })
})

test('[S0-34] before activation there are no entries, no deltas and no normal end', async () => {
  const { runtime } = await memoryRuntime()
  const created = await runtime.create()
  const forced = created as unknown as Session<'active'>

  const codes = [
    await refusalOf(forced.recordDelta(1)),
    await refusalOf(forced.append({ type: 'user_message', content: null })),
    await refusalOf(forced.close()),
  ].map(({ code }) => code)

  expect(codes).toEqual(['WRONG_STATE', 'WRONG_STATE', 'WRONG_STATE'])
  expect(COMMANDS.created).toEqual(['activate', 'cancel', 'edit', 'extendLimits'])
  expect([created.status, created.revision]).toEqual(['created', 1])
})

test('[S0-34] a created session may be cancelled, and expires', async () => {
  const { runtime, clock } = await memoryRuntime()
  const cancelled = await (await runtime.create()).cancel()
  const forgotten = await runtime.create({ ttlMs: 1_000 })

  clock.advance(1_000)
  await until(() => forgotten.status !== 'created')

  expect(cancelled.state).toBe('cancelled')
  expect([forgotten.status, forgotten.endedAt]).toEqual(['expired', START + 1_000])
})

test('[S0-43 S0-45] closing dates the end', async () => {
  const { runtime, clock } = await memoryRuntime()
  const active = await activeSession(runtime)
  clock.advance(40)

  const closed = await active.close()

  expect([closed.state, closed.endedAt, closed.end?.status]).toEqual(['closed', START + 40, 'closed'])
})

test('[S0-16 S0-44 S0-46] the time to live is enforced, and dates the end in the same place', async () => {
  const { runtime, clock } = await memoryRuntime()
  const session = await activeSession(runtime, { ttlMs: 300_000 })

  clock.advance(299_999)
  await until(() => runtime.stats().pendingCommands === 0)
  const before = session.status
  clock.advance(1)
  await until(() => session.status === 'expired')

  expect([before, session.expiresAt]).toEqual(['active', START + 300_000])
  expect([session.endedAt, session.end?.status]).toEqual([START + 300_000, 'expired'])
})

test('[S0-47] nothing leads out of an end', async () => {
  const sessions = await sessionInEachStatus(await memoryRuntime())
  const commands: { readonly [C in CommandName]: (session: Session<'active'>) => Promise<unknown> } = {
    activate: (session) => (session as unknown as Session<'created'>).activate(),
    append: (session) => session.append({ type: 'user_message', content: null }),
    recordDelta: (session) => session.recordDelta(1),
    admit: (session) => session.admit('modelCall'),
    pause: (session) => session.pause(),
    resume: (session) => (session as unknown as Session<'paused'>).resume(),
    close: (session) => session.close(),
    complete: (session) => session.complete(),
    fail: (session) => session.fail({ code: 'X', message: '' }),
    cancel: (session) => session.cancel(),
    edit: (session) => session.edit({ name: 'late' }),
    extendLimits: (session) => session.extendLimits({ maxTurns: 9 }),
  }

  for (const status of END_STATUSES) {
    const session = sessions[status]
    const { revision } = session
    for (const [command, give] of Object.entries(commands)) {
      const { code } = await refusalOf(give(session as unknown as Session<'active'>))
      expect(code, `${command} in ${status}`).toBe('WRONG_STATE')
    }
    expect([session.status, session.revision]).toEqual([status, revision])
  }
})

test('[S0-37] deltas are recorded while active and never else', async () => {
  const { created, paused, closed } = await sessionInEachStatus(await memoryRuntime())

  const refusals = await Promise.all(
    [created, paused, closed].map((session) =>
      refusalOf((session as unknown as Session<'active'>).recordDelta(1)),
    ),
  )

  expect(statusesFor('recordDelta')).toEqual(['active'])
  expect(refusals.map(({ details }) => details)).toMatchObject([
    { expected: ['active'], actual: 'created' },
    { expected: ['active'], actual: 'paused' },
    { expected: ['active'], actual: 'closed' },
  ])
})

function dataOfCellstate(): object {
  return {
    session_id: '0190a0b0-0000-7000-8000-000000000001',
    tenant_id: '0190a0b0-0000-7000-8000-000000000002',
    provider_id: 'openai',
    model: 'gpt-4',
    created_at: '2030-01-01T00:00:00Z',
    ttl_secs: 300,
    round_count: 0,
    initial_token_count: 5000,
    delta_token_count: 0,
  }
}
