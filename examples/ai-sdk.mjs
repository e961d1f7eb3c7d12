/**
 * An AI SDK chat on a session that survives `kill -9`. Run it, kill it while the answer streams, run it again:
 *
 *     node examples/ai-sdk.mjs ./sessions
 *
 * In your own route, three lines change: make the chat, `submit` what the client sent, give `onFinish` to the stream.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { convertToModelMessages, streamText } from 'ai'
import { openRuntime } from 'sessionwright'
import { sessionwrightChat } from 'sessionwright/ai-sdk'

const runtime = await openRuntime({ dir: process.argv[2] ?? './sessions' })
const chat = await sessionwrightChat(runtime, 'chat-1', { create: { limits: { maxTurns: 10 } } })

// A model that plays a script, slowly. No key, no network.
const none = { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined }
const model = {
  specificationVersion: 'v3',
  provider: 'script',
  modelId: 'script',
  supportedUrls: {},
  doStream: async ({ prompt }) => ({
    stream: new ReadableStream({
      async start(controller) {
        console.log(`model called with ${prompt.length} messages`)
        controller.enqueue({ type: 'stream-start', warnings: [] })
        controller.enqueue({ type: 'text-start', id: 't' })
        for (const delta of ['This ', 'is ', 'answer ', `${(prompt.length + 1) / 2}.`]) {
          await wait(100) // Time to kill the process.
          controller.enqueue({ type: 'text-delta', id: 't', delta })
        }
        controller.enqueue({ type: 'text-end', id: 't' })
        controller.enqueue({
          type: 'finish',
          finishReason: { unified: 'stop', raw: 'stop' },
          usage: { inputTokens: none, outputTokens: { ...none, text: undefined, reasoning: undefined } },
        })
        controller.close()
      },
    }),
  }),
}

/** What a route does with the message that the client sends: `POST /chat`. */
async function respond(message) {
  // Durable before the model is called. A client that did not hear the answer sends the message again, with the same id:
  // it is not kept twice, and when the answer was saved before, the model is not called again.
  const { messages, answer } = await chat.submit(message)
  if (answer !== undefined) return answer

  const result = streamText({ model, messages: await convertToModelMessages(messages) })
  // What has streamed is kept when it is finished. A crash before that loses the piece that streamed: the message is
  // then without an answer, and the model is called again for it.
  const stream = result.toUIMessageStream({
    originalMessages: messages,
    generateMessageId: () => `answer-to-${message.id}`,
    onFinish: chat.onFinish,
  })
  for await (const chunk of stream)
    if (chunk.type === 'text-delta') console.log(`  streamed "${chunk.delta}"`)
  return (await chat.messages()).at(-1)
}

const waiting = await chat.unanswered()
if (waiting !== undefined) console.log(`resumed: ${waiting.id} has no answer yet`)

for (const [id, text] of [
  ['m-1', 'Hello'],
  ['m-2', 'Go on'],
]) {
  const answer = await respond({ id, role: 'user', parts: [{ type: 'text', text }] })
  console.log(`${text} → ${answer.parts.find((part) => part.type === 'text').text}`)
}
await runtime.close()
