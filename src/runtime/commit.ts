/**
 * The one road by which a session changes, for callers and the clock alike: decide in memory, append, only then tell.
 *   R1  Nobody hears of a change before the journal holds it: caller, subscriber, inspector, deadline.
 *   R2  A refused command leaves no trace, and is told only after every change it saw is durable.
 *   R3  Commands of one session are decided in the order made and acknowledged in that order.
 *   R4  When the store fails, memory falls back to the last durable state before anything else is decided.
 *   R5  A session whose machine keeps failing is quarantined; its neighbours notice nothing.
 */
import { isSessionError, sessionError, type SessionError } from '../errors.ts'
import { deadlinesOf, nextDueKind } from '../machines/deadlines.ts'
import type { LimitFinding, SessionEvent } from '../machines/events.ts'
import { allows, isEnd, isStatus, statusesFor, type CommandName, type Status } from '../machines/lifecycle.ts'
import type { Change, Operation, RecordEdit, StoredEvent, StoredState } from '../store/change.ts'
import type { SessionStore } from '../store/store.ts'
import type { ActorFacts, ActorHost, SessionActor } from './actors.ts'
import { changeOf, stateAfter, statusWord, type Decree, type Draft, type Founding } from './change-of.ts'
import type { Clock } from './clock.ts'
import type { CompletedEntries } from './commands.ts'
import { contextOf, statusOf, type Resident } from './resident.ts'
import type { CommandOptions } from './session.ts'

/** A parsed command on its way to a session. */
export interface Request {
  readonly command: CommandName
  /** The status the caller's handle stands for; undefined when any will do. */
  readonly expected: Status | undefined
  readonly options: CommandOptions
  readonly operation: Operation | undefined
  /** What the machine is told. */
  readonly event: (at: number) => SessionEvent
  /** What the journal keeps of the event. */
  readonly stored: StoredEvent
  /** The entries, completed only once the command is accepted. */
  readonly entries?: (at: number) => CompletedEntries
  readonly edits?: readonly RecordEdit[]
}

/** What an acknowledged command did, as every answer is made from it; the same when read back from a change. */
export interface Committed {
  readonly revision: number
  /** The status the command led to; null when it stayed where it was. */
  readonly status: Status | null
  readonly entryIds: readonly string[]
  readonly findings: readonly LimitFinding[]
}

/** The answer a change stands for. */
export function committedBy(change: Change): Committed {
  const status = change.summary?.status
  return {
    revision: change.revision,
    status:
      change.patch.whole === true && change.event.type !== 'created'
        ? statusAfterWhole(change)
        : isStatus(status)
          ? status
          : null,
    entryIds: change.entries.map((entry) => entry.id),
    findings: (change.findings ?? []) as unknown as readonly LimitFinding[],
  }
}

/** A whole patch repeats the status although the command may not have changed it; only commands that lead somewhere did. */
function statusAfterWhole(change: Change): Status | null {
  const status = change.summary?.status
  if (!isStatus(status)) return null
  const stays = ['append', 'recordDelta', 'admit', 'edit', 'extendLimits'].includes(change.event.type)
  return stays && status === 'active' ? null : status
}

/** What the road needs of its surroundings. */
export interface RoadOptions {
  readonly store: SessionStore
  readonly host: ActorHost
  readonly clock: Clock
  readonly maxPending: number
  readonly restartIntensity: { readonly maxRestarts: number; readonly withinMs: number }
  /** Told after each acknowledgement. */
  readonly acknowledged: (resident: Resident, change: Change) => void
  /** Told when a deadline could not be written: it is still to be told. */
  readonly deadlineLost: (resident: Resident, error: unknown) => void
  /** Told when the store is closed for writing. */
  readonly failed: (code: string) => void
  readonly logger: { warn(details: object, message: string): void }
}

/** The one road. */
export class CommitRoad {
  readonly #options: RoadOptions
  #pending = 0
  #restarts = 0
  /** Why commands are refused, once the runtime drains. */
  closed = false

