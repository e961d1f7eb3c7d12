/**
 * The composition root: store, clock, ids and machines become a runtime.
 *   U3  While it recovers nothing is decided; overdue deadlines fire once, right after.
 *   U4  Closing drains: no command is taken any more, those on their way are acknowledged, then the store lets go.
 */
import { isSessionError, sessionError } from '../errors.ts'
import { jsonCopy } from '../json.ts'
import type { Change, StoredState } from '../store/change.ts'
import { openJsonStore } from '../store/json-store/json-store.ts'
import type { SessionStore } from '../store/store.ts'
import { ActorHost } from './actors.ts'
import { systemClock, type Clock } from './clock.ts'
import { parseCommandOptions } from './commands.ts'
import { CommitRoad, type Committed, type Request } from './commit.ts'
import { Creations } from './creation.ts'
import { DeadlineScheduler } from './deadlines.ts'
import { checkParent, deleteSession, eraseSessions, pruneSessions, type DeletionPort } from './deletion.ts'
import { digestOf } from './operations.ts'
import type { SessionDocument } from './document.ts'
import { stateAt } from './history.ts'
import { parseId, systemIds } from './ids.ts'
import { listSessions } from './listing.ts'
import { Observers } from './observers.ts'
import { soundState, statusOf, type Resident } from './resident.ts'
import { Residents } from './residents.ts'
import { belongsTo, PruneThrottle } from './retention.ts'
import type {
  CreateOptions,
  DeleteOptions,
  EraseOptions,
  EraseReport,
  EraseTarget,
  FeedQuery,
  ListQuery,
  Logger,
  Observation,
  Principal,
  PruneOptions,
  PruneReport,
  Runtime,
  RuntimeOptions,
  RuntimeStats,
  SessionPage,
} from './runtime.ts'
import { SessionHandle } from './session-handle.ts'
import type { SessionPort } from './session-port.ts'
import type { CommandOptions, Session, SessionChange } from './session.ts'
import { feedChanges, Wakers } from './subscriptions.ts'
import { documentOf } from './transfer.ts'

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** How long a deadline waits that could not be written because there was no room. */
const TELL_AGAIN_MS = 1000

/** How often a read-only runtime looks for news while somebody follows. */
const LOOK_EVERY_MS = 200

/**
 * Opens a runtime on a folder (`dir`) or a store of your own (`store`): recovers what is durable, fires what is overdue.
 *
 * One process owns a store at a time; others may open it with `readOnly: true`.
 *
 * @throws STORE_LOCKED, STORE_NOT_FOUND, STORE_UNSAFE, FORMAT_TOO_NEW - nothing was touched.
 */
export async function openRuntime(options: RuntimeOptions): Promise<Runtime> {
  if ((options.dir === undefined) === (options.store === undefined)) {
    throw new TypeError('openRuntime needs either `dir` or `store`.')
  }
  const clock = options.clock ?? systemClock
  const ids = options.ids ?? systemIds
  const logger = options.logger ?? SILENT
  const store =
    options.store ?? openJsonStore({ dir: options.dir as string, clock, unique: () => ids.session(), logger })
  const runtime = new LocalRuntime(options, { store, clock, logger })
  await runtime.start()
  return runtime
}

class LocalRuntime implements Runtime {
  readonly #store: SessionStore
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #readOnly: boolean
  readonly #host: ActorHost
  readonly #road: CommitRoad
  readonly #residents: Residents
  readonly #deadlines: DeadlineScheduler
  readonly #creations: Creations
  readonly #port: SessionPort & DeletionPort
  readonly #wakers = new Wakers()
  readonly #observers: Observers
  readonly #autoPrune: { readonly options: PruneOptions; readonly throttle: PruneThrottle } | undefined
  #looking = false
  #closing: Promise<void> | undefined

