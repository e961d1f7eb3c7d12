/**
 * The index on disk: `index-<epoch>-<serial>.bin`, a checkpoint of `SessionIndex` beside the end it was taken at.
 *   IF1  A file is complete and checked (CRC32 over every byte) or it is not used at all; the journal can rebuild it.
 *   IF2  The newest valid file wins; older ones are removed only after a newer one is on the disk.
 *   IF3  A file of another store, another byte order or another format is not used.
 * Layout: magic, header length, header (JSON, padded to 8 bytes), f64 columns, u32 columns, lengths of the ids, ids,
 * names, CRC32. Numbers are in the byte order of the machine, which the header names.
 */
import { crc32 } from 'node:zlib'
import type { Json } from '../../json.ts'
import { isJsonObject } from '../../json.ts'
import { type FileSystem, readWhole, replaceFile } from '../file-system.ts'
import type { IndexColumns } from './session-index.ts'
import { F64_COLUMNS, SessionIndex, U32_COLUMNS } from './session-index.ts'

/** The end of the journal that an index covers. */
export interface JournalEnd {
  readonly segment: number
  readonly offset: number
  /** The ordinal of the last line before `offset`; 0 when the segment has none. */
  readonly ordinal: number
}

/** What an index file says about itself. */
export interface IndexHeader {
  readonly storeId: string
  readonly epoch: number
  readonly end: JournalEnd
  /** Written by a close: nothing follows `end`. */
  readonly clean: boolean
  /** Whatever else belongs to a checkpoint, such as the segment table. */
  readonly extra: Json
}

/** A file that was there and could not be used. */
export interface RejectedIndex {
  readonly file: string
  readonly bytes: number
  readonly reason: string
}

/** What was found: the newest valid index, and the files newer than it that are not valid. */
export interface FoundIndex {
  readonly file?: string
  readonly header?: IndexHeader
  readonly index?: SessionIndex
  readonly rejected: readonly RejectedIndex[]
  /** The highest serial in use; the next file takes the one after it. */
  readonly serial: number
}

const FORMAT = 1
const MAGIC = Buffer.from('swindex\n')
const NAME = /^index-(\d{6,})-(\d{8,})\.bin$/
const ORDER = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 'LE' : 'BE'

/** The file name of an index. */
export function indexFileName(epoch: number, serial: number): string {
  return `index-${String(epoch).padStart(6, '0')}-${String(serial).padStart(8, '0')}.bin`
}

/** Epoch and serial of an index file's name; undefined for any other name. */
export function parseIndexFileName(name: string): { epoch: number; serial: number } | undefined {
  const match = NAME.exec(name)
  return match === null ? undefined : { epoch: Number(match[1]), serial: Number(match[2]) }
}

/** The bytes of an index file (IF1). */
export function encodeIndex(index: SessionIndex, header: IndexHeader): Buffer {
  const columns = index.columns()
  const names = Buffer.from(JSON.stringify(columns.names), 'utf8')
  const { count, idBytes, deadBytes } = columns
  const sizes = { count, ids: idBytes.length, names: names.length, deadBytes }
  const head = headerBytes({ ...header, format: FORMAT, order: ORDER, ...sizes })
  const columnBytes = count * (F64_COLUMNS.length * 8 + U32_COLUMNS.length * 4 + 2)
  const bytes = Buffer.allocUnsafe(head.length + columnBytes + idBytes.length + names.length + 4)
  let at = place(bytes, head, 0)
  for (const name of F64_COLUMNS) at = place(bytes, bytesOf(columns.f64[name]), at)
  for (const name of U32_COLUMNS) at = place(bytes, bytesOf(columns.u32[name]), at)
  at = place(bytes, bytesOf(columns.idLengths), at)
  at = place(bytes, idBytes, at)
  at = place(bytes, names, at)
  bytes.writeUInt32LE(crc32(bytes.subarray(0, at)), at)
  return bytes
}

/** The index and header of a file's bytes, or why they cannot be used (IF1, IF3). */
export function decodeIndex(
  bytes: Buffer,
): { header: IndexHeader; index: SessionIndex } | { reason: string } {
  const end = bytes.length - 4
  if (end < MAGIC.length + 4 || !bytes.subarray(0, MAGIC.length).equals(MAGIC))
    return { reason: 'it is not an index' }
  if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32LE(end))
    return { reason: 'its checksum does not fit' }
  const start = MAGIC.length + 4
  const headEnd = start + bytes.readUInt32LE(MAGIC.length)
  const head: unknown = JSON.parse(bytes.toString('utf8', start, headEnd))
  if (!isHeader(head)) return { reason: 'it has another format' }
  if (head.order !== ORDER) return { reason: 'it was written by a machine of another byte order' }
  // The copy aligns the columns: a view over them needs an offset that is a multiple of 8.
  const body = new Uint8Array(bytes.subarray(headEnd, end)).buffer
  return { header: publicHeader(head), index: new SessionIndex(head.storeId, columnsOf(body, head)) }
}

