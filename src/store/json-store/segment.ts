/**
 * Segments: their names, and the scan that tells good lines from bad bytes.
 *   SG1  Blank lines are no lines: segments made ahead are filled with newlines.
 *   SG2  Ordinals ascend one by one; in a compacted segment they may skip. Anything else is bad or missing.
 *   SG3  Bad bytes end where the next line begins whose checksum fits, even inside what a lost newline joined.
 */
import type { FileHandle, FileSystem } from '../file-system.ts'
import { Blocks } from './blocks.ts'
import type { SegmentHeader } from './line.ts'
import { isNewline, parseLine } from './line.ts'
import type { PlacedLine, ScannedLine } from './line-scan.ts'
import { scanLine } from './line-scan.ts'

const NAME = /^(\d{8,})\.jsonl$/

/** The folder of the segments inside a store. */
export const JOURNAL_FOLDER = 'journal'

/** The file name of a segment. */
export function segmentName(segment: number): string {
  return `${String(segment).padStart(8, '0')}.jsonl`
}

/** The segment a file name stands for; undefined for any other name. */
export function parseSegmentName(name: string): number | undefined {
  const match = NAME.exec(name)
  const segment = match === null ? NaN : Number(match[1])
  return Number.isSafeInteger(segment) && segmentName(segment) === name ? segment : undefined
}

/** Bytes that are no line, or a place where lines are missing (`start` may equal `end`). */
export interface BadBytes {
  readonly start: number
  readonly end: number
  readonly reason: string
  /** Session ids that are still legible there. */
  readonly sessionIds: readonly string[]
}

/** What a scan found. */
export interface SegmentScan {
  readonly segment: number
  readonly header: SegmentHeader | undefined
  /** The highest epoch that wrote here, by header and marks. */
  readonly epoch: number
  readonly lines: readonly PlacedLine[]
  readonly bad: readonly BadBytes[]
  /** How far the lines themselves say that the segment is durable. */
  readonly durable: number
  /** Where the last good line ends. */
  readonly end: number
  /** The ordinal of the last good line. */
  readonly ordinal: number
  readonly size: number
}

/** Where a scan begins: behind the line with this ordinal. */
export interface ScanStart {
  readonly offset: number
  readonly ordinal: number
  /** Ends at the first long run of blanks: for those who follow a segment that is being written. */
  readonly endsAtBlanks?: boolean
}

const FROM_START: ScanStart = { offset: 0, ordinal: 0 }
const BLOCK_BYTES = 1 << 20
const FOLLOWER_BLOCK_BYTES = 1 << 16
const BLANKS = Buffer.alloc(4096, '\n')
const LINE_START = Buffer.from('{"v":')
/** The id of a line stands before anything nested, so that the id of an entry is not taken for it. */
const LEGIBLE_ID = /^[^{}]{0,64}?"id":("(?:[^"\\]|\\.){1,1000}")/
/** More ids than this in one bad place are not worth collecting. */
const MOST_LEGIBLE = 1000

/**
 * Reads a segment from `from` to its end.
 *
 * @throws FORMAT_TOO_NEW
 */
export async function scanSegment(
  files: FileSystem,
  path: string,
  segment: number,
  from: ScanStart = FROM_START,
): Promise<SegmentScan> {
  const handle = await files.open(path, 'read')
  try {
    const size = await handle.size()
    const scan = new Scan(path, segment, from)
    await eachLine(handle, from, size, scan)
    return scan.result(size)
  } finally {
    await handle.close()
  }
}

/** The header of a segment; undefined when its first line is not a legible header. @throws FORMAT_TOO_NEW */
export async function readHeader(files: FileSystem, path: string): Promise<SegmentHeader | undefined> {
  const handle = await files.open(path, 'read')
  try {
    const bytes = Buffer.alloc(1024)
    await handle.read(bytes, 0, bytes.length, 0)
    const parsed = parseLine(bytes, 0, bytes.indexOf(10), path)
    return parsed.kind === 'header' ? parsed.header : undefined
  } finally {
    await handle.close()
  }
}

/** Told of every line that is not blank; `offset` is where the line stands in the file. */
interface LineVisitor {
  line(bytes: Buffer, start: number, end: number, offset: number): void
  /** Bytes at the end that no newline closes. */
  rest(bytes: Buffer, start: number, end: number, offset: number): void
}

async function eachLine(
  handle: FileHandle,
  from: ScanStart,
  size: number,
  visitor: LineVisitor,
): Promise<void> {
  const isFollowing = from.endsAtBlanks === true
  const blocks = new Blocks(handle, from.offset, blockBytes(from, size), !isFollowing)
  let base = from.offset
  let filled: Buffer = Buffer.alloc(0)
  let at = 0
  try {
    for (;;) {
      const rest = filled.subarray(at)
      base += at
      at = 0
      filled = await blocks.next(rest)
      if (filled.length === rest.length) {
        if (rest.length > 0) visitor.rest(filled, 0, rest.length, base)
        return
      }
      for (;;) {
        const line = skipBlanks(filled, at)
        if (isFollowing && line - at >= BLANKS.length) return
        at = line
        const newline = filled.indexOf(10, Math.max(at, rest.length))
        if (newline === -1) break
        visitor.line(filled, at, newline, base + at)
        at = newline + 1
      }
    }
  } finally {
    await blocks.end()
  }
}

