/**
 * One conversation of a file into one session, as a live loop would have made it.
 *   CM1  Every message is appended once, in order, by a command of its own: message `n` is entry `m-n`, made by
 *       operation `m-n`. What is there already is not sent again, whoever else wrote to the session.
 *   CM2  After the first message that is not kept the rest is not kept: a live loop would have stopped there.
 *   CM3  A run that was killed anywhere and run again leaves what one run would have left: each step (create, activate,
 *       message, complete) is done if the store does not show it.
 *   CM4  Limits are those of the session: a later run with other options changes nothing.
 */
import { isDeepStrictEqual } from 'node:util'
import type { CreateOptions, EntryDraft, Principal, Runtime, Session } from '../index.ts'
import { isSessionError, sessionError } from '../index.ts'

/** A conversation of a file, parsed. */
export interface Conversation {
  readonly id: string
  readonly entries: readonly EntryDraft[]
  /** What the session is made of, when it has to be made. */
  readonly create: CreateOptions
}

/** How conversations become sessions. */
export interface ImportSessionOptions {
  readonly principal?: Principal | undefined
  readonly complete: boolean
  /** Stop between two messages. */
  readonly signal?: AbortSignal
}

/** What became of the messages of one conversation. */
export interface ImportedSession {
  readonly id: string
  /** Messages of the file that are entries after the run. */
  readonly kept: number
  /** Those of them that were there before. */
  readonly repeated: number
  /** Why the rest is not kept, when it is neither a limit nor the session's status. */
  readonly failure?: unknown
}

/** What the store says of an imported session. */
export interface ImportedState {
  readonly turns: number
  readonly endedByLimit: boolean
  readonly pausedByLimit: boolean
  readonly notices: number
}

/** Makes the session of a conversation unless it is there; whether it was made. */
export async function createSession(runtime: Runtime, { id, create }: Conversation): Promise<boolean> {
  if (runtime.has(id)) return false
  await runtime.create({ ...create, id })
  return true
}

/** Brings the messages of a conversation into its session (CM1–CM4); `isNew` when it was just made. */
export async function fillSession(
  runtime: Runtime,
  { id, entries }: Conversation,
  isNew: boolean,
  options: ImportSessionOptions,
): Promise<ImportedSession> {
  let session: Session = await runtime.get(id, options.principal)
  const present = isNew ? new Map<number, unknown>() : await presentMessages(session)
  let kept = 0
  let repeated = 0
  try {
    if (session.state === 'created') session = await session.activate()
    const startRevision = session.revision
    for (const [index, draft] of entries.entries()) {
      if (options.signal?.aborted === true) return { id, kept, repeated }
      if (present.has(index)) {
        checkSame(id, index, present.get(index), draft)
        kept += 1
        repeated += 1
      } else if (await appendMessage(session, index, draft, isNew ? 0 : startRevision)) {
        kept += 1
      } else {
        break // CM2
      }
    }
    if (options.complete) await completeIfActive(runtime, session, options)
  } catch (error) {
    if (!concernsOneSession(error)) throw error
    return { id, kept, repeated, failure: error }
  }
  return { id, kept, repeated }
}

/** Whether an error is about one session, so that the other conversations can go in. */
export function concernsOneSession(error: unknown): boolean {
  if (!isSessionError(error)) return false
  if (error.code === 'RUNTIME_CLOSED' || error.code === 'READ_ONLY') return false
  return (
    error.family === 'refusal' ||
    error.code === 'OPERATION_REUSED' ||
    error.code === 'SESSION_QUARANTINED' ||
    error.code === 'SESSION_FAULTED' ||
    error.code === 'STORE_CORRUPT'
  )
}

/** What the store says of a session after the run. */
export async function importedState(runtime: Runtime, id: string): Promise<ImportedState> {
  const session = await runtime.get(id)
  const { limits, status, end } = session
  const isLimited = Object.entries(limits).some(([key, max]) => key.startsWith('max') && max !== null)
  const endedByLimit = end !== null && end.findings.length > 0
  const { notices, pausedByLimit } = isLimited
    ? await readFindings(session)
    : { notices: 0, pausedByLimit: false }
  return {
    turns: session.usage.turnCount,
    endedByLimit,
    pausedByLimit: pausedByLimit && status === 'paused',
    notices,
  }
}

/** Findings are on changes: a notice on the one it was met by, the cause of a pause on the pause. */
async function readFindings(session: Session): Promise<{ notices: number; pausedByLimit: boolean }> {
  let notices = 0
  let pausedByLimit = false
  let isPaused = false
  for await (const change of session.changes({ live: false })) {
    notices += change.findings.filter(({ action }) => action === 'ignore').length
    if (change.status === 'paused' && !isPaused) {
      pausedByLimit = change.findings.some(({ action }) => action === 'pause')
    }
    isPaused = change.status === 'paused'
  }
  return { notices, pausedByLimit }
}

const MESSAGE_ID = /^m-(0|[1-9]\d*)$/

/** The messages a session holds, by their place in the file. */
async function presentMessages(session: Session): Promise<Map<number, unknown>> {
  const present = new Map<number, unknown>()
  for await (const entry of session.entries()) {
    const place = MESSAGE_ID.exec(entry.id)?.[1]
    if (place !== undefined) present.set(Number(place), entry.content)
  }
  return present
}

/** A session under a name of the file's own may hold another conversation. */
function checkSame(sessionId: string, index: number, present: unknown, draft: EntryDraft): void {
  if (!isDeepStrictEqual(present, draft.content)) {
    throw sessionError('OPERATION_REUSED', { operationId: `m-${index}`, sessionId })
  }
}

/** Whether the message was kept. An answer from before this run is of a pause that was lifted since: it is asked anew. */
async function appendMessage(
  session: Session,
  index: number,
  draft: EntryDraft,
  startRevision: number,
): Promise<boolean> {
  if (session.state !== 'active') return false
  const entry = { ...draft, id: `m-${index}` }
  try {
    const answer = await session.append(entry, { operationId: `m-${index}` })
    if (answer.kept || answer.revision > startRevision) return answer.kept
    const again = await session.append(entry, { operationId: `m-${index}.${startRevision}` })
    return again.kept
  } catch (error) {
    // A deadline may end or pause the session between two messages.
    if (isSessionError(error, 'LIMIT_REACHED') || isSessionError(error, 'WRONG_STATE')) return false
    throw error
  }
}

async function completeIfActive(
  runtime: Runtime,
  session: Session,
  options: ImportSessionOptions,
): Promise<void> {
  const current =
    session.status === session.state ? session : await runtime.get(session.id, options.principal)
  if (current.state !== 'active') return
  try {
    await current.complete()
  } catch (error) {
    if (!isSessionError(error, 'WRONG_STATE')) throw error
  }
}
