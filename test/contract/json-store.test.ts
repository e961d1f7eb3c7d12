/**
 * The JSON store under the contract every store must keep, on a real disk.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { systemClock } from '../../src/runtime/clock.ts'
import { systemIds } from '../../src/runtime/ids.ts'
import { openJsonStore } from '../../src/store/json-store/json-store.ts'
import type { SessionStore } from '../../src/store/store.ts'
import { describeStoreContract } from '../../src/testing/store-contract.ts'

const capabilities = { durable: true, readWhileOwned: true }

/** Segments and checkpoints small enough that a case of the contract meets several of them. */
const SMALL = { segmentBytes: 4_096, checkpointBytes: 8_192 }

const folders: string[] = []

afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))))

for (const writer of ['thread', 'in-process'] as const) {
  for (const sizes of [{}, SMALL]) {
    const dirs = new WeakMap<SessionStore, string>()
    const storeAt = (dir: string): SessionStore => {
      const store = openJsonStore({
        dir,
        writer,
        clock: systemClock,
        unique: () => systemIds.session(),
        ...sizes,
      })
      dirs.set(store, dir)
      return store
    }
    describeStoreContract({
      describe,
      test,
      name: `JSON on a disk, ${writer}${sizes === SMALL ? ', small segments' : ''}`,
      capabilities,
      async makeStore() {
        const folder = await mkdtemp(join(tmpdir(), 'json-store-'))
        folders.push(folder)
        return storeAt(join(folder, 'store'))
      },
      beside: (store) => storeAt(dirs.get(store) ?? ''),
    })
  }
}
