/**
 * The product on a simulated machine, a million steps of it: callers, a clock, a disk that fails and loses power, processes
 * that die, owners that are taken for dead. After each death what is there is compared with what callers were told.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { Simulation, type Stress } from '../support/simulation.ts'
import { KeptReference } from '../support/simulation-machine.ts'

const SEED = Number(process.env['SESSIONWRIGHT_CRASH_SEED'] ?? Date.now() % 1_000_000)
const MINUTES = Number(process.env['SESSIONWRIGHT_CRASH_MINUTES'] ?? 0)
const STEPS = 1_000_000
/** Worlds of each kind that have more of something than others. */
const STRESSED = MINUTES > 0 ? 1_000 * Math.ceil(MINUTES / 10) : 10

/** Seeds of every run: worlds in which much that is rare comes together. A seed that finds something joins them. */
const KEPT_SEEDS = [19, 24, 67, 99, 122, 128, 141, 71_633, 165_775, 296_936, 569_657, 715_953, 964_650]

/** Seeds of worlds that have more of something than others, and found something. */
const KEPT_STRESSED = [[282, 'erasures']] as const

/** What a run of this many steps cannot miss. */
const EXPECTED = [
  'acknowledged',
  'refused',
  'unknown',
  'retried',
  'powerCuts',
  'kills',
  'closes',
  'takeovers',
  'rivals',
  'full',
  'failed',
  'fenced',
  'tornTails',
  'checkpoints',
  'compactions',
  'deleted',
  'erased',
  'passivated',
  'expired',
  'dueWhileDown',
] as const

beforeAll(() => {
  vi.stubGlobal('WeakRef', KeptReference)
})

afterAll(() => {
  vi.unstubAllGlobals()
})

async function simulate(seed: number, stress?: Stress): Promise<Simulation> {
  const simulation = new Simulation(seed, undefined, stress)
  const faults = await simulation.run()
  if (faults.length > 0)
    console.log(`REPRO: npm run test:crash:long -- --part sim --seed ${seed} --minutes 0`)
  expect(faults, `seed ${seed}`).toEqual([])
  return simulation
}

test('[S1] a seed gives the same run, to the last byte on the disk', async () => {
  const [once, again] = [await simulate(SEED), await simulate(SEED)]

  expect(again.reached).toEqual(once.reached)
  expect(again.steps).toBe(once.steps)
  expect(again.disk).toEqual(once.disk)
})

test.each(KEPT_SEEDS)('[S1, S2] seed %i finds nothing', async (seed) => {
  await simulate(seed)
})

test.each(KEPT_STRESSED)(
  '[S1, S2, CO5, CO6] seed %i of worlds with many %s finds nothing',
  async (seed, of) => {
    await simulate(seed, { turns: 0.1, of })
  },
)

test.each(['failures', 'compactions', 'erasures'] as const)(
  '[S1, S2, JN10, CO5] worlds with many %s find nothing',
  async (of) => {
    for (let seed = SEED; seed < SEED + STRESSED; seed += 1) await simulate(seed, { turns: 0.1, of })
  },
)

const UNTIL = MINUTES > 0 ? `${MINUTES} minutes` : 'a million steps'

test(`[S1, S2, U2, SN16, JN8, JN11, JN13, JN14, JN17, RC1, RC3, RC5, RC9] ${UNTIL}: nothing acknowledged is lost, nothing is applied twice, nobody is left waiting`, async () => {
  const [started, cpu] = [performance.now(), process.cpuUsage()]
  const reached: Record<string, number> = {}
  let [steps, seed] = [0, SEED]
  const isDone = (): boolean =>
    MINUTES > 0 ? performance.now() - started > MINUTES * 60_000 : steps >= STEPS
  for (; !isDone(); seed += 1) {
    const simulation = await simulate(seed)
    steps += simulation.steps
    for (const [what, count] of Object.entries(simulation.reached))
      reached[what] = (reached[what] ?? 0) + count
  }
  const { user, system } = process.cpuUsage(cpu)
  const seconds = `${((performance.now() - started) / 1000).toFixed(1)} s (${((user + system) / 1e6).toFixed(1)} s of a core)`
  console.log(
    `sim: seeds ${SEED} to ${seed - 1}, ${steps} steps in ${seconds}; reached ${JSON.stringify(reached)}`,
  )

  for (const what of EXPECTED) expect(reached[what], what).toBeGreaterThan(0)
})
