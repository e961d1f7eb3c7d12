/**
 * What the saver keeps in a transcript: system events whose content is one checkpoint, the writes of one task, or a piece.
 *   LS1  A checkpoint holds the channels that changed; the others name the checkpoint that holds them.
 *   LS2  Pieces follow their entry within the same change, so that all of it is there or none of it.
 *   LS3  Content of a newer layout is refused, content of another shape is somebody else's.
 */
import { isJsonObject, sessionError } from '../../index.ts'
import type { Entry, Json } from '../../index.ts'
import type { Packed } from './packing.ts'

/** The layout that is written. */
export const LAYOUT = 1

/** The event of an entry that holds a checkpoint. */
export const CHECKPOINT_EVENT = 'langgraph.checkpoint'
/** The event of an entry that holds writes of a task. */
export const WRITES_EVENT = 'langgraph.writes'
/** The event of an entry that holds a part of a value. */
export const PIECE_EVENT = 'langgraph.piece'

/** A channel of a checkpoint: its version, and its value or the id of the checkpoint that holds it (LS1). */
export type StoredChannel = readonly [
  name: string,
  version: string | number | null,
  value: Packed | { readonly in: string },
]

/** A write of a task; special ones have fixed negative indices. */
export type StoredWrite = readonly [channel: string, index: number, value: Packed]

/** What checkpoint and writes have in common: which checkpoint they belong to, and how many pieces follow. */
interface StoredBase {
  readonly layout: number
  readonly ns: string
  readonly id: string
  readonly pieces: number
}

/** Content of a checkpoint's entry. */
export interface StoredCheckpoint extends StoredBase {
  readonly parent: string | null
  readonly checkpoint: Packed
  readonly metadata: Packed
  readonly channels: readonly StoredChannel[]
}

/** Content of an entry with writes. */
export interface StoredWrites extends StoredBase {
  readonly task: string
  readonly writes: readonly StoredWrite[]
}

const isText = (value: Json | undefined): boolean => typeof value === 'string'
const isTuples = (value: Json | undefined): boolean =>
  Array.isArray(value) && value.every((item) => Array.isArray(item) && item.length === 3)

/** The checkpoint or writes that an entry holds; undefined when it holds neither (LS3). @throws FORMAT_TOO_NEW */
export function storedIn(entry: Entry): StoredCheckpoint | StoredWrites | undefined {
  if (entry.type !== 'system_event' || !isJsonObject(entry.content)) return undefined
  const { content, event } = entry
  if (event !== CHECKPOINT_EVENT && event !== WRITES_EVENT) return undefined
  const { layout } = content
  if (typeof layout === 'number' && layout > LAYOUT) {
    throw sessionError('FORMAT_TOO_NEW', { file: `entry ${entry.id}`, found: layout, supported: LAYOUT })
  }
  if (layout !== LAYOUT || !isText(content['ns']) || !isText(content['id'])) return undefined
  const fits =
    event === CHECKPOINT_EVENT
      ? isTuples(content['channels']) && (content['parent'] === null || isText(content['parent']))
      : isTuples(content['writes']) && isText(content['task'])
  return fits ? (content as unknown as StoredCheckpoint | StoredWrites) : undefined
}
