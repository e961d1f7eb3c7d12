/**
 * Mistakes that a session store can be built with, each put in through a door of the product, or, where there is no door,
 * into a copy of the build by one replacement that fails when its text is no longer there.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { FileHandle, FileSystem, OpenMode } from '../../src/store/file-system.ts'
import type { Head } from '../../src/store/store.ts'
import { quiet } from '../support/simulation-machine.ts'
import { PRODUCT, type Product } from '../support/simulation-product.ts'
import type { Stress } from '../support/simulation.ts'

/** One mistake, and what its world says when it is caught. */
export interface Mistake {
  readonly name: string
  readonly says: RegExp
  readonly make: (copies: Copies) => Partial<Product> | Promise<Partial<Product>>
  /** Of what the world where it shows has more than others. */
  readonly stress?: Stress
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Copies of the build, each with something else in it; `remove` takes them away. */
export class Copies {
  readonly #folder = mkdtempSync(join(tmpdir(), 'sessionwright-mistakes-'))
  #made = 0

  /** The product with one text of one module replaced. @throws TypeError when the text is not there exactly once. */
  async with(
    module: string,
    text: string,
    instead: string,
  ): Promise<Pick<Product, 'openRuntime' | 'openJsonStore'>> {
    const copy = join(this.#folder, 'dist', String((this.#made += 1)))
    for (const part of ['machines', 'runtime', 'store', 'json.js', 'errors.js', 'package.json']) {
      const from = part === 'package.json' ? join(ROOT, part) : join(ROOT, 'dist', part)
      cpSync(from, join(copy, part), {
        recursive: true,
        filter: (path) => !/\.(?:map|d\.ts)$/.test(path),
      })
    }
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
    const path = join(copy, module)
    const source = readFileSync(path, 'utf8')
    if (source.split(text).length !== 2) throw new TypeError(`${module} does not hold "${text}" once`)
    writeFileSync(
      path,
      source.replace(text, () => instead),
    )
    const load = async (name: string): Promise<Product> =>
      (await import(/* @vite-ignore */ pathToFileURL(join(copy, name)).href)) as Product
    const { openRuntime } = await load('runtime/open-runtime.js')
    const { openJsonStore } = await load('store/json-store/json-store.js')
    return { openRuntime, openJsonStore }
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true })
  }
}

const LOST = /acknowledged.* is lost|it is lost with|was there and is not any more/

