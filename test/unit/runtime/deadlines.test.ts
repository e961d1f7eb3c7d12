/** Goal: deadlines fire once, never early, also after a restart. Method: a clock turned by hand. */
import { describe, expect, test } from 'vitest'
import { userMessage } from '../../../src/runtime/entries.ts'
import { openRuntime } from '../../../src/runtime/open-runtime.ts'
import { DeadlineScheduler } from '../../../src/runtime/deadlines.ts'
import { createMemoryStore } from '../../../src/store/memory-store.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import type { SessionStore } from '../../../src/store/store.ts'
import { codeOf, collect, testRuntime } from '../../support/runtime.ts'

/** Closing leaves the memory of the store as a restart finds it. */
function surviving(store: SessionStore): SessionStore {
  return { ...store, close: async () => undefined }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('time to live', () => {
  test('[SN16] does not slide, runs on while paused, and ends created sessions too', async () => {
    const { runtime, clock, active } = await testRuntime()
    const created = await runtime.create({ ttlMs: 100 })
    const paused = await (await active({ ttlMs: 100 })).pause()
    const used = await active({ ttlMs: 100 })
    clock.advance(99)
    await used.append(userMessage('still here'))

    const before = [created.status, paused.status, used.status]
    clock.advance(1)
    await settled()

    expect(before).toEqual(['created', 'paused', 'active'])
    expect([created.status, paused.status, used.status]).toEqual(['expired', 'expired', 'expired'])
    expect(used.end).toMatchObject({ status: 'expired' })
    await runtime.close()
  })

  test('[SN17] a clock set back fires nothing early; set forward it fires once', async () => {
    const { runtime, clock, active } = await testRuntime()
    const session = await active({ ttlMs: 1000 })
    clock.set(clock.now() - 100_000)
    await settled()
    const early = session.status

    clock.set(clock.now() + 10_000_000)
    clock.advance(10_000_000)
    await settled()

    expect(early).toBe('active')
    const ends = (await collect(session.changes({ live: false }))).filter(
      ({ event }) => event.type === 'deadline',
    )
    expect(ends).toHaveLength(1)
    await runtime.close()
  })

  test('[SN17] a command behind a deadline finds the deadline told first', async () => {
    const { runtime, clock, active } = await testRuntime()
    const session = await active({ ttlMs: 1000 })

    // The timer has not rung yet when the command comes: only the command looks at the clock.
    const now = clock.now()
    clock.now = () => now + 1000
    const code = await codeOf(session.append(userMessage('late')))

    expect(code).toBe('WRONG_STATE')
    expect(session.status).toBe('expired')
    await runtime.close()
  })

  test('[SN17] overdue at a restart: told once, with at = now and dueAt kept', async () => {
    const clock = new ManualClock(0)
    const store = createMemoryStore()
    const first = await openRuntime({ store: surviving(store), clock })
    const { id } = await first.create({ ttlMs: 50 })
    await first.close()

    clock.set(500)
    const second = await openRuntime({ store: surviving(store), clock })
    clock.advance(0)
    await settled()
    const session = await second.get(id)

    const changes = await collect(session.changes({ live: false }))
    expect(changes.map(({ event, at }) => [event, at])).toEqual([
      [{ type: 'created' }, 0],
      [{ type: 'deadline', kind: 'ttl', dueAt: 50 }, 500],
    ])
    expect(session.state).toBe('expired')
    await second.close()
  })

  test('[SN18] a read-only runtime fires nothing and shows what is overdue', async () => {
    const clock = new ManualClock(0)
    const store = createMemoryStore()
    const owner = await openRuntime({ store: surviving(store), clock })
    const { id } = await owner.create({ ttlMs: 50 })
    await owner.close()

    clock.set(500)
    const reader = await openRuntime({ store: surviving(store), clock, readOnly: true })
    clock.advance(0)
    await settled()
    const session = await reader.get(id)

    expect([session.status, session.deadlines]).toEqual([
      'created',
      [{ kind: 'ttl', dueAt: 50, overdue: true }],
    ])
    expect((await reader.list()).items[0]?.overdue).toBe(true)
    expect(await codeOf((session as { cancel(): Promise<unknown> }).cancel())).toBe('READ_ONLY')
    await reader.close()
  })
})

describe('limits in time', () => {
  test('[LI11] idle pauses at once and counts from the last entry', async () => {
    const { runtime, clock, active } = await testRuntime()
    const session = await active({ limits: { maxIdleMs: 100, action: 'pause' } })
    clock.advance(90)
    await session.append(userMessage('awake'))
    clock.advance(90)
    await settled()
    const still = session.status

    clock.advance(11)
    await settled()

    expect([still, session.status]).toEqual(['active', 'paused'])
    await runtime.close()
  })

  test('[LI11] duration with action error waits for the door', async () => {
    const { runtime, clock, active } = await testRuntime()
    const session = await active({ limits: { maxDurationMs: 100 } })
    clock.advance(1000)
    await settled()
    const status = session.status

    expect(status).toBe('active')
    expect(await codeOf(session.append(userMessage('door')))).toBe('LIMIT_REACHED')
    expect(await codeOf(session.admit('modelCall'))).toBe('LIMIT_REACHED')
    await runtime.close()
  })
})

describe('the scheduler', () => {
  test('[T3] of a thousand at one instant eight are woken at once, the others two at a time, all of them once', async () => {
    const clock = new ManualClock(0)
    const rung = new Set<string>()
    const atATime: number[] = []
    let awake = 0
    const scheduler = new DeadlineScheduler(clock, async (id) => {
      awake += 1
      await settled()
      atATime.push(awake)
      rung.add(id)
      await settled()
      awake = 0
    })
    for (let index = 0; index < 1000; index += 1) scheduler.set(`s-${index}`, 10)

    clock.advance(10)
    while (rung.size < 1000) {
      await settled()
      clock.advance(0)
    }

    expect(atATime).toEqual([...Array<number>(8).fill(8), ...Array<number>(992).fill(2)])
    expect(scheduler.size).toBe(0)
  })

  test('[T1] [T2] rings in order of instants, forgets what was replaced, and stops', () => {
    const clock = new ManualClock(0)
    const rung: string[] = []
    const scheduler = new DeadlineScheduler(clock, async (id) => {
      rung.push(`${id}@${clock.now()}`)
    })
    for (const [id, at] of [
      ['c', 30],
      ['a', 10],
      ['b', 20],
      ['a', 25],
      ['gone', 5],
    ] as const)
      scheduler.set(id, at)
    scheduler.set('gone', null)

    clock.advance(26)
    const early = [...rung]
    scheduler.stop()
    clock.advance(100)

    expect(early).toEqual(['b@20', 'a@25'])
    expect(rung).toEqual(early)
    expect(clock.pending).toBe(0)
  })
})
