/**
 * The contract of a `SessionStore` as tests: what every adapter must do, whatever is under it.
 *   Y1  No test runner is imported; the caller hands over `describe` and `test` of its own.
 *   Y2  A case is left out only when a declared capability says so, and the declaration itself is a case.
 *   Y3  A state is a value: who gives or gets one does not alter it, so a store may hand on what it was given. The
 *       changes of a page are the reader's own. Dead changes may be gone from the feed at once or only when compacted.
 */
import assert from 'node:assert/strict'
import type { SessionStore, StoreCapabilities } from '../index.ts'
import type { Arena, ContractCase } from './store-contract/case.ts'
import { deletingCases } from './store-contract/deleting.ts'
import { lastingCases } from './store-contract/lasting.ts'
import { readingCases } from './store-contract/reading.ts'
import { writingCases } from './store-contract/writing.ts'

/** How to run the contract suite on an adapter. */
export interface StoreContractOptions {
  /** `describe` of a test runner. */
  readonly describe: (name: string, body: () => void) => void
  /** `test` of a test runner: a body that rejects is a failure. */
  readonly test: (name: string, body: () => Promise<void>) => void
  /** The adapter's name in the report. */
  readonly name: string
  readonly capabilities: StoreCapabilities
  /** An empty store at a place of its own, not opened. */
  readonly makeStore: () => SessionStore | Promise<SessionStore>
  /** A second store at the place of the first, not opened. Needed by stores that are durable or read while owned. */
  readonly beside?: (store: SessionStore) => SessionStore | Promise<SessionStore>
  /**
   * Kills the owner of the place without a goodbye and gives a store, not opened, at what is left. Without it the
   * cases about a crash are left out; only durable stores have any.
   */
  readonly afterCrash?: (store: SessionStore) => SessionStore | Promise<SessionStore>
}

/**
 * Registers one test per rule of the contract (Y1).
 *
 * @throws TypeError when a declared capability cannot be tested with what was given.
 */
export function describeStoreContract(options: StoreContractOptions): void {
  const { capabilities } = options
  if ((capabilities.durable || capabilities.readWhileOwned) && options.beside === undefined) {
    throw new TypeError('a store that is durable or read while owned needs `beside` to be tested')
  }
  options.describe(`the store contract: ${options.name}`, () => {
    options.test('[Y2] the store declares the capabilities it is tested for', async () => {
      const store = await options.makeStore()

      assert.deepEqual({ ...store.capabilities }, { ...capabilities })
    })
    for (const { name, needs, run } of [
      ...writingCases,
      ...readingCases,
      ...deletingCases,
      ...lastingCases,
    ]) {
      if (isOutOfReach(needs, options)) continue
      options.test(name, () => inArena(options, run))
    }
  })
}

function isOutOfReach(needs: ContractCase['needs'], options: StoreContractOptions): boolean {
  const { durable, readWhileOwned } = options.capabilities
  if (needs === 'durable') return !durable
  if (needs === 'crash') return !durable || options.afterCrash === undefined
  return needs === 'readWhileOwned' && !readWhileOwned
}

async function inArena(options: StoreContractOptions, run: ContractCase['run']): Promise<void> {
  const { beside, afterCrash } = options
  let owner = await options.makeStore()
  const others: SessionStore[] = []
  await owner.open({ readOnly: false })
  const arena: Arena = {
    store: owner,
    async reopen(readOnly = false) {
      const previous = owner
      await previous.close()
      owner = (await beside?.(previous)) ?? previous
      await owner.open({ readOnly })
      return owner
    },
    async beside() {
      const other = (await beside?.(owner)) ?? owner
      others.push(other)
      await other.open({ readOnly: true })
      return other
    },
    async crash() {
      owner = (await afterCrash?.(owner)) ?? owner
      await owner.open({ readOnly: false })
      return owner
    },
  }
  try {
    await run(arena)
  } finally {
    for (const other of others) await other.close()
    await owner.close()
  }
}