/** Writes an index durably and removes the older files, durably as well (IF2); resolves with its size. */
export async function writeIndexFile(
  files: FileSystem,
  folder: string,
  name: string,
  index: SessionIndex,
  header: IndexHeader,
  unique: string,
): Promise<number> {
  const bytes = encodeIndex(index, header)
  await replaceFile(files, folder, name, bytes, unique)
  let removed = 0
  for (const other of await files.list(folder)) {
    const parsed = parseIndexFileName(other)
    // One of a later owner is newer, however it came to be (IF2).
    if (other === name || parsed === undefined || parsed.epoch > header.epoch) continue
    await files.remove(`${folder}/${other}`)
    removed += 1
  }
  if (removed > 0) await files.syncFolder(folder)
  return bytes.length
}

/** Reads the newest valid index of a store (IF2, IF3). */
export async function readIndexFile(files: FileSystem, folder: string, storeId: string): Promise<FoundIndex> {
  const found = (await files.list(folder)).flatMap((name) => {
    const parsed = parseIndexFileName(name)
    return parsed === undefined ? [] : [{ name, ...parsed }]
  })
  found.sort((a, b) => b.epoch - a.epoch || b.serial - a.serial)
  const serial = found.reduce((highest, file) => Math.max(highest, file.serial), 0)
  const rejected: RejectedIndex[] = []
  for (const { name } of found) {
    const bytes = await readWhole(files, `${folder}/${name}`)
    if (bytes === undefined) continue
    const decoded = decodeIndex(bytes)
    if ('index' in decoded && decoded.header.storeId === storeId)
      return { file: name, ...decoded, rejected, serial }
    const reason = 'reason' in decoded ? decoded.reason : 'it belongs to another store'
    rejected.push({ file: name, bytes: bytes.length, reason })
  }
  return { rejected, serial }
}

interface StoredHeader extends IndexHeader {
  readonly format: number
  readonly order: string
  readonly count: number
  /** Bytes of all ids together. */
  readonly ids: number
  /** Bytes of the names, a JSON array. */
  readonly names: number
  readonly deadBytes: number
}

function isHeader(value: unknown): value is StoredHeader {
  return isJsonObject(value) && value['format'] === FORMAT
}

function publicHeader({ storeId, epoch, end, clean, extra }: StoredHeader): IndexHeader {
  return { storeId, epoch, end, clean, extra }
}

function headerBytes(header: StoredHeader): Buffer {
  const json = Buffer.from(JSON.stringify(header), 'utf8')
  const start = MAGIC.length + 4
  const padded = Math.ceil((start + json.length) / 8) * 8 - start
  const bytes = Buffer.alloc(start + padded, ' ')
  MAGIC.copy(bytes)
  bytes.writeUInt32LE(padded, MAGIC.length)
  json.copy(bytes, start)
  return bytes
}

function columnsOf(body: ArrayBuffer, head: StoredHeader): IndexColumns {
  const { count } = head
  let at = 0
  const f64 = {} as Record<(typeof F64_COLUMNS)[number], Float64Array>
  for (const name of F64_COLUMNS) {
    f64[name] = new Float64Array(body, at, count)
    at += count * 8
  }
  const u32 = {} as Record<(typeof U32_COLUMNS)[number], Uint32Array>
  for (const name of U32_COLUMNS) {
    u32[name] = new Uint32Array(body, at, count)
    at += count * 4
  }
  const idLengths = new Uint16Array(body, at, count)
  at += count * 2
  const idBytes = new Uint8Array(body, at, head.ids)
  at += head.ids
  const names = JSON.parse(Buffer.from(body, at, head.names).toString('utf8')) as string[]
  return { count, idBytes, idLengths, names, deadBytes: head.deadBytes, u32, f64 }
}

function bytesOf(column: Float64Array | Uint32Array | Uint16Array): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength)
}

function place(target: Buffer, source: Uint8Array, at: number): number {
  target.set(source, at)
  return at + source.length
}
