/** Conversations lived through again as runs of OpenAI's Runner: the model and the tools say what they said then. */
import { Agent, Runner, tool, user, type AgentInputItem, type Session } from '@openai/agents'
import { assistantMessage, functionCall, ScriptedModel } from '@openai/agents-core/testing'
import type { ChatLine, ChatMessage } from './conversations.ts'

type Output = ReturnType<typeof assistantMessage> | ReturnType<typeof functionCall>

/** One run: what the user says, and what the model answers step by step. */
export interface ScriptedRun {
  readonly input: readonly string[]
  readonly steps: Output[][]
}

/** A conversation as runs. */
export interface Script {
  readonly instructions: string
  readonly runs: readonly ScriptedRun[]
  /** What tools answered, by call. */
  readonly outputs: ReadonlyMap<string, string>
  readonly toolNames: readonly string[]
}

/** What a run showed to everybody who looked. */
export interface Observed {
  readonly outcome: unknown
  readonly seenByModel: unknown
  readonly history: readonly AgentInputItem[]
}

interface ToolCall {
  readonly id: string
  readonly function: { readonly name: string; readonly arguments: string }
}

const textOf = ({ content }: ChatMessage): string =>
  typeof content === 'string' ? content : JSON.stringify(content ?? null)

/** Each user message, or several in a row, begin a run; a model step ends with tool calls or with the answer. */
export function scriptOf({ messages }: ChatLine): Script {
  const runs: { input: string[]; steps: Output[][] }[] = []
  const outputs = new Map<string, string>()
  const toolNames = new Set<string>()
  for (const message of messages) {
    const run = runs.at(-1)
    if (message.role === 'user') {
      if (run === undefined || run.steps.length > 0) runs.push({ input: [textOf(message)], steps: [] })
      else run.input.push(textOf(message))
    } else if (message.role === 'tool') {
      outputs.set(String(message['tool_call_id']), textOf(message))
    } else if (message.role === 'assistant' && run !== undefined) {
      const calls = (message['tool_calls'] ?? []) as readonly ToolCall[]
      // An answer ends a run: what the model said before something else came goes into one step with it.
      const said = run.steps.at(-1)
      const step = said?.every(({ type }) => type === 'message') === true ? said : []
      if (step !== said) run.steps.push(step)
      if (calls.length === 0 || message['content'] != null) step.push(assistantMessage(textOf(message)))
      for (const { id, function: called } of calls) {
        toolNames.add(called.name)
        step.push(functionCall(called.name, called.arguments, { callId: id }))
      }
    }
  }
  const [first] = messages
  return {
    instructions: first?.role === 'system' ? textOf(first) : '',
    runs,
    outputs,
    toolNames: [...toolNames],
  }
}

/** Lives through a script on a session; `sessionOf` is asked before every run. */
export async function replay(script: Script, sessionOf: () => Promise<Session>): Promise<Observed[]> {
  const runner = new Runner({ tracingDisabled: true })
  const tools = script.toolNames.map((name) =>
    tool({
      name,
      description: name,
      strict: false,
      parameters: { type: 'object', properties: {}, required: [], additionalProperties: true },
      execute: (_input, _context, details) =>
        script.outputs.get(details?.toolCall?.callId ?? '') ?? 'not answered then',
    }),
  )
  const observed: Observed[] = []
  for (const [index, { input, steps }] of script.runs.entries()) {
    const model = new ScriptedModel(steps)
    const agent = new Agent({ name: 'agent', instructions: script.instructions, model, tools })
    const session = await sessionOf()
    const said = input.length === 1 ? String(input[0]) : input.map((text) => user(text))
    const outcome = await runOnce(runner, agent, said, session, index % 2 === 1)
    observed.push({
      outcome,
      seenByModel: model.calls.map(({ request }) => request.input),
      history: await session.getItems(),
    })
  }
  return observed
}

async function runOnce(
  runner: Runner,
  agent: Agent,
  input: string | AgentInputItem[],
  session: Session,
  stream: boolean,
): Promise<unknown> {
  try {
    if (!stream) {
      const { finalOutput, newItems, history } = await runner.run(agent, input, { session })
      return { finalOutput, history, newItems: newItems.map((item) => item.toJSON()) }
    }
    const result = await runner.run(agent, input, { session, stream: true })
    const events: string[] = []
    for await (const event of result) events.push(event.type)
    await result.completed
    return { finalOutput: result.finalOutput, history: result.history, events }
  } catch (error) {
    return { error: (error as Error).name, message: (error as Error).message }
  }
}
