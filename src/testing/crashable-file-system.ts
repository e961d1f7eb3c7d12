/**
 * A disk in memory that can lose power, fill up and fail at any call; everything random comes from one seed.
 *   FK6  A machine without power and a process that died answer nothing any more; what comes after them is a new
 *       `CrashableFileSystem`, so a straggler of the old one cannot touch it.
 * The bytes of a file are the work of `cached-file.ts` (FK1–FK3), names that of `name-tree.ts` (FK4), faults that of
 * `fault-plan.ts` (FK5).
 */
import type { FileHandle, FileStatus, FileSystem, OpenMode } from '../index.ts'
import { CachedFile } from './cached-file.ts'
import type { FileCall } from './fault-plan.ts'
import { FaultPlan } from './fault-plan.ts'
import type { Folder, Node } from './name-tree.ts'
import { isFolder, NameTree } from './name-tree.ts'
import type { SeededRandom } from './seeded-random.ts'
import { seededRandom } from './seeded-random.ts'

/** How a simulated disk is made. */
export interface CrashableFileSystemOptions {
  /** Decides everything random; 1 by default. */
  readonly seed?: number
  /** Room for file bytes; writing past it fails with ENOSPC after what fits. Unbounded by default. */
  readonly diskBytes?: number
  /** Told of every call before it takes effect; a promise holds the call until it is settled. */
  readonly onCall?: (call: FileCall, path: string) => void | Promise<void>
}

interface Place {
  readonly folder: Folder
  readonly name: string
  readonly node: Node | undefined
}

/** A simulated disk. Paths are absolute, `/` exists; a folder from `makeFolder` is durable as any other name is. */
export class CrashableFileSystem implements FileSystem {
  /** Room for file bytes; may be changed at any time. */
  diskBytes: number
  readonly #random: SeededRandom
  readonly #onCall: CrashableFileSystemOptions['onCall']
  readonly #tree: NameTree
  readonly #plan: FaultPlan
  #gone: 'power' | 'process' | undefined

  constructor(options: CrashableFileSystemOptions = {}, tree: NameTree = new NameTree()) {
    this.diskBytes = options.diskBytes ?? Infinity
    this.#random = seededRandom(options.seed ?? 1)
    this.#plan = new FaultPlan(this.#random)
    this.#onCall = options.onCall
    this.#tree = tree
  }

  /** How many calls were made, or how many of one kind. */
  calls(call?: FileCall): number {
    return this.#plan.calls(call)
  }

  /** The next call of this kind fails; said twice, the next two do. */
  failNext(call: FileCall, errno: string): void {
    this.#plan.failNext(call, errno)
  }

  /** The n-th call from here fails, whatever it is; 1 is the next. */
  failAt(n: number, errno: string): void {
    this.#plan.failAt(n, errno)
  }

  /** Every call of this kind fails with this probability; 0 ends it. */
  failSometimes(call: FileCall, probability: number, errno: string): void {
    this.#plan.failSometimes(call, probability, errno)
  }

  /** Power is lost at the n-th call from here; 1 is the next. That call may be done, half done or not done. */
  crashAt(n: number): void {
    this.#plan.crashAt(n)
  }

  /** Power is lost now: every call rejects from here on. */
  crash(): void {
    this.#gone ??= 'power'
  }

  /** Whether power is lost. */
  get powerLost(): boolean {
    return this.#gone === 'power'
  }

