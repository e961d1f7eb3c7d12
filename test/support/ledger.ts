/**
 * What a caller who never dies remembers, and what it says about a store that came back. It knows nothing of the product
 * but what a caller was told: which commands it sent, and which answers it heard.
 *   LE1  An acknowledged change is there, once, at the revision it was acknowledged with.
 *   LE2  Nothing is there that nobody sent, that was refused, or that was deleted.
 *   LE3  An unknown outcome is wholly there or not at all, and what was there once stays.
 *   LE4  Revisions have no gaps, and keep the order in which commands were answered and sent.
 */

/** A command, as its caller names it. */
export interface Sent {
  readonly operationId: string
  readonly sessionId: string
  /** The type of the event its change holds. */
  readonly event: string
  /** The contents of its entries, each as JSON text. */
  readonly contents: readonly string[]
  /** It may be accepted without a change. */
  readonly mayLeaveNoChange: boolean
}

/** One change of a session, as a store gives it back. */
export interface RecoveredChange {
  readonly revision: number
  readonly operationId: string | null
  readonly event: string
  readonly contents: readonly string[]
  /** A limit ended or paused the session in its place. */
  readonly isLimit: boolean
}

interface Operation extends Sent {
  readonly life: number
  readonly sentAt: number
  outcome: 'unknown' | 'ok' | 'refused' | 'buried'
  revision: number | null
  endedAt: number
}

interface Remembered {
  readonly operations: Operation[]
  /** Since its last deletion, or ever. */
  isMade: boolean
  wasDeleted: boolean
  isErasing: boolean
  /** What was seen in the store, in order. */
  settled: readonly string[]
  acknowledged: { life: number; revision: number }
}

/** The list a caller keeps. */
export class Ledger {
  readonly #operations = new Map<string, Operation>()
  readonly #sessions = new Map<string, Remembered>()
  readonly #faults: string[] = []
  #time = 0
  #life = 0

