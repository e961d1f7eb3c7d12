/**
 * Goal: every example does what its comments say when it is killed in the middle.
 * Method: each is started as a user does, killed with SIGKILL at a line it prints, and started again on the same folder.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test, vi } from 'vitest'
import { openRuntime, type Entry } from 'sessionwright'
import { temporaryFolders } from '../support/command-line.ts'
import { collect } from '../support/runtime.ts'

// Each run is a process; a busy machine starts them slowly.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const folders = temporaryFolders()
afterAll(() => folders.clean())

interface Ended {
  readonly lines: readonly string[]
  readonly code: number | null
  readonly signal: string | null
  readonly errors: string
}

/** Runs an example; at the first line that holds `killAt`, when given, its process is killed. */
async function runExample(name: string, dir: string, killAt?: string): Promise<Ended> {
  const program = fileURLToPath(new URL(`../../examples/${name}`, import.meta.url))
  const child = spawn(process.execPath, [program, dir], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  child.stderr.on('data', (bytes: Buffer) => (errors += bytes.toString()))
  child.stdout.on('data', (bytes: Buffer) => {
    output += bytes.toString()
    if (killAt !== undefined && output.includes(killAt)) child.kill('SIGKILL')
  })
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.once('close', (...end) => resolve(end))
  })
  return { lines: output.trimEnd().split('\n'), code, signal, errors }
}

/** The transcript of a session, as types or event names, and its entries. */
async function transcriptOf(
  dir: string,
  id: string,
): Promise<{ types: string[]; entries: readonly Entry[] }> {
  await using runtime = await openRuntime({ dir, readOnly: true })
  const entries = await collect((await runtime.get(id)).entries())
  return { types: entries.map((entry) => ('event' in entry ? entry.event : entry.type)), entries }
}

const KILLED = { code: null, signal: 'SIGKILL', errors: '' }
const FINISHED = { code: 0, signal: null, errors: '' }

test('plain loop: what is written down is not run again, what was under way is, with the same key', async () => {
  const dir = folders.make()

  const first = await runExample('plain-loop.mjs', dir, 'charge called')
  const second = await runExample('plain-loop.mjs', dir)
  const third = await runExample('plain-loop.mjs', dir)

  expect([first, second, third]).toMatchObject([KILLED, FINISHED, FINISHED])
  const [model, charge] = ['order-7/message-1/model-1', 'order-7/message-1/model-1/tool-1']
  expect(first.lines.slice(1)).toEqual([`model called   ${model}`, `charge called  ${charge} charged`])
  expect(second.lines.slice(1)).toEqual([
    `charge called  ${charge} was charged before`,
    'model called   order-7/message-1/model-2',
    'Paid. Your receipt is r-1.',
  ])
  expect(third.lines.slice(1)).toEqual(['Paid. Your receipt is r-1.'])
  expect(readFileSync(join(dir, 'provider.jsonl'), 'utf8').trim().split('\n')).toHaveLength(1)
  const { types } = await transcriptOf(join(dir, 'store'), 'order-7')
  expect(types).toEqual(['user_message', 'tools_requested', 'tool_call', 'assistant_message'])
})

test('OpenAI Agents: finished runs are there, the run that was under way is run again, once', async () => {
  const dir = folders.make()

  const first = await runExample('openai-agents.mjs', dir, 'tool called')
  const second = await runExample('openai-agents.mjs', dir)
  const undisturbed = await runExample('openai-agents.mjs', folders.make())

  expect([first, second, undisturbed]).toMatchObject([KILLED, FINISHED, FINISHED])
  expect(second.lines[0]).toBe('resumed after 1 of 3 runs')
  // Everything after the first run is as if nothing had happened.
  expect(second.lines.slice(1)).toEqual(undisturbed.lines.slice(3))
  const { types } = await transcriptOf(dir, 'ticket-42')
  expect(types).toEqual([
    ...['user_message', 'assistant_message'],
    ...['user_message', 'function_call', 'tool_call', 'assistant_message'],
    ...['user_message', 'assistant_message'],
  ])
})

test('AI SDK: a message whose answer was cut off is answered, and kept once', async () => {
  const dir = folders.make()

  const first = await runExample('ai-sdk.mjs', dir, 'streamed "is "')
  const second = await runExample('ai-sdk.mjs', dir)
  const third = await runExample('ai-sdk.mjs', dir)

  expect([first, second, third]).toMatchObject([KILLED, FINISHED, FINISHED])
  expect(second.lines[0]).toBe('resumed: m-1 has no answer yet')
  const answers = ['Hello → This is answer 1.', 'Go on → This is answer 2.']
  expect(second.lines.filter((line) => line.includes('→'))).toEqual(answers)
  expect(third.lines).toEqual(answers)
  const { entries } = await transcriptOf(dir, 'chat-1')
  expect(entries.map(({ content }) => (content as { id: string }).id)).toEqual([
    'm-1',
    'answer-to-m-1',
    'm-2',
    'answer-to-m-2',
  ])
})

test('OpenTelemetry: the trace after the restart is linked to the one before, and the turn ends in it', async () => {
  const dir = folders.make()

  const first = await runExample('opentelemetry.mjs', dir)
  const second = await runExample('opentelemetry.mjs', dir)

  expect([first, second]).toMatchObject([KILLED, FINISHED])
  const [, before] =
    /^span: session\.start of ticket-42 in trace ([0-9a-f]{32})$/m.exec(first.lines.join('\n')) ?? []
  expect(before).toBeDefined()
  const resumed = second.lines.find((line) => line.startsWith('span: session.resume'))
  expect(resumed).toContain(`linked to ${before}`)
  expect(second.lines.join('\n')).toMatch(/^span: chat large of ticket-42/m)
  const { types } = await transcriptOf(dir, 'ticket-42')
  expect(types).toEqual(['user_message', 'assistant_message'])
})
