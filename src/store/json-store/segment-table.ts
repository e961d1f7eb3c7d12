/**
 * What is known of every segment: its size, its last ordinal, who wrote it last. Saved with the index.
 */
import type { Json } from '../../json.ts'
import { isJsonObject } from '../../json.ts'

/** What is known of one segment. */
export interface SegmentFacts {
  readonly segment: number
  /** Bytes of its lines, blanks at the end left out. */
  bytes: number
  /** The ordinal of its last line. */
  ordinal: number
  /** The highest epoch that wrote to it. */
  epoch: number
  /** Lines were taken out of it. */
  isCompacted: boolean
}

/** The segments of a journal, in order. */
export class SegmentTable {
  readonly #segments = new Map<number, SegmentFacts>()

  /** What is known of a segment. */
  get(segment: number): SegmentFacts | undefined {
    return this.#segments.get(segment)
  }

  /** The facts of a segment, made when there are none yet. */
  of(segment: number): SegmentFacts {
    const known = this.#segments.get(segment)
    if (known !== undefined) return known
    const made = { segment, bytes: 0, ordinal: 0, epoch: 0, isCompacted: false }
    this.#segments.set(segment, made)
    return made
  }

  /** Forgets a segment that was removed. */
  remove(segment: number): void {
    this.#segments.delete(segment)
  }

  /** All segments, oldest first. */
  list(): SegmentFacts[] {
    return [...this.#segments.values()].sort((a, b) => a.segment - b.segment)
  }

  /** How many segments there are. */
  get size(): number {
    return this.#segments.size
  }

  /** Bytes of all segments. */
  bytes(): number {
    return this.list().reduce((sum, facts) => sum + facts.bytes, 0)
  }

  /** The table as JSON. */
  toJson(): Json {
    return this.list().map((facts): Json => ({ ...facts }))
  }

  /** Takes over what `toJson` wrote; anything else is left out. */
  load(json: Json | undefined): void {
    if (!Array.isArray(json)) return
    for (const item of json) {
      if (!isJsonObject(item) || typeof item['segment'] !== 'number') continue
      const number = (key: string): number => (typeof item[key] === 'number' ? item[key] : 0)
      this.#segments.set(item['segment'], {
        segment: item['segment'],
        bytes: number('bytes'),
        ordinal: number('ordinal'),
        epoch: number('epoch'),
        isCompacted: item['isCompacted'] === true,
      })
    }
  }
}
