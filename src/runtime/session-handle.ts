/**
 * The one implementation behind every `Session<S>`: reads show the last acknowledged state, commands take the one road.
 */
import { sessionError } from '../errors.ts'
import { checkBytes, getOwn, type Json } from '../json.ts'
import { deadlinesOf } from '../machines/deadlines.ts'
import {
  DEADLINE_KINDS,
  type Door,
  type Limits,
  type SessionEnd,
  type SessionEvent,
} from '../machines/events.ts'
import { isEnd, TARGETS, type CommandName, type Status } from '../machines/lifecycle.ts'
import type { Quarantine, StoredEvent, StoredState } from '../store/change.ts'
import {
  completeEntries,
  contentOf,
  parseCommandOptions,
  parseDoor,
  parseEdit,
  parseEntry,
  parseFailure,
  parseLimits,
  parseTokens,
  type ParsedEntry,
} from './commands.ts'
import type { Committed, Request } from './commit.ts'
import type { EntryDraft } from './entries.ts'
import { readEntries } from './entry-reader.ts'
import { digestOf } from './operations.ts'
import { contextOf, recordOf, statusOf, type Resident } from './resident.ts'
import type { SessionRecord } from './record.ts'
import { sessionChanges } from './subscriptions.ts'
import { usageOf } from './usage.ts'
import type { SessionPort } from './session-port.ts'
import type {
  Admitted,
  Appended,
  ChangeQuery,
  CommandOptions,
  Deadline,
  EntryQuery,
  LimitCheck,
  LimitOptions,
  PlacedEntry,
  RecordChanges,
  Session,
  SessionChange,
  Usage,
} from './session.ts'

type Parts = Pick<Request, 'event' | 'stored'> & Partial<Pick<Request, 'entries' | 'edits'>>

/** One object for all appends. */
const APPEND: StoredEvent = Object.freeze({ type: 'append' })

/** A session handle. Its type hides what the status does not allow; its methods check again (H3). */
export class SessionHandle {
  readonly state: Status
  readonly #resident: Resident
  readonly #port: SessionPort

  constructor(resident: Resident, state: Status, port: SessionPort) {
    this.#resident = resident
    this.state = state
    this.#port = port
  }

