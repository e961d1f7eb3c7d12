/**
 * Goal: what was acknowledged survives any crash of any disk that keeps its word about syncs (S1), and comes back as it was.
 * Method: a few worlds of the simulation that `npm run test:crash` plays a million steps of: a disk that loses power, drops,
 * keeps and zeroes unsynced sectors, and fails calls; a caller's notes are compared with what each life opens on.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { OpenMode } from '../../src/store/file-system.ts'
import { KeptReference } from '../support/simulation-machine.ts'
import { PRODUCT, type Product } from '../support/simulation-product.ts'
import { Simulation } from '../support/simulation.ts'

const WORLDS = 40
/** One world in ten loses something acknowledged on a disk that lies; the others meet damage first, or nothing. */
const LYING_WORLDS = 300
const SEED = Date.now() % 1_000_000

/** A disk that says the journal is synced when it is not; it keeps its word about all else. */
const ON_A_LYING_DISK: Product = {
  ...PRODUCT,
  files: (files) => ({
    ...files,
    open: async (path, mode) => {
      if (!path.includes('/journal/')) return files.open(path, mode)
      const handle = await files.open(path, mode.replace('-synced', '') as OpenMode)
      return { ...handle, sync: () => Promise.resolve() }
    },
  }),
}

beforeAll(() => {
  vi.stubGlobal('WeakRef', KeptReference)
})

afterAll(() => {
  vi.unstubAllGlobals()
})

test('[S1, JN8, RC1, RC3, RC5] acknowledged changes are a prefix of the recovered ones, life after life', async () => {
  const reached: Record<string, number> = {}
  for (let seed = SEED; seed < SEED + WORLDS; seed += 1) {
    const simulation = new Simulation(seed)

    expect(await simulation.run(), `seed ${seed}`).toEqual([])
    for (const [what, count] of Object.entries(simulation.reached))
      reached[what] = (reached[what] ?? 0) + count
  }

  for (const what of ['powerCuts', 'unknown', 'failed', 'erased', 'takeovers', 'expired']) {
    expect(reached[what], `${what} in ${JSON.stringify(reached)}`).toBeGreaterThan(0)
  }
}, 120_000)

test('[S1] a disk that lies about its syncs loses what was acknowledged, and is caught', async () => {
  const faults: string[] = []
  for (let seed = SEED; seed < SEED + LYING_WORLDS && faults.length === 0; seed += 1) {
    const found = await new Simulation(seed, ON_A_LYING_DISK).run()
    faults.push(...found.filter((fault) => /acknowledged.* is lost|is lost with/.test(fault)))
  }

  expect(faults).not.toEqual([])
}, 120_000)
