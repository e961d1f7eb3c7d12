/** What the framework's interface cannot say: limits, the timeline, other writers, and input that is refused. */
import {
  Agent,
  MemorySession,
  Runner,
  RunState,
  tool,
  user,
  type AgentInputItem,
  type Session as TheirSession,
  type SessionHistoryRewriteAwareSession,
  type SessionHistoryTransactionAwareSession,
} from '@openai/agents'
import { assistantMessage, functionCall, ScriptedModel } from '@openai/agents-core/testing'
import { describe, expect, test } from 'vitest'
import {
  createMemoryStore,
  openRuntime,
  userMessage,
  type CreateOptions,
  type Runtime,
  type Session,
} from 'sessionwright'
import {
  sessionwrightSession,
  type AgentsSession,
} from '../../../../src/integrations/openai-agents/session.ts'
import { codeOf, collect } from '../../../support/runtime.ts'

const runner = new Runner({ tracingDisabled: true })
const said = (text: string): AgentInputItem => user(text)

interface Opened {
  readonly runtime: Runtime
  readonly session: AgentsSession
  readonly handle: Session
}

async function opened(create: CreateOptions = {}, maxEntryBytes = 1 << 20): Promise<Opened> {
  const runtime = await openRuntime({ store: createMemoryStore(), maxEntryBytes })
  const session = await sessionwrightSession(runtime, 's', create)
  return { runtime, session, handle: await runtime.get('s') }
}

/** An agent whose model answers so many times, and how often it was asked. */
function answering(times: number): { agent: Agent; model: ScriptedModel } {
  const model = new ScriptedModel(Array.from({ length: times }, (_, i) => [assistantMessage(`answer ${i}`)]))
  return { agent: new Agent({ name: 'a', instructions: '', model }), model }
}

