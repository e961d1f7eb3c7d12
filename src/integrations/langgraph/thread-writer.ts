/**
 * What is appended for a checkpoint and for the writes of a task.
 *   LW1  A checkpoint holds the channels that changed; the others name the checkpoint that holds them.
 */
import type { Checkpoint, CheckpointMetadata, SerializerProtocol } from '@langchain/langgraph-checkpoint'
import { systemEvent } from '../../index.ts'
import type { EntryDraft } from '../../index.ts'
import { Packer, type Typed } from './packing.ts'
import { CHECKPOINT_EVENT, LAYOUT, WRITES_EVENT, type StoredChannel } from './stored.ts'
import type { ChannelPlace } from './thread-index.ts'

/** Versions of channels as LangGraph hands them over. */
type Versions = Readonly<Record<string, string | number>>

/** A checkpoint about to be put; what changed is serialized when it is handed over, whatever its owner does later. */
export interface CheckpointDraft {
  readonly ns: string
  readonly id: string
  /** The checkpoint it was made from: its parent, or itself when it is put again. */
  readonly from: string | null
  /** `held`: where the channels of `from` are; undefined when it is not kept here. */
  entries(
    parent: string | null,
    held: ReadonlyMap<string, ChannelPlace> | undefined,
    pieceBytes: number,
  ): Promise<EntryDraft[]>
}

/** Serializes a checkpoint. */
export function draftCheckpoint(
  serde: SerializerProtocol,
  at: { readonly ns: string; readonly from: string | null },
  checkpoint: Checkpoint,
  metadata: CheckpointMetadata,
  newVersions: Versions | undefined,
): CheckpointDraft {
  const { channel_values: given, ...skeleton } = checkpoint
  const values = { ...given } as Record<string, unknown>
  const versions = { ...checkpoint.channel_versions } as Versions
  const { id } = checkpoint
  const { ns, from } = at
  const isNew = (name: string): boolean =>
    newVersions === undefined || Object.hasOwn(newVersions, name) || !Object.hasOwn(versions, name)
  // Values that a checkpoint without a parent does not call new are another's, except in a copy, which calls none new.
  const holdsAll = from !== null || metadata.source === 'fork'
  const dump = (value: unknown): Promise<Typed> => serde.dumpsTyped(value)
  const fixed = Promise.all([dump(skeleton), dump(metadata)])
  const changed = new Map(
    Object.entries(values)
      .filter(([name]) => isNew(name))
      .map(([name, value]) => [name, dump(value)]),
  )
  // The first failure is told by `entries`; none of the others goes unheard.
  for (const promise of [fixed, ...changed.values()]) promise.catch(() => undefined)

  return {
    ns,
    id,
    from,
    async entries(parent, held, pieceBytes) {
      const packer = new Packer(pieceBytes)
      const [skeletonBytes, metadataBytes] = await fixed
      const [packedCheckpoint, packedMetadata] = [packer.pack(skeletonBytes), packer.pack(metadataBytes)]
      const channels: StoredChannel[] = []
      for (const name of new Set([...Object.keys(versions), ...Object.keys(values)])) {
        const version = Object.hasOwn(versions, name) ? (versions[name] ?? null) : null
        const own = changed.get(name)
        const before = own === undefined && !isNew(name) ? held?.get(name) : undefined
        // A checkpoint that is put again takes the place of its first entry, so it cannot leave anything there.
        if (before !== undefined && before.version === version && before.heldBy !== id) {
          channels.push([name, version, { in: before.heldBy }]) // LW1
        } else if (Object.hasOwn(values, name) && (own !== undefined || holdsAll)) {
          channels.push([name, version, packer.pack(await (own ?? dump(values[name])))])
        }
      }
      const content = {
        layout: LAYOUT,
        ns,
        id,
        parent,
        pieces: packer.pieces.length,
        checkpoint: packedCheckpoint,
        metadata: packedMetadata,
        channels,
      }
      return [systemEvent(CHECKPOINT_EVENT, content), ...packer.pieces]
    },
  }
}

/** A write with its index, serialized. */
export interface SerializedWrite {
  readonly channel: string
  readonly index: number
  readonly typed: Typed
}

/** The entries of a task's writes. */
export function writesEntries(
  at: { readonly ns: string; readonly id: string; readonly task: string },
  writes: readonly SerializedWrite[],
  pieceBytes: number,
): EntryDraft[] {
  const packer = new Packer(pieceBytes)
  const packed = writes.map(({ channel, index, typed }) => [channel, index, packer.pack(typed)] as const)
  const content = { layout: LAYOUT, ...at, pieces: packer.pieces.length, writes: packed }
  return [systemEvent(WRITES_EVENT, content), ...packer.pieces]
}
