/**
 * The threads of a runtime that are in use: one index for all its savers, kept up to date by what is acknowledged.
 *   TH1  An index is used only when it holds every durable change of its session; what it lacks is read from the store.
 *   TH2  A deleted session takes its index along: one made again under its id starts empty.
 *   TH3  Work given to `inTurn` for one session runs one after the other, in the order given.
 */
import type { Observation, Runtime, Session } from '../../index.ts'
import { ThreadIndex } from './thread-index.ts'

/** Indexes kept in memory; beyond it the least recently used is read again when needed. */
const MOST_THREADS = 1000

interface Thread {
  readonly createdAt: number
  readonly index: ThreadIndex
  reading: Promise<void> | undefined
}

const threadsOfRuntimes = new WeakMap<Runtime, Threads>()

/** The threads of a runtime, shared by all its savers. */
export function threadsOf(runtime: Runtime): Threads {
  const known = threadsOfRuntimes.get(runtime)
  if (known !== undefined) return known
  const threads = new Threads()
  threadsOfRuntimes.set(runtime, threads)
  runtime.observe((observation) => threads.hear(observation))
  return threads
}

/** Indexes by session id, newest use last. */
export class Threads {
  readonly #threads = new Map<string, Thread>()
  readonly #turns = new Map<string, Promise<unknown>>()

  /** The index of a session, with everything durable in it (TH1). */
  async open(session: Session): Promise<ThreadIndex> {
    const thread = this.#threadOf(session)
    while (thread.index.revision < session.revision) {
      thread.reading ??= this.#read(session, thread)
      await thread.reading
    }
    return thread.index
  }

  /** Runs work behind all work that was given for this session before (TH3). */
  inTurn<T>(sessionId: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(sessionId) ?? Promise.resolve()
    const mine = before.then(work)
    const settled = mine.catch(() => undefined)
    this.#turns.set(sessionId, settled)
    void settled.then(() => {
      if (this.#turns.get(sessionId) === settled) this.#turns.delete(sessionId)
    })
    return mine
  }

  /** Takes in an acknowledged change. */
  hear({ change, facts }: Observation): void {
    const { sessionId, revision, entries } = change
    if (facts === null) {
      this.#threads.delete(sessionId) // TH2
      return
    }
    const thread = this.#threads.get(sessionId)
    if (thread === undefined || thread.reading !== undefined) return
    if (revision !== thread.index.revision + 1) return
    const first = facts.context.entryCount - entries.length
    for (const [offset, entry] of entries.entries()) thread.index.fold(entry, first + offset, revision)
    thread.index.revision = revision
  }

  #threadOf({ id, createdAt, revision }: Session): Thread {
    let thread = this.#threads.get(id)
    this.#threads.delete(id)
    if (thread === undefined || thread.createdAt !== createdAt || thread.index.revision > revision) {
      thread = { createdAt, index: new ThreadIndex(), reading: undefined }
    }
    this.#threads.set(id, thread)
    if (this.#threads.size > MOST_THREADS) {
      const oldest = this.#threads.keys().next()
      if (oldest.done !== true) this.#threads.delete(oldest.value)
    }
    return thread
  }

  async #read(session: Session, thread: Thread): Promise<void> {
    const { index } = thread
    const toRevision = session.revision
    try {
      const query = { fromRevision: index.revision + 1, toRevision, types: ['system_event'] } as const
      for await (const entry of session.entries(query)) index.fold(entry, entry.position, entry.revision)
      index.revision = toRevision
    } finally {
      thread.reading = undefined
    }
  }
}
