/**
 * The callers of an agent: what they ask for next, decided by a seed and by the answers so far. Sixteen commands are on
 * their way at any time, over a handful of sessions that are made, talked to, ended and deleted.
 */
import type { SeededRandom } from '../../src/testing/seeded-random.ts'
import type { AnswerBody, Command } from './agent-process.ts'

/** A command before it has a number, with what its change must hold. */
export interface Wish {
  readonly name: string
  readonly sessionId?: string
  readonly args?: readonly unknown[]
  readonly event: string | null
  readonly contents: readonly string[]
}

interface Session {
  readonly id: string
  status: string
  changes: number
  /** A deletion or erasure is on its way: nobody asks for more. */
  isLeaving: boolean
  /** It is being made, activated or resumed: what is asked before that is answered would only be refused. */
  isWaiting: boolean
}

const OPEN_SESSIONS = 5
const KEPT_SESSIONS = 1
const WORDS = ['order', 'refund', 'ünïcode ✓', 'flight', 'seat \u{1F4BA}', 'line\nbreak', '"quoted"', 'tool']

/** Decides what is asked. */
export class Caller {
  readonly #random: SeededRandom
  readonly #sessions = new Map<string, Session>()
  readonly #free: string[] = []
  #made = 0
  #texts = 0

  constructor(random: SeededRandom) {
    this.#random = random
  }

  /** The next thing to ask, if there is one; `isBusy` tells whether commands for an id are on their way. */
  next(isBusy: (sessionId: string) => boolean): Wish | undefined {
    const random = this.#random
    const sessions = [...this.#sessions.values()].filter(({ isLeaving }) => !isLeaving)
    const open = sessions.filter(({ status }) => ['created', 'active', 'paused'].includes(status))
    if (open.length < OPEN_SESSIONS) return this.#create(isBusy)
    const ended = sessions.filter(({ status }) => !open.some((one) => one.status === status))
    const oldest = ended[0]
    if (oldest !== undefined && (ended.length > KEPT_SESSIONS || random.chance(0.002))) {
      oldest.isLeaving = true
      return random.chance(0.3)
        ? { name: 'erase', sessionId: oldest.id, event: null, contents: [] }
        : plain('delete', oldest.id, 'deleted')
    }
    if (random.chance(0.02)) return { name: 'checkpoint', event: null, contents: [] }
    if (random.chance(0.02)) return { name: 'compact', event: null, contents: [] }
    const ready = open.filter(({ isWaiting }) => !isWaiting)
    const session = ready[random.below(ready.length)]
    if (session === undefined) return undefined
    if (random.chance(0.01)) {
      session.isLeaving = true
      return plain('delete', session.id, 'deleted')
    }
    return this.#ask(session)
  }

  /** Takes an answer in. */
  answered(command: Command, answer: AnswerBody): void {
    const session = this.#sessions.get(command.sessionId ?? '')
    if (session === undefined) return
    session.changes += 1
    session.isWaiting = false
    if (answer.status !== undefined) session.status = answer.status
    if (answer.kept === false) session.status = answer.outcome === 'paused' ? 'paused' : 'closed'
    if (command.name === 'delete') this.#leave(session, this.#random.chance(0.5))
    if (command.name === 'erase') this.#leave(session, false)
  }

  /** Takes a refusal in. */
  refused(command: Command, actual: string | undefined): void {
    const session = this.#sessions.get(command.sessionId ?? '')
    if (session === undefined) return
    session.isWaiting = false
    if (actual !== undefined) session.status = actual
  }

  /** Knows a session again after a restart; undefined when it is not there. */
  recall(sessionId: string, status: string | undefined): void {
    const session = this.#sessions.get(sessionId)
    if (session === undefined) return
    session.isWaiting = false
    if (status !== undefined) session.status = status
    else this.#leave(session, false)
  }

  /** The sessions it deals with. */
  get sessionIds(): readonly string[] {
    return [...this.#sessions.keys()]
  }

  #leave(session: Session, again: boolean): void {
    this.#sessions.delete(session.id)
    if (again) this.#free.push(session.id)
  }

  #create(isBusy: (sessionId: string) => boolean): Wish {
    const random = this.#random
    const free = this.#free.findIndex((id) => !isBusy(id))
    const [again] = free === -1 ? [] : this.#free.splice(free, 1)
    const id = again ?? `s-${(this.#made += 1)}`
    this.#sessions.set(id, { id, status: 'created', changes: 0, isLeaving: false, isWaiting: true })
    const options = {
      ...(random.chance(0.3)
        ? {
            limits: { maxTurns: 10 + random.below(40), action: random.chance(0.5) ? 'end_session' : 'pause' },
          }
        : {}),
      ...(random.chance(0.1) ? { ttlMs: 300 + random.below(1000) } : {}),
      metadata: { secret: `secret-of-${id}` },
    }
    return { name: 'create', sessionId: id, args: [options], event: 'created', contents: [] }
  }

  #ask(session: Session): Wish {
    const random = this.#random
    const { id, status, changes } = session
    if (status !== 'active') {
      session.isWaiting = true
      return plain(status === 'created' ? 'activate' : random.chance(0.8) ? 'resume' : 'close', id)
    }
    const roll = random.next() * 100
    if (roll < 62) return this.#append(id)
    if (roll < 74) return this.#appendAll(id)
    if (roll < 83) return plain('recordDelta', id, 'recordDelta', [random.below(500)])
    if (roll < 91) {
      const [key, value] = [`k${random.below(5)}`, this.#content(id)]
      return plain('setContext', id, 'edit', [key, value])
    }
    if (roll < 94) return plain('admit', id, 'admit', ['modelCall'])
    if (roll < 95.5)
      return plain('extendLimits', id, 'extendLimits', [{ maxEntries: 10_000 + random.below(100) }])
    if (roll < 97) return plain('pause', id)
    if (roll < 97.5) return plain('resume', id)
    return changes > 20 || roll > 99.8
      ? plain(random.chance(0.7) ? 'complete' : 'cancel', id)
      : this.#append(id)
  }

  #append(id: string): Wish {
    const [type, content] = [this.#type(), this.#content(id)]
    return {
      name: 'append',
      sessionId: id,
      args: [{ type, content }],
      event: 'append',
      contents: [JSON.stringify(content)],
    }
  }

  #appendAll(id: string): Wish {
    const contents = Array.from({ length: 2 + this.#random.below(3) }, () => this.#content(id))
    const entries = contents.map((content) => ({ type: this.#type(), content }))
    return {
      name: 'appendAll',
      sessionId: id,
      args: [entries],
      event: 'append',
      contents: contents.map((content) => JSON.stringify(content)),
    }
  }

  #type(): string {
    return this.#random.chance(0.4) ? 'user_message' : 'assistant_message'
  }

  /** Unlike every other, and now and then long. */
  #content(id: string): { readonly text: string; readonly secret: string } {
    const random = this.#random
    const words = random.chance(0.03) ? 2000 + random.below(4000) : 5 + random.below(80)
    const text = Array.from({ length: words }, () => WORDS[random.below(WORDS.length)]).join(' ')
    return { text: `${(this.#texts += 1)} ${text}`, secret: `secret-of-${id}` }
  }
}

function plain(name: string, sessionId: string, event: string = name, args: readonly unknown[] = []): Wish {
  return { name, sessionId, args, event, contents: [] }
}
