/** Seed 004, pruning by age and by count, and the throttle in front of it. */
import { expect, test } from 'vitest'
import { sessionError } from '../../src/errors.ts'
import { userMessage } from '../../src/runtime/entries.ts'
import { PRUNE_MAX_SESSIONS, PRUNE_OLDER_THAN_MS, PruneThrottle } from '../../src/runtime/retention.ts'
import type { Runtime, RuntimeOptions } from '../../src/runtime/runtime.ts'
import { createMemoryStore } from '../../src/store/memory-store.ts'
import type { SessionStore } from '../../src/store/store.ts'
import { listeningLogger } from '../support/listening-logger.ts'
import { activeSession, memoryRuntime, until } from '../support/memory-runtime.ts'

const HOUR = 3_600_000

/** Closed sessions, one every 10 ms: session-1 is the oldest. */
async function closedSessions(count: number, options: RuntimeOptions & { readonly clock?: never } = {}) {
  const base = await memoryRuntime(options)
  for (let index = 0; index < count; index += 1) {
    await (await activeSession(base.runtime)).close()
    base.clock.advance(10)
  }
  return base
}

async function idsIn(runtime: Runtime): Promise<string[]> {
  return (await runtime.list({ order: 'created-asc' })).items.map(({ id }) => id)
}

test('[S4-41 S4-43] of too many sessions the oldest go, and the report names them', async () => {
  const { runtime } = await closedSessions(5)

  const report = await runtime.prune({ olderThanMs: 0, maxSessions: 3 })

  expect(report).toEqual({ deleted: ['session-1', 'session-2'], failed: [], dryRun: false, ran: true })
  expect(await idsIn(runtime)).toEqual(['session-3', 'session-4', 'session-5'])
})

test('[S4-42] sessions whose last change is strictly older go', async () => {
  const { runtime, clock } = await closedSessions(2)
  const prune = () => runtime.prune({ olderThanMs: 24 * HOUR, maxSessions: 0 })
  clock.advance(24 * HOUR - 20)

  const atEqual = await prune()
  clock.advance(1)
  const strictlyOlder = await prune()

  expect([atEqual.deleted, strictlyOlder.deleted]).toEqual([[], ['session-1']])
  expect(await idsIn(runtime)).toEqual(['session-2'])
})

test('[S4-42 S4-43] 0 turns a rule off', async () => {
  const { runtime, clock } = await closedSessions(3)
  clock.advance(9_999 * HOUR)

  const report = await runtime.prune({ olderThanMs: 0, maxSessions: 0 })

  expect(report.deleted).toEqual([])
  expect(await idsIn(runtime)).toHaveLength(3)
})

test('[S4-43] as many as allowed is not too many', async () => {
  const { runtime } = await closedSessions(3)

  expect((await runtime.prune({ olderThanMs: 0, maxSessions: 3 })).deleted).toEqual([])
})

test('[S4-44] what is too old leaves the count of what is too many', async () => {
  const { runtime, clock } = await closedSessions(2)
  clock.advance(48 * HOUR)
  for (let index = 0; index < 3; index += 1) await (await activeSession(runtime)).close()

  const report = await runtime.prune({ olderThanMs: 24 * HOUR, maxSessions: 3 })

  expect(report.deleted).toEqual(['session-1', 'session-2'])
  expect(await idsIn(runtime)).toEqual(['session-3', 'session-4', 'session-5'])
})

test('[S4-43] open sessions and parents of those that stay are pruned only if told', async () => {
  const { runtime, clock } = await memoryRuntime()
  const parent = await runtime.create()
  const open = await activeSession(runtime, { parentId: parent.id })
  await parent.cancel()
  clock.advance(200 * HOUR)

  const spared = await runtime.prune()
  const told = await runtime.prune({ includeOpen: true })

  expect(spared).toEqual({ deleted: [], failed: [], dryRun: false, ran: true })
  expect(told.deleted).toEqual([open.id, parent.id])
})

test('[S4-45] only what was deleted is counted, and what could not be is named', async () => {
  const inner = createMemoryStore()
  const store: SessionStore = {
    ...inner,
    append: (change, after) =>
      change.sessionId === 'session-1' && change.tombstone === true
        ? Promise.reject(sessionError('STORE_FULL', { operation: 'append' }))
        : inner.append(change, after),
  }
  const { runtime } = await closedSessions(3, { store })

  const report = await runtime.prune({ olderThanMs: 0, maxSessions: 1 })

  expect(report).toMatchObject({
    deleted: ['session-2'],
    failed: [{ id: 'session-1', code: 'STORE_FULL' }],
  })
  expect(await idsIn(runtime)).toEqual(['session-1', 'session-3'])
})