  /** How many commands have each outcome. */
  get counts(): { readonly sent: number; readonly ok: number; readonly refused: number } {
    const all = [...this.#operations.values()]
    const ok = all.filter(({ endedAt, outcome }) => endedAt < Infinity && outcome !== 'refused').length
    return { sent: all.length, ok, refused: all.filter(({ outcome }) => outcome === 'refused').length }
  }

  /** The process that answers is a new one. */
  nextLife(): void {
    this.#life += 1
  }

  /** Written down before the command leaves; a retry of a known operation id changes nothing. */
  send(sent: Sent): void {
    if (this.#operations.has(sent.operationId)) return
    const session = this.#session(sent.sessionId)
    const operation: Operation = {
      ...sent,
      life: this.#life,
      sentAt: (this.#time += 1),
      outcome: 'unknown',
      revision: null,
      endedAt: Infinity,
    }
    this.#operations.set(sent.operationId, operation)
    session.operations.push(operation)
    if (sent.event === 'created') session.isMade = true
  }

  /** The command was answered with success. `revision` is null when the answer does not name one. */
  acknowledge(operationId: string, revision: number | null): void {
    const operation = this.#operation(operationId)
    const { sessionId, event } = operation
    const session = this.#session(sessionId)
    if (operation.outcome === 'refused') this.#faults.push(`${operationId} was refused and then accepted`)
    if (revision !== null) {
      const isFirst = operation.revision === null
      if (!isFirst && operation.revision !== revision) {
        this.#faults.push(`${operationId} was answered with revision ${operation.revision}, then ${revision}`)
      }
      if (isFirst && operation.life === this.#life && !operation.mayLeaveNoChange) {
        const { life, revision: last } = session.acknowledged
        if (life === this.#life && last >= revision) {
          this.#faults.push(`${sessionId}: revision ${revision} was acknowledged behind ${last}`)
        }
        session.acknowledged = { life: this.#life, revision }
      }
      operation.revision = revision
    }
    if (operation.outcome === 'unknown') operation.outcome = 'ok'
    operation.endedAt = Math.min(operation.endedAt, (this.#time += 1))
    if (event === 'deleted') this.#bury(session)
  }

  /** The session is being erased, which has no operation id: it may be gone from here on. */
  erasing(sessionId: string): void {
    this.#session(sessionId).isErasing = true
  }

  /** Whether an erasure was begun and not answered. */
  isErasing(sessionId: string): boolean {
    return this.#session(sessionId).isErasing
  }

  /** The session was erased: as if it had never been, revisions included. Or it was not there to be erased. */
  erased(sessionId: string, wasThere: boolean): void {
    const session = this.#session(sessionId)
    session.isErasing = false
    if (!wasThere) return
    this.#bury(session)
    session.acknowledged = { life: 0, revision: 0 }
  }

  /** The command was answered with a refusal: it must leave no trace. One asked again may come behind its session's end. */
  refuse(operationId: string): void {
    const operation = this.#operation(operationId)
    if (operation.outcome === 'ok' && !isLeaving(this.#session(operation.sessionId))) {
      this.#faults.push(`${operationId} was accepted and then refused`)
    }
    if (operation.outcome === 'unknown') operation.outcome = 'refused'
  }

  /** Commands without an answer, in the order sent. */
  unknown(): Sent[] {
    return [...this.#operations.values()].filter(({ outcome }) => outcome === 'unknown')
  }

  /** How many of those the last check saw in the store all the same. */
  get unknownAndThere(): number {
    return [...this.#operations.values()].filter((one) => one.outcome === 'unknown' && one.revision !== null)
      .length
  }

  /** Whether the session was deleted, and the deletion acknowledged or seen. */
  isGone(sessionId: string): boolean {
    const session = this.#session(sessionId)
    return session.wasDeleted && !session.isMade
  }

  /** From here on an unknown outcome stays what the last check saw: there, or never to come (LE3). */
  closeUnknown(): void {
    for (const operation of this.#operations.values()) {
      if (operation.outcome === 'unknown') operation.outcome = operation.revision === null ? 'refused' : 'ok'
    }
  }

  /** What is wrong with the histories of all living sessions, in words; nothing when nothing is. */
  check(histories: ReadonlyMap<string, readonly RecoveredChange[]>): readonly string[] {
    const faults = this.#faults.splice(0)
    const seen = new Set<string>()
    for (const [sessionId, history] of histories) {
      const session = this.#sessions.get(sessionId)
      if (session === undefined || !session.isMade) {
        faults.push(
          `${sessionId}: it is there, and ${session === undefined ? 'nobody made it' : 'was deleted'}`,
        )
        continue
      }
      this.#checkHistory(sessionId, session, history, seen, faults)
    }
    for (const [sessionId, session] of this.#sessions) {
      if (!histories.has(sessionId)) this.#checkAbsent(sessionId, session, faults)
    }
    return faults
  }

  #checkHistory(
    sessionId: string,
    session: Remembered,
    history: readonly RecoveredChange[],
    seen: Set<string>,
    faults: string[],
  ): void {
    const first = session.wasDeleted ? (history[0]?.revision ?? 1) : 1
    const found: Operation[] = []
    for (const [index, change] of history.entries()) {
      if (change.revision !== first + index) faults.push(`${sessionId}: no revision ${first + index}`)
      const operation = this.#checkChange(sessionId, change, seen)
      if (typeof operation === 'string') faults.push(`${sessionId} revision ${change.revision}: ${operation}`)
      else if (operation !== undefined) found.push(operation)
    }
    for (const { operationId, outcome, mayLeaveNoChange, revision } of session.operations) {
      if (outcome === 'ok' && !mayLeaveNoChange && !seen.has(operationId)) {
        faults.push(`${sessionId}: ${operationId}, acknowledged with revision ${revision}, is lost`) // LE1
      }
    }
    let end = Infinity
    for (const { operationId, sentAt, endedAt } of found.toReversed()) {
      if (end < sentAt)
        faults.push(`${sessionId}: ${operationId} stands before one answered before it was sent`) // LE4
      end = Math.min(end, endedAt)
    }
    const order = history.map(({ revision, operationId, event }) => `${revision} ${operationId} ${event}`)
    const changed = session.settled.findIndex((line, index) => order[index] !== line)
    if (changed !== -1)
      faults.push(`${sessionId}: "${session.settled[changed]}" was there and is not any more`) // LE3
    session.settled = order
  }

  /** The operation a change belongs to, or what is wrong with it (LE2, LE3). */
  #checkChange(
    sessionId: string,
    change: RecoveredChange,
    seen: Set<string>,
  ): Operation | string | undefined {
    const { operationId, revision, contents } = change
    if (operationId === null) {
      return change.event === 'deadline' ? undefined : `a "${change.event}" that nobody sent`
    }
    const operation = this.#operations.get(operationId)
    if (operation === undefined || operation.sessionId !== sessionId)
      return `${operationId}, which nobody sent`
    if (seen.has(operationId)) return `${operationId} a second time`
    seen.add(operationId)
    if (operation.outcome === 'refused') return `${operationId}, which was refused`
    if (operation.outcome === 'buried') return `${operationId}, which was deleted`
    if (operation.event !== change.event) return `${operationId} as "${change.event}"`
    const isWhole = contents.length === operation.contents.length
    const isSame = isWhole && contents.every((content, index) => content === operation.contents[index])
    if (!isSame && !(change.isLimit && contents.length === 0)) return `${operationId} with other entries`
    if (operation.outcome === 'ok' && operation.revision !== null && operation.revision !== revision) {
      return `${operationId}, acknowledged with revision ${operation.revision}`
    }
    operation.revision = revision
    return operation
  }

  /** A session that is not there was never made, was deleted, or is just being deleted. */
  #checkAbsent(sessionId: string, session: Remembered, faults: string[]): void {
    if (!session.isMade) return
    if (isLeaving(session)) {
      this.#bury(session)
      return
    }
    const lost = session.operations.filter(({ outcome }) => outcome === 'ok').length
    if (lost > 0 || session.settled.length > 0) faults.push(`${sessionId}: it is lost with ${lost} changes`)
  }

  #bury(session: Remembered): void {
    for (const operation of session.operations) {
      if (operation.outcome !== 'refused') operation.outcome = 'buried'
    }
    session.operations.length = 0
    session.isMade = false
    session.wasDeleted = true
    session.isErasing = false
    session.settled = []
  }

  #session(sessionId: string): Remembered {
    let session = this.#sessions.get(sessionId)
    if (session === undefined) {
      session = {
        operations: [],
        isMade: false,
        wasDeleted: false,
        isErasing: false,
        settled: [],
        acknowledged: { life: 0, revision: 0 },
      }
      this.#sessions.set(sessionId, session)
    }
    return session
  }

  #operation(operationId: string): Operation {
    const operation = this.#operations.get(operationId)
    if (operation === undefined) throw new TypeError(`nobody sent ${operationId}`)
    return operation
  }
}

/** A deletion or an erasure is on its way. */
function isLeaving({ isErasing, operations }: Remembered): boolean {
  return isErasing || operations.some(({ event, outcome }) => event === 'deleted' && outcome === 'unknown')
}
