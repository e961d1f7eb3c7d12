/**
 * Reads lines by their position.
 *   RL1  A line is used only when its checksum fits and it is the line of that segment and ordinal.
 *   RL2  Offsets are hints: when one has aged, the segment is looked through once and the ordinal decides.
 *   RL3  A bounded number of files is open; a file in use is not closed under its reader.
 *   RL4  Where one line was read lately, the next is read with its neighbours, in a block; a bounded number of blocks is
 *       kept. Only bytes that do not change any more, those before the durable end, make a block.
 */
import { sessionError } from '../../errors.ts'
import type { FileHandle, FileSystem } from '../file-system.ts'
import { errnoOf } from '../file-system.ts'
import type { JournalTail } from './journal-batch.ts'
import type { ChangeLine } from './line.ts'
import { parseLine } from './line.ts'
import type { Place } from './position.ts'
import { scanSegment, segmentName } from './segment.ts'
import type { Position } from './session-index.ts'

/** Neighbouring lines in memory. */
interface Block {
  /** How many of its bytes were durable when it was read. */
  readonly length: number
  readonly bytes: Promise<Buffer>
}

interface OpenSegment {
  readonly handle: Promise<FileHandle>
  users: number
  isLeaving: boolean
}

/** Where the lines of a segment stand. */
interface OrdinalTable {
  /** The segment took no more lines when it was looked through. */
  readonly isWhole: boolean
  readonly ordinals: Uint32Array
  readonly offsets: Uint32Array
  readonly bytes: Uint32Array
}

const MOST_OPEN = 16
const MOST_TABLES = 8

/** Some fifty lines of the usual size; 8 MiB of them are kept (RL4). */
const BLOCK_BYTES = 64 * 1024
const MOST_BLOCKS = 128
/** Blocks of which one line was read lately. */
const MOST_TOUCHED = 1024

/** Reads the segments of one journal folder. */
export class SegmentReader {
  readonly #files: FileSystem
  readonly #folder: string
  /** Newest use last. */
  readonly #open = new Map<number, OpenSegment>()
  readonly #tables = new Map<number, Promise<OrdinalTable>>()
  readonly #blocks = new Map<string, Block>()
  readonly #touched = new Set<string>()
  readonly #end: () => JournalTail

  /** @param end - what is durable, and so does not change any more. */
  constructor(files: FileSystem, folder: string, end: () => JournalTail) {
    this.#files = files
    this.#folder = folder
    this.#end = end
  }

  /** The path of a segment. */
  path(segment: number): string {
    return `${this.#folder}/${segmentName(segment)}`
  }

  /**
   * The line at a position.
   *
   * @param sessionId - whose line it must be.
   * @throws STORE_CORRUPT when it is not there (RL1).
   */
  async line(position: Position, sessionId: string): Promise<ChangeLine> {
    const first = await this.#lineAt(position)
    if (typeof first !== 'string') return owned(first, position, sessionId, this.path(position.segment))
    // The hint has aged, or the file was replaced since it was opened (RL2); compaction may replace it again meanwhile.
    let reason = first
    for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt += 1) {
      // What is known of the segment from the last look is enough, unless it is of a file that was replaced.
      if (attempt > 1 || !this.#tables.has(position.segment)) this.forget(position.segment)
      const found = await this.locate(position)
      const again = found === undefined ? first : await this.#lineAt(found)
      if (typeof again !== 'string') return owned(again, position, sessionId, this.path(position.segment))
      reason = again
    }
    throw corrupt(this.path(position.segment), position.offset, reason, sessionId)
  }

  /** Where the line of a segment and ordinal stands; undefined when it is not there. */
  async locate(place: Place): Promise<Position | undefined> {
    const table = await this.#table(place.segment)
    const row = atOrAfter(table.ordinals, place.ordinal)
    if (table.ordinals[row] !== place.ordinal) return undefined
    return { ...place, offset: table.offsets[row] as number, bytes: table.bytes[row] as number }
  }

  /** The offset of the first line behind an ordinal; undefined when there is none. */
  async offsetAfter(place: Place): Promise<number | undefined> {
    const { segment, ordinal } = place
    const known = await this.#tables.get(segment)
    // What came since is not in a table of before.
    if (known?.isWhole === false && (known.ordinals.at(-1) ?? 0) <= ordinal) this.#tables.delete(segment)
    const table = await this.#table(segment)
    return table.offsets[atOrAfter(table.ordinals, ordinal + 1)]
  }

