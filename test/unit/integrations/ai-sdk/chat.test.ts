/** A chat is what the AI SDK gave it, survives between submit and finish, and obeys the limits of its session. */
import { convertToModelMessages, streamText, tool, validateUIMessages, type UIMessage } from 'ai'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createMemoryStore, openRuntime, type CreateOptions, type Runtime, type Session } from 'sessionwright'
import { sessionwrightChat, type DurableChat } from '../../../../src/integrations/ai-sdk/chat.ts'
import { MortalRuntime } from '../../../support/mortal-runtime.ts'
import { codeOf, collect } from '../../../support/runtime.ts'

const message = (role: UIMessage['role'], id: string, text = id): UIMessage => ({
  id,
  role,
  parts: [{ type: 'text', text }],
})
const asked = (id: string, text?: string): UIMessage => message('user', id, text)
const answered = (id: string, text?: string): UIMessage => message('assistant', id, text)
const withTool = (state: 'input-available' | 'output-available', toolCallId = 'c'): UIMessage => ({
  id: 'a-1',
  role: 'assistant',
  parts: [
    state === 'input-available'
      ? { type: 'tool-look_up', toolCallId, state, input: { n: 1 } }
      : { type: 'tool-look_up', toolCallId, state, input: { n: 1 }, output: 'found' },
  ],
})

interface Opened {
  readonly runtime: Runtime
  readonly chat: DurableChat
  readonly session: Session
}

async function opened(create: CreateOptions = {}): Promise<Opened> {
  const runtime = await openRuntime({ store: createMemoryStore(), maxEntryBytes: 10_000 })
  const chat = await sessionwrightChat(runtime, 's', { create })
  return { runtime, chat, session: await runtime.get('s') }
}

describe('messages', () => {
  test('[AS2] whatever lists are saved, the last one is loaded, as the AI SDK validates it, also in another process', async () => {
    const anyMessage = fc.oneof(
      fc
        .tuple(fc.constantFrom('m-1', 'm-2', 'm-3'), fc.string({ minLength: 1 }))
        .map(([id, text]) => asked(id, text)),
      fc
        .tuple(fc.constantFrom('a-1', 'a-2'), fc.string({ minLength: 1 }))
        .map(([id, text]) => answered(id, text)),
      fc.constantFrom(
        withTool('input-available'),
        withTool('output-available'),
        withTool('output-available', 'd'),
      ),
    )
    const anyLists = fc.array(fc.tuple(fc.array(anyMessage, { maxLength: 5 }), fc.boolean()), {
      maxLength: 6,
    })
    await fc.assert(
      fc.asyncProperty(anyLists, async (lists) => {
        const mortal = new MortalRuntime()
        let chat = await sessionwrightChat(await mortal.get(), 's')
        for (const [list, dies] of lists) {
          await chat.save(list)
          if (dies) {
            await mortal.die()
            chat = await sessionwrightChat(await mortal.get(), 's')
          }

          const expected =
            list.length === 0 ? [] : await validateUIMessages({ messages: structuredClone(list) })
          expect(await chat.messages()).toEqual(expected)
        }
      }),
      { numRuns: 40 },
    )
  })

  test('[MS3] [AS2] what is stored already is not written again', async () => {
    const { runtime, chat, session } = await opened()
    const messages = [asked('m-1'), answered('a-1')]
    await chat.save(messages)
    const { revision } = session

    await chat.onFinish({ messages: structuredClone(messages) })

    expect(session.revision).toBe(revision)
    await runtime.close()
  })

  test('[MS1] [MS2] the timeline shows messages, tool calls once, and what was replaced', async () => {
    const { runtime, chat, session } = await opened()

    await chat.submit(asked('m-1'))
    await chat.save([asked('m-1'), withTool('input-available')])
    await chat.save([asked('m-1'), withTool('output-available')])
    await chat.save([asked('m-1'), { ...withTool('output-available'), metadata: { seen: true } }])

    const entries = await collect(session.entries())
    expect(entries.map((entry) => (entry.type === 'system_event' ? entry.event : entry.type))).toEqual([
      'user_message',
      'assistant_message',
      'messages_removed',
      'tool_call',
      'assistant_message',
      'messages_removed',
      'assistant_message',
    ])
    expect(entries[3]).toMatchObject({ toolName: 'look_up', success: true })
    expect(session.usage).toMatchObject({ turnCount: 1, toolCallCount: 1 })
    await runtime.close()
  })

  test('a stream of the AI SDK is saved when it is finished', async () => {
    const { runtime, chat } = await opened()
    const { messages } = await chat.submit(asked('m-1'))

    const result = streamText({ model: scripted('Hello'), messages: await convertToModelMessages(messages) })
    const stream = result.toUIMessageStream({
      originalMessages: messages,
      onFinish: chat.onFinish,
      generateMessageId: () => 'a-1',
    })
    for await (const _chunk of stream) void _chunk

    expect(await chat.messages()).toMatchObject([
      { id: 'm-1' },
      { id: 'a-1', role: 'assistant', parts: [{ type: 'step-start' }, { type: 'text', text: 'Hello' }] },
    ])
    expect(await chat.unanswered()).toBeUndefined()
    await runtime.close()
  })
})

