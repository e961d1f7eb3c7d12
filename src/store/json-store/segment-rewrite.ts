/**
 * A segment written again without some of its lines.
 *   RW1  A kept line stays byte for byte what it was, ordinal included; only where it stands changes.
 *   RW2  After a crash the old file is there or the new one, complete.
 *   RW3  The header says `compacted`: gaps between ordinals are no damage there. A mark keeps the newest epoch that wrote.
 *   RW4  Bad bytes are carried along unless the rules say otherwise, so damage stays visible until it is repaired.
 */
import { sessionError } from '../../errors.ts'
import { type FileSystem, readWhole, replaceFile } from '../file-system.ts'
import type { SegmentHeader } from './line.ts'
import { encodeHeader, encodeMark } from './line.ts'
import type { PlacedLine } from './line-scan.ts'
import type { BadBytes, SegmentScan } from './segment.ts'
import { segmentName } from './segment.ts'
import type { Position } from './session-index.ts'

/** What becomes of each part of a segment. */
export interface RewriteRules {
  /** True keeps a line, false leaves it out, bytes take its place (a whole line with the same segment and ordinal). */
  line(line: PlacedLine): boolean | Uint8Array
  /** `blot` makes the bytes illegible and leaves the place bad (RW4). */
  bad(bad: BadBytes): 'keep' | 'drop' | 'blot'
}

/** What a rewrite did. */
export interface Rewritten {
  /** Where the kept lines stand, in their order. */
  readonly moved: readonly { readonly sessionId: string; readonly position: Position }[]
  readonly bytes: number
  /** Bytes the file has become shorter. */
  readonly freed: number
}

/** Stands for bytes that were blotted out; no scan takes it for a line. */
const BLOT = Buffer.from('{"v":0,"blotted":true}\n')

const NEWLINE = 0x0a
const BLANK = Buffer.of(NEWLINE)

/** A line that is put into a segment. */
export interface AddedLine {
  readonly sessionId: string
  readonly ordinal: number
  readonly bytes: Uint8Array
}

/** How a segment is written again. */
export interface RewriteOptions {
  readonly files: FileSystem
  /** The folder of the segments. */
  readonly folder: string
  /** The whole segment, scanned just before. */
  readonly scan: SegmentScan
  readonly rules: RewriteRules
  /** Lines that are put in by their ordinals, where no line stands any more. */
  readonly added?: readonly AddedLine[]
  /** Takes the place of a header that is not legible any more. */
  readonly header?: SegmentHeader
  /** A string no other temporary file of the store bears. */
  readonly unique: string
}

/** Writes a segment again (RW1–RW4). Nobody may append to it meanwhile. */
export async function rewriteSegment(options: RewriteOptions): Promise<Rewritten> {
  const { files, folder, scan, rules } = options
  const name = segmentName(scan.segment)
  const header = scan.header ?? options.header
  if (header === undefined) {
    const reason = 'its header is not legible'
    throw sessionError('STORE_CORRUPT', { file: `${folder}/${name}`, byte: 0, reason })
  }
  const source = (await readWhole(files, `${folder}/${name}`)) ?? Buffer.alloc(0)
  const parts: Uint8Array[] = [encodeHeader({ ...header, compacted: true })]
  const moved: { sessionId: string; position: Position }[] = []
  let end = (parts[0] as Uint8Array).length
  const put = (bytes: Uint8Array): void => {
    parts.push(bytes)
    end += bytes.length
  }
  const added = (options.added ?? []).toSorted((a, b) => a.ordinal - b.ordinal)
  const addBefore = (limit: number): void => {
    for (let next = added[0]; next !== undefined && next.ordinal < limit; next = added[0]) {
      const { sessionId, ordinal, bytes } = next
      moved.push({
        sessionId,
        position: { segment: scan.segment, ordinal, offset: end, bytes: bytes.length },
      })
      put(bytes)
      added.shift()
    }
  }
  for (const part of partsOf(scan)) {
    if (!('reason' in part)) addBefore(part.ordinal)
    if ('reason' in part) {
      const fate = rules.bad(part)
      if (fate === 'keep' && part.end > part.start) {
        put(source.subarray(part.start, part.end))
        if (source[part.end - 1] !== NEWLINE) put(BLANK)
      } else if (fate !== 'drop') put(BLOT)
      continue
    }
    const fate = rules.line(part)
    if (fate === false) continue
    const bytes = fate === true ? source.subarray(part.offset, part.offset + part.bytes) : fate
    const position = { segment: part.segment, ordinal: part.ordinal, offset: end, bytes: bytes.length }
    moved.push({ sessionId: part.sessionId, position })
    put(bytes)
  }
  addBefore(Infinity)
  put(encodeMark({ durable: end, at: scan.lines.at(-1)?.at ?? 0, epoch: Math.max(scan.epoch, header.epoch) }))
  await replaceFile(files, folder, name, Buffer.concat(parts), options.unique)
  return { moved, bytes: end, freed: source.length - end }
}

/** Lines and bad bytes in the order in which they stand. */
function partsOf(scan: SegmentScan): (PlacedLine | BadBytes)[] {
  const startOf = (part: PlacedLine | BadBytes): number => ('reason' in part ? part.start : part.offset)
  // Missing lines are a place without bytes: it comes before the line that stands there.
  return [...scan.bad, ...scan.lines].toSorted((a, b) => startOf(a) - startOf(b))
}
