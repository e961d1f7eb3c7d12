/**
 * What is mutated, and which tests stand for it. A mutant is shown only to those of its tests that reach its function.
 */

const MACHINES = [
  'test/unit/machines/',
  'test/seeds/seed-000-lifecycle',
  'test/seeds/seed-001-limits',
  'test/unit/runtime/limits',
  'test/unit/runtime/deadlines',
  'test/seeds/seed-003',
]
const RUNTIME = [
  'test/unit/runtime/',
  'test/seeds/seed-',
  'test/property/runtime',
  'test/property/fold',
  'test/contract/memory-store',
]
const JOURNAL = ['test/unit/store/json-store/', 'test/property/disk', 'test/contract/json-store-crash']
/** Without the tests that damage every place or take power away at every call, which notice much and say it late. */
const RECOVERY = [
  'line',
  'line-scan',
  'segment',
  'journal-scan',
  'repair-journal',
  'recover',
  'json-store',
].map((name) => `test/unit/store/json-store/${name}.test`)

/**
 * Source file to the beginnings of its tests' paths, cheapest first.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
export const TARGETS = {
  'src/machines/context.ts': MACHINES,
  'src/machines/deadlines.ts': MACHINES,
  'src/machines/events.ts': MACHINES,
  'src/machines/lifecycle.ts': MACHINES,
  'src/machines/limit-policy.ts': MACHINES,
  'src/machines/limits.ts': MACHINES,
  'src/machines/session.ts': MACHINES,
  'src/machines/short-cut.ts': MACHINES,
  'src/machines/supervisor.ts': MACHINES,
  'src/store/change.ts': ['test/property/fold', 'test/unit/store/', 'test/contract/memory-store', ...RUNTIME],
  'src/runtime/change-of.ts': RUNTIME,
  'src/runtime/commit.ts': RUNTIME,
  'src/runtime/deletion.ts': RUNTIME,
  'src/runtime/history.ts': RUNTIME,
  'src/runtime/listing.ts': RUNTIME,
  'src/runtime/operations.ts': RUNTIME,
  'src/runtime/resident.ts': RUNTIME,
  'src/runtime/retention.ts': RUNTIME,
  'src/store/json-store/history.ts': JOURNAL,
  'src/store/json-store/journal-scan.ts': RECOVERY,
  'src/store/json-store/line-scan.ts': RECOVERY,
  'src/store/json-store/line.ts': RECOVERY,
  'src/store/json-store/recover.ts': RECOVERY,
  'src/store/json-store/segment.ts': RECOVERY,
}
