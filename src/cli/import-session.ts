/**
 * One conversation of a file into one session, as a live loop would have made it.
 *   CM1  Every message is appended once, in order: message `n` is entry `m-n`. What is there already is not sent again,
 *       whoever else wrote to the session.
 *   CM2  After the first message that is not kept the rest is not kept: a live loop would have stopped there.
 *   CM3  A run that was killed anywhere and run again leaves what one run would have left: each step (create, activate,
 *       message, complete) is done if the store does not show it.
 *   CM4  Limits are those of the session: a later run with other options changes nothing.
 *   CM5  Where the session has limits or a time to live, message `n` is made by a command of its own, operation `m-n`.
 *       Where nothing can come between two messages, up to 64 in a row are one command and one revision, operation
 *       `m-<first>-<last>`; what is refused as a whole is tried message by message. `oneByOne` asks for the former.
 * Why messages go together: docs/decisions/0015.
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
  /** A command for each message, whether or not the session has limits (CM5). */
  readonly oneByOne?: boolean
  /** Stop between two commands. */
  readonly signal?: AbortSignal
}

/** What became of the messages of one conversation. */
export interface ImportedSession {
  readonly session: Session
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

/** Makes the session of a conversation; undefined when there is one already. Called in order, they are made in order. */
export async function createSession(
  runtime: Runtime,
  { id, create }: Conversation,
): Promise<Session | undefined> {
  return runtime.has(id) ? undefined : ((await runtime.create({ ...create, id })) as Session)
}

/** Brings the messages of a conversation into its session (CM1–CM5); `made` when it was made just now. */
export async function fillSession(
  runtime: Runtime,
  { id, entries }: Conversation,
  made: Session | undefined,
  options: ImportSessionOptions,
): Promise<ImportedSession> {
  let session = made ?? (await runtime.get(id, options.principal))
  const present = made === undefined ? await presentMessages(session) : NONE
  let kept = 0
  let repeated = 0
  try {
    if (session.state === 'created') session = await session.activate()
    const startRevision = made === undefined ? session.revision : 0
    /** Messages before this one go alone. */
    let alone = options.oneByOne === true || isBounded(session) ? entries.length : 0
    while (kept < entries.length) {
      if (options.signal?.aborted === true) return { session, kept, repeated }
      const index = kept
      const draft = entries[index] as EntryDraft
      if (present.has(index)) {
        checkSame(id, index, present.get(index), draft)
        kept += 1
        repeated += 1
        continue
      }
      const end = index < alone ? index + 1 : endOfPiece(index, entries.length, present)
      if (end - index > 1) {
        if (await appendPiece(session, index, entries.slice(index, end))) kept = end
        else alone = end
      } else if (await appendMessage(session, index, draft, startRevision)) {
        kept += 1
      } else {
        break // CM2
      }
    }
    if (options.complete) await completeIfActive(runtime, session, options)
  } catch (error) {
    if (!concernsOneSession(error)) throw error
    return { session, kept, repeated, failure: error }
  }
  return { session, kept, repeated }
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
export async function importedState(session: Session): Promise<ImportedState> {
  const { status, end } = session
  const endedByLimit = end !== null && end.findings.length > 0
  const { notices, pausedByLimit } = isLimited(session)
    ? await readFindings(session)
    : { notices: 0, pausedByLimit: false }
  return {
    turns: session.usage.turnCount,
    endedByLimit,
    pausedByLimit: pausedByLimit && status === 'paused',
    notices,
  }
}

function isLimited({ limits }: Session): boolean {
  return Object.entries(limits).some(([key, max]) => key.startsWith('max') && max !== null)
}

/** Whether something may come between two messages (CM5). */
function isBounded(session: Session): boolean {
  return isLimited(session) || session.expiresAt !== null
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

/** Most messages of one command (CM5). */
const PIECE = 64

const NONE: ReadonlyMap<number, unknown> = new Map()

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

/** Where a piece that begins at `index` ends: it is full, or the next message is there already. */
function endOfPiece(index: number, messages: number, present: ReadonlyMap<number, unknown>): number {
  const most = Math.min(index + PIECE, messages)
  let end = index + 1
  while (end < most && !present.has(end)) end += 1
  return end
}

/** Whether the messages were kept, all of them; when they are refused, one by one will say which and why (CM5). */
async function appendPiece(session: Session, first: number, drafts: readonly EntryDraft[]): Promise<boolean> {
  if (session.state !== 'active') return false
  const entries = drafts.map((draft, index) => ({ ...draft, id: `m-${first + index}` }))
  try {
    const { kept } = await session.appendAll(entries, {
      operationId: `m-${first}-${first + drafts.length - 1}`,
    })
    return kept
  } catch (error) {
    if (isSessionError(error) && error.family === 'refusal') return false
    throw error
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
