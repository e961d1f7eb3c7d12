/**
 * Reading checkpoints back: values from the store, put together as LangGraph knows them.
 *   LR1  A channel's value comes from the checkpoint that holds it, so a fork sees its own past.
 *   LR2  Checkpoints older than version 4 get the sends that were pending at their parent; newer than 4 are refused.
 */
import type { RunnableConfig } from '@langchain/core/runnables'
import type {
  Checkpoint,
  CheckpointMetadata,
  CheckpointPendingWrite,
  CheckpointTuple,
  DeltaChannelHistory,
  SerializerProtocol,
} from '@langchain/langgraph-checkpoint'
import { isSessionError, sessionError } from '../../index.ts'
import type { EntryDraft, Json, Session } from '../../index.ts'
import { unpack, type Packed } from './packing.ts'
import { peer } from './peer.ts'
import { storedIn, type StoredCheckpoint, type StoredWrites } from './stored.ts'
import type { CheckpointRow, Place, ThreadIndex, WriteRow } from './thread-index.ts'

/** The newest version of LangGraph's checkpoints that is understood. */
export const CHECKPOINT_VERSION = 4

/** @throws FORMAT_TOO_NEW when a checkpoint is of a newer version (LR2) */
export function refuseNewer({ v, id }: Checkpoint): void {
  if (v <= CHECKPOINT_VERSION) return
  throw sessionError('FORMAT_TOO_NEW', { file: `checkpoint ${id}`, found: v, supported: CHECKPOINT_VERSION })
}

/** An entry and the pieces that follow it. */
interface Loaded<Stored> {
  readonly stored: Stored
  readonly pieces: readonly Json[]
}

/** The config that names a checkpoint. */
export function configOf(threadId: string, ns: string, id: string): RunnableConfig {
  return { configurable: { thread_id: threadId, checkpoint_ns: ns, checkpoint_id: id } }
}

/** Reads one thread; each entry is read once by a reader, so one is made for each call. */
export class ThreadReader {
  readonly #session: Session
  readonly #index: ThreadIndex
  readonly #serde: SerializerProtocol
  readonly #loaded = new Map<number, Promise<Loaded<StoredCheckpoint | StoredWrites> | undefined>>()

  constructor(session: Session, index: ThreadIndex, serde: SerializerProtocol) {
    this.#session = session
    this.#index = index
    this.#serde = serde
  }