describe('submit', () => {
  test('[AS1] [AS3] a message without an answer is found after a crash; sent again, it is kept once and answered once', async () => {
    const mortal = new MortalRuntime()
    await (await sessionwrightChat(await mortal.get(), 's')).submit(asked('m-1'))
    await mortal.die()

    const chat = await sessionwrightChat(await mortal.get(), 's')
    const waiting = await chat.unanswered()
    const again = await chat.submit(asked('m-1'))
    await chat.save([asked('m-1'), answered('a-1'), asked('m-2')])
    const later = await chat.submit(asked('m-1'))

    expect(waiting).toEqual(asked('m-1'))
    expect(again).toEqual({ messages: [asked('m-1')], answer: undefined })
    expect(later.answer).toEqual(answered('a-1'))
    expect(later.messages).toHaveLength(3)
  })

  test('a message that was edited replaces what came after it', async () => {
    const { runtime, chat } = await opened()
    await chat.save([asked('m-1'), answered('a-1'), asked('m-2'), answered('a-2')])

    const { messages, answer } = await chat.submit(asked('m-2', 'better'))

    expect(messages.map(({ id }) => id)).toEqual(['m-1', 'a-1', 'm-2'])
    expect(answer).toBeUndefined()
    await runtime.close()
  })

  test('an answer of nothing is not kept: the message stays without one', async () => {
    const { runtime, chat } = await opened()
    await chat.submit(asked('m-1'))

    await chat.onFinish({ messages: [asked('m-1'), { id: 'a-1', role: 'assistant', parts: [] }] })

    expect(await chat.unanswered()).toEqual(asked('m-1'))
    await runtime.close()
  })

  test.each([
    ['error', 'active'],
    ['end_session', 'closed'],
    ['pause', 'paused'],
  ] as const)(
    '[AS1] one turn too many is refused: action %s leaves the session %s',
    async (action, status) => {
      const { runtime, chat, session } = await opened({ limits: { maxTurns: 1, action } })
      await chat.save([asked('m-1'), answered('a-1')])

      const refused = await codeOf(chat.submit(asked('m-2')))

      expect([refused, session.status]).toEqual(['LIMIT_REACHED', status])
      expect(await chat.messages()).toHaveLength(2)
      await runtime.close()
    },
  )

  test('[AS1] what the client adds to the assistant’s message asks for a model call', async () => {
    const { runtime, chat } = await opened({ limits: { maxTokens: 10 }, initialTokenCount: 10 })
    await chat.save([withTool('input-available')])

    expect(await codeOf(chat.submit(withTool('output-available')))).toBe('LIMIT_REACHED')
    await runtime.close()
  })
})

describe('bad input', () => {
  test('[AS4] messages that do not fit the schemas of today are refused, without their content', async () => {
    const { runtime, chat, session } = await opened()
    await chat.save([asked('m-1'), withTool('output-available')])
    const strict = await sessionwrightChat(session, undefined, {
      schemas: { tools: { look_up: tool({ inputSchema: z.object({ other: z.string() }) }) } as never },
    })
    const { revision } = session

    const error = await strict.messages().catch((thrown: Error) => thrown)
    const submitted = await codeOf(strict.submit(asked('m-2')))

    expect(error).toMatchObject({ code: 'INTERCHANGE_INVALID', details: { format: 'ai-sdk' } })
    expect((error as Error).message).not.toContain('found')
    expect([submitted, session.revision]).toEqual(['INTERCHANGE_INVALID', revision])
    await runtime.close()
  })

  test.each([
    ['no message', 'COMMAND_INVALID', 'text'],
    ['no parts', 'COMMAND_INVALID', { id: 'm', role: 'user' }],
    ['an unknown role', 'COMMAND_INVALID', { id: 'm', role: 'robot', parts: [] }],
    ['an unknown part', 'INTERCHANGE_INVALID', { id: 'm', role: 'user', parts: [{ type: 'bogus' }] }],
    ['a date', 'CONTENT_INVALID', { ...asked('m'), metadata: { at: new Date(0) } }],
    ['a message over the bound', 'ENTRY_TOO_LARGE', asked('m', 'x'.repeat(10_000))],
  ])('%s is refused, and nothing is written', async (_what, code, bad) => {
    const { runtime, chat, session } = await opened()
    const { revision } = session

    expect(await codeOf(chat.submit(bad as UIMessage))).toBe(code)
    expect(session.revision).toBe(revision)
    await runtime.close()
  })

  test.each(['pause', 'close'] as const)('a chat after %s is read, and takes nothing', async (command) => {
    const { runtime, chat, session } = await opened()
    await chat.save([asked('m-1')])
    await session.as('active')[command]()

    const codes = await Promise.all([codeOf(chat.submit(asked('m-2'))), codeOf(chat.save([]))])

    expect(codes).toEqual(['WRONG_STATE', 'WRONG_STATE'])
    expect(await chat.messages()).toEqual([asked('m-1')])
    await runtime.close()
  })
})

/** A model that says one thing. */
function scripted(text: string): Parameters<typeof streamText>[0]['model'] {
  const none = { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined }
  return {
    specificationVersion: 'v3',
    provider: 'script',
    modelId: 'script',
    supportedUrls: {},
    doGenerate: () => Promise.reject(new Error('only streams')),
    doStream: () =>
      Promise.resolve({
        stream: new ReadableStream({
          start(controller) {
            controller.enqueue({ type: 'text-start', id: 't' })
            controller.enqueue({ type: 'text-delta', id: 't', delta: text })
            controller.enqueue({ type: 'text-end', id: 't' })
            controller.enqueue({
              type: 'finish',
              finishReason: { unified: 'stop', raw: 'stop' },
              usage: {
                inputTokens: none,
                outputTokens: { total: undefined, text: undefined, reasoning: undefined },
              },
            })
            controller.close()
          },
        }),
      }),
  }
}
