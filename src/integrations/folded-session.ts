/**
 * A session together with something its entries tell: the history a framework sees, folded from the transcript.
 *   FS1  What is folded live and what is folded when read back are the same entries, so a restart changes nothing.
 *   FS2  Calls are answered in the order made, also when the caller does not wait for them.
 *   FS3  A write is decided on the newest state and made as one change. Who loses a race decides again.
 *   FS4  A state larger than its bound is not held in memory between calls; it is read again each time.
 */
import { isSessionError, sessionError } from '../errors.ts'
import type { CreateOptions, EntryDraft, LimitFinding, Runtime, Session, SessionChange } from '../index.ts'

/** How entries are folded into a state. */
export interface Fold<State> {
  empty(): State
  /** Takes in the entries of one change, in their order. */
  take(state: State, contents: readonly unknown[]): void
  /** What is held against the bound. */
  size(state: State): number
}

/** States larger than this are read again each time (FS4). */
export const MAX_HELD = 10_000

/** How often a write decides again because somebody else wrote first. */
const MAX_CONFLICTS = 16

/** The session a caller names or holds; made when there is none, activated when it is not yet. */
export async function activeSession(
  from: Runtime | Session,
  sessionId: string | undefined,
  create: CreateOptions,
): Promise<Session> {
  const session = 'getOrCreate' in from ? await from.getOrCreate(sessionId, create) : from
  if (session.status !== 'created') return session
  try {
    return await session.as('created').activate()
  } catch (error) {
    // Somebody else did it in the same moment.
    if (isSessionError(error, 'WRONG_STATE')) return session
    throw error
  }
}

/** A limit ended or paused the session instead of what was asked. @throws LIMIT_REACHED */
export function stopped(session: Session, findings: readonly LimitFinding[]): never {
  throw sessionError('LIMIT_REACHED', { sessionId: session.id, findings })
}

/** A session and the state its entries fold to. */
export class FoldedSession<State> {
  readonly session: Session
  readonly #fold: Fold<State>
  #state: State
  #revision = 0
  #queue: Promise<unknown> = Promise.resolve()

  constructor(session: Session, fold: Fold<State>) {
    this.session = session
    this.#fold = fold
    this.#state = fold.empty()
  }

  /** Works on the newest state once every earlier call is answered (FS2). */
  next<Answer>(work: (state: State) => Promise<Answer>): Promise<Answer> {
    const answer = this.#queue.then(async () => {
      if (this.#revision !== this.session.revision) await this.#catchUp()
      try {
        return await work(this.#state)
      } finally {
        if (this.#fold.size(this.#state) > MAX_HELD) this.#reset()
      }
    })
    this.#queue = answer.catch(() => undefined)
    return answer
  }

  /**
   * Decides on the newest state what to write, and writes it as one change (FS3); nothing when there is no draft.
   *
   * @throws WRONG_STATE unless the session is active. @throws LIMIT_REACHED
   */
  write(decide: (state: State) => readonly EntryDraft[]): Promise<void> {
    return this.next(async () => {
      const active = this.session.as('active')
      for (let conflicts = 0; ; conflicts += 1) {
        const drafts = decide(this.#state)
        if (drafts.length === 0) return
        try {
          const answer = await active.appendAll(drafts, { expectedRevision: this.#revision })
          if (!answer.kept) stopped(this.session, answer.findings)
          this.#take(drafts)
          this.#revision = answer.revision
          return
        } catch (error) {
          if (!isSessionError(error, 'REVISION_CONFLICT') || conflicts === MAX_CONFLICTS) throw error
          await this.#catchUp()
        }
      }
    })
  }

  async #catchUp(): Promise<void> {
    for await (const change of this.session.changes({ from: this.#revision + 1, live: false })) {
      if (beginsAnew(change)) this.#reset()
      this.#take(change.entries)
      this.#revision = change.revision
    }
  }

  #take(entries: readonly { readonly content?: unknown }[]): void {
    this.#fold.take(
      this.#state,
      entries.map(({ content }) => content),
    )
  }

  #reset(): void {
    this.#state = this.#fold.empty()
    this.#revision = 0
  }
}

/** An id that was deleted may begin another life. */
function beginsAnew({ status, event }: SessionChange): boolean {
  return status === 'deleted' || event.type === 'created'
}
