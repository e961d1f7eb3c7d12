/**
 * The demo: an agent process is killed in the middle of its work and started again, and a process that was never
 * killed counts from its own list of acknowledgements.
 *   CY1  What is owed is every acknowledged change and every recorded step; `lost` is what the store does not show.
 *   CY2  `repeated` is every operation that the store shows more than once.
 *   CY3  Acknowledgements that were in the pipe when the process died count.
 */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Runtime } from '../../index.ts'
import { openRuntime, sessionError, systemClock } from '../../index.ts'
import { seededRandom } from '../../testing/seeded-random.ts'
import { wait } from '../wait.ts'
import type { Ack, Message, Task } from './messages.ts'
import { messageSchema, sessionIdOf } from './messages.ts'
import { RECORDINGS } from './recordings.ts'

/** How the demo is run. */
export interface DemoOptions {
  readonly store: string
  readonly conversations: number
  readonly seed: number
  /** Where lines for people go. */
  readonly say: (line: string, isLoud?: boolean) => void
}

/** What the demo found. */
export interface DemoReport {
  readonly sessions: number
  /** Changes acknowledged when the process was killed. */
  readonly killedAtChange: number
  /** From starting the process again to its first word about a session. */
  readonly resumedMs: number
  readonly lost: number
  readonly repeated: number
  readonly acknowledged: number
  readonly seed: number
  readonly store: string
}

/** Plays, kills, starts again, counts (CY1–CY3). */
export async function runDemo(options: DemoOptions): Promise<DemoReport> {
  const { store, conversations, seed, say } = options
  const task: Task = { store, conversations, run: systemClock.now().toString(36) }
  const random = seededRandom(seed)
  const total = changesOf(conversations)
  const killAt = 1 + Math.floor(total * (0.1 + 0.5 * random.next()))
  const killDelayMs = random.below(15)
  const acks: Ack[] = []

  const first = startAgent(task, (message, kill) => {
    hear(message, acks, say)
    if (acks.length === killAt && message.kind === 'ack') void wait(killDelayMs).then(kill)
  })
  say(`process ${first.pid} plays ${conversations} recorded conversations`, true)
  const end = await first.ended
  if (end.code === 0) {
    say('it was done before the kill came: once more')
    return runDemo({ ...options, seed: seed + 1 })
  }
  if (end.signal !== 'SIGKILL') throw unexpectedEnd(end)
  const killedAtChange = acks.length
  say('')
  say(`SIGKILL: process ${first.pid} is gone, ${killedAtChange} changes were acknowledged`, true)

  const startedAt = systemClock.now()
  let resumedMs: number | undefined
  const second = startAgent(task, (message) => {
    resumedMs ??= systemClock.now() - startedAt
    hear(message, acks, say)
  })
  say(`process ${second.pid} starts on the same store and sends every step again`, true)
  say('')
  const secondEnd = await second.ended
  if (secondEnd.code !== 0) throw unexpectedEnd(secondEnd)
  const { lost, repeated } = await count(task, acks)
  return {
    sessions: conversations,
    killedAtChange,
    resumedMs: resumedMs ?? 0,
    lost,
    repeated,
    acknowledged: acks.length,
    seed,
    store,
  }
}

interface End {
  readonly code: number | null
  readonly signal: string | null
}

interface AgentProcess {
  readonly pid: number
  /** Settles once the process is gone and everything it said was heard (CY3). */
  readonly ended: Promise<End>
}

function startAgent(task: Task, heard: (message: Message, kill: () => void) => void): AgentProcess {
  const script = fileURLToPath(new URL('./agent-process.js', import.meta.url))
  const child = fork(script, [JSON.stringify(task)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [],
  })
  child.on('message', (message) => heard(messageSchema.parse(message), () => child.kill('SIGKILL')))
  const gone = new Promise<End>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })))
  const heardAll = new Promise<void>((resolve) => child.once('disconnect', resolve))
  return { pid: child.pid ?? 0, ended: Promise.all([gone, heardAll]).then(([end]) => end) }
}

function hear(message: Message, acks: Ack[], say: DemoOptions['say']): void {
  if (message.kind === 'ack') acks.push(message)
  const number = message.kind === 'ack' ? String(acks.length) : ''
  // The last part of the id names the run, which is the same on every line.
  const name = message.sessionId.replace(/\.[^.]+$/, '')
  say(`${number.padStart(5)}  ${name.padEnd(14)}  ${message.kind === 'ack' ? message.what : message.text}`)
}

/** Every change the agent process hears of: one per step, and its activation and completion. */
function changesOf(conversations: number): number {
  let changes = 0
  for (let index = 0; index < conversations; index += 1) changes += recordedSteps(index) + 2
  return changes
}

function recordedSteps(index: number): number {
  return RECORDINGS[index % RECORDINGS.length]?.steps.length ?? 0
}

async function count(task: Task, acks: readonly Ack[]): Promise<{ lost: number; repeated: number }> {
  const runtime = await openRuntime({ dir: task.store, readOnly: true })
  try {
    let lost = 0
    let repeated = 0
    for (let index = 0; index < task.conversations; index += 1) {
      const name = RECORDINGS[index % RECORDINGS.length]?.name ?? ''
      const sessionId = sessionIdOf(name, index, task)
      const found = await operationsOf(runtime, sessionId)
      const owed = new Map<string, number | null>()
      for (let step = 1; step <= recordedSteps(index); step += 1) owed.set(`step-${step}`, null)
      for (const ack of acks) if (ack.sessionId === sessionId) owed.set(ack.operationId, ack.revision)
      for (const [operationId, revision] of owed) {
        const revisions = found.get(operationId) ?? []
        if (revisions.length === 0 || (revision !== null && !revisions.includes(revision))) lost += 1 // CY1
      }
      for (const revisions of found.values()) repeated += revisions.length - 1 // CY2
    }
    return { lost, repeated }
  } finally {
    await runtime.close()
  }
}

/** The operations a session's changes name, each with the revisions it made. */
async function operationsOf(runtime: Runtime, sessionId: string): Promise<Map<string, number[]>> {
  const found = new Map<string, number[]>()
  if (!runtime.has(sessionId)) return found
  const session = await runtime.get(sessionId)
  for await (const { operationId, revision } of session.changes({ live: false })) {
    if (operationId !== null) found.set(operationId, [...(found.get(operationId) ?? []), revision])
  }
  return found
}

function unexpectedEnd({ code, signal }: End): unknown {
  const reason = `the agent process ended with ${signal ?? `code ${code}`}`
  return sessionError('INVARIANT_BROKEN', { rule: 'demo', reason })
}