  constructor(options: RoadOptions) {
    this.#options = options
  }

  /** Changes on their way to the disk. */
  get pending(): number {
    return this.#pending
  }

  /** How often a session actor was restarted. */
  get restarts(): number {
    return this.#restarts
  }

  /** Decides a command now, and resolves once it is durable. */
  submit(resident: Resident, request: Request): Promise<Committed> {
    try {
      const { operation } = request
      const answer = this.answered(resident, operation) ?? this.#decide(resident, request)
      const { signal } = request.options
      return signal === undefined ? answer : abandonable(answer, signal, request.command, operation?.id)
    } catch (error) {
      return this.#refusal(resident, error)
    }
  }

  /** The first answer to an operation, when there was one. @throws OPERATION_REUSED */
  answered(resident: Resident, operation: Operation | undefined): Promise<Committed> | undefined {
    const known = operation === undefined ? undefined : resident.operations.find(operation)
    if (known === undefined) return undefined
    return 'pending' in known ? known.pending : this.#recall(resident, known.revision)
  }

  async #recall(resident: Resident, revision: number): Promise<Committed> {
    const [change] = await this.#options.store.changes(resident.id, {
      from: revision,
      to: revision,
      limit: 1,
    })
    if (change === undefined) throw sessionError('NOT_FOUND', { sessionId: resident.id })
    return committedBy(change)
  }

  #decide(resident: Resident, request: Request): Promise<Committed> {
    const { command, options } = request
    this.#admissible(command)
    this.fireDue(resident)
    const state = this.#living(resident)
    if (options.expectedRevision !== undefined && options.expectedRevision !== state.revision) {
      throw sessionError('REVISION_CONFLICT', {
        sessionId: resident.id,
        expected: options.expectedRevision,
        actual: state.revision,
      })
    }
    this.#usable(resident, state)
    const status = statusOf(state)
    if ((request.expected !== undefined && request.expected !== status) || !allows(status, command)) {
      throw wrongState(resident.id, request, status)
    }
    const at = this.#options.clock.now()
    const outcome = this.#tell(resident, state, request.event(at), command)
    if (outcome.kind === 'refused') {
      throw sessionError('LIMIT_REACHED', { sessionId: resident.id, findings: outcome.findings })
    }
    if (outcome.kind === 'notAllowed') throw wrongState(resident.id, request, status)
    const { facts, kept, findings } = outcome
    if (!outcome.changed) {
      return this.#settled(resident).then(() => ({
        revision: state.revision,
        status: null,
        entryIds: [],
        findings: [],
      }))
    }
    return this.#append(resident, state, {
      at,
      event: request.stored,
      operation: request.operation,
      facts,
      completed: kept ? request.entries?.(at) : undefined,
      edits: kept ? request.edits : undefined,
      findings,
    })
  }

  /** The first change of a session's life: made by `create` and `import`. */
  found(resident: Resident, first: Founding): Promise<Committed> {
    this.#admissible(first.event.type)
    return this.#append(resident, undefined, first)
  }

  /** A change that no machine decides: deletion, release of a quarantine. */
  decree(resident: Resident, decree: Decree): Promise<Committed> {
    try {
      this.#admissible(decree.event.type)
      const answered = this.answered(resident, decree.operation)
      if (answered !== undefined) return answered
      return this.#append(resident, this.#living(resident), { at: this.#options.clock.now(), ...decree })
    } catch (error) {
      return this.#refusal(resident, error)
    }
  }

  /** Tells the session every deadline that is due, in order; more than one may fall in one moment. */
  fireDue(resident: Resident): void {
    const at = this.#options.clock.now()
    for (;;) {
      const state = resident.decided
      if (state === undefined || state.summary.dueAt === null || state.summary.dueAt > at) return
      if (state.facts.quarantine !== null || this.closed) return
      const deadlines = deadlinesOf(statusOf(state), contextOf(state))
      const kind = nextDueKind(deadlines)
      const dueAt = kind === null ? null : deadlines[kind]
      if (kind === null || dueAt === null || dueAt > at) return
      const outcome = this.#tell(resident, state, { type: 'deadline', at, kind, dueAt }, 'deadline')
      if (outcome.kind !== 'accepted' || !outcome.changed) return
      const { facts, findings } = outcome
      if (deadlinesOf(statusWord(facts.value), facts.context)[kind] === dueAt) {
        this.#faulted(resident, state, 'deadline', 'the limit policy let an overdue deadline stand')
      }
      const event = { type: 'deadline', kind, dueAt }
      this.#append(resident, state, { at, event, facts, findings }).catch((error: unknown) => {
        this.#options.deadlineLost(resident, error)
      })
    }
  }

  #admissible(command: string): void {
    if (this.closed) throw sessionError('RUNTIME_CLOSED', { command })
    if (this.#pending >= this.#options.maxPending) {
      throw sessionError('STORE_BUSY', { pending: this.#pending, maxPending: this.#options.maxPending })
    }
  }

  #living(resident: Resident): StoredState {
    if (resident.decided === undefined) throw sessionError('NOT_FOUND', { sessionId: resident.id })
    return resident.decided
  }

  #usable(resident: Resident, state: StoredState): void {
    const { quarantine } = state.facts
    if (quarantine !== null) {
      throw sessionError('SESSION_QUARANTINED', { sessionId: resident.id, reason: quarantine.code })
    }
  }

  /** Sends an event to the actor, restored first when there is none; a machine that fails is handled here (R5). */
  #tell(resident: Resident, state: StoredState, event: SessionEvent, command: string): Told {
    const { host } = this.#options
    resident.actor ??= host.restore(resident.id, state.facts)
    const actor: SessionActor = resident.actor
    const outcome = host.tell(actor, event)
    switch (outcome.kind) {
      case 'faulted':
        return this.#faulted(resident, state, command, outcome.reason)
      case 'refused':
        return { kind: 'refused', findings: outcome.decided.findings }
      case 'notAllowed':
        return { kind: 'notAllowed' }
      case 'accepted':
        return {
          kind: 'accepted',
          facts: outcome.facts,
          kept: outcome.decided?.entryKept ?? true,
          findings: outcome.decided?.findings ?? [],
          changed: outcome.changed,
        }
    }
  }

  #faulted(resident: Resident, state: StoredState, command: string, reason: string): never {
    this.drop(resident)
    this.#restarts += 1
    const { maxRestarts, withinMs } = this.#options.restartIntensity
    const at = this.#options.clock.now()
    resident.restarts = [...resident.restarts.filter((time) => time > at - withinMs), at]
    this.#options.logger.warn(
      { sessionId: resident.id, command, restarts: resident.restarts.length },
      'session actor failed',
    )
    if (resident.restarts.length <= maxRestarts) {
      throw sessionError('SESSION_FAULTED', { sessionId: resident.id, command, reason })
    }
    const code = 'SESSION_FAULTED'
    resident.restarts = []
    void this.decree(resident, {
      event: { type: 'quarantined', code, command },
      quarantine: { code, reason, at },
    }).catch(() => undefined)
    throw sessionError('SESSION_QUARANTINED', { sessionId: resident.id, reason: code })
  }

  /** Drops the actor; the state stays (A2). */
  drop(resident: Resident): void {
    const { actor } = resident
    resident.actor = undefined
    if (actor !== undefined) this.#options.host.release(actor)
  }

  #append(resident: Resident, before: StoredState | undefined, draft: Draft): Promise<Committed> {
    const revision = resident.revision + 1
    const after =
      draft.tombstone === true
        ? undefined
        : stateAfter(resident.id, revision, before, draft, this.#options.host.identity)
    const change = changeOf(resident.id, revision, before, after, draft)
    const stored = after ?? (before as StoredState)
    const { generation } = resident
    const written = appendTo(this.#options.store, change, stored, draft.completed?.text)
    resident.revision = revision
    resident.decided = after
    resident.pending += 1
    this.#pending += 1
    if (after !== undefined && isEnd(statusOf(after))) this.drop(resident) // A3
    const answer = written.then(
      () => this.#acknowledge(resident, change, after),
      (error: unknown) => this.#fallBack(resident, generation, draft, error),
    )
    resident.tail = answer
    if (draft.operation !== undefined) resident.operations.keep(draft.operation, answer)
    return answer
  }

  #acknowledge(resident: Resident, change: Change, after: StoredState | undefined): Committed {
    this.#pending -= 1
    resident.pending -= 1
    if (resident.pending === 0) resident.tail = undefined
    resident.durable = after
    if (after !== undefined) resident.last = after
    if (change.operation !== undefined) resident.operations.settle(change.operation, change.revision)
    this.#options.acknowledged(resident, change) // R1
    return committedBy(change)
  }

  /** R4: what was decided and not written is forgotten, once for all stragglers of the same generation. */
  #fallBack(resident: Resident, generation: number, draft: Draft, error: unknown): never {
    this.#pending -= 1
    resident.pending -= 1
    if (resident.pending === 0) resident.tail = undefined
    if (draft.operation !== undefined) resident.operations.forget(draft.operation)
    if (generation === resident.generation) {
      resident.generation += 1
      this.drop(resident)
      resident.decided = resident.durable
      resident.revision = resident.durable?.revision ?? this.#options.store.lastRevision(resident.id)
    }
    const failure = storeFailure(error, draft)
    if (CLOSING.has(failure.code)) this.#options.failed(failure.code)
    throw failure
  }

  /** R2: a refusal waits for what it saw; when that was lost, the loss is the answer. */
  #refusal(resident: Resident, error: unknown): Promise<never> {
    const rejected = (): never => {
      throw error
    }
    return this.#settled(resident).then(rejected)
  }

  #settled(resident: Resident): Promise<unknown> {
    return resident.tail ?? Promise.resolve()
  }
}