  get #stored(): StoredState {
    const { durable, last } = this.#resident
    const state = durable ?? last
    if (state === undefined) throw sessionError('NOT_FOUND', { sessionId: this.id })
    return state
  }

  get #context() {
    return contextOf(this.#stored)
  }

  get id(): string {
    return this.#resident.id
  }
  get status(): Status {
    return statusOf(this.#stored)
  }
  get revision(): number {
    return this.#stored.revision
  }
  get record(): SessionRecord {
    return recordOf(this.#stored)
  }
  get name(): string {
    return this.record.name
  }
  get limits(): Limits {
    return this.#context.limits
  }
  get createdAt(): number {
    return this.#context.createdAt
  }
  get activatedAt(): number | null {
    return this.#context.activatedAt
  }
  get pausedAt(): number | null {
    return this.#context.pausedAt
  }
  get endedAt(): number | null {
    return this.#context.endedAt
  }
  get updatedAt(): number {
    return this.#stored.summary.updatedAt
  }
  get expiresAt(): number | null {
    return this.#context.expiresAt
  }
  get end(): SessionEnd | null {
    return this.#context.end
  }
  get quarantine(): Quarantine | null {
    return this.#stored.facts.quarantine
  }
  get durationMs(): number {
    return Math.max(0, this.updatedAt - this.createdAt)
  }
  get exchangeCount(): number {
    const { userMessageCount, assistantMessageCount } = this.#context
    return Math.min(userMessageCount, assistantMessageCount)
  }
  get isEmpty(): boolean {
    return this.#context.userMessageCount === 0
  }
  get isAtTurnLimit(): boolean {
    const { limits, turnCount } = this.#context
    return limits.maxTurns !== null && turnCount >= limits.maxTurns
  }
  get remainingTurns(): number | null {
    const { limits, turnCount } = this.#context
    return limits.maxTurns === null ? null : Math.max(0, limits.maxTurns - turnCount)
  }

  get usage(): Usage {
    return usageOf(this.#context)
  }

  get deadlines(): readonly Deadline[] {
    const instants = deadlinesOf(this.status, this.#context)
    const now = this.#port.clock.now()
    return DEADLINE_KINDS.flatMap((kind) => {
      const dueAt = instants[kind]
      return dueAt === null ? [] : [{ kind, dueAt, overdue: dueAt <= now }]
    }).sort((a, b) => a.dueAt - b.dueAt)
  }

  checkLimits(): LimitCheck {
    const { limits, turnCount, entryCount } = this.#context
    const counted = [
      ['turns', turnCount, limits.maxTurns],
      ['entries', entryCount, limits.maxEntries],
    ] as const
    for (const [limit, current, max] of counted) {
      if (max !== null && current > max) return { check: 'exceeded', limit, current, max }
      if (max !== null && current === max) return { check: 'at_limit' }
    }
    const { maxDurationMs: max } = limits
    const current = this.durationMs
    return max !== null && current > max
      ? { check: 'exceeded', limit: 'duration', current, max }
      : { check: 'ok' }
  }

  getContext(key: string): Json | undefined {
    return getOwn(this.record.context, key)
  }
  getMetadata(key: string): Json | undefined {
    return getOwn(this.record.metadata, key)
  }

  entries(query: EntryQuery = {}): AsyncIterable<PlacedEntry> {
    return readEntries(this.#port.store, this.id, query)
  }
  changes(query: ChangeQuery = {}): AsyncIterable<SessionChange> {
    return sessionChanges(this.#port.store, this.id, query, this.#resident.wakers)
  }

  as<T extends Status>(status: T): Session<T> {
    const actual = this.status
    if (actual !== status)
      throw sessionError('WRONG_STATE', { sessionId: this.id, expected: [status], actual })
    return this.#handle(status) as unknown as Session<T>
  }

  activate(options?: CommandOptions): Promise<Session<'active'>> {
    return this.#lead('activate', (at) => ({ type: 'activate', at }), options)
  }
  pause(options?: CommandOptions): Promise<Session<'paused'>> {
    return this.#lead('pause', (at) => ({ type: 'pause', at }), options)
  }
  resume(options?: CommandOptions): Promise<Session<'active'>> {
    return this.#lead('resume', (at) => ({ type: 'resume', at }), options)
  }
  close(options?: CommandOptions): Promise<Session<'closed'>> {
    return this.#lead('close', (at) => ({ type: 'close', at }), options)
  }
  complete(options?: CommandOptions): Promise<Session<'completed'>> {
    return this.#lead('complete', (at) => ({ type: 'complete', at }), options)
  }
  cancel(options?: CommandOptions): Promise<Session<'cancelled'>> {
    return this.#lead('cancel', (at) => ({ type: 'cancel', at }), options)
  }
  async fail(
    error: { readonly code: string; readonly message: string },
    options?: CommandOptions,
  ): Promise<Session<'failed'>> {
    const failure = parseFailure(error)
    await this.#submit('fail', options, () => JSON.stringify(failure), {
      event: (at) => ({ type: 'fail', at, ...failure }),
      stored: { type: 'fail', ...failure },
    })
    return this.#handle('failed') as unknown as Session<'failed'>
  }

  append(entry: EntryDraft, options?: CommandOptions): Promise<Appended> {
    return this.#append([entry], options, false)
  }
  appendAll(entries: readonly EntryDraft[], options?: CommandOptions): Promise<Appended> {
    return this.#append(entries, options, true)
  }

  /** No async function: it would be another promise for each append. */
  #append(
    entries: readonly EntryDraft[],
    options: CommandOptions | undefined,
    several: boolean,
  ): Promise<Appended> {
    try {
      const parsed = this.#parseEntries(entries, several)
      const entryTypes = parsed.map(({ draft }) => draft.type)
      const answer = this.#submit('append', options, () => contentOf(parsed), {
        event: (at) => ({ type: 'append', at, entryTypes }),
        stored: APPEND,
        entries: (at) => completeEntries(parsed, this.#port.ids, at),
      })
      return answer.then(appendedBy)
    } catch (error) {
      return Promise.reject(error as Error)
    }
  }

  #parseEntries(entries: readonly EntryDraft[], several: boolean): readonly ParsedEntry[] {
    const { bounds } = this.#port
    if (!several) return entries.map((entry) => parseEntry(entry, bounds, []))
    if (entries.length === 0) {
      throw sessionError('COMMAND_INVALID', { command: 'appendAll', path: [], reason: 'there is no entry' })
    }
    const parsed = entries.map((entry, index) => parseEntry(entry, bounds, [index]))
    checkBytes(Buffer.byteLength(contentOf(parsed)), { maxBytes: bounds.maxChangeBytes })
    return parsed
  }

  async recordDelta(tokens: number, options?: CommandOptions): Promise<{ readonly revision: number }> {
    const parsed = parseTokens(tokens)
    return revisionOf(
      await this.#submit('recordDelta', options, () => String(parsed), {
        event: (at) => ({ type: 'recordDelta', at, tokens: parsed }),
        stored: { type: 'recordDelta', tokens: parsed },
      }),
    )
  }

  async admit(door: Door, options?: CommandOptions): Promise<Admitted> {
    const parsed = parseDoor(door)
    const { revision, status, findings } = await this.#submit('admit', options, () => parsed, {
      event: (at) => ({ type: 'admit', at, door: parsed }),
      stored: { type: 'admit', door: parsed },
    })
    if (status !== null) return { admitted: false, outcome: outcomeOf(status), revision, findings }
    return { admitted: true, revision, notices: findings }
  }

  async extendLimits(limits: LimitOptions, options?: CommandOptions): Promise<{ readonly revision: number }> {
    const base = this.#resident.decided === undefined ? this.limits : contextOf(this.#resident.decided).limits
    const parsed = parseLimits(limits, base, 'extendLimits')
    return revisionOf(
      await this.#submit('extendLimits', options, () => JSON.stringify(limits), {
        event: (at) => ({ type: 'extendLimits', at, limits: parsed }),
        stored: { type: 'extendLimits' },
      }),
    )
  }

  edit(changes: RecordChanges, options?: CommandOptions): Promise<{ readonly revision: number }> {
    return this.#edit(changes, undefined, options)
  }

  /** `content` is what a retry is compared by, when the edits alone would differ from one call to the next. */
  async #edit(
    changes: RecordChanges,
    content: unknown,
    options: CommandOptions | undefined,
  ): Promise<{ readonly revision: number }> {
    const { edits, parentId } = parseEdit(changes, this.#port.bounds)
    if (parentId != null) this.#port.checkParent(this.id, parentId, this.record)
    return revisionOf(
      await this.#submit('edit', options, () => JSON.stringify(content ?? edits), {
        event: (at) => ({ type: 'edit', at }),
        stored: { type: 'edit' },
        edits,
      }),
    )
  }
  setContext(key: string, value: unknown, options?: CommandOptions): Promise<{ readonly revision: number }> {
    return this.edit({ context: single(key, value) }, options)
  }
  removeContext(key: string, options?: CommandOptions): Promise<{ readonly revision: number }> {
    return this.edit({ context: single(key, undefined) }, options)
  }
  setMetadata(key: string, value: unknown, options?: CommandOptions): Promise<{ readonly revision: number }> {
    return this.edit({ metadata: single(key, value) }, options)
  }
  addTag(tag: string, options?: CommandOptions): Promise<{ readonly revision: number }> {
    const { decided } = this.#resident
    const { tags } = decided === undefined ? this.record : recordOf(decided)
    return this.#edit({ tags: [...tags, tag] }, { addTag: tag }, options)
  }

  async #lead<C extends keyof typeof TARGETS>(
    command: C,
    event: (at: number) => SessionEvent,
    options: CommandOptions | undefined,
  ): Promise<Session<(typeof TARGETS)[C]>> {
    await this.#submit(command, options, () => '', { event, stored: { type: command } })
    return this.#handle(TARGETS[command]) as unknown as Session<(typeof TARGETS)[C]>
  }

  #submit(
    command: CommandName,
    options: CommandOptions | undefined,
    content: () => string,
    parts: Parts,
  ): Promise<Committed> {
    const parsed = parseCommandOptions(options, command)
    const { operationId } = parsed
    const operation =
      operationId === undefined ? undefined : { id: operationId, digest: digestOf(command, content()) }
    return this.#port.submit(this.#resident, {
      command,
      expected: this.state,
      options: parsed,
      operation,
      ...parts,
    })
  }

  #handle(state: Status): SessionHandle {
    return new SessionHandle(this.#resident, state, this.#port)
  }

  /** Never the content: what a log or a debugger shows of a handle. */
  toJSON(): { readonly id: string; readonly status: Status; readonly revision: number } {
    return { id: this.id, status: this.status, revision: this.revision }
  }
  /** The same, as `console.log` shows it. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `Session ${this.id} (${this.status}, revision ${this.revision})`
  }
}

function outcomeOf(status: Status): 'ended' | 'paused' {
  return isEnd(status) ? 'ended' : 'paused'
}

function appendedBy({ revision, status, entryIds, findings }: Committed): Appended {
  if (status !== null) return { kept: false, outcome: outcomeOf(status), revision, findings }
  return { kept: true, revision, entryId: entryIds[0] as string, entryIds, notices: findings }
}

function revisionOf(done: Committed): { readonly revision: number } {
  return { revision: done.revision }
}

/** One pair as an object, whatever the key is called. */
function single(key: string, value: unknown): { readonly [key: string]: unknown } {
  const result: Record<string, unknown> = {}
  Object.defineProperty(result, key, { value, enumerable: true, configurable: true, writable: true })
  return result
}
