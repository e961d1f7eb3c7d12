/**
 * The one door for files. Everything the store does to a disk goes through `FileSystem`, so that tests can lose power,
 * fill the disk or fail a call at any point.
 */
import { constants } from 'node:fs'
import * as fs from 'node:fs/promises'

/** An open file. Positions and sizes are bytes. */
export interface FileHandle {
  /** Reads up to `length` bytes at `position` into `target`; resolves with how many; 0 at the end. */
  read(target: Uint8Array, offset: number, length: number, position: number): Promise<number>
  /** Writes all of `bytes` at `position`; a short write is continued or rejected, never silent. */
  write(bytes: Uint8Array, position: number): Promise<void>
  truncate(size: number): Promise<void>
  /** Resolves when the file's bytes and size are on the disk. */
  sync(): Promise<void>
  size(): Promise<number>
  close(): Promise<void>
}

/** How to open: `read`; `write` (must exist); `create` (must not exist); `-synced` returns from each write only once it is on the disk (O_DSYNC). */
export type OpenMode = 'read' | 'write' | 'write-synced' | 'create' | 'create-synced'

/** What a path is; links are never followed. */
export interface FileStatus {
  readonly kind: 'file' | 'folder' | 'other'
  readonly bytes: number
  /** Permission bits. */
  readonly mode: number
  readonly uid: number
}

/**
 * The calls the store makes of a disk. Failures reject with Node's error and its `code` (`ENOENT`, `ENOSPC` …).
 * Creating, renaming and removing names is durable only after `syncFolder` of the folder that holds them.
 */
export interface FileSystem {
  open(path: string, mode: OpenMode): Promise<FileHandle>
  status(path: string): Promise<FileStatus | undefined>
  list(folder: string): Promise<string[]>
  /** Makes a folder and its parents with mode 0700; fine when it is there. */
  makeFolder(path: string): Promise<void>
  /** Removes an empty folder; rejects with ENOTEMPTY when something is in it. */
  removeFolder(path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** A second name for a file; rejects with EEXIST when the name is taken: the only atomic "take" there is. */
  link(existing: string, name: string): Promise<void>
  remove(path: string): Promise<void>
  syncFolder(path: string): Promise<void>
}

/** The flags of each mode; every door to a real disk adds O_NOFOLLOW. */
export const OPEN_FLAGS: Readonly<Record<OpenMode, number>> = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  'write-synced': constants.O_RDWR | constants.O_DSYNC,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
  'create-synced': constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_DSYNC,
}

/** The disk of the machine. Files are made 0600, folders 0700; links are never followed. */
export const diskFileSystem: FileSystem = {
  async open(path, mode) {
    const handle = await fs.open(path, OPEN_FLAGS[mode] | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600)
    return {
      read: async (target, offset, length, position) =>
        (await handle.read(target, offset, length, position)).bytesRead,
      async write(bytes, position) {
        let done = 0
        while (done < bytes.length) {
          const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done)
          done += bytesWritten
        }
      },
      truncate: (size) => handle.truncate(size),
      sync: () => handle.sync(),
      size: async () => (await handle.stat()).size,
      close: () => handle.close(),
    }
  },
  async status(path) {
    try {
      const found = await fs.lstat(path)
      const kind = found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other'
      return { kind, bytes: found.size, mode: found.mode & 0o777, uid: found.uid }
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined
      throw error
    }
  },
  list: (folder) => fs.readdir(folder),
  async makeFolder(path) {
    await fs.mkdir(path, { recursive: true, mode: 0o700 })
  },
  removeFolder: (path) => fs.rmdir(path),
  rename: (from, to) => fs.rename(from, to),
  link: (existing, name) => fs.link(existing, name),
  remove: (path) => fs.unlink(path),
  async syncFolder(path) {
    const handle = await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
}

/** The `code` of a Node error, such as `ENOENT`; undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Reads a whole file; undefined when it is absent. */
export async function readWhole(files: FileSystem, path: string): Promise<Buffer | undefined> {
  let handle: FileHandle
  try {
    handle = await files.open(path, 'read')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    const bytes = Buffer.allocUnsafe(await handle.size())
    let done = 0
    while (done < bytes.length) {
      const read = await handle.read(bytes, done, bytes.length - done, done)
      if (read === 0) break
      done += read
    }
    return bytes.subarray(0, done)
  } finally {
    await handle.close()
  }
}

/**
 * Replaces a file so that after a crash it holds the old bytes or the new ones, never a mixture: unique temporary
 * name, sync, rename, sync of the folder.
 *
 * @param unique - makes the temporary name unlike any other writer's.
 */
export async function replaceFile(
  files: FileSystem,
  folder: string,
  name: string,
  bytes: Uint8Array,
  unique: string,
): Promise<void> {
  const temporary = `${folder}/${name}.${unique}.tmp`
  const handle = await files.open(temporary, 'create')
  try {
    try {
      await handle.write(bytes, 0)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await files.rename(temporary, `${folder}/${name}`)
  } catch (error) {
    await files.remove(temporary).catch(() => undefined)
    throw error
  }
  await files.syncFolder(folder)
}
