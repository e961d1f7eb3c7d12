/** Goal: a follower sees every durable change once, in order, and costs nobody anything (docs/spec/subscriptions.md). */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, expect, test } from 'vitest'
import { assistantMessage, toolCall, userMessage } from '../../../src/runtime/entries.ts'
import { CHANGE_CHANNEL } from '../../../src/runtime/observers.ts'
import { codeOf, collect, testRuntime } from '../../support/runtime.ts'

describe('changes of a session', () => {
  test('[SB1] from is inclusive; status is that after each change', async () => {
    const { runtime, active } = await testRuntime()
    const session = await active()
    const paused = await session.pause()
    await paused.edit({ name: 'x' })
    await (await paused.resume()).complete()

    const all = await collect(session.changes({ live: false }))
    const later = await collect(session.changes({ from: 4, live: false }))

    expect(all.map(({ revision, status }) => [revision, status])).toEqual([
      [1, 'created'],
      [2, 'active'],
      [3, 'paused'],
      [4, 'paused'],
      [5, 'active'],
      [6, 'completed'],
    ])
    expect(later).toEqual(all.slice(3))
    await runtime.close()
  })

  test('[SB2] a live stream goes on and ends behind the final change', async () => {
    const { runtime, active } = await testRuntime()
    const session = await active()
    const following = collect(session.changes({ from: 2 }))

    await session.append(userMessage('one'))
    await session.close()

    expect((await following).map(({ event }) => event.type)).toEqual(['activate', 'append', 'close'])
    await runtime.close()
  })

  test('[SB2] it ends on signal, and when the runtime closes', async () => {
    const { runtime, active } = await testRuntime()
    const session = await active()
    const controller = new AbortController()
    const aborted = collect(session.changes({ signal: controller.signal }))
    const closed = collect(session.changes())
    const everything = collect(runtime.changes())

    await new Promise((resolve) => setImmediate(resolve))
    controller.abort()
    const first = await aborted
    await runtime.close()

    expect([first.length, (await closed).length, (await everything).length]).toEqual([2, 2, 2])
  })

  test('[SB3] a reader far behind is told, and loses nothing', async () => {
    const { runtime, active } = await testRuntime()
    const session = await active()
    const missed: number[] = []
    const iterator = session.changes({ onLag: (count) => missed.push(count) })[Symbol.asyncIterator]()
    await iterator.next()

    for (let index = 0; index < 600; index += 1) await session.recordDelta(1)
    const revisions = [1]
    for (let index = 0; index < 601; index += 1) {
      const next = await iterator.next()
      if (next.done !== true) revisions.push(next.value.revision)
    }

    expect(revisions).toEqual(Array.from({ length: 602 }, (_, index) => index + 1))
    expect(missed.length).toBeGreaterThan(0)
    await runtime.close()
  })
})

describe('changes of all sessions', () => {
  test('[SB4] in journal order; a cursor goes on behind its change', async () => {
    const { runtime } = await testRuntime()
    const a = await (await runtime.create({ id: 'a' })).activate()
    const b = await runtime.create({ id: 'b' })
    await a.append(userMessage('1'))
    await b.cancel()

    const all = await collect(runtime.changes({ live: false }))
    const rest = await collect(runtime.changes({ after: all[2]?.cursor as string, live: false }))

    expect(all.map(({ sessionId, revision, status }) => `${sessionId}${revision} ${status}`)).toEqual([
      'a1 created',
      'a2 active',
      'b1 created',
      'a3 active',
      'b2 cancelled',
    ])
    expect(rest).toEqual(all.slice(3))
    await runtime.close()
  })
})

describe('entries', () => {
  test('[SB5] positions, after, before, last and types', async () => {
    const { runtime, active } = await testRuntime()
    const session = await active()
    await session.appendAll([userMessage('0'), assistantMessage('1')])
    await session.recordDelta(10)
    await session.append(toolCall('search', true, '2'))
    await session.append(assistantMessage('3'))
    const positions = async (query: Parameters<typeof session.entries>[0]) =>
      (await collect(session.entries(query))).map(({ position }) => position)

    expect(await positions({})).toEqual([0, 1, 2, 3])
    expect(await positions({ after: 0, before: 3 })).toEqual([1, 2])
    expect(await positions({ last: 2 })).toEqual([2, 3])
    expect(await positions({ last: 1, before: 3 })).toEqual([2])
    expect(await positions({ types: ['assistant_message'] })).toEqual([1, 3])
    expect(await positions({ types: ['assistant_message'], last: 1 })).toEqual([3])
    expect(await positions({ last: 0 })).toEqual([])
    expect(await codeOf(collect(session.entries({ last: -1 })))).toBe('COMMAND_INVALID')
    await runtime.close()
  })
})

describe('observers', () => {
  test('[SB6] hear every acknowledged change; one that throws harms nobody', async () => {
    const { runtime, active } = await testRuntime()
    const heard: string[] = []
    runtime.observe(() => {
      throw new TypeError('a broken observer')
    })
    const stop = runtime.observe(({ change, facts }) =>
      heard.push(`${change.event.type} ${facts?.context.entryCount}`),
    )

    const session = await active()
    await session.append(userMessage('hello'))
    stop()
    await session.close()

    expect(heard).toEqual(['created 0', 'activate 0', 'append 1'])
    await runtime.close()
  })

  test('[SB6] [OB2] the diagnostics channel carries ids and words of ours, never content', async () => {
    const { runtime, active } = await testRuntime()
    const messages: unknown[] = []
    const listen = (message: unknown): void => void messages.push(message)
    subscribe(CHANGE_CHANNEL, listen)

    const session = await active({ metadata: { secret: 'metadata' } })
    await session.append(userMessage('secret words'))
    unsubscribe(CHANGE_CHANNEL, listen)

    expect(messages.at(-1)).toEqual({
      sessionId: session.id,
      revision: 3,
      at: 1_000_000,
      event: 'append',
      status: 'active',
    })
    expect(JSON.stringify(messages)).not.toContain('secret')
    await runtime.close()
  })
})
