/**
 * How commands get at a store.
 *   CS1  Readers take no lock and work while another process owns the store.
 *   CS2  Writers own the store for as long as they run; while another process does, they end with STORE_LOCKED.
 *   CS3  Only `create` and `import` make a store where there is none.
 */
import type { Runtime, RuntimeOptions } from '../index.ts'
import { openRuntime, sessionError } from '../index.ts'
import { holdsStore } from './files.ts'
import type { StoreOptions } from './options.ts'

/** Opens the store for reading, does the work, closes (CS1). */
export async function readStore<T>(
  options: StoreOptions,
  work: (runtime: Runtime) => Promise<T>,
): Promise<T> {
  return using({ dir: options.store, readOnly: true }, work)
}

/** Owns a store that exists, does the work, closes (CS2, CS3). */
export async function writeStore<T>(
  options: StoreOptions,
  work: (runtime: Runtime) => Promise<T>,
): Promise<T> {
  if (!(await holdsStore(options.store))) throw sessionError('STORE_NOT_FOUND', { place: options.store })
  return using({ dir: options.store }, work)
}

/** Owns a store, made when absent, does the work, closes (CS2, CS3). */
export async function makeStore<T>(
  options: StoreOptions,
  work: (runtime: Runtime) => Promise<T>,
  more: Pick<RuntimeOptions, 'maxEntryBytes'> = {},
): Promise<T> {
  return using({ ...more, dir: options.store }, work)
}

async function using<T>(options: RuntimeOptions, work: (runtime: Runtime) => Promise<T>): Promise<T> {
  const runtime = await openRuntime(options)
  let result: T
  try {
    result = await work(runtime)
  } catch (error) {
    // The first failure is the one to tell; what closing says after it is its echo.
    await runtime.close().catch(() => undefined)
    throw error
  }
  await runtime.close()
  return result
}