test('[S4-45] what somebody else has deleted meanwhile is not counted', async () => {
  const { runtime } = await closedSessions(4)

  const reports = await Promise.all([
    runtime.prune({ olderThanMs: 0, maxSessions: 1 }),
    runtime.prune({ olderThanMs: 0, maxSessions: 1 }),
  ])

  expect(reports.flatMap(({ deleted }) => deleted).toSorted()).toEqual([
    'session-1',
    'session-2',
    'session-3',
  ])
})

test('[S4-46] a prune that deleted something is logged, one that did not is not', async () => {
  const { logger, lines } = listeningLogger()
  const { runtime } = await closedSessions(3, { logger })

  await runtime.prune({ olderThanMs: 0, maxSessions: 1, dryRun: true })
  await runtime.prune({ olderThanMs: 0, maxSessions: 1 })
  await runtime.prune({ olderThanMs: 0, maxSessions: 1 })

  expect(lines).toEqual([['info', { deleted: 2, failed: 0 }, 'sessions pruned']])
})

test('[S4-47] by default 100 sessions are kept, for 168 hours', async () => {
  const { runtime, clock } = await closedSessions(103)

  const byCount = await runtime.prune()
  clock.advance(168 * HOUR)
  const byAge = await runtime.prune()

  expect([PRUNE_MAX_SESSIONS, PRUNE_OLDER_THAN_MS]).toEqual([100, 168 * HOUR])
  expect(byCount.deleted).toEqual(['session-1', 'session-2', 'session-3'])
  expect(byAge.deleted).toHaveLength(100)
})

test('[S4-48 S4-49 S4-50] the first ask is granted, the next after whole seconds of the cooldown', () => {
  const throttle = new PruneThrottle(2_000)

  const answers = [0, 1_999, 2_000, 3_999, 4_000].map((now) => throttle.shouldPrune(now))

  expect(answers).toEqual([true, false, true, false, true])
})

test('[S4-49] a fraction of a second does not count towards the cooldown', () => {
  const throttle = new PruneThrottle(1_500)

  expect([0, 1_999, 2_000].map((now) => throttle.shouldPrune(now))).toEqual([true, false, true])
})

test('[S4-51] without a cooldown every ask is granted, and a clock set back holds nothing up', () => {
  const eager = new PruneThrottle(0)
  const patient = new PruneThrottle(60_000)

  expect([5, 5, 5].map((now) => eager.shouldPrune(now))).toEqual([true, true, true])
  expect([90_000, 30_000, 30_001].map((now) => patient.shouldPrune(now))).toEqual([true, true, false])
})

test('[S4-33 S4-53] a change prunes in the background, no more often than the throttle allows', async () => {
  const autoPrune = { olderThanMs: 0, maxSessions: 2, cooldownMs: 1_000 }
  const { runtime, clock } = await closedSessions(4, { autoPrune })
  const beforeCooldown = await idsIn(runtime)
  clock.advance(1_000)

  await runtime.create()
  await until(() => runtime.stats().store.sessions === 2)
  await runtime.create()

  expect(beforeCooldown).toHaveLength(4)
  expect(await idsIn(runtime)).toEqual(['session-4', 'session-5', 'session-6'])
})

test('[S4-33 S4-52] a background prune that fails warns, harms nothing, and the next one works', async () => {
  let isBroken = false
  const inner = createMemoryStore()
  const store: SessionStore = {
    ...inner,
    heads: () => {
      if (isBroken) throw sessionError('STORE_FAILED', { operation: 'heads', reason: 'EIO' })
      return inner.heads()
    },
  }
  const { logger, lines } = listeningLogger()
  const autoPrune = { olderThanMs: 0, maxSessions: 1, cooldownMs: 1_000 }
  const { runtime, clock } = await closedSessions(2, { store, logger, autoPrune })
  const session = await activeSession(runtime)
  clock.advance(1_000)
  isBroken = true

  const kept = await session.append(userMessage('goes on'))
  await until(() => lines.length > 0)
  isBroken = false
  clock.advance(1_000)
  await session.append(userMessage('goes on'))
  await until(() => runtime.stats().store.sessions === 1)

  expect(kept).toMatchObject({ kept: true })
  expect(lines).toEqual([
    ['warn', { code: 'STORE_FAILED' }, 'background prune failed'],
    ['info', { deleted: 2, failed: 0 }, 'sessions pruned'],
  ])
  expect(await idsIn(runtime)).toEqual([session.id])
})
