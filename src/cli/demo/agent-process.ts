/**
 * The demo's agent loop, as a process of its own that may be killed at any moment.
 *   CG1  The loop keeps nothing: run again, it sends every step again, each under its operation id. What is in the store
 *       already is answered, not applied again.
 *   CG2  Every acknowledgement is handed to the counting process before the loop goes on.
 */
import type { CommandOptions, Runtime, Session } from '../../index.ts'
import { openRuntime, sessionError } from '../../index.ts'
import { oneLine } from '../table.ts'
import { wait } from '../wait.ts'
import type { Message, Task } from './messages.ts'
import { sessionIdOf, taskSchema } from './messages.ts'
import { RECORDINGS, type Recording } from './recordings.ts'

/** How long a model takes here. */
const THINKING_MS = 22

/** Conversations played at once. */
const AT_ONCE = 3

async function run(task: Task): Promise<void> {
  const runtime = await openRuntime({ dir: task.store })
  const waiting = Array.from({ length: task.conversations }, (_, index) => index)
  const play = async (): Promise<void> => {
    for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
      await playConversation(runtime, recordingAt(index), sessionIdOf(recordingAt(index).name, index, task))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, play))
  await runtime.close()
}

async function playConversation(runtime: Runtime, recording: Recording, sessionId: string): Promise<void> {
  const wasThere = runtime.has(sessionId)
  let session: Session = await runtime.getOrCreate(sessionId, {
    name: recording.name,
    kind: { type: 'agent', agentName: recording.agentName },
    limits: { maxTurns: 20, action: 'end_session' },
  })
  const present = wasThere ? session.revision : 0
  if (session.state === 'completed') return
  if (!wasThere) await tell({ kind: 'note', sessionId, text: 'begins' })
  else await tell({ kind: 'note', sessionId, text: `is back with ${session.usage.entryCount} entries` })
  if (session.state === 'created') session = await session.activate(once('activate'))
  await acknowledge(session, session.revision, 'activate', 'activated', present)
  if (session.state !== 'active') return
  for (const [index, step] of recording.steps.entries()) {
    const operationId = `step-${index + 1}`
    const isAnswered = index < session.usage.entryCount
    if (step.type === 'assistant_message' && !isAnswered) {
      await session.admit('modelCall')
      await wait(THINKING_MS)
    }
    const answer = await session.append(step, once(operationId))
    if (!answer.kept) return
    await acknowledge(session, answer.revision, operationId, `${step.type}  ${textOf(step.content)}`, present)
  }
  const completed = await session.complete(once('complete'))
  await acknowledge(completed, completed.revision, 'complete', 'completed', present)
}

/** Hands on what is new; an answer for a change of an earlier life was handed on then, or its process died first. */
async function acknowledge(
  session: Session,
  revision: number,
  operationId: string,
  what: string,
  present: number,
): Promise<void> {
  if (revision > present) await tell({ kind: 'ack', sessionId: session.id, revision, operationId, what })
}

function once(operationId: string): CommandOptions {
  return { operationId }
}

function recordingAt(index: number): Recording {
  const recording = RECORDINGS[index % RECORDINGS.length]
  if (recording === undefined)
    throw sessionError('INVARIANT_BROKEN', { rule: 'demo', reason: 'there are no recordings' })
  return recording
}

function textOf(content: unknown): string {
  const text = typeof content === 'object' && content !== null && 'text' in content ? content.text : content
  return oneLine(typeof text === 'string' ? text : JSON.stringify(text), 60)
}

/** Resolves once the message is on its way to the counting process (CG2). */
async function tell(message: Message): Promise<void> {
  await new Promise<void>((resolve) => process.send?.(message, undefined, {}, () => resolve()))
}

await run(taskSchema.parse(JSON.parse(process.argv[2] ?? 'null')))
process.disconnect()