/** The mistakes. */
export const MISTAKES: readonly Mistake[] = [
  {
    name: 'a change is acknowledged before its sync',
    says: LOST,
    make: () => ({
      store: (store) => {
        const append = store.append.bind(store)
        store.append = (...change) => {
          append(...change).catch(() => undefined)
          return Promise.resolve()
        }
        return store
      },
    }),
  },
  {
    name: 'the journal is not synced',
    says: LOST,
    make: () => ({
      files: (files) =>
        onJournal(files, unsynced, (handle) => ({
          ...handle,
          sync: async () => undefined,
        })),
    }),
  },
  {
    name: 'a sync that failed is tried again',
    stress: { turns: 0.1, of: 'failures' },
    says: /acknowledged.* is lost|it is lost with|its checksum does not fit/,
    make: () => ({ files: (files) => onJournal(files, unsynced, syncedTwice) }),
  },
  {
    name: 'folders are not synced after a name is made or changed',
    says: /is lost|damage|STORE_CORRUPT|not any more|holds secret|cannot be opened/,
    make: () => ({
      files: (files) => ({ ...files, syncFolder: async () => undefined }),
    }),
  },
  {
    name: 'a living owner is taken for dead',
    says: /a living owner was succeeded/,
    make: () => ({
      processes: (processes) => ({ ...processes, isAlive: async () => false }),
    }),
  },
  {
    name: 'operation ids are forgotten when the process ends',
    says: /a second time|was accepted and then refused|was answered with revision/,
    make: () => ({
      store: (store) => {
        const changes = store.changes.bind(store)
        store.changes = async (sessionId, range) => {
          const page = await changes(sessionId, range)
          return range.order === 'desc' ? page.map(({ operation: _, ...change }) => change) : page
        }
        return store
      },
    }),
  },
  {
    name: 'a deadline counts from the restart, not from its instant',
    says: /nobody told it/,
    make: () => ({
      store: (store, clock) => {
        const late = (heads: Iterable<Head>): Head[] =>
          [...heads].map(({ summary, ...head }) => {
            const { dueAt, updatedAt } = summary
            return {
              ...head,
              summary: {
                ...summary,
                dueAt: dueAt && clock.now() + Math.max(1, dueAt - updatedAt),
              },
            }
          })
        const { heads, dueHeads } = store
        store.heads = () => late(heads.call(store))
        if (dueHeads !== undefined) store.dueHeads = () => late(dueHeads.call(store))
        return store
      },
    }),
  },
  {
    name: 'answers overtake each other',
    says: /was acknowledged behind/,
    make: () => ({
      store: (store) => {
        const append = store.append.bind(store)
        store.append = async (change, ...rest) => {
          await append(change, ...rest)
          if (change.revision % 2 === 0) await quiet()
        }
        return store
      },
    }),
  },
  {
    name: 'somebody is not answered',
    says: /nobody answers any more/,
    make: () => ({
      store: (store) => {
        const append = store.append.bind(store)
        store.append = async (change, ...rest) => {
          await append(change, ...rest)
          if (change.revision === 7) await new Promise(() => undefined)
        }
        return store
      },
    }),
  },
  {
    name: 'what was refused stays in memory',
    says: /./,
    make: (copies) =>
      copies.with('runtime/commit.js', 'if (generation === resident.generation) {', 'if (generation < 0) {'),
  },
  {
    name: 'the index claims what is on its way to the disk',
    says: /damage|is lost/,
    make: (copies) =>
      copies.with(
        'store/json-store/journal.js',
        'return takesMore ? this.#durable :',
        `const way = this.#underway
         const end = way && { segment: way.segment, offset: way.offset + way.length, ordinal: way.ordinal }
         return takesMore ? (end ?? this.#durable) :`,
      ),
  },
  {
    name: 'compaction drops a tombstone while older lines are left',
    stress: { turns: 0.1, of: 'compactions' },
    says: /is damaged at byte|the line before it is missing|was deleted/,
    make: async (copies) => {
      const { openRuntime, openJsonStore } = await copies.with(
        'store/json-store/session-index.js',
        'return revision < (status[slot] === DELETED ? newest : born)[slot];',
        'return status[slot] === DELETED || revision < born[slot];',
      )
      // Small segments: a session then has lines in many of them.
      const sizes = { segmentBytes: 1_500, checkpointBytes: 3_000 }
      return {
        openRuntime,
        openJsonStore: (options) => openJsonStore({ ...options, ...sizes }),
      }
    },
  },
  {
    name: 'a torn end is kept, and what was read is trusted as it is',
    says: /damage|is lost|not any more/,
    make: (copies) =>
      copies.with(
        'store/json-store/recover.js',
        'mayGrow && (options.mustFence || !recovered.isClean)',
        'false',
      ),
  },
  {
    name: 'an owner acknowledges without a look at the fence',
    says: LOST,
    make: (copies) =>
      copies.with(
        'store/json-store/segment-writer.js',
        '(await this.#isOurs()) ? WRITTEN : FENCED_BEHIND',
        'WRITTEN',
      ),
  },
  {
    name: 'an erasure leaves the snapshots',
    says: /which was erased/,
    make: (copies) =>
      copies.with('store/json-store/compaction.js', 'await host.snapshots.erase(sessionIds);', ''),
  },
  {
    name: 'checksums are not looked at',
    says: /with other entries|do not fold/,
    make: async (copies) => ({
      ...(await copies.with(
        'store/json-store/line.js',
        'crc32(bytes.subarray(start, sealAt)) === sum ?',
        'true ?',
      )),
      files: rotting,
    }),
  },
]

/** A disk on which a letter of the journal turns into another once it is on the disk: only a checksum can tell. */
export function rotting(files: FileSystem): FileSystem {
  return onJournal(
    files,
    (mode) => mode,
    (handle) => ({
      ...handle,
      read: async (target, offset, length, position) => {
        const read = await handle.read(target, offset, length, position)
        const bytes = Buffer.from(target.buffer, target.byteOffset + offset, read)
        const at = bytes.indexOf('word word word')
        if (at !== -1) bytes[at] = 'W'.charCodeAt(0)
        return read
      },
    }),
  )
}

function unsynced(mode: OpenMode): OpenMode {
  return mode.replace('-synced', '') as OpenMode
}

/** A write and a sync of its own, which is asked for again when it fails: the second time it "succeeds". */
function syncedTwice(handle: FileHandle): FileHandle {
  const sync = (): Promise<void> => handle.sync().catch(() => handle.sync())
  return {
    ...handle,
    sync,
    write: async (bytes, position) => {
      await handle.write(bytes, position)
      await sync()
    },
  }
}

/** A disk on which the files of the journal are others. */
function onJournal(
  files: FileSystem,
  modeOf: (mode: OpenMode) => OpenMode,
  handleOf: (handle: FileHandle) => FileHandle,
): FileSystem {
  return {
    ...files,
    open: async (path, mode) =>
      path.includes('/journal/') ? handleOf(await files.open(path, modeOf(mode))) : files.open(path, mode),
  }
}

/** The product with a mistake in it. */
export async function productWith(mistake: Mistake, copies: Copies): Promise<Product> {
  return { ...PRODUCT, ...(await mistake.make(copies)) }
}