  /**
   * The disk as it comes back after power was lost, here or earlier; without faults, by default without a bound.
   * Each seed gives one of the disks a cut at this instant can leave.
   */
  afterPowerCut(options: CrashableFileSystemOptions = {}): CrashableFileSystem {
    this.crash()
    const seed = options.seed ?? this.#random.below(2 ** 31)
    return new CrashableFileSystem({ ...options, seed }, this.#tree.afterPowerCut(seededRandom(seed)))
  }

  /** The disk as the next process finds it after this one was killed: the page cache stays, handles are gone. */
  processDied(options: CrashableFileSystemOptions = {}): CrashableFileSystem {
    this.#gone ??= 'process'
    return new CrashableFileSystem({ seed: this.#random.below(2 ** 31), ...options }, this.#tree)
  }

  /** Everything is on the disk afterwards, without a call: for arranging a test. */
  settle(): void {
    this.#tree.settle()
    for (const [, file] of this.#tree.files()) file.settle()
  }

  /** What readers would see in every file, by path. */
  contents(): Map<string, Buffer> {
    return new Map([...this.#tree.files()].map(([path, file]) => [path, file.contents()]))
  }

  open(path: string, mode: OpenMode): Promise<FileHandle> {
    return this.#call('open', path, () => {
      const { folder, name, node } = this.#find(path, 'open')
      if (isFolder(node)) throw failure('EISDIR', 'open', path)
      const creates = mode === 'create' || mode === 'create-synced'
      if (creates && node !== undefined) throw failure('EEXIST', 'open', path)
      if (!creates && node === undefined) throw failure('ENOENT', 'open', path)
      const file = node ?? new CachedFile()
      if (node === undefined) this.#tree.put(folder, name, file)
      return this.#handle(file, path, mode)
    })
  }

  status(path: string): Promise<FileStatus | undefined> {
    return this.#call('status', path, () => {
      const node = path === '/' ? this.#tree.root : this.#findOrNothing(path)?.node
      if (node === undefined) return undefined
      const uid = process.getuid?.() ?? 0
      return isFolder(node)
        ? { kind: 'folder', bytes: 0, mode: 0o700, uid }
        : { kind: 'file', bytes: node.size, mode: 0o600, uid }
    })
  }

  /** In an order that the seed decides: a disk promises none. */
  list(folder: string): Promise<string[]> {
    return this.#call('list', folder, () => {
      const names = [...this.#folderAt(folder, 'list').names.keys()]
      for (let last = names.length - 1; last > 0; last -= 1) {
        const other = this.#random.below(last + 1)
        ;[names[last], names[other]] = [names[other]!, names[last]!]
      }
      return names
    })
  }

  makeFolder(path: string): Promise<void> {
    return this.#call('makeFolder', path, () => {
      let folder = this.#tree.root
      for (const name of partsOf(path)) {
        const found = folder.names.get(name)
        if (found !== undefined && !isFolder(found)) throw failure('ENOTDIR', 'makeFolder', path)
        folder = found ?? this.#tree.makeFolder(folder, name)
      }
    })
  }

  removeFolder(path: string): Promise<void> {
    return this.#call('removeFolder', path, () => {
      const { folder, name, node } = this.#find(path, 'removeFolder')
      if (node === undefined) throw failure('ENOENT', 'removeFolder', path)
      if (!isFolder(node)) throw failure('ENOTDIR', 'removeFolder', path)
      if (node.names.size > 0) throw failure('ENOTEMPTY', 'removeFolder', path)
      this.#tree.remove(folder, name)
    })
  }

  rename(from: string, to: string): Promise<void> {
    return this.#call('rename', from, () => {
      const source = this.#find(from, 'rename')
      const target = this.#find(to, 'rename')
      const { node } = source
      if (node === undefined) throw failure('ENOENT', 'rename', from)
      if (node === target.node) return
      if (isFolder(node) && `${to}/`.startsWith(`${from}/`)) throw failure('EINVAL', 'rename', from)
      if (isFolder(node) && target.node !== undefined && !isFolder(target.node))
        throw failure('ENOTDIR', 'rename', to)
      if (isFolder(target.node) && !isFolder(node)) throw failure('EISDIR', 'rename', to)
      if (isFolder(target.node) && target.node.names.size > 0) throw failure('ENOTEMPTY', 'rename', to)
      this.#tree.move(source.folder, source.name, target.folder, target.name, node)
    })
  }

  link(existing: string, name: string): Promise<void> {
    return this.#call('link', existing, () => {
      const source = this.#find(existing, 'link')
      const target = this.#find(name, 'link')
      if (source.node === undefined) throw failure('ENOENT', 'link', existing)
      if (isFolder(source.node)) throw failure('EPERM', 'link', existing)
      if (target.node !== undefined) throw failure('EEXIST', 'link', name)
      this.#tree.put(target.folder, target.name, source.node)
    })
  }

  remove(path: string): Promise<void> {
    return this.#call('remove', path, () => {
      const { folder, name, node } = this.#find(path, 'remove')
      if (node === undefined) throw failure('ENOENT', 'remove', path)
      if (isFolder(node)) throw failure('EISDIR', 'remove', path)
      this.#tree.remove(folder, name)
    })
  }

  syncFolder(path: string): Promise<void> {
    return this.#call('syncFolder', path, () => this.#tree.sync(this.#folderAt(path, 'syncFolder')))
  }

  #handle(file: CachedFile, path: string, mode: OpenMode): FileHandle {
    const synced = mode === 'write-synced' || mode === 'create-synced'
    let open = true
    const call = <T>(name: keyof FileHandle, effect: () => T, spoil?: () => void): Promise<T> =>
      this.#call(
        name,
        path,
        () => {
          const writes = name === 'write' || name === 'truncate'
          if (!open || (writes && mode === 'read')) throw failure('EBADF', name, path)
          return effect()
        },
        spoil,
      )
    return {
      read: (target, offset, length, position) =>
        call('read', () => file.read(target, offset, length, position)),
      write: (bytes, position) =>
        call(
          'write',
          () => {
            const room = this.#roomFor(file, position, bytes.length)
            file.write(bytes.subarray(0, room), position)
            if (synced) file.syncRange(position, room)
            if (room < bytes.length) throw failure('ENOSPC', 'write', path)
          },
          () => {
            if (!open || mode === 'read') return
            const room = this.#roomFor(file, position, bytes.length)
            file.write(
              bytes.subarray(0, this.#random.chance(0.5) ? room : this.#random.below(room + 1)),
              position,
            )
            if (synced && !this.powerLost) file.failSync(this.#random)
          },
        ),
      truncate: (size) =>
        call('truncate', () => {
          if (this.#roomFor(file, 0, size) < size) throw failure('ENOSPC', 'truncate', path)
          file.truncate(size)
        }),
      sync: () =>
        call(
          'sync',
          () => file.sync(),
          () => {
            if (!this.powerLost) file.failSync(this.#random)
          },
        ),
      size: () => call('size', () => file.size),
      close: () =>
        call(
          'close',
          () => {
            open = false
          },
          () => {
            open = false
          },
        ),
    }
  }

  /**
   * One call: counted (FK5), held by `onCall`, then lost with the power, failed, or done.
   *
   * @param spoil - what a call that fails leaves behind.
   */
  async #call<T>(
    call: FileCall,
    path: string,
    effect: () => T,
    spoil: () => void = () => undefined,
  ): Promise<T> {
    this.#refuseWhenGone(call, path)
    const { losesPower, errno } = this.#plan.take(call)
    if (this.#onCall !== undefined) {
      await this.#onCall(call, path)
      this.#refuseWhenGone(call, path)
    }
    if (losesPower) {
      this.crash()
      if (this.#random.chance(0.5)) attempt(effect)
      else spoil()
      throw failure('EIO', call, path, 'power lost')
    }
    if (errno !== undefined) {
      spoil()
      throw failure(errno, call, path)
    }
    return effect()
  }

  #refuseWhenGone(call: FileCall, path: string): void {
    if (this.#gone === undefined) return
    throw failure('EIO', call, path, this.#gone === 'power' ? 'power lost' : 'process died')
  }

  /** How many of `length` bytes at `position` the disk has room for. */
  #roomFor(file: CachedFile, position: number, length: number): number {
    if (this.diskBytes === Infinity || position + length <= file.size) return length
    let used = 0
    for (const [, other] of this.#tree.files()) used += other.size
    const end = file.size + Math.max(0, this.diskBytes - used)
    return Math.max(0, Math.min(length, end - position))
  }

  #find(path: string, call: FileCall): Place {
    const parts = partsOf(path)
    const name = parts.pop()
    if (name === undefined) throw failure('EISDIR', call, path)
    let folder = this.#tree.root
    for (const part of parts) {
      const found = folder.names.get(part)
      if (found === undefined) throw failure('ENOENT', call, path)
      if (!isFolder(found)) throw failure('ENOTDIR', call, path)
      folder = found
    }
    return { folder, name, node: folder.names.get(name) }
  }

  #findOrNothing(path: string): Place | undefined {
    return attempt(() => this.#find(path, 'status'))
  }

  #folderAt(path: string, call: FileCall): Folder {
    const node = partsOf(path).length === 0 ? this.#tree.root : this.#find(path, call).node
    if (node === undefined) throw failure('ENOENT', call, path)
    if (!isFolder(node)) throw failure('ENOTDIR', call, path)
    return node
  }
}

function attempt<T>(effect: () => T): T | undefined {
  try {
    return effect()
  } catch {
    return undefined
  }
}

function partsOf(path: string): string[] {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts
}

/** An error as Node makes it, with its `code`. */
function failure(errno: string, call: FileCall, path: string, why = 'simulated'): Error {
  return Object.assign(new Error(`${errno}: ${why}, ${call} '${path}'`), { code: errno, syscall: call, path })
}
