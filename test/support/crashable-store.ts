/**
 * JSON stores on a simulated disk, for tests that crash, damage and compare them.
 */
import type { FileSystem } from '../../src/store/file-system.ts'
import { openJsonStore } from '../../src/store/json-store/json-store.ts'
import type { JsonStoreOptions } from '../../src/store/json-store/options.ts'
import type { Processes } from '../../src/store/json-store/processes.ts'
import type { SessionStore } from '../../src/store/store.ts'
import { CrashableFileSystem } from '../../src/testing/crashable-file-system.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'

let processes = 0
let serial = 0

/** A string no other call gives. */
export function unique(): string {
  serial += 1
  return `u${serial}`
}

/** A process of its own; every other one is dead. */
export function loneProcess(): Processes {
  processes += 1
  const identity = { pid: processes, startTime: null, bootId: null, host: 'h' }
  return { self: () => Promise.resolve(identity), isAlive: () => Promise.resolve(false) }
}

/** Opens the store of `/s` as a process of its own, with segments so small that a few lines fill one. */
export async function openOn(files: FileSystem, over: Partial<JsonStoreOptions> = {}): Promise<SessionStore> {
  const own = { clock: new ManualClock(), unique, segmentBytes: 1500, processes: loneProcess() }
  const store = openJsonStore({ dir: '/s', files, ...own, ...over })
  await store.open({ readOnly: false })
  return store
}

/** All bytes of the files whose path holds `part`, with their paths. */
export function grep(disk: CrashableFileSystem, part = ''): string {
  return [...disk.contents()]
    .filter(([path]) => path.includes(part))
    .map(([path, bytes]) => `${path}\n${bytes.toString('latin1')}`)
    .join('\n')
}

/** Removes index and snapshots, so that only the journal is left. */
export async function withoutCheckpoints(disk: CrashableFileSystem): Promise<void> {
  for (const path of disk.contents().keys()) if (/index-|snapshots\//.test(path)) await disk.remove(path)
}

/** Overwrites the first byte of the first place in a segment that reads `text`; tells where that was. */
export async function damage(
  disk: CrashableFileSystem,
  text: string,
): Promise<{ path: string; byte: number }> {
  const found = [...disk.contents()].find(([path, bytes]) => path.endsWith('.jsonl') && bytes.includes(text))
  if (found === undefined) throw new Error(`no segment holds ${text}`)
  const [path, bytes] = found
  const byte = bytes.indexOf(text)
  const handle = await disk.open(path, 'write')
  await handle.write(Buffer.from('#'), byte)
  await handle.close()
  return { path, byte }
}

/** Another disk with the same files. */
export async function copyOf(disk: CrashableFileSystem, seed = 1): Promise<CrashableFileSystem> {
  const copy = new CrashableFileSystem({ seed })
  for (const [path, bytes] of disk.contents()) {
    await copy.makeFolder(path.slice(0, path.lastIndexOf('/')))
    const handle = await copy.open(path, 'create')
    await handle.write(bytes, 0)
    await handle.close()
  }
  copy.settle()
  return copy
}
