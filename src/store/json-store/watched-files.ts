/**
 * A file system that remembers when nobody can say any more what is on the disk.
 *   WF1  A rename or a sync that failed leaves that in doubt, unless there was merely no room; a folder whose sync
 *        failed always does, for its names were changed before.
 */
import type { FileHandle, FileSystem } from '../file-system.ts'
import { errnoOf } from '../file-system.ts'

const NO_ROOM: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** Whether a call failed because the disk or a quota is full. */
export function isNoRoom(error: unknown): boolean {
  return NO_ROOM.has(errnoOf(error))
}

/** The same files, watched. */
export interface WatchedFiles {
  readonly files: FileSystem
  /** Why the disk is in doubt since this was last asked; undefined when it is not. */
  takeDoubt(): string | undefined
}

/** Watches every call that goes through the returned file system (WF1). */
export function watchFiles(files: FileSystem): WatchedFiles {
  let doubt: string | undefined
  const watch = async (call: Promise<void>, mayLackRoom: boolean): Promise<void> => {
    try {
      await call
    } catch (error) {
      if (!mayLackRoom || !isNoRoom(error)) doubt ??= errnoOf(error) ?? String(error)
      throw error
    }
  }
  const watchHandle = (handle: FileHandle): FileHandle => ({
    read: (target, offset, length, position) => handle.read(target, offset, length, position),
    write: (bytes, position) => handle.write(bytes, position),
    truncate: (size) => handle.truncate(size),
    sync: () => watch(handle.sync(), true),
    size: () => handle.size(),
    close: () => handle.close(),
  })
  return {
    files: {
      open: async (path, mode) => watchHandle(await files.open(path, mode)),
      status: (path) => files.status(path),
      list: (folder) => files.list(folder),
      makeFolder: (path) => files.makeFolder(path),
      removeFolder: (path) => files.removeFolder(path),
      rename: (from, to) => watch(files.rename(from, to), true),
      link: (existing, name) => files.link(existing, name),
      remove: (path) => files.remove(path),
      syncFolder: (path) => watch(files.syncFolder(path), false),
    },
    takeDoubt() {
      const taken = doubt
      doubt = undefined
      return taken
    },
  }
}
