/**
 * Files for work in the background, which can wait: compaction reads and writes whole segments while sessions append.
 *   PF1  Files are read and written in pieces, each at a turn of its own behind which turns of the loop are left to others,
 *        while there are any.
 *   PF2  A piece that was written is synced before the next, so that no flush of the journal waits for many of them.
 */
import type { FileHandle, FileSystem } from '../file-system.ts'
import { Turns } from '../turns.ts'

/** What a disk takes in some milliseconds, and what a look through takes. */
const PIECE_BYTES = 1 << 20

/** Turns of the loop left to others behind each piece. */
const REST = 15

/**
 * The same files, for whoever can wait.
 *
 * @param isBusy - whether others want the loop.
 */
export function pacedFiles(files: FileSystem, isBusy: () => boolean): FileSystem {
  const turns = new Turns(isBusy)
  turns.rest = REST
  return {
    open: async (path, mode) => paced(await files.open(path, mode), turns),
    status: (path) => files.status(path),
    list: (folder) => files.list(folder),
    makeFolder: (path) => files.makeFolder(path),
    removeFolder: (path) => files.removeFolder(path),
    rename: (from, to) => files.rename(from, to),
    link: (existing, name) => files.link(existing, name),
    remove: (path) => files.remove(path),
    syncFolder: (path) => files.syncFolder(path),
  }
}

function paced(handle: FileHandle, turns: Turns): FileHandle {
  return {
    async read(target, offset, length, position) {
      let read = 0
      while (read < length) {
        await turns.take()
        const piece = Math.min(PIECE_BYTES, length - read)
        const got = await handle.read(target, offset + read, piece, position + read)
        read += got
        if (got < piece) break
      }
      return read
    },
    async write(bytes, position) {
      for (let done = 0; done < bytes.length; done += PIECE_BYTES) {
        await turns.take()
        await handle.write(bytes.subarray(done, done + PIECE_BYTES), position + done)
        if (done + PIECE_BYTES < bytes.length) await handle.sync()
      }
    },
    truncate: (size) => handle.truncate(size),
    sync: () => handle.sync(),
    size: () => handle.size(),
    close: () => handle.close(),
  }
}
