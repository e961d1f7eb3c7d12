/**
 * `store.json`: what a store is. And the look at its folder before anything in it is believed.
 *   SF1  A store of a newer format is refused before anything is touched.
 *   SF2  A folder that is a link, belongs to somebody else or is writable by others is refused; a mere reader may look
 *       at what others can write.
 *   SF3  The names that lead to the folder are durable before anything in it is acknowledged: the folders above it may have
 *       been made by this process, or by one that was killed before it could sync them.
 */
import { dirname } from 'node:path'
import type { Adapter } from 'lowdb'
import { Low } from 'lowdb'
import { sessionError } from '../../errors.ts'
import { isJsonObject } from '../../json.ts'
import type { FileSystem } from '../file-system.ts'
import { errnoOf, readWhole, replaceFile } from '../file-system.ts'

/** The format of the folder as a whole. */
export const STORE_FORMAT = 1

/** The file that makes a folder a store. */
export const STORE_FILE = 'store.json'

/** What `store.json` says. */
export interface StoreDocument {
  readonly format: number
  readonly storeId: string
  readonly createdAt: number
}

const WRITABLE_BY_OTHERS = 0o022

/** Refuses a folder that is not safe (SF2). Absent folders are fine. @throws STORE_UNSAFE */
export async function checkFolder(files: FileSystem, folder: string, readOnly: boolean): Promise<void> {
  const status = await files.status(folder)
  if (status === undefined) return
  const refuse = (reason: string): never => {
    throw sessionError('STORE_UNSAFE', { place: folder, reason })
  }
  if (status.kind !== 'folder') refuse('it is a link or a file, not a folder')
  const uid = process.getuid?.()
  if (uid !== undefined && status.uid !== uid && !readOnly) refuse('it belongs to another user')
  if ((status.mode & WRITABLE_BY_OTHERS) !== 0 && !readOnly) refuse('other users may write to it')
}

/** A folder that answers so cannot be synced by us, so it was not made by us either. */
const NOT_OURS: ReadonlySet<string | undefined> = new Set(['EACCES', 'EPERM', 'EINVAL', 'ENOTSUP'])

/** Makes durable the names that lead to a folder (SF3). */
export async function syncWayTo(files: FileSystem, folder: string): Promise<void> {
  for (let below = folder, above = dirname(below); above !== below; below = above, above = dirname(below)) {
    try {
      await files.syncFolder(above)
    } catch (error) {
      if (!NOT_OURS.has(errnoOf(error))) throw error
    }
  }
}

/** What the folder says about itself; undefined when it is not a store yet. @throws FORMAT_TOO_NEW, STORE_CORRUPT */
export async function readStoreFile(files: FileSystem, folder: string): Promise<StoreDocument | undefined> {
  const low = new Low<StoreDocument | null>(adapter(files, folder, ''), null)
  await low.read()
  return low.data ?? undefined
}

/** Makes the folder a store. */
export async function writeStoreFile(
  files: FileSystem,
  folder: string,
  document: StoreDocument,
  unique: string,
): Promise<void> {
  await new Low<StoreDocument | null>(adapter(files, folder, unique), document).write()
}

function adapter(files: FileSystem, folder: string, unique: string): Adapter<StoreDocument | null> {
  const file = `${folder}/${STORE_FILE}`
  return {
    read: async () => {
      const bytes = await readWhole(files, file)
      return bytes === undefined ? null : parse(bytes.toString('utf8'), file)
    },
    write: (document) =>
      replaceFile(files, folder, STORE_FILE, Buffer.from(`${JSON.stringify(document)}\n`, 'utf8'), unique),
  }
}

function parse(text: string, file: string): StoreDocument {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = undefined
  }
  if (isJsonObject(value)) {
    const { format, storeId, createdAt } = value
    if (typeof format === 'number' && format > STORE_FORMAT) {
      throw sessionError('FORMAT_TOO_NEW', { file, found: format, supported: STORE_FORMAT })
    }
    if (format === STORE_FORMAT && typeof storeId === 'string' && typeof createdAt === 'number') {
      return { format, storeId, createdAt }
    }
  }
  throw sessionError('STORE_CORRUPT', { file, byte: 0, reason: 'it is not the description of a store' })
}
