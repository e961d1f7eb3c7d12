import { describe, expect, test } from 'vitest'
import { createMemoryStore } from '../../src/store/memory-store.ts'
import { describeStoreContract } from '../../src/testing/store-contract.ts'

describeStoreContract({
  describe,
  test,
  name: 'memory',
  capabilities: { durable: false, readWhileOwned: false },
  makeStore: createMemoryStore,
})

test('[Y2] a durable store cannot be tested without a second store at its place', () => {
  const options = { describe, test, name: 'x', makeStore: createMemoryStore }

  expect(() =>
    describeStoreContract({ ...options, capabilities: { durable: true, readWhileOwned: false } }),
  ).toThrow(TypeError)
})
