/**
 * A store that remembers as long as the process lives: the plainest store that keeps the contract, so it reads as the
 * specification of one.
 *   MM1  A change is encoded when `append` is called; what the caller does to it afterwards is not seen.
 *   MM2  Appends are done one after the other, in the order of the calls, never inside the call.
 *   MM3  Readers see only what is done, and get copies.
 *   MM4  The revision of an append is that of the newest append of its session plus one, a deleted life included.
 */
import { sessionError } from '../errors.ts'
import type { Change, StoredState } from './change.ts'
import { fold } from './change.ts'
import type { ChangeRange, Head, PlacedChange, SessionStore, StoreStats } from './store.ts'

/** One encoded change, at its place among the changes of all sessions. */
interface Line {
  readonly ordinal: number
  readonly sessionId: string
  readonly revision: number
  readonly text: string
}

/** What is known of an id: its living changes, or the tombstone alone. */
interface Session {
  readonly lines: Line[]
  readonly lastRevision: number
  /** Undefined when the session is deleted. */
  readonly state: StoredState | undefined
}

/** A store in memory; what it holds ends with the process. */
export function createMemoryStore(): SessionStore {
  const sessions = new Map<string, Session>()
  /** The newest revision that was appended, done or not (MM4). */
  const appended = new Map<string, number>()
  let journal: Line[] = []
  let ordinals = 0
  let pendingChanges = 0
  let done: Promise<void> = Promise.resolve()
  let readOnly = false
  let closing: Promise<void> | undefined

  const sessionOf = (sessionId: string): Session =>
    sessions.get(sessionId) ?? { lines: [], lastRevision: 0, state: undefined }

  function refuseClosed(command: string): void {
    if (closing !== undefined) throw sessionError('RUNTIME_CLOSED', { command })
  }

  function refuseWrite(command: string): void {
    refuseClosed(command)
    if (readOnly) throw sessionError('READ_ONLY', { command })
  }

  function remember(text: string): void {
    const change = decode<Change>(text)
    const { sessionId, revision } = change
    const { lines, state } = sessionOf(sessionId)
    const line: Line = { ordinal: (ordinals += 1), sessionId, revision, text }
    const startsOver = state === undefined || change.tombstone === true
    sessions.set(sessionId, {
      lines: startsOver ? [line] : lines,
      lastRevision: revision,
      state: change.tombstone === true ? undefined : fold(state, change),
    })
    if (!startsOver) lines.push(line)
    journal.push(line)
    pendingChanges -= 1
  }

  /** Runs after everything that was appended so far (MM2). */
  function inTurn<T>(work: () => T): Promise<T> {
    const turn = done.then(work)
    done = turn.then(
      () => undefined,
      () => undefined,
    )
    return turn
  }

  const isLiving = ({ sessionId, revision }: Line): boolean =>
    revision >= (sessionOf(sessionId).lines[0]?.revision ?? Infinity)

  return {
    capabilities: { durable: false, readWhileOwned: false },

    async open(options) {
      refuseClosed('open')
      readOnly = options.readOnly
    },

    async append(change) {
      refuseWrite('append')
      const { sessionId, revision } = change
      const last = appended.get(sessionId) ?? 0
      if (revision !== last + 1) throw broken('C2', `revision ${revision} came after ${last}`)
      const text = JSON.stringify(change)
      appended.set(sessionId, revision)
      pendingChanges += 1
      await inTurn(() => remember(text))
    },

    refresh: async () => refuseClosed('refresh'),
    checkpoint: async () => refuseWrite('checkpoint'),
    head: (sessionId) => headOf(sessionOf(sessionId)),
    lastRevision: (sessionId) => sessionOf(sessionId).lastRevision,
    heads: () => [...sessions.values()].flatMap((session) => headOf(session) ?? []),
    newest: () => cursorOf(journal.at(-1)),

    async state(sessionId) {
      refuseClosed('state')
      const { state } = sessionOf(sessionId)
      return state && decode<StoredState>(JSON.stringify(state))
    },

    async changes(sessionId, range) {
      refuseClosed('changes')
      const { lines, state } = sessionOf(sessionId)
      return state === undefined ? [] : within(lines, range).map(({ text }) => decode<Change>(text))
    },

    async feed(after, limit) {
      refuseClosed('feed')
      const start = after === undefined ? 0 : ordinalOf(after)
      const next = journal.filter(({ ordinal }) => ordinal > start).slice(0, limit)
      return next.map(({ text, ordinal }): PlacedChange => ({
        change: decode(text),
        cursor: `memory-${ordinal}`,
      }))
    },

    async erase(sessionIds) {
      refuseWrite('erase')
      await inTurn(() => {
        const living = sessionIds.find((sessionId) => sessionOf(sessionId).state)
        if (living !== undefined) throw broken('erase', `session ${living} is not deleted`)
        for (const sessionId of sessionIds) {
          sessions.delete(sessionId)
          appended.delete(sessionId)
        }
        journal = journal.filter(({ sessionId }) => !sessionIds.includes(sessionId))
      })
    },

    async compact() {
      refuseWrite('compact')
      return inTurn(() => {
        const dead = journal.filter((line) => !isLiving(line))
        journal = journal.filter(isLiving)
        return bytesOf(dead)
      })
    },

    stats(): StoreStats {
      return {
        kind: 'memory',
        place: 'memory',
        sessions: [...sessions.values()].filter(({ state }) => state !== undefined).length,
        pendingChanges,
        journalBytes: bytesOf(journal),
        deadBytes: bytesOf(journal.filter((line) => !isLiving(line))),
        segments: 0,
        snapshotSessions: 0,
        epoch: 0,
        damage: [],
        tornTail: null,
      }
    },

    async close() {
      closing ??= inTurn(() => undefined)
      await closing
    },
  }
}

function within(lines: readonly Line[], range: ChangeRange): Line[] {
  const { from = 1, to = Infinity, limit = 256, order = 'asc' } = range
  const found = lines.filter(({ revision }) => revision >= from && revision <= to)
  return (order === 'asc' ? found : found.reverse()).slice(0, limit)
}

/** A copy nobody else holds (MM3). */
function decode<T>(text: string): T {
  return JSON.parse(text) as T
}

function headOf({ state }: Session): Head | undefined {
  if (state === undefined) return undefined
  return { sessionId: state.sessionId, revision: state.revision, summary: { ...state.summary } }
}

function cursorOf(line: Line | undefined): string | undefined {
  return line === undefined ? undefined : `memory-${line.ordinal}`
}

function ordinalOf(cursor: string): number {
  const [, digits] = /^memory-(\d+)$/.exec(cursor) ?? []
  if (digits === undefined) throw sessionError('CURSOR_INVALID', { reason: 'no memory store made it' })
  return Number(digits)
}

function broken(rule: string, reason: string): Error {
  return sessionError('INVARIANT_BROKEN', { rule, reason })
}

function bytesOf(lines: readonly Line[]): number {
  return lines.reduce((bytes, { text }) => bytes + Buffer.byteLength(text), 0)
}
