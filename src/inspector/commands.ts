/**
 * Commands from the page: the same admission as in code, nothing else.
 *   IC1  The runtime decides; this only finds the method. A refusal is the runtime's own.
 *   IC2  Where commands are off, nothing reaches the runtime.
 */
import { z } from 'zod'
import { sessionError } from '../index.ts'
import type {
  CommandOptions,
  Door,
  EntryDraft,
  LimitOptions,
  RecordChanges,
  Runtime,
  SessionCommands,
} from '../index.ts'
import { clipped } from './bounds.ts'
import { invalidRequest } from './refusals.ts'

const bodySchema = z.strictObject({
  command: z.string().max(32),
  args: z.record(z.string(), z.unknown()).optional(),
  operationId: z.string().optional(),
  expectedRevision: z.number().int().optional(),
})

type Args = { readonly [name: string]: unknown }
type Run = (session: SessionCommands, args: Args, options: CommandOptions) => Promise<unknown>

/** How each command of the lifecycle table is called; what its arguments are is checked by the runtime (IC1). */
const RUNS: ReadonlyMap<string, Run> = new Map<string, Run>([
  ['activate', (session, _, options) => session.activate(options)],
  ['append', (session, { entry }, options) => session.append(entry as EntryDraft, options)],
  ['recordDelta', (session, { tokens }, options) => session.recordDelta(tokens as number, options)],
  ['admit', (session, { door }, options) => session.admit(door as Door, options)],
  ['pause', (session, _, options) => session.pause(options)],
  ['resume', (session, _, options) => session.resume(options)],
  ['close', (session, _, options) => session.close(options)],
  ['complete', (session, _, options) => session.complete(options)],
  ['fail', (session, args, options) => session.fail(args as { code: string; message: string }, options)],
  ['cancel', (session, _, options) => session.cancel(options)],
  ['edit', (session, args, options) => session.edit(args as RecordChanges, options)],
  ['extendLimits', (session, args, options) => session.extendLimits(args as LimitOptions, options)],
])

/** What a command from the page came to. */
export interface CommandAnswer {
  readonly revision: number
  readonly status: string
  readonly [key: string]: unknown
}

/** Runs a command of the page. @throws what the runtime refuses with, and COMMAND_INVALID for a body that is none */
export async function runCommand(runtime: Runtime, sessionId: string, body: unknown): Promise<CommandAnswer> {
  const { command, args = {}, operationId, expectedRevision } = parse(body)
  const options: CommandOptions = {
    ...(operationId === undefined ? {} : { operationId }),
    ...(expectedRevision === undefined ? {} : { expectedRevision }),
  }
  if (command === 'release') {
    const { revision, status } = await runtime.release(sessionId, options)
    return { revision, status }
  }
  const run = RUNS.get(command)
  if (run === undefined) throw invalidRequest(clipped(command, 32), ['command'], 'there is no such command')
  const session = await runtime.get(sessionId)
  // All commands are there whatever the status: the runtime refuses by name what the table does not allow.
  const answer = await run(session as unknown as SessionCommands, args, options)
  const { revision, status } = session
  return { ...plainAnswer(answer), revision, status }
}

/** @throws READ_ONLY when commands are off (IC2) */
export function commandsOff(): never {
  throw sessionError('READ_ONLY', { command: 'commands' })
}

/** A handle is no answer; what `append`, `admit` and the edits resolve with is. */
function plainAnswer(answer: unknown): object {
  return typeof answer === 'object' && answer !== null && Object.getPrototypeOf(answer) === Object.prototype
    ? answer
    : {}
}

function parse(body: unknown): z.infer<typeof bodySchema> {
  const result = bodySchema.safeParse(body)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const path = (issue?.path ?? []).map((key) => (typeof key === 'symbol' ? String(key) : key))
  throw invalidRequest('command', path, issue?.message ?? 'it is not an object')
}
