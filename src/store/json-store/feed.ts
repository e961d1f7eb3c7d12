/**
 * The changes of all sessions in journal order, from a cursor on: from memory what became durable lately, the rest from the
 * journal.
 *   FD1  Only durable lines, of living sessions, and tombstones.
 *   FD2  A cursor names a place, not an offset, so it survives compaction; a place that was removed continues behind it.
 *   FD3  Where the line behind a cursor begins is known of those given out lately; of others the segment is looked through.
 */
import { sessionError } from '../../errors.ts'
import type { Change } from '../change.ts'
import type { PlacedChange } from '../store.ts'
import type { FeedWindow } from './feed-window.ts'
import type { JournalTail } from './journal-batch.ts'
import { parseLine } from './line.ts'
import type { Place } from './position.ts'
import { comparePlaces, cursorOf, parseCursor } from './position.ts'
import type { SegmentReader } from './reader.ts'
import type { SessionIndex } from './session-index.ts'

/** What a feed reads from. */
export interface FeedSource {
  readonly reader: SegmentReader
  readonly index: SessionIndex
  readonly window: FeedWindow
  /** The end of what may be shown. */
  end(): JournalTail
  /** The segments in order. */
  segments(): readonly number[]
}

const BLOCK_BYTES = 256 * 1024
const MOST_HINTS = 64

/** Reads the journal forward. */
export class Feed {
  readonly #source: FeedSource
  /** Where the line behind a cursor begins; for cursors given out lately. */
  readonly #hints = new Map<string, number>()

  constructor(source: FeedSource) {
    this.#source = source
  }

  /** The next changes after a cursor. @throws CURSOR_INVALID */
  async next(after: string | undefined, limit: number): Promise<PlacedChange[]> {
    const end = this.#source.end()
    const place = after === undefined ? { segment: 0, ordinal: 0 } : parseCursor(after)
    if (comparePlaces(place, end) > 0) {
      throw sessionError('CURSOR_INVALID', { reason: 'it names a place this journal has not reached' })
    }
    const recent = this.#source.window.read(place, limit, this.#isShown)
    if (recent !== undefined) return recent
    const result: PlacedChange[] = []
    for (const segment of this.#source.segments()) {
      if (segment < place.segment || segment > end.segment || result.length >= limit) continue
      const from = segment === place.segment ? await this.#offsetAfter(place, after) : 0
      const stop = segment === end.segment ? end.offset : Infinity
      if (from !== undefined) await this.#read(segment, from, stop, limit, result)
    }
    if (result.length < limit) this.#source.window.follow()
    return result
  }

  /** The cursor of the end of what may be shown. Whoever asks is likely to read on from there, so its offset is kept. */
  cursorAt(end: JournalTail): string {
    const cursor = cursorOf(end)
    this.#hint(cursor, end.offset)
    return cursor
  }

  /** Hints age when segments are rewritten. */
  forget(): void {
    this.#hints.clear()
  }

  async #offsetAfter(place: Place, cursor: string | undefined): Promise<number | undefined> {
    const hint = cursor === undefined ? undefined : this.#hints.get(cursor)
    return hint ?? this.#source.reader.offsetAfter(place)
  }

  async #read(
    segment: number,
    from: number,
    stop: number,
    limit: number,
    result: PlacedChange[],
  ): Promise<void> {
    const { reader } = this.#source
    let block = Buffer.allocUnsafe(BLOCK_BYTES)
    let base = from
    while (base < stop) {
      const read = await reader.read(segment, block, 0, Math.min(block.length, stop - base), base)
      const given = result.length
      const used = this.#take(segment, block.subarray(0, read), result, limit)
      base += used
      // Whoever reads on from the last one begins here, also when that is the end for now.
      if (result.length > given) this.#hint((result.at(-1) as PlacedChange).cursor, base)
      if (result.length >= limit) return
      if (used > 0) continue
      if (read < block.length) return
      block = Buffer.allocUnsafe(block.length * 2)
    }
  }

  /** Takes the whole lines of a block; answers how many bytes they are. */
  #take(segment: number, block: Buffer, result: PlacedChange[], limit: number): number {
    let at = 0
    while (result.length < limit) {
      const newline = block.indexOf(10, at)
      if (newline === -1) return at
      const start = at
      at = newline + 1
      if (newline === start) continue
      const parsed = parseLine(block, start, newline, this.#source.reader.path(segment))
      if (parsed.kind !== 'change') continue
      const { change, ordinal } = parsed.line
      if (this.#isShown(change)) result.push({ change, cursor: cursorOf({ segment, ordinal }) })
    }
    return at
  }

  readonly #isShown = (change: Change): boolean =>
    change.tombstone === true || this.#source.index.isShown(change.sessionId, change.revision)

  #hint(cursor: string, offset: number): void {
    this.#hints.set(cursor, offset)
    for (const oldest of this.#hints.keys()) {
      if (this.#hints.size <= MOST_HINTS) break
      this.#hints.delete(oldest)
    }
  }
}
