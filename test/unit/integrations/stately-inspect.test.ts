import { describe, expect, test } from 'vitest'
import { createMemoryStore, openRuntime, userMessage } from 'sessionwright'
import { statelyInspect } from '../../../src/integrations/stately-inspect.ts'

interface Message {
  readonly type: string
  readonly sessionId: string
  readonly definition?: string
  readonly event?: { readonly type: string }
  readonly snapshot?: { readonly status: string; readonly value: unknown; readonly context: object }
}

describe('statelyInspect', () => {
  test('[I1] [I2] speaks the protocol: an actor with its chart, then event and snapshot of every change', async () => {
    const runtime = await openRuntime({ store: createMemoryStore() })
    const messages: Message[] = []
    const feed = await statelyInspect(runtime, {
      adapter: { send: (message) => messages.push(message as Message) },
    })

    const session = await (await runtime.create({ id: 's-1', limits: { maxTurns: 1 } })).activate()
    await session.append(userMessage('secret words'))
    await session.close()

    expect(messages.map(({ type, event }) => event?.type ?? type)).toEqual([
      '@xstate.actor',
      ...['created', 'activate', 'append', 'close'].flatMap((type) => [type, type]),
    ])
    expect(messages[0]?.definition).toContain('"id":"session"')
    expect(messages.at(-1)?.snapshot).toMatchObject({ status: 'done', value: 'closed' })
    expect(JSON.stringify(messages)).not.toContain('secret words')
    feed.stop()
    await runtime.close()
  })

  test('[I3] after stop nothing is sent', async () => {
    const runtime = await openRuntime({ store: createMemoryStore() })
    const messages: unknown[] = []
    const feed = await statelyInspect(runtime, { adapter: { send: (message) => messages.push(message) } })

    feed.stop()
    feed.stop()
    await runtime.create()

    expect(messages).toEqual([])
    await runtime.close()
  })
})
