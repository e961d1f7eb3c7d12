/**
 * Snapshots: the stored state of sessions at a revision, in 256 shards, each one lowdb document.
 *   SH1  A shard is replaced as a whole and durably; a crash leaves the old one or the new one.
 *   SH2  A shard whose bytes changed, or that this version cannot read, is not used and is reported; the journal holds
 *       everything it held.
 *   SH3  Session ids are data: only own keys are read or written.
 *   SH4  However many are read or written at once, in one turn of the event loop one is parsed or made into text, or a few in
 *        a hurry.
 * Whether a snapshot lies on the chain of its session is for the reader to check, by `position` and `revision`.
 */
import { crc32 } from 'node:zlib'
import type { Adapter } from 'lowdb'
import { Low } from 'lowdb'
import type { Json, JsonObject } from '../../json.ts'
import { getOwn, isJsonObject, setOwn } from '../../json.ts'
import { type FileSystem, readWhole, replaceFile } from '../file-system.ts'
import type { Facts, StoredState, Summary } from '../change.ts'
import type { Damage } from '../store.ts'
import { Turns } from '../turns.ts'
import type { GlancedSnapshot } from './shard-scan.ts'
import { glanceSnapshots } from './shard-scan.ts'

/** A stored state and the line that led to it. */
export interface Snapshot {
  readonly revision: number
  readonly facts: Facts
  readonly record: JsonObject
  readonly summary: Summary
  /** Segment and ordinal of the line of `revision`. */
  readonly position: readonly [segment: number, ordinal: number]
}

/** One shard as lowdb holds it. */
export interface ShardDocument {
  readonly format: number
  readonly sessions: Record<string, Snapshot>
}

/** The folder of the snapshots inside a store. */
export const SNAPSHOT_FOLDER = 'snapshots'

const FORMAT = 1

/** Parsed shards are kept in memory while their files together are no larger. */
const KEPT_BYTES = 16 << 20

/** The shard of a session: the first byte of the CRC32 of its id. */
export function shardOf(sessionId: string): number {
  return crc32(sessionId) >>> 24
}

/** Sessions by their shard. */
export function byShard(sessionIds: Iterable<string>): Map<number, string[]> {
  const shards = new Map<number, string[]>()
  for (const sessionId of sessionIds) {
    const shard = shardOf(sessionId)
    const others = shards.get(shard)
    if (others === undefined) shards.set(shard, [sessionId])
    else others.push(sessionId)
  }
  return shards
}

/** The file name of a shard, `00.json` to `ff.json`. */
export function shardFileName(shard: number): string {
  return `${shard.toString(16).padStart(2, '0')}.json`
}

/** The snapshot of a state at the line of `position`. */
export function snapshotOf(state: StoredState, position: { segment: number; ordinal: number }): Snapshot {
  const { revision, facts, record, summary } = state
  return { revision, facts, record, summary, position: [position.segment, position.ordinal] }
}

/** The state a snapshot holds. */
export function stateOf(sessionId: string, { revision, facts, record, summary }: Snapshot): StoredState {
  return { sessionId, revision, facts, record, summary }
}

/** What the snapshots need of the outside. */
export interface SnapshotsOptions {
  readonly files: FileSystem
  /** The folder of the shards; made when the first one is written. */
  readonly folder: string
  /** A string no other temporary file of the store bears. */
  readonly unique: () => string
}

/** A shard that was asked for so often while others were in memory is worth reading. */
const ASKED_OFTEN = 3

/** A shard in memory. */
interface Shard {
  /** In here already while it is being read. */
  readonly low: Promise<Low<ShardDocument>>
  /** Of its file, as far as it is known. */
  bytes: number
}

/** The shards of a store. Writes to one shard are made one after the other; reads may run beside them. */
export class Snapshots {
  readonly #files: FileSystem
  readonly #folder: string
  readonly #unique: () => string
  /** Newest use last. */
  readonly #shards = new Map<number, Shard>()
  #keptBytes = 0
  readonly #turns = new Turns()
  /** How often shards that are not in memory were asked for. */
  readonly #asked = new Map<number, number>()
  readonly #damage = new Map<string, Damage>()
  /** The newest write of each shard that is written to. */
  readonly #writing = new Map<number, Promise<unknown>>()
  #folderMade: Promise<void> | undefined

  constructor({ files, folder, unique }: SnapshotsOptions) {
    this.#files = files
    this.#folder = folder
    this.#unique = unique
  }

  /** How many shards are parsed or made into text in one turn of the loop from here on; 1 at first (SH4). */
  set atATurn(most: number) {
    this.#turns.most = most
  }

