/**
 * A disk in memory without a fault of its own, so cheap to copy that a hundred thousand damaged copies of a store can be
 * looked at: copies share their bytes, and a file gets bytes of its own when it is written.
 */
import type { FileHandle, FileStatus, FileSystem, OpenMode } from '../../src/store/file-system.ts'

interface Node {
  bytes: Buffer
}

/** Files by path; a folder is there as soon as something was made in it. */
export class DamageDisk implements FileSystem {
  readonly #nodes = new Map<string, Node>()
  readonly #folders: Set<string>

  constructor(files: Iterable<readonly [string, Buffer]> = [], folders: Iterable<string> = ['/']) {
    this.#folders = new Set(folders)
    for (const [path, bytes] of files) this.#nodes.set(path, { bytes })
  }

  /** Every file with its bytes. */
  get files(): ReadonlyMap<string, Buffer> {
    return new Map([...this.#nodes].map(([path, { bytes }]) => [path, bytes]))
  }

  /** The same disk with other bytes in one file; undefined removes it. Neither notices what happens to the other. */
  with(path?: string, bytes?: Buffer): DamageDisk {
    const disk = new DamageDisk(this.files, this.#folders)
    if (path === undefined) return disk
    disk.#nodes.delete(path)
    if (bytes !== undefined) disk.#nodes.set(path, { bytes })
    return disk
  }

  async open(path: string, mode: OpenMode): Promise<FileHandle> {
    const creates = mode === 'create' || mode === 'create-synced'
    if (creates) {
      if (this.#nodes.has(path)) throw failure('EEXIST', path)
      this.#nodes.set(path, { bytes: Buffer.alloc(0) })
    }
    const node = this.#node(path)
    return {
      read: async (target, offset, length, position) => {
        const end = Math.min(position + length, node.bytes.length)
        return end <= position ? 0 : node.bytes.copy(target, offset, position, end)
      },
      write: async (part, position) => {
        node.bytes = resized(node.bytes, Math.max(node.bytes.length, position + part.length))
        node.bytes.set(part, position)
      },
      truncate: async (size) => {
        node.bytes = resized(node.bytes, size)
      },
      sync: async () => undefined,
      size: async () => node.bytes.length,
      close: async () => undefined,
    }
  }

  async status(path: string): Promise<FileStatus | undefined> {
    const uid = process.getuid?.() ?? 0
    if (this.#folders.has(path)) return { kind: 'folder', bytes: 0, mode: 0o700, uid }
    const bytes = this.#nodes.get(path)?.bytes.length
    return bytes === undefined ? undefined : { kind: 'file', bytes, mode: 0o600, uid }
  }

  async list(folder: string): Promise<string[]> {
    const start = `${folder}/`
    const names = new Set<string>()
    for (const path of [...this.#nodes.keys(), ...this.#folders]) {
      if (path.startsWith(start)) names.add(path.slice(start.length).split('/', 1)[0] as string)
    }
    return [...names]
  }

  async makeFolder(path: string): Promise<void> {
    for (let folder = path; folder !== ''; folder = folder.slice(0, folder.lastIndexOf('/'))) {
      this.#folders.add(folder)
    }
  }

  async removeFolder(path: string): Promise<void> {
    if ((await this.list(path)).length > 0) throw failure('ENOTEMPTY', path)
    if (!this.#folders.delete(path)) throw failure('ENOENT', path)
  }

  async rename(from: string, to: string): Promise<void> {
    this.#nodes.set(to, this.#node(from))
    this.#nodes.delete(from)
  }

  async link(existing: string, name: string): Promise<void> {
    if (this.#nodes.has(name)) throw failure('EEXIST', name)
    this.#nodes.set(name, this.#node(existing))
  }

  async remove(path: string): Promise<void> {
    if (!this.#nodes.delete(path)) throw failure('ENOENT', path)
  }

  async syncFolder(): Promise<void> {}

  #node(path: string): Node {
    const node = this.#nodes.get(path)
    if (node === undefined) throw failure('ENOENT', path)
    return node
  }
}

function resized(bytes: Buffer, size: number): Buffer {
  const result = Buffer.alloc(size)
  bytes.copy(result)
  return result
}

function failure(code: string, path: string): Error {
  return Object.assign(new TypeError(`${code}: ${path}`), { code, path })
}
