/** Goal: the one road keeps its order, its silence and its retries (docs/spec/session.md). Method: a disk that can be held. */
import { describe, expect, test } from 'vitest'
import { assistantMessage, userMessage } from '../../../src/runtime/entries.ts'
import { codeOf, collect, testRuntime } from '../../support/runtime.ts'

describe('acknowledgement', () => {
  test('[SN4] a handle, a stream and an observer show nothing before the disk has it', async () => {
    const { runtime, store, active } = await testRuntime()
    const session = await active()
    const heard: number[] = []
    runtime.observe(({ change }) => heard.push(change.revision))

    store.hold()
    const appended = session.append(userMessage('hello'))
    const before = [
      session.revision,
      session.usage.entryCount,
      heard.length,
      (await collect(session.entries())).length,
    ]
    store.release()
    await appended

    expect(before).toEqual([2, 0, 0, 0])
    expect([session.revision, session.usage.entryCount, heard]).toEqual([3, 1, [3]])
    await runtime.close()
  })

  test('[SN6] several commands on their way are decided and acknowledged in order', async () => {
    const { runtime, store, active } = await testRuntime()
    const session = await active()
    store.hold()
    const order: string[] = []
    const said = (name: string) => () => order.push(name)

    const all = Promise.all([
      session.append(userMessage('1')).then(said('append 1')),
      session.append(assistantMessage('2')).then(said('append 2')),
      session.pause().then(said('pause')),
    ])
    store.release()
    await all

    expect(order).toEqual(['append 1', 'append 2', 'pause'])
    expect((await collect(session.changes({ live: false }))).map(({ event }) => event.type)).toEqual([
      'created',
      'activate',
      'append',
      'append',
      'pause',
    ])
    await runtime.close()
  })

  test('[SN5] a refusal is told only after every change it saw is durable, and writes nothing', async () => {
    const { runtime, store, active } = await testRuntime()
    const session = await active()
    store.hold()
    const order: string[] = []
    const paused = session.pause().then(() => order.push('paused'))
    const refused = session
      .append(userMessage('too late'))
      .catch((error: { code: string }) => order.push(error.code))

    await Promise.resolve()
    const early = [...order]
    store.release()
    await Promise.all([paused, refused])

    expect(early).toEqual([])
    expect(order).toEqual(['paused', 'WRONG_STATE'])
    expect(session.revision).toBe(3)
    await runtime.close()
  })
})

describe('retries', () => {
  test('[SN7] the same operation is answered once and applied once, eight at the same time too', async () => {
    const { runtime, store, active } = await testRuntime()
    const session = await active()
    store.hold()

    const eight = Array.from({ length: 8 }, () => session.append(userMessage('once'), { operationId: 'm-1' }))
    store.release()
    const answers = await Promise.all(eight)

    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect(session.usage.entryCount).toBe(1)
    await runtime.close()
  })

  test('[SN7] the same id with other content is refused', async () => {
    const { runtime, active } = await testRuntime()
    const session = await active()
    await session.append(userMessage('one'), { operationId: 'm-1' })

    expect(await codeOf(session.append(userMessage('two'), { operationId: 'm-1' }))).toBe('OPERATION_REUSED')
    expect(await codeOf(session.pause({ operationId: 'm-1' }))).toBe('OPERATION_REUSED')
    expect(session.revision).toBe(3)
    await runtime.close()
  })

  test('[SN7] refusals are not kept: the same id may succeed later', async () => {
    const { runtime, active } = await testRuntime()
    const session = await active({ limits: { maxEntries: 0 } })

    const first = await codeOf(session.append(userMessage('hello'), { operationId: 'm-1' }))
    await session.extendLimits({ maxEntries: 1 })
    const second = await session.append(userMessage('hello'), { operationId: 'm-1' })

    expect(first).toBe('LIMIT_REACHED')
    expect(second).toMatchObject({ kept: true, revision: 4 })
    await runtime.close()
  })

  test('[SN7] a command that led elsewhere is answered again from its new state', async () => {
    const { runtime, active } = await testRuntime()
    const session = await active()
    const paused = await session.pause({ operationId: 'p-1' })

    const again = await session.pause({ operationId: 'p-1' })

    expect([again.state, again.revision, paused.revision]).toEqual(['paused', 3, 3])
    await runtime.close()
  })

  test('[SN7] addTag is compared by its tag, not by the list it leads to', async () => {
    const { runtime, active } = await testRuntime()
    const session = await active({ tags: ['a'] })
    await session.addTag('b', { operationId: 't-1' })
    await session.addTag('c')

    await session.addTag('b', { operationId: 't-1' })

    expect(session.record.tags).toEqual(['a', 'b', 'c'])
    await runtime.close()
  })

  test('[SN8] a create without id is retried by its operation id; other content is refused', async () => {
    const { runtime } = await testRuntime()
    const first = await runtime.create({ name: 'one', tenantId: 'acme' }, { operationId: 'c-1' })

    const again = await runtime.create({ name: 'one', tenantId: 'acme' }, { operationId: 'c-1' })
    const elsewhere = await runtime.create({ name: 'one', tenantId: 'other' }, { operationId: 'c-1' })
    const reused = await codeOf(runtime.create({ name: 'two', tenantId: 'acme' }, { operationId: 'c-1' }))
    const other = await codeOf(
      runtime.create({ name: 'one', tenantId: 'acme', id: 'x' }, { operationId: 'c-1' }),
    )

    expect(again.id).toBe(first.id)
    expect(elsewhere.id).not.toBe(first.id)
    expect([reused, other]).toEqual(['OPERATION_REUSED', 'OPERATION_REUSED'])
    await runtime.close()
  })

  test('[SN9] a stale revision is refused, counting changes still on their way', async () => {
    const { runtime, store, active } = await testRuntime()
    const session = await active()
    store.hold()
    const first = session.append(userMessage('1'), { expectedRevision: 2 })
    const stale = session.append(userMessage('2'), { expectedRevision: 2 })
    const next = session.append(userMessage('3'), { expectedRevision: 3 })
    store.release()

    expect(await codeOf(stale)).toBe('REVISION_CONFLICT')
    expect([(await first).revision, (await next).revision]).toEqual([3, 4])
    await runtime.close()
  })
})

