/**
 * Mixed work for as long as the minutes say: sessions come, talk and go, subscribers come and go, checkpoints and compactions
 * run, the store is opened again. Memory, open files and timers are the same in the last third as in the second. Long form
 * only.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isSessionError } from '../../src/errors.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { systemIds } from '../../src/runtime/ids.ts'
import { openRuntime } from '../../src/runtime/open-runtime.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { openJsonStore } from '../../src/store/json-store/json-store.ts'
import { crashPart } from './part-report.ts'

const part = crashPart('soak')
const { random } = part
/** Sessions that live at the same time. */
const LIVING = 50
/** What may lie between two thirds of a run: what a heap breathes, and a page of it. */
const MOST_MIB = 24
const MOST_FILES = 4
const SIZES = { segmentBytes: 1 << 20, checkpointBytes: 4 << 20 }

/** How much of everything the process holds. */
interface Holding {
  readonly mib: number
  readonly files: number
  readonly timers: number
  readonly diskShare: number
}

async function opened(dir: string): Promise<Runtime> {
  const unique = (): string => systemIds.session()
  return openRuntime({
    store: openJsonStore({ dir, clock: systemClock, unique, ...SIZES }),
    maxLiveActors: 50,
  })
}

function holding(runtime: Runtime): Holding {
  global.gc?.()
  const files = readdirSync('/proc/self/fd').length
  const timers = process.getActiveResourcesInfo().filter((what) => what === 'Timeout').length
  const { journalBytes, deadBytes } = runtime.stats().store
  return {
    mib: process.memoryUsage().rss / 2 ** 20,
    files,
    timers,
    diskShare: journalBytes / Math.max(1, journalBytes - deadBytes),
  }
}

/** One session's life; on a busy machine its time may be up before its work is done. */
async function life(runtime: Runtime): Promise<void> {
  try {
    await work(runtime)
    part.count('lives')
  } catch (error) {
    if (!isSessionError(error, 'WRONG_STATE') || error.details.actual !== 'expired') throw error
    part.count('expired')
  }
}

/** A session is made, talks, is looked at from its beginning, ends, and mostly is deleted. */
async function work(runtime: Runtime): Promise<void> {
  const session = await (await runtime.create({ ttlMs: 5_000 + random.below(60_000) })).activate()
  for (let turn = 5 + random.below(20); turn > 0; turn -= 1) {
    await session.append({ type: 'user_message', content: 'word '.repeat(random.below(200)) })
    await session.append({ type: 'assistant_message', content: 'word '.repeat(random.below(200)) })
    part.count('appended', 2)
  }
  const looking = new AbortController()
  for await (const _ of session.changes({ from: 1, signal: looking.signal })) if (random.chance(0.2)) break
  looking.abort()
  await session.complete()
  if (random.chance(0.9)) await runtime.delete(session.id)
}

if (part.minutes === undefined) console.log('SKIPPED: soak runs with --minutes only')

const most = (values: readonly number[]): number => Math.max(...values)

test.skipIf(part.minutes === undefined)('[SN22, JN16] nothing grows', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'sessionwright-soak-'))
  const until = performance.now() + (part.minutes ?? 0) * 60_000
  const seen: Holding[] = []
  let runtime = await opened(dir)
  for (let round = 1; performance.now() < until; round += 1) {
    await Promise.all(Array.from({ length: LIVING }, () => life(runtime)))
    if (random.chance(0.1)) await runtime.compact()
    if (random.chance(0.1)) {
      await runtime.close()
      runtime = await opened(dir)
      part.count('openings')
    }
    const { deleted } = await runtime.prune({ olderThanMs: 30_000 })
    part.count('pruned', deleted.length)
    seen.push(holding(runtime))
  }
  await runtime.close()
  rmSync(dir, { recursive: true })

  const third = Math.floor(seen.length / 3)
  const [middle, last] = [seen.slice(third, 2 * third), seen.slice(2 * third)]
  const grown = (what: keyof Holding): number =>
    most(last.map((one) => one[what])) - most(middle.map((one) => one[what]))
  for (const what of ['mib', 'files', 'timers', 'diskShare'] as const) {
    part.reached[what] =
      `${most(middle.map((one) => one[what])).toFixed(1)} then ${most(last.map((one) => one[what])).toFixed(1)}`
  }
  expect(seen.length).toBeGreaterThan(6)
  expect(grown('mib')).toBeLessThan(MOST_MIB)
  expect(grown('files')).toBeLessThanOrEqual(MOST_FILES)
  expect(grown('timers')).toBeLessThanOrEqual(MOST_FILES)
})
