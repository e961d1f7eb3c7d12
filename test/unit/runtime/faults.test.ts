/** Goal: no fault of a machine, a policy or a disk reaches a neighbour or lets memory run ahead of the disk. */
import { createMachine, sendParent } from 'xstate'
import { describe, expect, test } from 'vitest'
import { sessionError } from '../../../src/errors.ts'
import { userMessage } from '../../../src/runtime/entries.ts'
import { codeOf, collect, testRuntime } from '../../support/runtime.ts'

const throwing = createMachine({
  initial: 'within',
  states: {
    within: {
      on: {
        offer: {
          actions: () => {
            throw new TypeError('a policy with a defect')
          },
        },
      },
    },
  },
})

const silent = createMachine({ initial: 'within', states: { within: {} } })

const policyOf = (logic: unknown) => ({ limitPolicy: { logic, name: 'test', version: 1 } })

describe('faults of machines', () => {
  test.each([
    ['throws', throwing],
    ['never answers', silent],
  ])('[SN19] a policy that %s fails its command; session and neighbours go on', async (_, logic) => {
    const { runtime, active } = await testRuntime(policyOf(logic))
    const session = await active({ limits: { maxEntries: 1 } })
    const neighbour = await active()

    const failed = await codeOf(session.append(userMessage('reaches the limit')))
    await session.recordDelta(5).catch(() => undefined)
    await neighbour.append(userMessage('hello'))

    expect(failed).toBe('SESSION_FAULTED')
    expect([session.usage.entryCount, session.status]).toEqual([0, 'active'])
    expect(neighbour.usage.entryCount).toBe(1)
    expect(runtime.stats().restarts).toBeGreaterThan(0)
    await runtime.close()
  })

  test('[SN20] a session that keeps failing is quarantined by a change; reads work; release lifts it', async () => {
    const { runtime, active } = await testRuntime({
      ...policyOf(throwing),
      restartIntensity: { maxRestarts: 1, withinMs: 1000 },
    })
    const session = await active({ limits: { maxEntries: 1 } })

    const codes = [
      await codeOf(session.append(userMessage('1'))),
      await codeOf(session.append(userMessage('2'))),
      await codeOf(session.pause()),
    ]
    const changes = await collect(session.changes({ live: false }))
    const quarantine = session.quarantine
    await runtime.release(session.id)
    await session.pause()

    expect(codes).toEqual(['SESSION_FAULTED', 'SESSION_QUARANTINED', 'SESSION_QUARANTINED'])
    expect(changes.at(-1)?.event).toMatchObject({ type: 'quarantined', code: 'SESSION_FAULTED' })
    expect(quarantine).toMatchObject({ code: 'SESSION_FAULTED' })
    expect([session.quarantine, session.status]).toEqual([null, 'paused'])
    await runtime.close()
  })

  test('[SN20] failures further apart than the window do not add up', async () => {
    const { runtime, clock, active } = await testRuntime({
      ...policyOf(throwing),
      restartIntensity: { maxRestarts: 1, withinMs: 1000 },
    })
    const session = await active({ limits: { maxEntries: 1 } })

    const codes: unknown[] = []
    for (let time = 0; time < 4; time += 1) {
      codes.push(await codeOf(session.append(userMessage('again'))))
      clock.advance(1001)
    }

    expect(codes).toEqual(Array.from({ length: 4 }, () => 'SESSION_FAULTED'))
    await runtime.close()
  })

  test('[LI15] a policy of one’s own answers at thresholds', async () => {
    const generous = createMachine({
      initial: 'within',
      states: {
        within: {
          on: {
            offer: {
              actions: sendParent(({ event }) => ({
                type: 'verdict',
                action: 'accept',
                findings: [],
                event: (event as unknown as { event: unknown }).event,
              })),
            },
          },
        },
      },
    })
    const { runtime, active } = await testRuntime(policyOf(generous))
    const session = await active({ limits: { maxEntries: 1 } })

    await session.append(userMessage('1'))
    const second = await session.append(userMessage('2'))

    expect(second).toMatchObject({ kept: true })
    await runtime.close()
  })
})