describe('the interface', () => {
  test('is that of the framework, with the optional capabilities', async () => {
    const { runtime, session } = await opened()

    const theirs: TheirSession & SessionHistoryTransactionAwareSession = session
    const rewriting: SessionHistoryRewriteAwareSession = session

    expect(await theirs.getSessionId()).toBe('s')
    expect(rewriting).toBe(session)
    expect(session.acceptsRunContext).toBe(true)
    await runtime.close()
  })

  test('takes a session that is held already, and makes an id when none is given', async () => {
    const { runtime, handle } = await opened()

    const held = await sessionwrightSession(await runtime.create({ id: 'held' }))
    const again = await sessionwrightSession(handle)
    const fresh = await sessionwrightSession(runtime)

    expect((await runtime.get('held')).status).toBe('active')
    expect(await Promise.all([held, again].map((one) => one.getSessionId()))).toEqual(['held', 's'])
    expect(runtime.has(await fresh.getSessionId())).toBe(true)
    await runtime.close()
  })

  test('[OA2] items are copied in when the call is made, and copied out', async () => {
    const { runtime, session } = await opened()
    const item = { role: 'user', content: 'as it was' } as { role: 'user'; content: string }

    const added = session.addItems([item])
    item.content = 'changed later'
    await added
    const [first] = (await session.getItems()) as unknown as [{ content: string }]
    first.content = 'changed by a reader'

    expect(await session.getItems()).toEqual([{ role: 'user', content: 'as it was' }])
    await runtime.close()
  })

  test('[HI1] what takes items away stands in the timeline beside what it took', async () => {
    const { runtime, session, handle } = await opened()

    await session.addItems([said('one'), said('two')])
    await session.popItem()
    await session.popItem()
    await session.popItem()
    await session.addItems([said('three')])
    await session.applyHistoryTransaction({
      operationId: 'o',
      transaction: { type: 'replace_suffix', expectedSuffix: [said('three')], replacement: [said('four')] },
    })
    await session.clearSession()
    await session.clearSession()

    const entries = await collect(handle.entries())
    expect(entries.map((entry) => (entry.type === 'system_event' ? entry.event : entry.type))).toEqual([
      'user_message',
      'user_message',
      'history_item_removed',
      'history_item_removed',
      'user_message',
      'history_transaction',
      'user_message',
      'history_cleared',
    ])
    expect(await session.getItems()).toEqual([])
    await runtime.close()
  })

  test('[IT2] [IT3] items count as what they are; entries of others stay out of the history', async () => {
    const { runtime, session, handle } = await opened()
    const call = functionCall('look_up', '{}', { callId: 'c' })
    const result = {
      type: 'function_call_result',
      name: 'look_up',
      callId: 'c',
      status: 'completed',
      output: 'found',
    } as AgentInputItem

    await session.addItems([said('one'), call, result, assistantMessage('done')])
    await handle.as('active').append(userMessage('by another road'))

    expect(await session.getItems()).toEqual([said('one'), call, result, assistantMessage('done')])
    expect(handle.usage).toMatchObject({ turnCount: 1, toolCallCount: 1, userMessageCount: 2, entryCount: 5 })
    const [, , third] = await collect(handle.entries())
    expect(third).toMatchObject({ type: 'tool_call', toolName: 'look_up', success: true })
    await runtime.close()
  })

  test('a session that was deleted and made again begins with an empty history', async () => {
    const { runtime, session } = await opened()
    await session.addItems([said('of the first life')])

    await runtime.delete('s', { force: true })
    await (await runtime.create({ id: 's' })).activate()

    expect(await session.getItems()).toEqual([])
    await runtime.close()
  })

  test('a compaction of the model takes the place of the history, as in the framework’s own session', async () => {
    const { runtime, session, handle } = await opened()
    const memory = new MemorySession({ sessionId: 's' })
    const histories: unknown[] = []

    for (const one of [session, memory] as TheirSession[]) {
      const compaction = { type: 'compaction', encrypted_content: 'short' } as never
      const model = new ScriptedModel([[assistantMessage('1')], [compaction, assistantMessage('2')]])
      const agent = new Agent({ name: 'a', instructions: '', model })
      for (const input of ['first', 'second']) await runner.run(agent, input, { session: one })
      histories.push(await one.getItems())
    }

    expect(histories[0]).toEqual(histories[1])
    expect(histories[0]).toHaveLength(2)
    expect(
      (await collect(handle.entries())).some(
        (entry) => 'event' in entry && entry.event === 'history_replaced',
      ),
    ).toBe(true)
    await runtime.close()
  })

  test('two that open a new session at once both get it', async () => {
    const runtime = await openRuntime({ store: createMemoryStore() })

    const both = await Promise.all([1, 2].map(() => sessionwrightSession(runtime, 'new')))
    await Promise.all(both.map((one) => one.addItems([said('hello')])))

    expect(await both[0]?.getItems()).toHaveLength(2)
    await runtime.close()
  })

  test('[FS4] a history too long to be held is read again, and is the same', async () => {
    const { runtime, session } = await opened()
    const many = Array.from({ length: 10_001 }, (_, index) => said(String(index)))

    await session.addItems(many)
    const popped = await session.popItem()

    expect(popped).toEqual(said('10000'))
    expect(await session.getItems()).toHaveLength(10_000)
    await runtime.close()
  })
})

