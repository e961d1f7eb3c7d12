/**
 * What tests of sessionwright, and of programs and stores built on it, take in hand: time, ids, a disk that fails.
 */
export { ManualClock } from './manual-clock.ts'
export { countingIds } from './counting-ids.ts'
export { CrashableFileSystem } from './crashable-file-system.ts'
export type { CrashableFileSystemOptions } from './crashable-file-system.ts'
export type { FileCall } from './fault-plan.ts'
export { seededRandom } from './seeded-random.ts'
export type { SeededRandom } from './seeded-random.ts'
export { describeStoreContract } from './store-contract.ts'
export type { StoreContractOptions } from './store-contract.ts'
