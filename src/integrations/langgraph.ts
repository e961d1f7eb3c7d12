/**
 * A checkpoint saver for LangGraph on sessions: a thread is a session, checkpoints and writes are changes of it.
 *   LG1  `put` and `putWrites` resolve when their change is durable; it is one revision, all or nothing.
 *   LG2  A thread does not fork by accident: of two writers that continue one checkpoint the second is refused.
 *   LG3  The same checkpoint put again is answered and not written; so are writes that are kept already.
 *   LG4  Savers of one runtime see the same; a saver keeps nothing that a restart would lose, but what it told its readers.
 */
import { isDeepStrictEqual } from 'node:util'
import type { RunnableConfig } from '@langchain/core/runnables'
import type {
  ChannelVersions,
  Checkpoint,
  CheckpointListOptions,
  CheckpointMetadata,
  CheckpointTuple,
  DeltaChannelHistory,
  PendingWrite,
  SerializerProtocol,
} from '@langchain/langgraph-checkpoint'
import { isSessionError, sessionError } from '../index.ts'
import type { Appended, EntryDraft, Principal, Runtime, Session } from '../index.ts'
import { peer } from './langgraph/peer.ts'
import { Readings } from './langgraph/readings.ts'
import { configOf, refuseNewer, ThreadReader } from './langgraph/thread-reader.ts'
import { channelsOf, writeKey, type CheckpointRow, type ThreadIndex } from './langgraph/thread-index.ts'
import { sessionIdOf, threadIdOf, ThreadSessions } from './langgraph/thread-sessions.ts'
import type { ThreadCreateOptions } from './langgraph/thread-sessions.ts'
import { draftCheckpoint, writesEntries, type CheckpointDraft } from './langgraph/thread-writer.ts'
import { threadsOf, type Threads } from './langgraph/threads.ts'

/** How a saver works; everything has a default. */
export interface SessionwrightSaverOptions {
  /** Whose threads these are; those of others are as unknown. Without it all threads are seen. */
  readonly principal?: Principal
  /** What the session of a new thread is made with: limits, time to live, kind, tags … */
  readonly session?: ThreadCreateOptions
  /** LangGraph's own serializer by default. */
  readonly serde?: SerializerProtocol
}

/** Values are cut into pieces of this size, as JSON, unless the runtime's bounds are smaller. */
const PIECE_BYTES = 256 * 1024
const LEAST_PIECE_BYTES = 256

/** Which checkpoint a config names. */
interface Address {
  readonly threadId: string
  readonly sessionId: string
  readonly ns: string
  readonly id: string | null
}

/**
 * A LangGraph checkpoint saver on a runtime: one session for each thread, made when first written to.
 *
 * Commands of one thread may run concurrently, also of several savers; each put is decided on what is durable.
 *
 * @throws WRONG_STATE - the thread's session is paused or has ended.
 * @throws NOT_FOUND - the thread is another principal's. Reads answer as if there were none.
 * @throws REVISION_CONFLICT - somebody else continued the checkpoint first (LG2); read the thread again.
 * @throws LIMIT_REACHED - a limit of the session refuses the entries.
 * @throws FORMAT_TOO_NEW - a checkpoint of a version after 4.
 * @throws ENTRY_TOO_LARGE - a checkpoint larger than the runtime's `maxChangeBytes`.
 */
export class SessionwrightSaver extends peer.BaseCheckpointSaver {
  readonly #sessions: ThreadSessions
  readonly #threads: Threads
  readonly #readings = new Readings()
  #pieceBytes = PIECE_BYTES

  constructor(runtime: Runtime, options: SessionwrightSaverOptions = {}) {
    super(options.serde)
    this.#sessions = new ThreadSessions(runtime, options.principal ?? {}, options.session ?? {})
    this.#threads = threadsOf(runtime)
  }

