/**
 * What every part of the crash lane begins and ends with: a seed, the minutes it may take, one line that says what it
 * reached, and, when it failed, one line that runs it again.
 */
import { afterAll, afterEach } from 'vitest'
import type { SeededRandom } from '../../src/testing/seeded-random.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'

/** One part of the lane. */
export interface CrashPart {
  readonly seed: number
  readonly random: SeededRandom
  /** How long it may take; undefined in CI, which wants the short form. */
  readonly minutes: number | undefined
  /** What it reached, by name; printed at the end. */
  readonly reached: Record<string, number | string>
  /** Counts one more of something reached. */
  count(what: string, by?: number): void
}

/** Begins a part; called once, at the top of its test file. */
export function crashPart(name: string): CrashPart {
  const seed = Number(process.env['SESSIONWRIGHT_CRASH_SEED'] ?? Date.now() % 1_000_000)
  const minutes = Number(process.env['SESSIONWRIGHT_CRASH_MINUTES'] ?? 0)
  const reached: Record<string, number | string> = {}
  const [started, cpu] = [performance.now(), process.cpuUsage()]
  let hasFailed = false
  afterEach(({ task }) => {
    hasFailed ||= task.result?.state === 'fail'
  })
  afterAll(() => {
    const { user, system } = process.cpuUsage(cpu)
    const seconds = `${((performance.now() - started) / 1000).toFixed(1)} s (${((user + system) / 1e6).toFixed(1)} s of a core here)`
    console.log(`${name}, seed ${seed}, ${seconds}, reached ${JSON.stringify(reached)}`)
    if (hasFailed) console.log(`REPRO: npm run test:crash:long -- --part ${name} --seed ${seed}`)
  })
  return {
    seed,
    random: seededRandom(seed),
    minutes: minutes > 0 ? minutes : undefined,
    reached,
    count(what, by = 1) {
      reached[what] = Number(reached[what] ?? 0) + by
    },
  }
}