/** A file that grows meanwhile takes more blocks. */
function blockBytes(from: ScanStart, size: number): number {
  const most = from.endsAtBlanks === true ? FOLLOWER_BLOCK_BYTES : BLOCK_BYTES
  return Math.min(Math.max(1024, size - from.offset), most)
}

function skipBlanks(bytes: Buffer, from: number): number {
  let at = from
  while (isNewline(bytes[at])) {
    at += 1
    while (
      at + BLANKS.length <= bytes.length &&
      bytes.compare(BLANKS, 0, BLANKS.length, at, at + BLANKS.length) === 0
    ) {
      at += BLANKS.length
    }
  }
  return at
}

class Scan implements LineVisitor {
  readonly #file: string
  readonly #segment: number
  readonly #lines: PlacedLine[] = []
  readonly #bad: BadBytes[] = []
  #header: SegmentHeader | undefined
  #compacted = false
  #epoch = 0
  #durable = 0
  #ordinal: number
  #end: number
  /** Bad bytes behind the last good line, not yet closed. */
  #open: { start: number; end: number; reason: string; ids: Set<string> } | undefined

  constructor(file: string, segment: number, from: ScanStart) {
    this.#file = file
    this.#segment = segment
    this.#ordinal = from.ordinal
    this.#end = from.offset
  }

  line(bytes: Buffer, start: number, end: number, offset: number): void {
    const scanned = this.#judge(scanLine(bytes, start, end, this.#file, offset), offset === 0)
    if (scanned.kind !== 'bad') {
      this.#accept(scanned, offset, end + 1 - start)
      return
    }
    const inner = this.#innerLine(bytes, start, end)
    this.#reject(bytes, start, inner ?? end + 1, offset, scanned.reason)
    if (inner !== undefined) this.line(bytes, inner, end, offset + inner - start)
  }

  rest(bytes: Buffer, start: number, end: number, offset: number): void {
    this.#reject(bytes, start, end, offset, 'it ends without a newline')
  }

  result(size: number): SegmentScan {
    this.#close()
    return {
      segment: this.#segment,
      header: this.#header,
      epoch: this.#epoch,
      lines: this.#lines,
      bad: this.#bad,
      durable: this.#durable,
      end: this.#end,
      ordinal: this.#ordinal,
      size,
    }
  }

  /** Where a whole line begins inside bad bytes (SG3). */
  #innerLine(bytes: Buffer, start: number, end: number): number | undefined {
    const slice = bytes.subarray(0, end)
    for (let at = slice.indexOf(LINE_START, start + 1); at !== -1; at = slice.indexOf(LINE_START, at + 1)) {
      const scanned = this.#judge(scanLine(bytes, at, end, this.#file), false)
      if (scanned.kind !== 'bad') return at
    }
    return undefined
  }

  /** A line whose checksum fits may still not belong where it stands (SG2). */
  #judge(scanned: ScannedLine, isAtStart: boolean): ScannedLine {
    switch (scanned.kind) {
      case 'header':
        return isAtStart && scanned.header.segment === this.#segment
          ? scanned
          : { kind: 'bad', reason: 'it is the header of another segment' }
      case 'change':
        if (scanned.segment !== this.#segment) return { kind: 'bad', reason: 'it belongs to another segment' }
        return scanned.ordinal <= this.#ordinal ? { kind: 'bad', reason: 'it is out of order' } : scanned
      default:
        return scanned
    }
  }

  #accept(scanned: Exclude<ScannedLine, { kind: 'bad' }>, offset: number, bytes: number): void {
    if (scanned.kind === 'header') {
      this.#header = scanned.header
      this.#epoch = Math.max(this.#epoch, scanned.header.epoch)
      this.#compacted ||= scanned.header.compacted
    } else if (scanned.kind === 'mark') {
      this.#durable = Math.max(this.#durable, scanned.mark.durable)
      this.#epoch = Math.max(this.#epoch, scanned.mark.epoch)
    } else {
      if (scanned.ordinal !== this.#ordinal + 1 && this.#open === undefined && !this.#compacted) {
        this.#bad.push({ start: this.#end, end: offset, reason: 'lines are missing', sessionIds: [] })
      }
      this.#durable = Math.max(this.#durable, scanned.durable)
      this.#ordinal = scanned.ordinal
      this.#lines.push(scanned)
    }
    this.#close()
    this.#end = offset + bytes
  }

  #reject(bytes: Buffer, start: number, end: number, offset: number, reason: string): void {
    this.#open ??= { start: offset, end: offset, reason, ids: new Set() }
    this.#open.end = offset + end - start
    for (const id of legibleIds(bytes.toString('utf8', start, end))) {
      if (this.#open.ids.size < MOST_LEGIBLE) this.#open.ids.add(id)
    }
  }

  #close(): void {
    if (this.#open === undefined) return
    const { start, end, reason, ids } = this.#open
    this.#bad.push({ start, end, reason, sessionIds: [...ids] })
    this.#open = undefined
  }
}

function* legibleIds(text: string): Generator<string> {
  for (const line of text.split('{"v":').slice(1)) {
    const match = LEGIBLE_ID.exec(line)
    if (match === null) continue
    try {
      yield JSON.parse(match[1] as string) as string
    } catch {
      continue
    }
  }
}
