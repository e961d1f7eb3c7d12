/**
 * The staging folder of an owner: whatever it changes in the names of the store goes through a folder of its own.
 *   ST1  A file is made in the staging folder and gets its name by a rename or a link out of it; a name goes by a rename
 *        into it. There is no other call by which an owner changes a name.
 *   ST2  Whoever takes a store removes the staging folders of all earlier owners before it reads. From then on the operating
 *        system refuses them every such call, however long ago they decided on it, because one of its two paths is gone.
 *   ST3  What is in a staging folder is nobody's: it is unfinished, or was removed.
 */
import { basename } from 'node:path'
import type { FileSystem, OpenMode } from '../file-system.ts'
import { errnoOf } from '../file-system.ts'

/** The calls that change names, and the one that makes a file under its own. */
export type NamingFiles = Pick<FileSystem, 'open' | 'rename' | 'link' | 'remove'>

const NAME = /^staging-(\d{6,})-/

/** The name of a staging folder; the token is unlike that of any other take of the store. */
export function stagingName(epoch: number, token: string): string {
  return `staging-${String(epoch).padStart(6, '0')}-${token}`
}

/** The epoch of a staging folder's name; undefined for any other name. */
export function parseStagingName(name: string): number | undefined {
  const match = NAME.exec(name)
  return match === null ? undefined : Number(match[1])
}

/** The files of an owner whose staging folder this is; paths that end in `.tmp` are those of files in it (ST1). */
export function stagedFiles(files: FileSystem, staging: string): FileSystem {
  return {
    ...stagedNames(files, staging),
    status: (path) => files.status(path),
    list: (folder) => files.list(folder),
    makeFolder: (path) => files.makeFolder(path),
    removeFolder: (path) => files.removeFolder(path),
    syncFolder: (path) => files.syncFolder(path),
  }
}

/** The same for whoever makes only these calls. */
export function stagedNames(files: NamingFiles, staging: string): NamingFiles {
  const placed = (path: string): string => (isTemporary(path) ? `${staging}/${basename(path)}` : path)
  const remove = async (path: string): Promise<void> => {
    if (isTemporary(path)) return files.remove(placed(path))
    const removed = `${staging}/${basename(path)}.removed`
    await files.rename(path, removed)
    await files.remove(removed)
  }
  return {
    async open(path, mode) {
      if (isTemporary(path) || !creates(mode)) return files.open(placed(path), mode)
      const made = `${staging}/${basename(path)}`
      const handle = await files.open(made, mode)
      try {
        await files.link(made, path)
      } catch (error) {
        await handle.close().catch(() => undefined)
        throw error
      } finally {
        // Nothing depends on it: the folder goes as a whole (ST3).
        await files.remove(made).catch(() => undefined)
      }
      return handle
    },
    async rename(from, to) {
      if (isTemporary(from)) return files.rename(placed(from), to)
      // A second name harms nobody; the first one goes as all names do.
      await files.link(from, to)
      await remove(from)
    },
    link: (existing, name) => files.link(placed(existing), name),
    remove,
  }
}

/** Removes a staging folder with all that is in it, and is done only when it is gone (ST2). */
export async function removeStaging(files: FileSystem, staging: string): Promise<void> {
  for (;;) {
    try {
      for (const name of await files.list(staging)) await removeIfThere(files, `${staging}/${name}`)
      return await files.removeFolder(staging)
    } catch (error) {
      const errno = errnoOf(error)
      if (errno === 'ENOENT') return
      // Its owner goes on and put something into it meanwhile.
      if (errno !== 'ENOTEMPTY' && errno !== 'EEXIST') throw error
    }
  }
}

/** Removes a file, if it is there. */
export async function removeIfThere(files: Pick<FileSystem, 'remove'>, path: string): Promise<void> {
  try {
    await files.remove(path)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
  }
}

function isTemporary(path: string): boolean {
  return path.endsWith('.tmp')
}

function creates(mode: OpenMode): boolean {
  return mode === 'create' || mode === 'create-synced'
}
