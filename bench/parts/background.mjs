/**
 * What checkpoints and compaction cost those who append meanwhile: checkpoints without a pause, far more than the one per 64 MB
 * that a store writes by itself, and a compaction, in a store of 100 sessions and in the large one.
 */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { sample } from '../sample.mjs'
import { rounded, spread } from '../statistics.mjs'
import { sessionIdOf } from '../work.mjs'

const TURNS = 2
const ROUNDS = 2

/** Runs the part. */
export async function run({ rounds, ms, folder, scale, progress, shared }) {
  const small = join(folder, 'small-store')
  const large = await largeStore(shared, folder, scale, progress)
  const stores = { 100: { dir: small, large: false }, 100000: { dir: large, large: true } }
  const samples = { 100: [], 100000: [] }
  for (let round = 1; round <= Math.min(ROUNDS, rounds); round += 1) {
    for (const [name, options] of Object.entries(stores)) {
      const taken = await sample('background-rate', { ...options, ms, turns: TURNS })
      samples[name].push(taken)
      progress(
        `round ${round}  store of ${name}: ${rounded(taken.rate, 2)} of the rate, p99 ${rounded(taken.p99, 1)} ×, ` +
          `${taken.checkpoints} checkpoints, ${rounded(taken.freedBytes / 1e6)} MB given back`,
      )
    }
  }
  rmSync(small, { recursive: true, force: true })
  const figures = {}
  for (const [name, all] of Object.entries(samples)) {
    const { checkpoints, freedBytes } = all[0]
    const note = `${checkpoints} checkpoints, ${rounded(freedBytes / 1e6)} MB given back in ${rounded((TURNS * ms) / 1000, 1)} s`
    figures[`background.${name}`] = { ...spread(all.map(({ rate }) => rate)), note }
    figures[`background.${name}.p99`] = spread(all.map(({ p99 }) => p99))
  }
  return { figures, samples }
}

/** The store of the part `open`, or one like it. */
async function largeStore(shared, folder, scale, progress) {
  if (shared.largeStore !== undefined && existsSync(shared.largeStore)) return shared.largeStore
  const dir = join(folder, 'large-store')
  const sessions = Math.max(5000, rounded(100_000 * scale))
  await sample('fill-store', { dir, sessions, entries: 20 })
  progress(`filled ${sessions} sessions, up to ${sessionIdOf(sessions - 1)}`)
  shared.largeStore = dir
  return dir
}
