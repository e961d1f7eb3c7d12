/** What a simulation runs: the product, and the doors at which something else can be put in its place. */
import type { Clock } from '../../src/runtime/clock.ts'
import { openRuntime } from '../../src/runtime/open-runtime.ts'
import type { FileSystem } from '../../src/store/file-system.ts'
import type { JsonStore } from '../../src/store/json-store/json-store.ts'
import { openJsonStore } from '../../src/store/json-store/json-store.ts'
import type { Processes } from '../../src/store/json-store/processes.ts'
import type { SessionStore } from '../../src/store/store.ts'

/** What is simulated; the mistakes of `mistakes.test.ts` put something else in its place. */
export interface Product {
  readonly openRuntime: typeof openRuntime
  readonly openJsonStore: typeof openJsonStore
  readonly files: (files: FileSystem) => FileSystem
  readonly store: (store: JsonStore, clock: Clock) => SessionStore
  readonly processes: (processes: Processes) => Processes
}

/** The product as it is. */
export const PRODUCT: Product = {
  openRuntime,
  openJsonStore,
  files: (files) => files,
  store: (store) => store,
  processes: (processes) => processes,
}
