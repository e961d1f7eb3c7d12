/** A segment written by hand, line by line, whole or with what should not be in it. */
import type { Change, Summary } from '../../src/store/change.ts'
import type { FileSystem } from '../../src/store/file-system.ts'
import type { SegmentHeader } from '../../src/store/json-store/line.ts'
import { encodeHeader, encodeMark, lineBody, roomFor, writeLine } from '../../src/store/json-store/line.ts'
import { segmentName } from '../../src/store/json-store/segment.ts'
import type { Position } from '../../src/store/json-store/session-index.ts'

/** What the first line of a life says of its session. */
export const BIRTH: Partial<Summary> = {
  status: 'created',
  tenantId: null,
  userId: null,
  parentId: null,
  createdAt: 5,
  dueAt: null,
}

/** What a line says beside its place. */
export interface HandmadeLine {
  readonly at?: number
  readonly summary?: Partial<Summary>
  readonly tombstone?: true
  /** All before it unless given. */
  readonly durable?: number
}

/** A segment as it stands on the disk. */
export class HandmadeSegment {
  readonly segment: number
  readonly #parts: Buffer[] = []
  bytes = 0

  /** With a header of epoch 1, unless parts of it are given, or null for none. */
  constructor(segment: number, header: Partial<SegmentHeader> | null = {}) {
    this.segment = segment
    if (header !== null)
      this.raw(encodeHeader({ segment, storeId: 's', epoch: 1, sealed: null, compacted: false, ...header }))
  }

  /** Everything so far. */
  get contents(): Buffer {
    return Buffer.concat(this.#parts)
  }

  /** Writes a line; answers where it stands. The first revision is a birth. */
  line(ordinal: number, id: string, revision: number, prev?: Position, more: HandmadeLine = {}): Position {
    const { durable = this.bytes, ...said } = more
    const change: Change = {
      sessionId: id,
      revision,
      at: 5,
      event: { type: 'a' },
      patch: {},
      entries: [],
      ...(revision === 1 ? { summary: BIRTH } : {}),
      ...said,
    }
    const body = lineBody(change)
    const text = JSON.stringify(id)
    const bytes = Buffer.alloc(roomFor(text, body))
    const place = { segment: this.segment, ordinal, durable }
    const end = writeLine(bytes, 0, place, text, revision, prev, body)
    return this.raw(bytes.subarray(0, end), ordinal)
  }

  /** Writes a mark: all before this offset is durable. */
  mark(durable = this.bytes, epoch = 1): Position {
    return this.raw(encodeMark({ durable, at: 5, epoch }))
  }

  /** Writes bytes that are no line, though an id is legible in them. */
  rubbish(id: string): Position {
    return this.raw(Buffer.from(`{"v":1,"id":"${id}" and no more\n`))
  }

  /** Writes any bytes. */
  raw(bytes: Buffer, ordinal = 0): Position {
    const offset = this.bytes
    this.#parts.push(bytes)
    this.bytes += bytes.length
    return { segment: this.segment, ordinal, offset, bytes: bytes.length }
  }

  async writeTo(files: FileSystem, folder: string): Promise<void> {
    const handle = await files.open(`${folder}/${segmentName(this.segment)}`, 'create')
    await handle.write(this.contents, 0)
    await handle.close()
  }
}

/** Where a line or anything else ends. */
export const endOf = ({ offset, bytes }: Position): number => offset + bytes