  /** A checkpoint's metadata; undefined when it was deleted in the meantime. */
  async metadata(row: CheckpointRow): Promise<CheckpointMetadata | undefined> {
    const loaded = await this.#checkpoint(row)
    return loaded && (await this.#value<CheckpointMetadata>(loaded.stored.metadata, loaded.pieces))
  }

  /** A checkpoint as LangGraph knows it; undefined when it was deleted in the meantime. */
  async tuple(threadId: string, ns: string, row: CheckpointRow): Promise<CheckpointTuple | undefined> {
    const loaded = await this.#checkpoint(row)
    if (loaded === undefined) return undefined
    const { stored, pieces } = loaded
    const checkpoint = await this.#value<Checkpoint>(stored.checkpoint, pieces)
    refuseNewer(checkpoint)
    checkpoint.channel_values = Object.fromEntries(
      await Promise.all(
        stored.channels.map(async ([name]) => [name, await this.#channel(ns, loaded, name)] as const),
      ),
    )
    if (checkpoint.v < CHECKPOINT_VERSION && row.parent !== null) {
      await this.#addPendingSends(checkpoint, ns, row.parent)
    }
    return {
      config: configOf(threadId, ns, row.id),
      checkpoint,
      metadata: await this.#value<CheckpointMetadata>(stored.metadata, pieces),
      pendingWrites: await this.#writes(this.#index.writesOf(ns, row.id)),
      ...(row.parent === null ? {} : { parentConfig: configOf(threadId, ns, row.parent) }),
    }
  }

  /** What a stored checkpoint says of its channels; undefined when it was deleted in the meantime. */
  async stored(row: CheckpointRow): Promise<StoredCheckpoint | undefined> {
    return (await this.#checkpoint(row))?.stored
  }

  /** The contents of an entry and its pieces, as they were appended. */
  async drafted(place: Place): Promise<readonly Pick<EntryDraft, 'content'>[] | undefined> {
    const loaded = await this.#load(place)
    return loaded && [{ content: loaded.stored }, ...loaded.pieces.map((content) => ({ content }))]
  }

  /** Writes and seed of delta channels along the ancestors of a checkpoint, the nearest seed ending each walk. */
  async history(
    ns: string,
    row: CheckpointRow | undefined,
    channels: readonly string[],
  ): Promise<Record<string, DeltaChannelHistory>> {
    const found = new Map(
      channels.map((name) => [name, { blocks: [] as CheckpointPendingWrite[][], seed: [] as unknown[] }]),
    )
    const open = new Set(channels)
    const rows = this.#index.namespaces.get(ns)?.checkpoints
    for (let id = row?.parent; id != null && open.size > 0;) {
      const ancestor = rows?.get(id)
      const loaded = ancestor && (await this.#checkpoint(ancestor))
      if (loaded === undefined) break
      const writes = this.#index.writesOf(ns, id).filter(({ channel }) => open.has(channel))
      writes.sort((a, b) => (a.task === b.task ? a.index - b.index : a.task < b.task ? -1 : 1))
      const values = await this.#writes(writes)
      for (const name of open)
        found.get(name)?.blocks.unshift(values.filter(([, channel]) => channel === name))
      for (const [name] of loaded.stored.channels) {
        if (open.delete(name)) found.get(name)?.seed.push(await this.#channel(ns, loaded, name))
      }
      id = ancestor?.parent
    }
    return Object.fromEntries(
      [...found].map(([name, { blocks, seed }]) => [
        name,
        { writes: blocks.flat(), ...(seed.length === 0 ? {} : { seed: seed[0] }) },
      ]),
    )
  }

  async #addPendingSends(checkpoint: Checkpoint, ns: string, parent: string): Promise<void> {
    const sends = this.#index.writesOf(ns, parent).filter(({ channel }) => channel === peer.TASKS)
    checkpoint.channel_values[peer.TASKS] = (await this.#writes(sends)).map(([, , value]) => value)
    checkpoint.channel_versions ??= {}
    const versions = Object.values(checkpoint.channel_versions)
    checkpoint.channel_versions[peer.TASKS] = versions.length > 0 ? peer.maxChannelVersion(...versions) : 1
  }

  async #writes(rows: readonly WriteRow[]): Promise<CheckpointPendingWrite[]> {
    const values = rows.map(async ({ task, channel, place, slot }) => {
      const loaded = (await this.#load(place)) as Loaded<StoredWrites> | undefined
      const packed = loaded?.stored.writes[slot]?.[2]
      return packed === undefined
        ? undefined
        : ([task, channel, await this.#value(packed, loaded?.pieces ?? [])] as CheckpointPendingWrite)
    })
    return (await Promise.all(values)).filter((write) => write !== undefined)
  }

  /** LR1 */
  async #channel(ns: string, from: Loaded<StoredCheckpoint>, name: string): Promise<unknown> {
    const value = from.stored.channels.find(([channel]) => channel === name)?.[2]
    if (value === undefined) return undefined
    if (!('in' in value)) return this.#value(value, from.pieces)
    const holder = this.#index.namespaces.get(ns)?.checkpoints.get(value.in)
    const loaded = holder && (await this.#checkpoint(holder))
    const held = loaded?.stored.channels.find(([channel]) => channel === name)?.[2]
    if (loaded === undefined || held === undefined || 'in' in held) {
      const reason = `checkpoint ${value.in} does not hold the channel that ${from.stored.id} takes from it`
      throw sessionError('INVARIANT_BROKEN', { rule: 'LS1', reason })
    }
    return this.#value(held, loaded.pieces)
  }

  #checkpoint(row: CheckpointRow): Promise<Loaded<StoredCheckpoint> | undefined> {
    return this.#load(row.place) as Promise<Loaded<StoredCheckpoint> | undefined>
  }

  #load(place: Place): Promise<Loaded<StoredCheckpoint | StoredWrites> | undefined> {
    const known = this.#loaded.get(place.position)
    if (known !== undefined) return known
    const loading = this.#read(place)
    this.#loaded.set(place.position, loading)
    return loading
  }

  async #read({
    position,
    revision,
    pieces,
  }: Place): Promise<Loaded<StoredCheckpoint | StoredWrites> | undefined> {
    const range = { fromRevision: revision, toRevision: revision }
    const contents: Json[] = []
    let stored: StoredCheckpoint | StoredWrites | undefined
    try {
      const after = position - 1
      for await (const entry of this.#session.entries({ ...range, after, before: position + pieces + 1 })) {
        if (entry.position === position) stored = storedIn(entry)
        else contents.push(entry.content)
      }
    } catch (error) {
      if (!isSessionError(error, 'NOT_FOUND')) throw error
    }
    return stored === undefined ? undefined : { stored, pieces: contents }
  }

  async #value<T = unknown>(packed: Packed, pieces: readonly Json[]): Promise<T> {
    return (await this.#serde.loadsTyped(...unpack(packed, pieces))) as T
  }
}