describe('a policy that lets a deadline stand', () => {
  test('[SN19] is a fault, not a loop', async () => {
    const lenient = createMachine({
      initial: 'within',
      states: {
        within: {
          on: {
            offer: {
              actions: sendParent(({ event }) => ({
                type: 'verdict',
                action: 'accept',
                findings: [],
                event: (event as unknown as { event: unknown }).event,
              })),
            },
          },
        },
      },
    })
    const { runtime, clock, active } = await testRuntime(policyOf(lenient))
    const session = await active({ limits: { maxDurationMs: 10, action: 'end_session' } })

    clock.advance(100)
    await new Promise((resolve) => setImmediate(resolve))

    expect(await codeOf(session.recordDelta(1))).toBe('SESSION_FAULTED')
    expect(session.revision).toBe(2)
    await runtime.close()
  })
})

describe('faults of the disk', () => {
  test('[SN21] a store that fails in words of its own leaves the outcome unknown', async () => {
    const { runtime, store, active } = await testRuntime()
    const session = await active()
    store.hold()
    const appended = session.append(userMessage('1'), { operationId: 'm-1' })
    store.fail(Object.assign(new TypeError('EIO'), { code: 'EIO' }))

    const error = await appended.catch((reason: { code: string; details: object }) => reason)

    expect(error).toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      details: { command: 'append', operationId: 'm-1' },
    })
    await runtime.close()
  })

  const unknown = () => sessionError('OUTCOME_UNKNOWN', { command: 'append' })
  const full = () => sessionError('STORE_FULL', { operation: 'append' })

  test('[SN21] a failed write takes memory back; what comes later is refused', async () => {
    const { runtime, store, active } = await testRuntime()
    const session = await active()
    store.hold()
    const first = session.append(userMessage('1'), { operationId: 'm-1' })
    const second = session.pause()
    store.fail(unknown())
    const codes = [await codeOf(first), await codeOf(second)]

    store.hold()
    const third = session.append(userMessage('3'))
    store.fail(sessionError('STORE_FAILED', { operation: 'write', reason: 'EIO' }), true)

    expect(codes).toEqual(['OUTCOME_UNKNOWN', 'OUTCOME_UNKNOWN'])
    expect(await codeOf(third)).toBe('STORE_FAILED')
    expect([session.revision, session.status, session.usage.entryCount]).toEqual([2, 'active', 0])
    expect(runtime.stats().status).toBe('failed')
    await runtime.close()
  })

  test('[SN15] [DE4] after a failed write nobody says that a session was never there', async () => {
    const { runtime, store } = await testRuntime()
    store.hold()
    const created = runtime.create({ id: 'perhaps', userId: 'mia' })
    await new Promise((resolve) => setImmediate(resolve))
    store.fail(sessionError('STORE_FAILED', { operation: 'write', reason: 'EIO' }), true)

    expect(await codeOf(created)).toBe('STORE_FAILED')
    expect(await codeOf(runtime.delete('perhaps', { force: true }))).toBe('STORE_FAILED')
    expect(await codeOf(runtime.erase({ userId: 'mia' }, { force: true }))).toBe('STORE_FAILED')
    await runtime.close()
  })

  test('[SN21] a full disk writes nothing, and the session goes on once there is room', async () => {
    const { runtime, store, active } = await testRuntime()
    const session = await active()
    store.hold()
    const first = session.append(userMessage('1'), { operationId: 'm-1' })
    const second = session.append(userMessage('2'))
    store.fail(full())

    expect([await codeOf(first), await codeOf(second)]).toEqual(['STORE_FULL', 'STORE_FULL'])
    const again = await session.append(userMessage('1'), { operationId: 'm-1' })
    expect(again).toMatchObject({ kept: true, revision: 3 })
    expect(session.usage.entryCount).toBe(1)
    await runtime.close()
  })

  test('[SN5] [SN21] a refusal that saw a lost change is answered with the loss', async () => {
    const { runtime, store, active } = await testRuntime()
    const session = await active()
    store.hold()
    const paused = session.pause()
    const refused = session.append(userMessage('refused because paused'))
    store.fail(full())

    expect([await codeOf(paused), await codeOf(refused)]).toEqual(['STORE_FULL', 'STORE_FULL'])
    expect(session.status).toBe('active')
    await runtime.close()
  })
})
