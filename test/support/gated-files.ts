/** A disk whose calls all pass a gate, which may let them wait, or throw. */
import type { FileHandle, FileSystem } from '../../src/store/file-system.ts'
import type { FileCall } from '../../src/testing/fault-plan.ts'

/** Told of each call and its path before it is made; of `open` also the mode. */
export type Gate = (call: FileCall, path: string, mode?: string) => Promise<void>

/** The same disk behind a gate. */
export function gatedFiles(disk: FileSystem, gate: Gate): FileSystem {
  const handleOf = (path: string, handle: FileHandle): FileHandle => {
    const pass = async <T>(call: FileCall, make: () => Promise<T>): Promise<T> => {
      await gate(call, path)
      return make()
    }
    return {
      read: (target, offset, length, position) =>
        pass('read', () => handle.read(target, offset, length, position)),
      write: (bytes, position) => pass('write', () => handle.write(bytes, position)),
      truncate: (size) => pass('truncate', () => handle.truncate(size)),
      sync: () => pass('sync', () => handle.sync()),
      size: () => pass('size', () => handle.size()),
      close: () => pass('close', () => handle.close()),
    }
  }
  const pass = async <T>(call: FileCall, path: string, make: () => Promise<T>): Promise<T> => {
    await gate(call, path)
    return make()
  }
  return {
    async open(path, mode) {
      await gate('open', path, mode)
      return handleOf(path, await disk.open(path, mode))
    },
    status: (path) => pass('status', path, () => disk.status(path)),
    list: (folder) => pass('list', folder, () => disk.list(folder)),
    makeFolder: (path) => pass('makeFolder', path, () => disk.makeFolder(path)),
    removeFolder: (path) => pass('removeFolder', path, () => disk.removeFolder(path)),
    rename: (from, to) => pass('rename', from, () => disk.rename(from, to)),
    link: (existing, name) => pass('link', existing, () => disk.link(existing, name)),
    remove: (path) => pass('remove', path, () => disk.remove(path)),
    syncFolder: (path) => pass('syncFolder', path, () => disk.syncFolder(path)),
  }
}
