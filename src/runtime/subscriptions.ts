/**
 * Following changes: read from the store, wait, read on. A stream holds one page, so a slow reader costs nothing to
 * anybody and loses nothing.
 *   Q1  A stream gives every change from its start on, in order, each once, and only durable ones.
 *   Q2  It ends behind the final change, at the newest durable one when not live, on `signal`, or when the runtime closes.
 *   Q3  A reader further behind than one page is told by how much (`onLag`).
 */
import { isSessionError } from '../errors.ts'
import type { Change } from '../store/change.ts'
import { isStatus, isEnd, STATUSES, COMMANDS, type Status } from '../machines/lifecycle.ts'
import type { SessionStore } from '../store/store.ts'
import type { Entry } from './entries.ts'
import type { ChangeQuery, SessionChange } from './session.ts'
import type { FeedQuery } from './runtime.ts'
import type { LimitFinding } from '../machines/events.ts'

/** Changes read at once; also how far behind a live reader may be before it is told. */
export const PAGE = 256

/** Who wakes streams: each acknowledgement, and the end. */
export class Wakers {
  readonly #waiting = new Set<() => void>()
  #turn = 0
  #ended = false

  /** Counts the wakes: who read after this turn has missed nothing before it. */
  get turn(): number {
    return this.#turn
  }

  /** Wakes everybody who waits. */
  wake(): void {
    this.#turn += 1
    if (this.#waiting.size === 0) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const resume of waiting) resume()
  }

  /** No more changes will come. */
  end(): void {
    this.#ended = true
    this.wake()
  }

  /** Whether the end has come. */
  get ended(): boolean {
    return this.#ended
  }

  /** Resolves at the first wake after a turn, at the end, or when the signal is aborted. */
  after(turn: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#turn !== turn || this.#ended || isAborted(signal)) return Promise.resolve()
    return new Promise((resolve) => {
      const resume = (): void => {
        this.#waiting.delete(resume)
        signal?.removeEventListener('abort', resume)
        resolve()
      }
      this.#waiting.add(resume)
      signal?.addEventListener('abort', resume, { once: true })
    })
  }
}

/** A change as readers see it; `before` is the status it found. */
export function sessionChange(change: Change, before: Status | 'deleted'): SessionChange {
  const word = change.summary?.status
  return {
    sessionId: change.sessionId,
    revision: change.revision,
    at: change.at,
    event: change.event,
    operationId: change.operation?.id ?? null,
    status: change.tombstone === true ? 'deleted' : isStatus(word) ? word : before,
    entries: change.entries as unknown as readonly Entry[],
    findings: (change.findings ?? []) as unknown as readonly LimitFinding[],
  }
}

/** The changes of one session from a revision on (Q1, Q2). */
export async function* sessionChanges(
  store: SessionStore,
  sessionId: string,
  query: ChangeQuery,
  wakers: Wakers,
): AsyncGenerator<SessionChange, void, undefined> {
  const { live = true, signal, onLag } = query
  let next = Math.max(query.from ?? 1, 1)
  let status: Status | 'deleted' = await statusBefore(store, sessionId, next)
  for (;;) {
    if (isAborted(signal)) return
    const { turn } = wakers
    const page = await untilClosed(store.changes(sessionId, { from: next, limit: PAGE }), wakers)
    if (page === undefined) return
    for (const change of page) {
      const shown = sessionChange(change, status)
      status = shown.status
      next = change.revision + 1
      yield shown
      if (isAborted(signal)) return
    }
    const behind = store.lastRevision(sessionId) - next + 1
    if (page.length === PAGE && behind > 0) {
      if (live && behind > PAGE) onLag?.(behind)
      continue
    }
    if (!live || wakers.ended || isFinal(status)) return
    await wakers.after(turn, signal)
    if (store.head(sessionId) === undefined) return
  }
}

/** What was read, or undefined when the store went away because the runtime closes (Q2). */
async function untilClosed<T>(reading: Promise<T>, wakers: Wakers): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (wakers.ended && isSessionError(error, 'RUNTIME_CLOSED')) return undefined
    throw error
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}

/** Ended sessions accept no command, so nothing but a deletion can follow. */
function isFinal(status: Status | 'deleted'): boolean {
  return status === 'deleted' || isEnd(status)
}

/** The one status in which a command is allowed; undefined for commands of several, and for other events. */
const ONLY_IN: ReadonlyMap<string, Status> = new Map(
  STATUSES.flatMap((status) =>
    COMMANDS[status]
      .filter((command) => STATUSES.every((other) => other === status || !isIn(other, command)))
      .map((command) => [command, status] as const),
  ),
)

function isIn(status: Status, command: string): boolean {
  return (COMMANDS[status] as readonly string[]).includes(command)
}

/** The status after a change as far as the change itself tells: one that names none left it where its event is allowed. */
function statusAfter({ summary, event }: Change): Status | undefined {
  return isStatus(summary?.status) ? summary.status : ONLY_IN.get(event.type)
}

/** The status a session had before a revision: found in the newest earlier change that tells one. */
async function statusBefore(store: SessionStore, sessionId: string, revision: number): Promise<Status> {
  let to = revision - 1
  // Mostly the nearest change tells.
  for (let limit = 4; to > 0; limit = PAGE) {
    const page = await store.changes(sessionId, { to, limit, order: 'desc' })
    for (const change of page) {
      const status = statusAfter(change)
      if (status !== undefined) return status
    }
    const last = page.at(-1)
    if (last === undefined) break
    to = last.revision - 1
  }
  return 'created'
}

/** The changes of all sessions in journal order (Q1, Q2). */
export async function* feedChanges(
  store: SessionStore,
  query: FeedQuery,
  wakers: Wakers,
): AsyncGenerator<SessionChange & { readonly cursor: string }, void, undefined> {
  const { live = true, signal, onLag } = query
  let after = query.after
  /** Status of sessions met in this stream; others are looked up once. */
  const statuses = new Map<string, Status | 'deleted'>()
  for (;;) {
    if (isAborted(signal)) return
    const { turn } = wakers
    const page = await untilClosed(store.feed(after, PAGE), wakers)
    if (page === undefined) return
    for (const { change, cursor } of page) {
      const known =
        statuses.get(change.sessionId) ??
        statusAfter(change) ??
        (await statusBefore(store, change.sessionId, change.revision))
      const shown = Object.assign(sessionChange(change, known), { cursor })
      if (statuses.size > 10_000) statuses.clear()
      statuses.set(change.sessionId, shown.status)
      after = cursor
      yield shown
      if (isAborted(signal)) return
    }
    if (page.length === PAGE) {
      if (live) onLag?.(PAGE)
      continue
    }
    if (!live || wakers.ended) return
    await wakers.after(turn, signal)
  }
}
