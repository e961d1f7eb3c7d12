/**
 * OpenAI Agents on a session that survives `kill -9`. Run it, kill it while the tool works, run it again:
 *
 *     node examples/openai-agents.mjs ./sessions
 *
 * With your own agent, three lines change: open a runtime, make the session, pass it to `run`.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { Agent, Runner, tool } from '@openai/agents'
import { assistantMessage, functionCall, modelResponder, ScriptedModel } from '@openai/agents-core/testing'
import { openRuntime } from 'sessionwright'
import { sessionwrightSession } from 'sessionwright/openai-agents'

const runtime = await openRuntime({ dir: process.argv[2] ?? './sessions' })
const session = await sessionwrightSession(runtime, 'ticket-42', { limits: { maxTurns: 10 } })

// A model that plays a script: it looks the order up, then answers with what it was told. No key, no network.
const model = new ScriptedModel(
  Array.from({ length: 8 }, () =>
    modelResponder(({ request }) => {
      const items = request.input
      const last = items.at(-1)
      console.log(`model called with ${items.length} items`)
      if (last.type === 'function_call_result') return [assistantMessage(`It is ${last.output.text}.`)]
      if (JSON.stringify(last).includes('order'))
        return [functionCall('look_up', { order: 7 }, { callId: `call-${items.length}` })]
      return [assistantMessage(`You said ${items.length} things so far.`)]
    }),
  ),
)

const lookUp = tool({
  name: 'look_up',
  description: 'Looks an order up.',
  parameters: { type: 'object', properties: {}, required: [], additionalProperties: true },
  strict: false,
  async execute() {
    console.log('tool called')
    await wait(400) // Time to kill the process.
    return 'on its way'
  },
})

const agent = new Agent({ name: 'desk', instructions: 'Help.', model, tools: [lookUp] })
const runner = new Runner({ tracingDisabled: true })

// What the session holds when it is opened again is exactly the runs that were finished. The Runner writes a run down
// when it ends (a streamed one writes its input first), so a run that was under way is run again from its input: its
// model and tool calls are made once more. A tool that must not do its work twice needs a key of its own.
const inputs = ['Hello', 'Where is my order?', 'Thanks']
const finished = (await session.getItems()).filter((item) => item.role === 'user').length
console.log(finished === 0 ? 'new session' : `resumed after ${finished} of ${inputs.length} runs`)

for (const input of inputs.slice(finished)) {
  const result = await runner.run(agent, input, { session })
  console.log(`${input} → ${result.finalOutput}`)
}
await runtime.close()