describe('limits', () => {
  test('[OA3] [RD1] a run that would open one turn too many is refused before its model is called', async () => {
    const { runtime, session } = await opened({ limits: { maxTurns: 1 } })
    const { agent, model } = answering(3)

    await runner.run(agent, 'first', { session })
    const before = await session.getItems()
    const plain = await codeOf(runner.run(agent, 'second', { session }))
    const streamed = await codeOf(runner.run(agent, 'second', { session, stream: true }))

    expect([plain, streamed]).toEqual(['LIMIT_REACHED', 'LIMIT_REACHED'])
    expect(model.calls).toHaveLength(1)
    expect(await session.getItems()).toEqual(before)
    await runtime.close()
  })

  test.each([
    ['end_session', 'closed'],
    ['pause', 'paused'],
  ] as const)(
    '[OA3] with the action %s the session is %s, and no model is called',
    async (action, status) => {
      const { runtime, session, handle } = await opened({ limits: { maxTurns: 1, action } })
      const { agent, model } = answering(3)

      await runner.run(agent, 'first', { session })
      const second = await codeOf(runner.run(agent, 'second', { session }))
      const third = await codeOf(runner.run(agent, 'third', { session }))

      expect([second, third, handle.status]).toEqual(['LIMIT_REACHED', 'WRONG_STATE', status])
      expect(model.calls).toHaveLength(1)
      expect(await session.getItems()).toHaveLength(2)
      await runtime.close()
    },
  )

  test('[OA3] a soft limit lets every run through', async () => {
    const { runtime, session } = await opened({ limits: { maxTurns: 1, action: 'ignore' } })
    const { agent, model } = answering(3)

    for (const input of ['1', '2', '3']) await runner.run(agent, input, { session })

    expect(model.calls).toHaveLength(3)
    await runtime.close()
  })

  test('[RD3] one context for several runs asks for each of them', async () => {
    const { runtime, session } = await opened({ limits: { maxTurns: 2 } })
    const { agent, model } = answering(4)
    const { runContext } = (await runner.run(agent, '1', { session })) as unknown as { runContext: object }

    await runner.run(agent, '2', { session, context: runContext })
    const third = await codeOf(runner.run(agent, '3', { session, context: runContext }))

    expect(third).toBe('LIMIT_REACHED')
    expect(model.calls).toHaveLength(2)
    await runtime.close()
  })

  test('[RD2] a run that goes on after an approval is no new turn, also in another process', async () => {
    const { runtime, session } = await opened({ limits: { maxTurns: 1 } })
    const memory = new MemorySession({ sessionId: 's' })
    const outputs: unknown[] = []

    for (const one of [session, memory] as TheirSession[]) {
      const model = new ScriptedModel([
        [assistantMessage('let me see'), functionCall('danger', '{}', { callId: 'c' })],
        [assistantMessage('done')],
      ])
      const danger = tool({
        name: 'danger',
        description: 'needs an approval',
        parameters: { type: 'object', properties: {}, required: [], additionalProperties: true },
        strict: false,
        needsApproval: true,
        execute: () => 'boom',
      })
      const agent = new Agent({ name: 'a', instructions: '', model, tools: [danger] })
      const first = await runner.run(agent, 'do it', { session: one })
      const state = await RunState.fromString(agent, first.state.toString())
      for (const interruption of state.getInterruptions()) state.approve(interruption)
      const { finalOutput } = await runner.run(agent, state, { session: one })
      outputs.push({ finalOutput, items: await one.getItems() })
    }

    expect(outputs[0]).toEqual(outputs[1])
    await runtime.close()
  })

  test('[OA1] items that would pass the last entry are refused together', async () => {
    const { runtime, session, handle } = await opened({ limits: { maxEntries: 2 } })
    await session.addItems([said('1')])

    const refused = await codeOf(session.addItems([assistantMessage('2'), said('3')]))

    expect(refused).toBe('LIMIT_REACHED')
    expect(await session.getItems()).toEqual([said('1')])
    expect(handle.usage.entryCount).toBe(1)
    await runtime.close()
  })
})