describe('signals', () => {
  test('[SN10] aborted before: nothing is written; aborted on the way: only the waiting ends', async () => {
    const { runtime, store, active } = await testRuntime()
    const session = await active()
    const early = await codeOf(session.append(userMessage('no'), { signal: AbortSignal.abort() }))
    store.hold()
    const controller = new AbortController()

    const late = session.append(userMessage('yes'), { signal: controller.signal, operationId: 'm-1' })
    controller.abort()
    const lateCode = await codeOf(late)
    store.release()
    await session.recordDelta(1)

    expect([early, lateCode]).toEqual(['ABORTED', 'OUTCOME_UNKNOWN'])
    expect(session.usage.entryCount).toBe(1)
    await runtime.close()
  })
})

describe('content', () => {
  test('[SN11] several entries are one revision, all or nothing', async () => {
    const { runtime, active } = await testRuntime()
    const session = await active({ limits: { maxEntries: 3 } })

    const done = await session.appendAll([userMessage('1'), assistantMessage('2')])
    const refused = await codeOf(session.appendAll([userMessage('3'), assistantMessage('4')]))

    expect(done).toMatchObject({ kept: true, revision: 3, entryIds: ['entry-1', 'entry-2'] })
    expect(refused).toBe('LIMIT_REACHED')
    expect([session.revision, session.usage.entryCount]).toEqual([3, 2])
    await runtime.close()
  })

  test('[SN12] what JSON would change is refused with its path, and nothing is written', async () => {
    const { runtime, active } = await testRuntime()
    const session = await active()
    const refusal = async (content: unknown) => {
      const error = await session.append({ type: 'user_message', content }).then(
        () => undefined,
        (reason: { code: string; details: { path: unknown } }) => reason,
      )
      return [error?.code, error?.details.path]
    }
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    let deep: unknown = 1
    for (let level = 0; level < 65; level += 1) deep = [deep]

    expect(await refusal({ a: [1, undefined] })).toEqual(['CONTENT_INVALID', ['content', 'a', 1]])
    expect(await refusal({ a: Number.NaN })).toEqual(['CONTENT_INVALID', ['content', 'a']])
    expect(await refusal({ a: -0 })).toEqual(['CONTENT_INVALID', ['content', 'a']])
    expect(await refusal({ a: new Date(0) })).toEqual(['CONTENT_INVALID', ['content', 'a']])
    expect(await refusal({ toJSON: () => 1 })).toEqual(['CONTENT_INVALID', ['content', 'toJSON']])
    expect(await refusal(cycle)).toEqual(['CONTENT_INVALID', ['content', 'self']])
    expect((await refusal(deep))[0]).toBe('CONTENT_TOO_DEEP')
    expect((await refusal('x'.repeat(1024 * 1024)))[0]).toBe('ENTRY_TOO_LARGE')
    expect(session.revision).toBe(2)
    await runtime.close()
  })

  test('[SN12] the bound is exact, and a later change by the caller does not reach what was kept', async () => {
    const { runtime, active } = await testRuntime({ maxEntryBytes: 100 })
    const session = await active()
    const content = { text: 'é'.repeat(44) }

    await session.append({ type: 'user_message', content })
    content.text = 'changed'
    const over = await codeOf(session.append({ type: 'user_message', content: { text: 'é'.repeat(45) } }))

    expect(over).toBe('ENTRY_TOO_LARGE')
    const [entry] = await collect(session.entries())
    expect(entry?.content).toEqual({ text: 'é'.repeat(44) })
    await runtime.close()
  })

  test('[SN12] own keys called __proto__ and constructor are data', async () => {
    const { runtime, active } = await testRuntime()
    const session = await active()
    const content: unknown = JSON.parse(
      '{"__proto__":{"polluted":true},"constructor":{"prototype":1},"gone":null}',
    )

    await session.append({ type: 'user_message', content })
    await session.edit({
      context: JSON.parse('{"__proto__":1,"sessionId":"x","xstate$$type":1}') as Record<string, unknown>,
    })

    const [entry] = await collect(session.entries())
    expect(JSON.stringify(entry?.content)).toBe(JSON.stringify(content))
    expect(session.getContext('__proto__')).toBe(1)
    expect(session.getContext('toString')).toBeUndefined()
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    await runtime.close()
  })
})