  async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    if (config.configurable?.['thread_id'] === undefined) return undefined
    const { threadId, sessionId, ns, id } = addressOf(config, 'getTuple')
    const opened = await this.#open(sessionId)
    const space = opened?.index.namespaces.get(ns)
    const row = id === null ? space?.newest : space?.checkpoints.get(id)
    if (row === undefined) {
      if (id === null) this.#readings.toldEmpty(sessionId, ns)
      return undefined
    }
    if (row !== space?.newest) this.#readings.toldOlder(sessionId, ns, row.id)
    return opened?.reader.tuple(threadId, ns, row)
  }

  async *list(config: RunnableConfig, options: CheckpointListOptions = {}): AsyncGenerator<CheckpointTuple> {
    const { filter = {}, limit = Infinity } = options
    const before = options.before && textIn(options.before, 'checkpoint_id', 'list')
    let left = limit
    for (const { sessionId, ns, row } of await this.#rows(config)) {
      if (left <= 0) return
      if (before !== undefined && row.id >= before) continue
      const opened = await this.#open(sessionId)
      const metadata = (await opened?.reader.metadata(row)) as Record<string, unknown> | undefined
      if (opened === undefined || metadata === undefined) continue
      if (!Object.entries(filter).every(([key, value]) => isDeepStrictEqual(metadata[key], value))) continue
      const tuple = await opened.reader.tuple(threadIdOf(opened.session), ns, row)
      if (tuple === undefined) continue
      // A replay looks for the checkpoint of a subgraph this way, and goes on from it.
      if (before !== undefined) this.#readings.toldOlder(sessionId, ns, row.id)
      left -= 1
      yield tuple
    }
  }

  async put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions: ChannelVersions,
  ): Promise<RunnableConfig> {
    const { threadId, sessionId, ns, id: from } = addressOf(config, 'put')
    refuseNewer(checkpoint)
    const draft = draftCheckpoint(this.serde, { ns, from }, checkpoint, metadata, newVersions)
    const isCopy = metadata.source === 'fork'
    await this.#threads.inTurn(sessionId, () => this.#put(threadId, draft, isCopy))
    return configOf(threadId, ns, checkpoint.id)
  }

  async putWrites(config: RunnableConfig, writes: PendingWrite[], taskId: string): Promise<void> {
    const { threadId, ns, id } = addressOf(config, 'putWrites')
    if (id === null) throw invalid('putWrites', 'checkpoint_id', 'it is missing')
    const serialized = await Promise.all(
      writes.map(async ([channel, value], position) => ({
        channel,
        index: peer.WRITES_IDX_MAP[channel] ?? position,
        typed: await this.serde.dumpsTyped(value),
      })),
    )
    for (;;) {
      const session = await this.#sessions.ready(threadId)
      const known = (await this.#threads.open(session)).namespaces.get(ns)?.writes.get(id)
      const unknown = serialized.filter(
        ({ index }) => index < 0 || known?.has(writeKey(taskId, index)) !== true,
      )
      if (unknown.length === 0) return // LG3
      const entries = writesEntries({ ns, id, task: taskId }, unknown, this.#pieceBytes)
      if (await this.#append(session, entries)) return
    }
  }

  async deleteThread(threadId: string): Promise<void> {
    const sessionId = sessionIdOf(threadId)
    await this.#threads.inTurn(sessionId, () => this.#sessions.delete(sessionId))
    this.#readings.forget(sessionId)
  }

  override async getDeltaChannelHistory(options: {
    config: RunnableConfig
    channels: string[]
  }): Promise<Record<string, DeltaChannelHistory>> {
    const { config, channels } = options
    const { sessionId, ns, id } = addressOf(config, 'getDeltaChannelHistory')
    const opened = await this.#open(sessionId)
    if (opened === undefined) return Object.fromEntries(channels.map((name) => [name, { writes: [] }]))
    const space = opened.index.namespaces.get(ns)
    return opened.reader.history(ns, id === null ? space?.newest : space?.checkpoints.get(id), channels)
  }

  async #put(threadId: string, draft: CheckpointDraft, isCopy: boolean): Promise<void> {
    const { ns, id, from } = draft
    for (;;) {
      const session = await this.#sessions.ready(threadId)
      const index = await this.#threads.open(session)
      const reader = new ThreadReader(session, index, this.serde)
      const rows = index.namespaces.get(ns)?.checkpoints
      const known = rows?.get(id)
      const fromRow = from === null ? undefined : rows?.get(from)
      const parent = from === id ? (known?.parent ?? null) : from
      const held = fromRow && (fromRow.channels ?? (await channelsAt(reader, fromRow)))
      const entries = await draft.entries(parent, held, this.#pieceBytes)
      if (known !== undefined && (await isKept(reader, known, entries))) return // LG3
      // From here to the append nothing is awaited: what is decided on is what the revision stands for.
      const space = index.namespaces.get(ns)
      const isAgain = known !== undefined && known.parent === parent && space?.newest?.id === id
      const allowed = isCopy || isAgain || this.#readings.allows(session.id, ns, space, from)
      if (!allowed) {
        this.#readings.used(session.id, ns, from)
        const expected = fromRow?.place.revision ?? 0
        throw sessionError('REVISION_CONFLICT', { sessionId: session.id, expected, actual: index.revision })
      }
      if (await this.#append(session, entries, index.revision)) {
        this.#readings.used(session.id, ns, from)
        return
      }
    }
  }

  /** Appends as one revision; false when it has to be tried again on what is there by then, or in smaller pieces. */
  async #append(
    session: Session<'active'>,
    entries: readonly EntryDraft[],
    expectedRevision?: number,
  ): Promise<boolean> {
    let appended: Appended
    try {
      appended = await session.appendAll(entries, expectedRevision === undefined ? {} : { expectedRevision })
    } catch (error) {
      if (isSessionError(error, 'REVISION_CONFLICT')) return false
      if (!isSessionError(error, 'ENTRY_TOO_LARGE')) throw error
      const { maxBytes } = error.details as { readonly maxBytes: number }
      const pieceBytes = Math.max(LEAST_PIECE_BYTES, Math.floor(maxBytes / 4))
      if (pieceBytes >= this.#pieceBytes) throw error
      this.#pieceBytes = pieceBytes
      return false
    }
    if (appended.kept) return true
    throw sessionError('LIMIT_REACHED', { sessionId: session.id, findings: appended.findings })
  }

  async #open(
    sessionId: string,
  ): Promise<{ session: Session; index: ThreadIndex; reader: ThreadReader } | undefined> {
    const session = await this.#sessions.find(sessionId)
    if (session === undefined) return undefined
    const index = await this.#threads.open(session)
    return { session, index, reader: new ThreadReader(session, index, this.serde) }
  }

  /** The checkpoints that a config names, newest first. */
  async #rows(config: RunnableConfig): Promise<{ sessionId: string; ns: string; row: CheckpointRow }[]> {
    const threadId: unknown = config.configurable?.['thread_id']
    const ns = textIn(config, 'checkpoint_ns', 'list')
    const id = textIn(config, 'checkpoint_id', 'list')
    const rows: { sessionId: string; ns: string; row: CheckpointRow }[] = []
    const sessionIds = threadId === undefined ? this.#sessions.ids() : [sessionIdOf(threadId)]
    for await (const sessionId of sessionIds) {
      for (const [name, space] of (await this.#open(sessionId))?.index.namespaces ?? []) {
        if (ns !== undefined && ns !== name) continue
        for (const row of space.checkpoints.values()) {
          if (id === undefined || id === '' || id === row.id) rows.push({ sessionId, ns: name, row })
        }
      }
    }
    return rows.sort((a, b) => (a.row.id < b.row.id ? 1 : a.row.id > b.row.id ? -1 : 0))
  }
}

async function channelsAt(reader: ThreadReader, row: CheckpointRow) {
  const stored = await reader.stored(row)
  return stored && channelsOf(stored)
}

async function isKept(
  reader: ThreadReader,
  { place }: CheckpointRow,
  entries: readonly EntryDraft[],
): Promise<boolean> {
  const kept = await reader.drafted(place)
  return isDeepStrictEqual(
    kept?.map(({ content }) => content),
    entries.map(({ content }) => content),
  )
}

function addressOf(config: RunnableConfig, command: string): Address {
  const threadId: unknown = config.configurable?.['thread_id']
  const sessionId = sessionIdOf(threadId)
  const ns = textIn(config, 'checkpoint_ns', command) ?? ''
  const id = textIn(config, 'checkpoint_id', command) || textIn(config, 'thread_ts', command) || null
  return { threadId: threadId as string, sessionId, ns, id }
}

function textIn(config: RunnableConfig, key: string, command: string): string | undefined {
  const value: unknown = config.configurable?.[key]
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined
  throw invalid(command, key, `it is ${typeof value}, not a string`)
}

function invalid(command: string, key: string, reason: string): Error {
  return sessionError('COMMAND_INVALID', { command, path: ['configurable', key], reason })
}
