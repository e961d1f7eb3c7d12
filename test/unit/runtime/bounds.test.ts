/** Goal: every queue has a bound with a name, and every end of a runtime an answer. */
import { describe, expect, test } from 'vitest'
import { userMessage } from '../../../src/runtime/entries.ts'
import { openRuntime } from '../../../src/runtime/open-runtime.ts'
import type { StoredState } from '../../../src/store/change.ts'
import { createMemoryStore } from '../../../src/store/memory-store.ts'
import { codeOf, collect, testRuntime } from '../../support/runtime.ts'

describe('bounds', () => {
  test('more commands than may wait for the disk are refused with STORE_BUSY, and later ones go on', async () => {
    const { runtime, store, active } = await testRuntime({ maxPendingCommands: 3 })
    const session = await active()
    store.hold()

    const taken = [1, 2, 3].map(() => session.append(userMessage('waits')))
    const busy = codeOf(session.append(userMessage('too many')))
    store.release()
    await Promise.all(taken)
    await session.append(userMessage('room again'))

    expect(await busy).toBe('STORE_BUSY')
    expect(session.usage.entryCount).toBe(4)
    await runtime.close()
  })

  test('commands after close are refused with RUNTIME_CLOSED; close waits for what is on its way', async () => {
    const { runtime, store, active } = await testRuntime()
    const session = await active()
    store.hold()
    const appended = session.append(userMessage('on its way'))

    const closed = runtime.close()
    const late = codeOf(session.append(userMessage('late')))
    store.release()
    await Promise.all([appended, closed, runtime.close()])

    expect(await late).toBe('RUNTIME_CLOSED')
    expect(await codeOf(runtime.create())).toBe('RUNTIME_CLOSED')
    expect(() => runtime.changes()).toThrow(/after the runtime was closed/)
    expect(runtime.stats().status).toBe('stopped')
  })

  test('a close that takes longer than it may is told with CLOSE_TIMEOUT', async () => {
    const store = createMemoryStore()
    const { runtime, clock } = await testRuntime({
      store: { ...store, close: () => new Promise(() => undefined) },
    })

    const closing = codeOf(runtime.close({ timeoutMs: 100 }))
    clock.advance(100)

    expect(await closing).toBe('CLOSE_TIMEOUT')
  })
})

describe('versions', () => {
  test('[A4] facts of a later machine are refused with FORMAT_TOO_NEW; reading works', async () => {
    const store = createMemoryStore()
    const first = await openRuntime({ store: { ...store, close: async () => undefined } })
    const { id } = await first.create()
    await first.close()
    const state = async (sessionId: string): Promise<StoredState | undefined> => {
      const found = await store.state(sessionId)
      return (
        found && { ...found, facts: { ...found.facts, machine: { ...found.facts.machine, version: 99 } } }
      )
    }
    const second = await openRuntime({ store: { ...store, state } })

    const session = (await second.get(id)).as('created')

    expect(await codeOf(session.activate())).toBe('FORMAT_TOO_NEW')
    expect(await collect(session.changes({ live: false }))).toHaveLength(1)
    await second.close()
  })

  test('[M3] an active session without activatedAt is corrupt and refused on load', async () => {
    const store = createMemoryStore()
    const first = await openRuntime({ store: { ...store, close: async () => undefined } })
    const { id } = await (await first.create()).activate()
    await first.close()
    const state = async (sessionId: string): Promise<StoredState | undefined> => {
      const found = await store.state(sessionId)
      return (
        found && {
          ...found,
          facts: { ...found.facts, context: { ...found.facts.context, activatedAt: null } },
        }
      )
    }
    const second = await openRuntime({ store: { ...store, state } })

    const error = await second.get(id).catch((reason: { message: string }) => reason)

    expect(error).toMatchObject({ code: 'STORE_CORRUPT' })
    expect((error as { message: string }).message).toContain('activatedAt')
    await second.close()
  })
})