  /** Reads up to `length` bytes of a segment; 0 when there are none or no such segment. */
  async read(
    segment: number,
    target: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<number> {
    try {
      return await this.#with(segment, (handle) => handle.read(target, offset, length, position))
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return 0
      throw error
    }
  }

  /** Forgets what is known of a segment: it was replaced, removed or has grown. */
  forget(segment: number): void {
    this.#tables.delete(segment)
    for (const key of this.#blocks.keys()) if (key.startsWith(`${segment}:`)) this.#blocks.delete(key)
    const open = this.#open.get(segment)
    this.#open.delete(segment)
    if (open !== undefined) this.#leave(open)
  }

  /** Closes every file. */
  async close(): Promise<void> {
    const leaving = [...this.#open.values()]
    this.#open.clear()
    this.#tables.clear()
    this.#blocks.clear()
    for (const open of leaving) this.#leave(open)
    await Promise.allSettled(leaving.map((open) => open.handle))
  }

  async #lineAt(position: Position): Promise<ChangeLine | string> {
    const { segment, ordinal, bytes } = position
    const found = await this.#bytesAt(position)
    if (found.length < bytes) return 'the segment ends before it'
    if (found[bytes - 1] !== 0x0a) return 'it does not end there'
    const parsed = parseLine(found, 0, bytes - 1, this.path(segment))
    if (parsed.kind === 'bad') return parsed.reason
    if (parsed.kind !== 'change') return 'another line stands there'
    const { line } = parsed
    return line.segment === segment && line.ordinal === ordinal ? line : 'another line stands there'
  }

  /** The bytes of a line, fewer where the segment ends before it; those of a block when it lies in one (RL4). */
  async #bytesAt({ segment, offset, bytes }: Position): Promise<Buffer> {
    const base = offset - (offset % BLOCK_BYTES)
    const end = this.#end()
    const durable = segment < end.segment ? BLOCK_BYTES : segment === end.segment ? end.offset - base : 0
    const length = Math.min(BLOCK_BYTES, durable)
    const needed = offset - base + bytes
    if (needed <= length) {
      const block = await this.#block(segment, base, length, needed)
      if (block !== undefined) return block.subarray(offset - base, needed)
    }
    return this.#freshBytes(segment, offset, bytes)
  }

  /** The block with at least the needed bytes, when it is here or a line of it was read lately. */
  #block(segment: number, base: number, length: number, needed: number): Promise<Buffer> | undefined {
    const key = `${segment}:${base}`
    const known = this.#blocks.get(key)
    if (known !== undefined && known.length >= needed) return known.bytes
    if (known === undefined && !this.#touched.delete(key)) {
      this.#touched.add(key)
      if (this.#touched.size > MOST_TOUCHED)
        this.#touched.delete(this.#touched.values().next().value as string)
      return undefined
    }
    const block = { length, bytes: this.#freshBytes(segment, base, length) }
    block.bytes.catch(() => this.#blocks.delete(key))
    this.#blocks.set(key, block)
    if (this.#blocks.size > MOST_BLOCKS) this.#blocks.delete(this.#blocks.keys().next().value as string)
    return block.bytes
  }

  async #freshBytes(segment: number, offset: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(length)
    return buffer.subarray(0, await this.read(segment, buffer, 0, length, offset))
  }

  #table(segment: number): Promise<OrdinalTable> {
    const known = this.#tables.get(segment)
    if (known !== undefined) return known
    const table = this.#makeTable(segment)
    this.#tables.set(segment, table)
    table.catch(() => this.#tables.delete(segment))
    for (const oldest of this.#tables.keys()) {
      if (this.#tables.size <= MOST_TABLES) break
      this.#tables.delete(oldest)
    }
    return table
  }

  async #makeTable(segment: number): Promise<OrdinalTable> {
    const isWhole = segment < this.#end().segment
    try {
      const { lines } = await scanSegment(this.#files, this.path(segment), segment)
      return {
        isWhole,
        ordinals: Uint32Array.from(lines, (line) => line.ordinal),
        offsets: Uint32Array.from(lines, (line) => line.offset),
        bytes: Uint32Array.from(lines, (line) => line.bytes),
      }
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      return { isWhole, ordinals: new Uint32Array(), offsets: new Uint32Array(), bytes: new Uint32Array() }
    }
  }

  async #with<T>(segment: number, use: (handle: FileHandle) => Promise<T>): Promise<T> {
    const open = this.#open.get(segment) ?? {
      handle: this.#files.open(this.path(segment), 'read'),
      users: 0,
      isLeaving: false,
    }
    this.#open.delete(segment)
    this.#open.set(segment, open)
    open.users += 1
    try {
      return await use(await open.handle)
    } catch (error) {
      if (this.#open.get(segment) === open) this.#open.delete(segment)
      open.isLeaving = true
      throw error
    } finally {
      open.users -= 1
      if (open.isLeaving) this.#leave(open)
      this.#closeOldest()
    }
  }

  #closeOldest(): void {
    for (const [segment, open] of this.#open) {
      if (this.#open.size <= MOST_OPEN) return
      this.#open.delete(segment)
      this.#leave(open)
    }
  }

  #leave(open: OpenSegment): void {
    open.isLeaving = true
    if (open.users > 0) return
    open.handle.then((handle) => handle.close()).catch(() => undefined)
  }
}

/** How often a line is looked for anew before it counts as missing. */
const MOST_ATTEMPTS = 4

/** The first row whose ordinal is at least this one. */
function atOrAfter(ordinals: Uint32Array, ordinal: number): number {
  let low = 0
  let high = ordinals.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ordinals[middle] as number) < ordinal) low = middle + 1
    else high = middle
  }
  return low
}

function owned(line: ChangeLine, position: Position, sessionId: string, file: string): ChangeLine {
  if (line.change.sessionId === sessionId) return line
  throw corrupt(file, position.offset, 'a line of another session stands there', sessionId)
}

function corrupt(file: string, byte: number, reason: string, sessionId: string): Error {
  return sessionError('STORE_CORRUPT', { file, byte, reason, sessionId })
}