  constructor(
    options: RuntimeOptions,
    doors: { readonly store: SessionStore; readonly clock: Clock; readonly logger: Logger },
  ) {
    const { store, clock, logger } = doors
    const ids = options.ids ?? systemIds
    const bounds = {
      maxEntryBytes: options.maxEntryBytes ?? 1024 * 1024,
      maxChangeBytes: options.maxChangeBytes ?? 8 * 1024 * 1024,
    }
    this.#store = store
    this.#clock = clock
    this.#logger = logger
    this.#readOnly = options.readOnly ?? false
    this.#observers = new Observers(logger)
    this.#host = new ActorHost({ policy: options.limitPolicy })
    this.#road = new CommitRoad({
      store,
      host: this.#host,
      clock,
      logger,
      maxPending: options.maxPendingCommands ?? 65_536,
      restartIntensity: options.restartIntensity ?? { maxRestarts: 3, withinMs: 60_000 },
      acknowledged: (resident, change) => this.#acknowledged(resident, change),
      deadlineLost: (resident, error) => this.#tellLater(resident.id, error),
      failed: (code) => this.#host.supervisor.send({ type: 'fail', code }),
    })
    this.#residents = new Residents(store, options.maxLiveActors ?? 1000, (resident) =>
      this.#road.drop(resident),
    )
    this.#deadlines = new DeadlineScheduler(clock, (sessionId) => this.#wake(sessionId))
    this.#port = {
      store,
      clock,
      ids,
      bounds,
      road: this.#road,
      residents: this.#residents,
      now: () => clock.now(),
      isInDoubt: () => this.#host.supervisor.getSnapshot().value === 'failed',
      ready: (resident, command) => this.#ready(resident, command),
      submit: (resident, request) => this.#submit(resident, request),
      checkParent: (sessionId, parentId, owner) => {
        checkParent(this.#port, sessionId, parentId, owner)
      },
    }
    this.#creations = new Creations({ ...this.#port, host: this.#host })
    if (options.autoPrune !== undefined) {
      const { cooldownMs, ...prune } = options.autoPrune
      this.#autoPrune = { options: prune, throttle: new PruneThrottle(cooldownMs) }
    }
  }

  async start(): Promise<void> {
    const { supervisor } = this.#host
    supervisor.send({ type: 'start' })
    try {
      await this.#store.open({ readOnly: this.#readOnly })
    } catch (error) {
      supervisor.send({ type: 'fail', code: (error as { code?: string }).code ?? 'INTERNAL' })
      this.#host.stop()
      throw error
    }
    supervisor.send({ type: 'recovered' })
    if (this.#readOnly) return
    const waiting = this.#store.dueHeads?.() ?? this.#store.heads()
    for (const { sessionId, summary } of waiting) this.#deadlines.set(sessionId, summary.dueAt) // U3
  }

  async create(options: CreateOptions = {}, command?: CommandOptions): Promise<Session<'created'>> {
    this.#writable('create')
    return this.#handle(
      await this.#creations.create(options, command),
      'created',
    ) as unknown as Session<'created'>
  }

  async import(document: unknown, command?: CommandOptions): Promise<Session> {
    this.#writable('import')
    return this.#present(await this.#creations.import(document, command))
  }

  async get(sessionId: string, principal?: Principal): Promise<Session> {
    return this.#present((await this.#find('get', sessionId, principal)).resident)
  }

  async getOrCreate(
    sessionId: string | undefined,
    options: CreateOptions = {},
    command?: CommandOptions,
  ): Promise<Session> {
    this.#writable('getOrCreate')
    if (sessionId === undefined) return (await this.create(options, command)) as Session
    const id = parseId(sessionId)
    const resident = await this.#residents.summon(id)
    await resident.tail?.catch(() => undefined)
    if (resident.durable === undefined) {
      try {
        return (await this.create({ ...options, id }, command)) as Session
      } catch (error) {
        // Somebody else made it in the meantime.
        if (!isSessionError(error, 'SESSION_EXISTS')) throw error
      }
    }
    const principal = { tenantId: options.tenantId ?? null, userId: options.userId ?? null }
    if (resident.durable === undefined || !belongsTo(resident.durable.summary, principal)) {
      throw sessionError('NOT_FOUND', { sessionId: id })
    }
    return this.#present(resident)
  }

  has(sessionId: string, principal?: Principal): boolean {
    this.#open('has')
    const head = this.#store.head(parseId(sessionId))
    return head !== undefined && belongsTo(head.summary, principal)
  }

  async list(query: ListQuery = {}): Promise<SessionPage> {
    this.#open('list')
    await this.#store.refresh()
    // What a reader holds in memory may be older than what it would read.
    const atHand = (id: string) => (this.#readOnly ? undefined : this.#residents.peek(id)?.durable)
    const source = { store: this.#store, now: this.#clock.now(), atHand }
    return listSessions(source, query)
  }

  async delete(sessionId: string, options: DeleteOptions = {}): Promise<boolean> {
    this.#writable('delete')
    const id = parseId(sessionId)
    const deleted = await deleteSession(this.#port, id, options)
    if (deleted) this.#logger.info({ sessionId: id }, 'session deleted')
    return deleted
  }

  async erase(target: EraseTarget, options: EraseOptions = {}): Promise<EraseReport> {
    this.#writable('erase')
    if ('sessionId' in target) parseId(target.sessionId)
    return eraseSessions(this.#port, target, options)
  }

  async prune(options: PruneOptions = {}): Promise<PruneReport> {
    if (options.dryRun === true) this.#open('prune')
    else this.#writable('prune')
    return this.#prune(options)
  }

  async release(sessionId: string, options?: CommandOptions): Promise<Session> {
    this.#writable('release')
    const command = parseCommandOptions(options, 'release')
    const resident = await this.#summon(parseId(sessionId))
    await this.#ready(resident, command)
    if (resident.decided === undefined) throw sessionError('NOT_FOUND', { sessionId })
    if (resident.decided.facts.quarantine !== null) {
      const { operationId } = command
      const operation =
        operationId === undefined ? undefined : { id: operationId, digest: digestOf('release', '') }
      await this.#road.decree(resident, { event: { type: 'released' }, operation, quarantine: null })
      this.#host.supervisor.send({ type: 'sessionReleased' })
    }
    return this.#present(resident)
  }

  newestCursor(): string | undefined {
    this.#open('newestCursor')
    return this.#store.newest()
  }

  changes(query: FeedQuery = {}): AsyncIterable<SessionChange & { readonly cursor: string }> {
    this.#open('changes')
    this.#lookForNews()
    return feedChanges(this.#store, query, this.#wakers)
  }

  observe(observer: (observation: Observation) => void): () => void {
    return this.#observers.add(observer)
  }

  async stateAt(sessionId: string, revision?: number, principal?: Principal): Promise<StoredState> {
    const { state } = await this.#find('stateAt', sessionId, principal)
    // What is in memory is not read back; what is given away is the caller's own.
    if (revision === undefined || revision === state.revision) return jsonCopy(state)
    return stateAt(this.#store, state.sessionId, revision)
  }

  async export(sessionId: string, principal?: Principal): Promise<SessionDocument> {
    return documentOf(this.#store, (await this.#find('export', sessionId, principal)).state)
  }

  async checkpoint(): Promise<void> {
    this.#writable('checkpoint')
    await this.#store.checkpoint()
  }

  async compact(): Promise<{ readonly freedBytes: number }> {
    this.#writable('compact')
    return { freedBytes: await this.#store.compact() }
  }

  stats(): RuntimeStats {
    const snapshot = this.#host.supervisor.getSnapshot()
    return {
      status: snapshot.value,
      readOnly: this.#readOnly,
      residentSessions: this.#residents.size,
      liveActors: this.#host.live,
      pendingCommands: this.#road.pending,
      deadlines: this.#deadlines.size,
      restarts: this.#road.restarts,
      quarantined: snapshot.context.quarantined,
      store: this.#store.stats(),
    }
  }

  close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#shutDown() // U4
    const { timeoutMs } = options
    return timeoutMs === undefined ? this.#closing : this.#within(this.#closing, timeoutMs)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #shutDown(): Promise<void> {
    const { supervisor } = this.#host
    supervisor.send({ type: 'drain' })
    this.#road.closed = true
    this.#deadlines.stop()
    this.#wakers.end()
    this.#residents.endStreams()
    try {
      await this.#store.close()
    } finally {
      this.#residents.dropAll()
      supervisor.send({ type: 'stopped' })
      this.#host.stop()
    }
  }

  #within(work: Promise<void>, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.wakeAt(this.#clock.now() + timeoutMs, () => {
        reject(sessionError('CLOSE_TIMEOUT', { pending: this.#road.pending, timeoutMs }))
      })
      work.then(resolve, reject).finally(() => {
        timer.cancel()
      })
    })
  }

  #open(command: string): void {
    if (this.#closing !== undefined) throw sessionError('RUNTIME_CLOSED', { command })
  }

  #writable(command: string): void {
    this.#open(command)
    if (this.#readOnly) throw sessionError('READ_ONLY', { command })
  }

  /** A session and its last acknowledged state. @throws NOT_FOUND also when it is somebody else's */
  async #find(
    command: string,
    sessionId: string,
    principal: Principal | undefined,
  ): Promise<{ readonly resident: Resident; readonly state: StoredState }> {
    const id = parseId(sessionId)
    this.#open(command)
    const resident = await this.#summon(id)
    const state = resident.durable
    if (state === undefined || !belongsTo(state.summary, principal))
      throw sessionError('NOT_FOUND', { sessionId: id })
    return { resident, state }
  }

  /** A read-only runtime shows the store, not a memory of it. */
  async #summon(id: string): Promise<Resident> {
    const isKnown = this.#residents.peek(id) !== undefined
    const resident = await this.#residents.summon(id)
    if (this.#readOnly && isKnown) {
      const state = soundState(await this.#store.state(id))
      resident.durable = state
      resident.decided = state
      resident.last = state ?? resident.last
    }
    return resident
  }

  #present(resident: Resident): Session {
    const { durable } = resident
    if (durable === undefined) throw sessionError('NOT_FOUND', { sessionId: resident.id })
    return this.#handle(resident, statusOf(durable)) as unknown as Session
  }

  #handle(resident: Resident, state: SessionHandle['state']): SessionHandle {
    this.#lookForNews()
    return new SessionHandle(resident, state, this.#port)
  }

  #submit(resident: Resident, request: Request): Promise<Committed> {
    if (this.#readOnly) return Promise.reject(sessionError('READ_ONLY', { command: request.command }))
    this.#residents.touch(resident)
    const isReady =
      resident.waiting === undefined && (request.operation === undefined || resident.operations.complete)
    return isReady && resident.late === 0
      ? this.#road.submit(resident, request)
      : this.#submitInTurn(resident, request, isReady)
  }

  /** A command that waits, and those made until it is answered: one promise more each, so that order is kept (R3). */
  #submitInTurn(resident: Resident, request: Request, isReady: boolean): Promise<Committed> {
    resident.late += 1
    const answered = (): void => {
      resident.late -= 1
    }
    return new Promise<Committed>((resolve, reject) => {
      const submit = (): void => {
        const answer = this.#road.submit(resident, request)
        answer.then(answered, answered)
        answer.then(resolve, reject)
      }
      if (isReady) submit()
      else
        this.#ready(resident, request.options).then(submit, (error: unknown) => {
          answered()
          reject(error as Error)
        })
    })
  }

  /** Reads a session's operations back before the first command that names one; commands behind it wait their turn. */
  #ready(resident: Resident, options: CommandOptions): Promise<void> {
    const before = resident.waiting ?? Promise.resolve()
    const needed = options.operationId !== undefined && !resident.operations.complete
    if (!needed && resident.waiting === undefined) return before
    const mine = before.then(() =>
      needed && !resident.operations.complete ? this.#residents.recallOperations(resident) : undefined,
    )
    const settled = mine.catch(() => undefined)
    resident.waiting = settled
    void settled.then(() => {
      if (resident.waiting === settled) resident.waiting = undefined
    })
    return mine
  }

  async #prune(options: PruneOptions): Promise<PruneReport> {
    const report = await pruneSessions(this.#port, options)
    const [deleted, failed] = [report.deleted.length, report.failed.length]
    if (!report.dryRun && deleted + failed > 0) this.#logger.info({ deleted, failed }, 'sessions pruned')
    return report
  }

  async #wake(sessionId: string): Promise<void> {
    try {
      this.#road.fireDue(await this.#residents.summon(sessionId))
    } catch (error) {
      this.#tellLater(sessionId, error)
    }
  }

  /** A deadline that could not be told now is told a little later, as long as anything can be written. */
  #tellLater(sessionId: string, error: unknown): void {
    this.#logger.warn({ sessionId, code: (error as { code?: string }).code }, 'a deadline could not be told')
    if (!isSessionError(error, 'STORE_FULL') && !isSessionError(error, 'STORE_BUSY')) return
    this.#deadlines.set(sessionId, this.#clock.now() + TELL_AGAIN_MS)
  }

  #acknowledged(resident: Resident, change: Change): void {
    this.#deadlines.set(resident.id, resident.durable?.summary.dueAt ?? null)
    if (change.event.type === 'quarantined') this.#host.supervisor.send({ type: 'sessionQuarantined' })
    resident.wakers.wake()
    this.#wakers.wake()
    this.#observers.tell(change, resident.durable)
    if (this.#autoPrune?.throttle.shouldPrune(this.#clock.now()) === true) {
      this.#prune(this.#autoPrune.options).catch((error: unknown) => {
        this.#logger.warn({ code: (error as { code?: string }).code }, 'background prune failed')
      })
    }
  }

  /** Read-only followers are woken by looking at the store now and then. */
  #lookForNews(): void {
    if (!this.#readOnly || this.#looking) return
    this.#looking = true
    const look = (): void => {
      if (this.#closing !== undefined) return
      this.#store
        .refresh()
        .then(() => {
          this.#wakers.wake()
          this.#residents.wakeStreams()
        })
        .catch((error: unknown) => {
          this.#logger.warn({ code: (error as { code?: string }).code }, 'the store could not be looked at')
        })
        .finally(() => {
          if (this.#closing === undefined) this.#clock.wakeAt(this.#clock.now() + LOOK_EVERY_MS, look)
        })
    }
    this.#clock.wakeAt(this.#clock.now() + LOOK_EVERY_MS, look)
  }
}
