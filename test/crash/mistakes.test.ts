/**
 * The simulation is tested itself: each mistake that a session store can be built with is found within 200 seeds, by what it
 * does to a caller; without the mistake the same seeds find nothing.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { PRODUCT } from '../support/simulation-product.ts'
import { Simulation } from '../support/simulation.ts'
import { KeptReference } from '../support/simulation-machine.ts'
import { Copies, MISTAKES, productWith, rotting } from './mistakes.ts'

const SEEDS = 200

const copies = new Copies()

beforeAll(() => {
  vi.stubGlobal('WeakRef', KeptReference)
})

afterAll(() => {
  vi.unstubAllGlobals()
  copies.remove()
})

test.each(MISTAKES)('[S1, S2, JN8, JN10, RC1] $name: it is found', async (mistake) => {
  const product = await productWith(mistake, copies)
  const others: string[] = []
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const faults = await new Simulation(seed, product, mistake.stress).run()
    const fault = faults.find((one) => mistake.says.test(one))
    if (fault !== undefined) {
      console.log(`${mistake.name}: found by seed ${seed}: ${fault.slice(0, 120)}`)
      return
    }
    others.push(...faults.slice(0, 1))
  }
  expect.fail(`not found within ${SEEDS} seeds; they said ${others.slice(0, 3).join('; ') || 'nothing'}`)
})

test('[RC4] with checksums the same rot is damage with a place, and nobody is told other entries', async () => {
  const found: string[] = []
  for (let seed = 1; seed <= 20; seed += 1) {
    found.push(...(await new Simulation(seed, { ...PRODUCT, files: rotting }).run()))
  }

  expect(found.filter((fault) => /its checksum does not fit/.test(fault))).not.toEqual([])
  expect(found.filter((fault) => /with other entries/.test(fault))).toEqual([])
})