  /** The snapshot of a session; undefined when there is none or its shard cannot be used (SH2). */
  async get(sessionId: string): Promise<Snapshot | undefined> {
    return getOwn((await this.#shard(shardOf(sessionId))).data.sessions, sessionId)
  }

  /**
   * Whether the shard of a session is in memory, or was asked for often since it was. The first of all is near too: one
   * shard is read sooner than many lines by a program that is not warm yet.
   */
  isNear(sessionId: string): boolean {
    const shard = shardOf(sessionId)
    if (this.#shards.size === 0 || this.#shards.has(shard)) return true
    const asked = (this.#asked.get(shard) ?? 0) + 1
    this.#asked.set(shard, asked)
    return asked >= ASKED_OFTEN
  }

  /**
   * Puts snapshots into one shard and takes out the ids given as undefined; resolves with the bytes written, 0 when
   * there was nothing to do. All ids belong to `shard`.
   */
  update(shard: number, changes: ReadonlyMap<string, Snapshot | undefined>): Promise<number> {
    return this.#inTurn(shard, async () => {
      const low = await this.#shard(shard)
      const sessions = { ...low.data.sessions }
      let touched = false
      for (const [sessionId, snapshot] of changes) {
        touched ||= snapshot !== undefined || Object.hasOwn(sessions, sessionId)
        if (snapshot === undefined) delete sessions[sessionId]
        else setOwn(sessions, sessionId, snapshot)
      }
      return touched ? this.#write(shard, sessions) : 0
    })
  }

  /**
   * Takes sessions out of every file. A shard that cannot be used is removed: nobody can tell whether it holds them,
   * and the journal has the rest (SH2).
   */
  async erase(sessionIds: Iterable<string>): Promise<void> {
    for (const [shard, ids] of byShard(sessionIds))
      await this.#inTurn(shard, () => this.#eraseFrom(shard, ids))
  }

  async #eraseFrom(shard: number, ids: readonly string[]): Promise<void> {
    const { sessions } = (await this.#shard(shard)).data
    if (this.#damage.has(shardFileName(shard))) await this.#remove(shard)
    else if (ids.some((id) => Object.hasOwn(sessions, id))) {
      const kept = Object.entries(sessions).filter(([id]) => !ids.includes(id))
      await this.#write(shard, Object.fromEntries(kept))
    }
  }

  /** The shards that could not be used so far (SH2). */
  damage(): readonly Damage[] {
    return [...this.#damage.values()]
  }

  /** The ids in a shard; for checks that read everything. */
  async ids(shard: number): Promise<readonly string[]> {
    return Object.keys(await this.all(shard))
  }

  /**
   * The snapshots of a shard by a quick look that tells which hold these texts, for one that is not in memory and need not
   * stay there; undefined when it is, or when the quick look is not enough.
   */
  async glance(shard: number, texts: readonly Buffer[]): Promise<Map<string, GlancedSnapshot> | undefined> {
    if (texts.length === 0 || this.#shards.has(shard)) return undefined
    const bytes = await readWhole(this.#files, `${this.#folder}/${shardFileName(shard)}`)
    if (bytes === undefined) return undefined
    await this.#turns.take()
    return glanceShard(bytes, texts)
  }

  /** All snapshots of a shard, by session; to look at only, and by own keys (SH3). */
  async all(shard: number): Promise<Readonly<Record<string, Snapshot>>> {
    return (await this.#shard(shard)).data.sessions
  }

  #inTurn<T>(shard: number, task: () => Promise<T>): Promise<T> {
    const result = (this.#writing.get(shard) ?? Promise.resolve()).then(task)
    const settled = result
      .catch(() => undefined)
      .finally(() => {
        if (this.#writing.get(shard) === settled) this.#writing.delete(shard)
      })
    this.#writing.set(shard, settled)
    return result
  }

  #shard(shard: number): Promise<Low<ShardDocument>> {
    const known = this.#shards.get(shard)
    if (known === undefined) return this.#load(shard)
    // To the end of the line.
    this.#shards.delete(shard)
    this.#shards.set(shard, known)
    return known.low
  }

  #load(shard: number): Promise<Low<ShardDocument>> {
    this.#asked.delete(shard)
    const low = this.#low(shard, {}, (bytes) => {
      if (this.#shards.get(shard) === loaded) this.#keep(shard, loaded, bytes)
    })
    const loaded: Shard = { low: low.read().then(() => low), bytes: 0 }
    loaded.low.catch(() => this.#forget(shard, loaded))
    this.#keep(shard, loaded, 0)
    return loaded.low
  }

  /** Keeps a shard as the one used last, and lets go of those not used for longest. */
  #keep(shard: number, kept: Shard, bytes: number): void {
    this.#drop(shard)
    kept.bytes = bytes
    this.#keptBytes += bytes
    this.#shards.set(shard, kept)
    for (const oldest of this.#shards.keys()) {
      if (this.#keptBytes <= KEPT_BYTES || oldest === shard) break
      this.#drop(oldest)
    }
  }

  #drop(shard: number): void {
    this.#keptBytes -= this.#shards.get(shard)?.bytes ?? 0
    this.#shards.delete(shard)
  }

  #forget(shard: number, loaded: Shard): void {
    if (this.#shards.get(shard) === loaded) this.#drop(shard)
  }

  /** The new document becomes the one in memory only once it is on the disk. */
  async #write(shard: number, sessions: Record<string, Snapshot>): Promise<number> {
    this.#folderMade ??= this.#files.makeFolder(this.#folder)
    await this.#folderMade.catch((error: unknown) => {
      this.#folderMade = undefined
      throw error
    })
    let bytes = 0
    const low = this.#low(shard, sessions, (written) => {
      bytes = written
    })
    // Until that is known to be done, what the file holds is for the next look at it to say.
    this.#drop(shard)
    await low.write()
    this.#damage.delete(shardFileName(shard))
    this.#keep(shard, { low: Promise.resolve(low), bytes }, bytes)
    return bytes
  }

