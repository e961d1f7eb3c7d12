/**
 * Where everything of a thread is: its checkpoints by namespace and id, their parents, and the writes of their tasks.
 *   TI1  Made of the entries of the session alone, in their order; folding an entry again changes nothing.
 *   TI2  The newest checkpoint of a namespace is the one with the greatest id: ids are made in the order of time.
 *   TI3  A regular write of a task is kept once, the first; special ones are replaced and keep their place.
 * Values stay in the store.
 */
import type { Entry } from '../../index.ts'
import { storedIn, type StoredCheckpoint, type StoredWrites } from './stored.ts'

/** Where an entry with its pieces is. */
export interface Place {
  readonly position: number
  readonly revision: number
  readonly pieces: number
}

/** A channel of a checkpoint and the checkpoint that holds its value. */
export interface ChannelPlace {
  readonly version: string | number | null
  readonly heldBy: string
}

/** A checkpoint. */
export interface CheckpointRow {
  readonly id: string
  readonly parent: string | null
  readonly place: Place
  /** Only of the newest of its namespace: what the next one is compared with. */
  channels: ReadonlyMap<string, ChannelPlace> | undefined
}

/** A write of a task: the one at `slot` in its entry. */
export interface WriteRow {
  readonly task: string
  readonly index: number
  readonly channel: string
  readonly place: Place
  readonly slot: number
}

/** What one namespace of a thread holds. */
export interface Namespace {
  readonly checkpoints: Map<string, CheckpointRow>
  /** By checkpoint; a checkpoint's writes may come before itself. */
  readonly writes: Map<string, Map<string, WriteRow>>
  newest: CheckpointRow | undefined
}

/** The key of a write within its checkpoint. */
export function writeKey(task: string, index: number): string {
  return `${index} ${task}`
}

/** The channels of a stored checkpoint and who holds each. */
export function channelsOf({ id, channels }: StoredCheckpoint): Map<string, ChannelPlace> {
  return new Map(
    channels.map(([name, version, value]) => [name, { version, heldBy: 'in' in value ? value.in : id }]),
  )
}

/** The index of one thread. */
export class ThreadIndex {
  readonly namespaces = new Map<string, Namespace>()
  /** The newest revision that is folded in. */
  revision = 0

  /** The writes of a checkpoint, in the order made. */
  writesOf(ns: string, id: string): WriteRow[] {
    return [...(this.namespaces.get(ns)?.writes.get(id)?.values() ?? [])]
  }

  /** Takes in one entry. @throws FORMAT_TOO_NEW */
  fold(entry: Entry, position: number, revision: number): void {
    const content = storedIn(entry)
    if (content === undefined) return
    const { ns } = content
    let space = this.namespaces.get(ns)
    if (space === undefined) {
      space = { checkpoints: new Map(), writes: new Map(), newest: undefined }
      this.namespaces.set(ns, space)
    }
    const place = { position, revision, pieces: content.pieces }
    if ('task' in content) foldWrites(space, content, place)
    else foldCheckpoint(space, content, place)
  }
}

function foldCheckpoint(space: Namespace, content: StoredCheckpoint, place: Place): void {
  const { id, parent } = content
  const row: CheckpointRow = { id, parent, place, channels: undefined }
  space.checkpoints.set(id, row)
  if (space.newest !== undefined && space.newest.id > id) return // TI2
  if (space.newest !== undefined) space.newest.channels = undefined
  row.channels = channelsOf(content)
  space.newest = row
}

function foldWrites(space: Namespace, content: StoredWrites, place: Place): void {
  const { id, task } = content
  let rows = space.writes.get(id)
  if (rows === undefined) {
    rows = new Map()
    space.writes.set(id, rows)
  }
  for (const [slot, [channel, index]] of content.writes.entries()) {
    const key = writeKey(task, index)
    if (index >= 0 && rows.has(key)) continue // TI3
    rows.set(key, { task, index, channel, place, slot })
  }
}
