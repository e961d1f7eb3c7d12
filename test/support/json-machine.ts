/**
 * A machine in memory that runs JSON stores: a disk that can be made to fail, a clock turned by hand, and processes that
 * can be killed.
 */
import type { JsonStore } from '../../src/store/json-store/json-store.ts'
import type { JsonStoreOptions } from '../../src/store/json-store/options.ts'
import { openJsonStore } from '../../src/store/json-store/json-store.ts'
import type { CrashableFileSystemOptions } from '../../src/testing/crashable-file-system.ts'
import { CrashableFileSystem } from '../../src/testing/crashable-file-system.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { SampleSession } from '../../src/testing/store-contract/sample-session.ts'

/** Where the store of a machine lies. */
export const PLACE = '/store'

let uniques = 0

/** One process of a machine with a disk. */
export class JsonMachine {
  readonly files: CrashableFileSystem
  readonly clock = new ManualClock()
  readonly #pid: number

  constructor(files: CrashableFileSystem | CrashableFileSystemOptions = {}, pid = 1) {
    this.files = files instanceof CrashableFileSystem ? files : new CrashableFileSystem(files)
    this.#pid = pid
  }

  /** A store of this process, not opened. */
  store(options: Partial<JsonStoreOptions> = {}): JsonStore {
    const self = { pid: this.#pid, startTime: null, bootId: null, host: 'machine' }
    return openJsonStore({
      dir: PLACE,
      files: this.files,
      clock: this.clock,
      unique: () => `unique-${(uniques += 1)}`,
      processes: { self: async () => self, isAlive: async ({ pid }) => pid === this.#pid },
      ...options,
    })
  }

  /** A store of this process, opened as its owner. */
  async owner(options: Partial<JsonStoreOptions> = {}): Promise<JsonStore> {
    const store = this.store(options)
    await store.open({ readOnly: false })
    return store
  }

  /** A store of this process, opened for reading. */
  async reader(options: Partial<JsonStoreOptions> = {}): Promise<JsonStore> {
    const store = this.store(options)
    await store.open({ readOnly: true })
    return store
  }

  /** The next process, after this one was killed. */
  killed(): JsonMachine {
    return new JsonMachine(this.files.processDied(), this.#pid + 1)
  }

  /** The next process, after the power was cut. */
  powerCut(seed?: number): JsonMachine {
    return new JsonMachine(this.files.afterPowerCut(seed === undefined ? {} : { seed }), this.#pid + 1)
  }

  /** The segments as text, by name. */
  journal(): Map<string, Buffer> {
    const folder = `${PLACE}/journal/`
    const found = [...this.files.contents()].filter(([path]) => path.startsWith(folder))
    return new Map(found.map(([path, bytes]) => [path.slice(folder.length), bytes]))
  }

  /** Puts other bytes in the place of a file's, without a call: for arranging damage. */
  async overwrite(path: string, bytes: Uint8Array): Promise<void> {
    if ((await this.files.status(path)) !== undefined) await this.files.remove(path)
    const handle = await this.files.open(path, 'create')
    await handle.write(bytes, 0)
    await handle.close()
    this.files.settle()
  }
}

/** The path of a segment. */
export function segmentPath(segment: number): string {
  return `${PLACE}/journal/${String(segment).padStart(8, '0')}.jsonl`
}

/** A machine whose owner appended `rounds` times to three sessions and was killed; the last lines are not marked. */
export async function furnished(
  rounds: number,
  options = {},
): Promise<{ machine: JsonMachine; sessions: readonly SampleSession[] }> {
  const machine = new JsonMachine()
  const store = await machine.owner(options)
  const sessions = ['a', 'b', 'c'].map((id) => new SampleSession(id))
  for (let round = 0; round < rounds; round += 1) {
    for (const session of sessions) await session.append(store)
  }
  machine.files.settle()
  return { machine: machine.killed(), sessions }
}

/** The newest segment, with what it holds. */
export function lastSegment(machine: JsonMachine): { path: string; bytes: Buffer } {
  const name = [...machine.journal().keys()]
    .filter((other) => other.endsWith('.jsonl'))
    .sort()
    .at(-1) as string
  return { path: `${PLACE}/journal/${name}`, bytes: machine.journal().get(name) as Buffer }
}