type Told =
  | {
      readonly kind: 'accepted'
      readonly facts: ActorFacts
      readonly kept: boolean
      readonly findings: readonly LimitFinding[]
      readonly changed: boolean
    }
  | { readonly kind: 'refused'; readonly findings: readonly LimitFinding[] }
  | { readonly kind: 'notAllowed' }

/** Failures after which the store takes no more changes. */
const CLOSING: ReadonlySet<string> = new Set(['OUTCOME_UNKNOWN', 'STORE_FAILED', 'STORE_FENCED'])

/** A store may be anybody's: what it throws at once is a rejection like any other. */
function appendTo(
  store: SessionStore,
  change: Change,
  after: StoredState,
  entriesText: string | undefined,
): Promise<void> {
  try {
    return store.append(change, after, entriesText)
  } catch (error) {
    return Promise.reject(error as Error)
  }
}

/** The failure a caller hears: an error that is none of ours says nothing about what was written. */
function storeFailure(error: unknown, draft: Draft): SessionError {
  if (isSessionError(error) && error.code !== 'OUTCOME_UNKNOWN') return error
  const operationId = draft.operation?.id
  return sessionError(
    'OUTCOME_UNKNOWN',
    { command: draft.event.type, ...(operationId === undefined ? {} : { operationId }) },
    error,
  )
}

function wrongState(sessionId: string, request: Request, actual: Status): Error {
  const allowed = statusesFor(request.command)
  const expected =
    request.expected === undefined || request.expected === actual ? allowed : [request.expected]
  return sessionError('WRONG_STATE', { sessionId, expected, actual, command: request.command })
}

/** The answer, or OUTCOME_UNKNOWN as soon as the caller stops waiting; the change goes its way. */
function abandonable(
  answer: Promise<Committed>,
  signal: AbortSignal,
  command: string,
  operationId: string | undefined,
): Promise<Committed> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      reject(
        sessionError(
          'OUTCOME_UNKNOWN',
          { command, ...(operationId === undefined ? {} : { operationId }) },
          signal.reason,
        ),
      )
    }
    signal.addEventListener('abort', stop, { once: true })
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