  async #remove(shard: number): Promise<void> {
    const file = shardFileName(shard)
    await this.#files.remove(`${this.#folder}/${file}`)
    await this.#files.syncFolder(this.#folder)
    this.#damage.delete(file)
    this.#drop(shard)
  }

  /** @param sized - told of the bytes of the file, read or to be written. */
  #low(
    shard: number,
    sessions: Record<string, Snapshot>,
    sized: (bytes: number) => void,
  ): Low<ShardDocument> {
    return new Low<ShardDocument>(this.#adapter(shardFileName(shard), sized), { format: FORMAT, sessions })
  }

  #adapter(file: string, sized: (bytes: number) => void): Adapter<ShardDocument> {
    return {
      read: async () => {
        const bytes = await readWhole(this.#files, `${this.#folder}/${file}`)
        if (bytes === undefined) return null
        sized(bytes.length)
        await this.#turns.take()
        const shard = decodeShard(bytes)
        if (typeof shard !== 'string') return shard
        const place = { file: `${SNAPSHOT_FOLDER}/${file}`, byte: 0, bytes: bytes.length }
        this.#damage.set(file, { ...place, reason: shard, sessionIds: [] })
        return null
      },
      write: async (document) => {
        await this.#turns.take()
        const bytes = encodeShard(document)
        sized(bytes.length)
        await replaceFile(this.#files, this.#folder, file, bytes, this.#unique())
      },
    }
  }
}

const CRC_START = ',"crc":"'
/** `,"crc":"` + 8 hex digits + `"}` + newline. */
const CRC_BYTES = CRC_START.length + 8 + 3

/** The bytes of a shard: its document and, as the last key, the CRC32 of all bytes before that key. */
export function encodeShard(document: ShardDocument): Buffer {
  const text = JSON.stringify(document).slice(0, -1)
  const body = Buffer.from(text, 'utf8')
  const crc = crc32(body).toString(16).padStart(8, '0')
  return Buffer.concat([body, Buffer.from(`${CRC_START}${crc}"}\n`, 'latin1')])
}

/** Where the document of a shard's bytes ends, or why they cannot be used (SH2). */
function checkShard(bytes: Buffer): number | string {
  const end = bytes.length - CRC_BYTES
  const tail = end < 0 ? '' : bytes.toString('latin1', end)
  const crc = crc32(bytes.subarray(0, Math.max(end, 0)))
    .toString(16)
    .padStart(8, '0')
  return tail === `${CRC_START}${crc}"}\n` ? end : 'its checksum does not fit'
}

/** The document of a shard's bytes, or why it cannot be used (SH2). */
export function decodeShard(bytes: Buffer): ShardDocument | string {
  const end = checkShard(bytes)
  if (typeof end === 'string') return end
  const value = JSON.parse(bytes.toString('utf8')) as Json
  if (!isJsonObject(value) || !isJsonObject(value['sessions'])) return 'it is not a shard'
  const { format } = value
  if (typeof format !== 'number') return 'it is not a shard'
  if (format !== FORMAT) return `it has format ${format}; this version reads ${FORMAT}`
  return value as unknown as ShardDocument
}

const DOCUMENT_START = `{"format":${FORMAT},"sessions":`

/** The snapshots of a shard's bytes by a quick look; undefined where the full parse has to decide (SS1). */
export function glanceShard(
  bytes: Buffer,
  texts: readonly Buffer[],
): Map<string, GlancedSnapshot> | undefined {
  const end = checkShard(bytes)
  if (typeof end === 'string') return undefined
  const start = DOCUMENT_START.length
  if (bytes.toString('latin1', 0, start) !== DOCUMENT_START) return undefined
  return glanceSnapshots(bytes, start, end, texts)
}