describe('bad input', () => {
  test.each([
    ['a function', 'CONTENT_INVALID', { role: 'user', content: () => 'x' }],
    ['NaN', 'CONTENT_INVALID', { role: 'user', content: 'x', providerData: { n: Number.NaN } }],
    ['a date', 'CONTENT_INVALID', { role: 'user', content: 'x', providerData: { at: new Date(0) } }],
    ['bytes', 'CONTENT_INVALID', { role: 'user', content: 'x', providerData: { b: new Uint8Array(2) } }],
    ['no object', 'COMMAND_INVALID', 'text'],
    ['an item over the bound', 'ENTRY_TOO_LARGE', { role: 'user', content: 'x'.repeat(2_000) }],
  ])('[OA1] %s is refused with %s, and nothing of the call is kept', async (_what, code, item) => {
    const { runtime, session, handle } = await opened({}, 1_000)
    await session.addItems([said('before')])
    const { revision } = handle
    const items = [said('good'), item as AgentInputItem]

    const refused = [
      await codeOf(session.addItems(items)),
      await codeOf(session.replaceHistoryWithCompaction(items)),
      await codeOf(
        session.applyHistoryTransaction({
          operationId: 'o',
          transaction: { type: 'append_items', items },
        }),
      ),
    ]

    expect(refused).toEqual([code, code, code])
    expect([handle.revision, await session.getItems()]).toEqual([revision, [said('before')]])
    await runtime.close()
  })

  test('transactions that make no sense are refused', async () => {
    const { runtime, session } = await opened()
    const append = (items: unknown, operationId: unknown = 'o'): Promise<unknown> =>
      codeOf(
        session.applyHistoryTransaction({
          operationId,
          transaction: { type: 'append_items', items },
        } as never),
      )

    const refused = [
      await append([{ type: 'no such item' }]),
      await append('text'),
      await append([], ' '),
      await codeOf(
        session.applyHistoryTransaction({ operationId: 'o', transaction: { type: 'x' } } as never),
      ),
      await codeOf(session.applyHistoryTransaction(undefined as never)),
    ]

    expect(refused).toEqual([...Array<string>(4).fill('COMMAND_INVALID'), 'CONTENT_INVALID'])
    await runtime.close()
  })

  test.each(['pause', 'close'] as const)('a session after %s is read, and takes nothing', async (command) => {
    const { runtime, session, handle } = await opened()
    await session.addItems([said('kept')])
    await handle.as('active')[command]()
    const { agent, model } = answering(1)
    const { revision } = handle

    const codes = await Promise.all([
      codeOf(runner.run(agent, 'again', { session })),
      codeOf(session.addItems([said('more')])),
      codeOf(session.popItem()),
      codeOf(session.clearSession()),
      codeOf(session.replaceHistoryWithCompaction([])),
    ])

    expect(codes).toEqual(Array<string>(5).fill('WRONG_STATE'))
    expect([model.calls.length, handle.revision]).toEqual([0, revision])
    expect(await session.getItems()).toEqual([said('kept')])
    await runtime.close()
  })

  test('a session of somebody else is as an unknown one', async () => {
    const { runtime } = await opened({ tenantId: 'a' })

    expect(await codeOf(sessionwrightSession(runtime, 's', { tenantId: 'b' }))).toBe('NOT_FOUND')
    await runtime.close()
  })

  test('[FS3] of two writers on one history each decides on what is there', async () => {
    const { runtime, session } = await opened()
    const other = await sessionwrightSession(runtime, 's')
    await session.addItems([said('1'), said('2'), said('3'), said('4')])
    await other.getItems()

    const popped = await Promise.all([session, other, session, other].map((one) => one.popItem()))
    await Promise.all([session.addItems([said('5')]), other.addItems([said('6')])])
    const expectedSuffix = await other.getItems(1)
    const replaced = (one: AgentsSession, operationId: string): Promise<unknown> =>
      codeOf(
        one.applyHistoryTransaction({
          operationId,
          transaction: { type: 'replace_suffix', expectedSuffix, replacement: [said('7')] },
        }),
      )
    const outcomes = await Promise.all([replaced(session, 'mine'), replaced(other, 'yours')])

    expect(new Set(popped.map((item) => JSON.stringify(item))).size).toBe(4)
    expect(outcomes.filter((code) => code === undefined)).toHaveLength(1)
    expect(outcomes).toContain('HISTORY_CONFLICT')
    expect(await other.getItems()).toEqual(await session.getItems())
    await runtime.close()
  })
})
