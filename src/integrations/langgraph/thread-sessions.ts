/**
 * The session of a thread: its id, and how it is found, made and made ready.
 *   LT1  A thread id that is a valid session id is the id of its session; any other is hashed, so that no two share one.
 *   LT2  A thread of another principal is as unknown; its id cannot be taken.
 *   LT3  Only an active session takes checkpoints: a created one is activated, any other is refused.
 */
import { hash } from 'node:crypto'
import { isSessionError, parseId, sessionError } from '../../index.ts'
import type { CreateOptions, Principal, Runtime, Session } from '../../index.ts'

/** The tag of sessions that hold a thread; listings across threads look for it. */
export const THREAD_TAG = 'langgraph'

/** The metadata key of a thread's own id. */
const THREAD_ID = 'langgraph_thread_id'
const HASHED = 'langgraph.'

/** What new sessions of threads are made with. */
export type ThreadCreateOptions = Omit<CreateOptions, 'id' | 'tenantId' | 'userId'>

/** The id of a thread's session (LT1). @throws ID_INVALID when it is not a text with a letter */
export function sessionIdOf(threadId: unknown): string {
  if (typeof threadId !== 'string' || threadId === '') {
    const reason = threadId === '' ? 'it is empty' : `it is ${typeof threadId}, not a string`
    throw sessionError('ID_INVALID', { what: 'thread_id', reason })
  }
  if (!threadId.startsWith(HASHED)) {
    try {
      return parseId(threadId)
    } catch {
      // It is hashed instead.
    }
  }
  return HASHED + hash('sha256', threadId, 'hex')
}

/** The thread id of a session. */
export function threadIdOf({ id, record }: Session): string {
  const threadId = record.metadata[THREAD_ID]
  return typeof threadId === 'string' ? threadId : id
}

/** Finds and makes the sessions of threads for one principal. */
export class ThreadSessions {
  readonly #runtime: Runtime
  readonly #principal: Principal
  readonly #create: ThreadCreateOptions

  constructor(runtime: Runtime, principal: Principal, create: ThreadCreateOptions) {
    this.#runtime = runtime
    this.#principal = principal
    this.#create = create
  }

  /** The session; undefined when it is unknown or another principal's (LT2). */
  async find(sessionId: string): Promise<Session | undefined> {
    try {
      return await this.#runtime.get(sessionId, this.#principal)
    } catch (error) {
      if (isSessionError(error, 'NOT_FOUND')) return undefined
      throw error
    }
  }

  /** The session as an active one, made when there is none. @throws NOT_FOUND, WRONG_STATE (LT2, LT3) */
  async ready(threadId: string): Promise<Session<'active'>> {
    const sessionId = sessionIdOf(threadId)
    for (;;) {
      const session = (await this.find(sessionId)) ?? (await this.#made(sessionId, threadId))
      if (session === undefined) continue
      if (session.state === 'active') {
        if (!session.record.tags.includes(THREAD_TAG)) await session.addTag(THREAD_TAG)
        return session
      }
      if (session.state !== 'created') {
        throw sessionError('WRONG_STATE', { sessionId, expected: ['active'], actual: session.state })
      }
      await tolerating('WRONG_STATE', session.activate()) // Somebody else may activate it at the same time.
    }
  }

  /** Ids of all threads' sessions. */
  async *ids(): AsyncGenerator<string, void, undefined> {
    const { tenantId, userId } = this.#principal
    const owner = {
      ...(tenantId === undefined ? {} : { tenantId }),
      ...(userId === undefined ? {} : { userId }),
    }
    let cursor: string | null = null
    do {
      const page = await this.#runtime.list({
        ...owner,
        tag: THREAD_TAG,
        order: 'created',
        limit: 1000,
        ...(cursor === null ? {} : { cursor }),
      })
      for (const { id } of page.items) yield id
      cursor = page.nextCursor
    } while (cursor !== null)
  }

  /** Deletes the session with everything in it; false when it is unknown or another principal's. */
  delete(sessionId: string): Promise<boolean> {
    return this.#runtime.delete(sessionId, { force: true, principal: this.#principal })
  }

  async #made(sessionId: string, threadId: string): Promise<Session | undefined> {
    const { metadata, tags = [], ...create } = this.#create
    const { tenantId = null, userId = null } = this.#principal
    const options = {
      ...create,
      id: sessionId,
      tenantId,
      userId,
      tags: [...tags, THREAD_TAG],
      metadata: { ...metadata, [THREAD_ID]: threadId },
    }
    const made = await tolerating('SESSION_EXISTS', this.#runtime.create(options))
    if (made !== undefined) return made as Session
    const found = await this.find(sessionId)
    if (found === undefined) throw sessionError('NOT_FOUND', { sessionId })
    return found
  }
}

async function tolerating<T>(
  code: 'SESSION_EXISTS' | 'WRONG_STATE',
  work: Promise<T>,
): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (isSessionError(error, code)) return undefined
    throw error
  }
}
