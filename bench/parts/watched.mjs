/** The rate of appends while somebody looks on: a subscriber on every change, an observer, telemetry. */
import { interleaved } from '../rounds.mjs'
import { ratio } from '../statistics.mjs'

const WATCHES = ['nobody', 'subscriber', 'observer', 'telemetry']

/** Runs the part. */
export async function run({ rounds, ms, folder, progress }) {
  const options = (watch) => ({ kind: 'product', inFlight: 64, ms, warmUpMs: ms, folder, watch })
  const samples = await interleaved(
    Object.fromEntries(WATCHES.map((watch) => [watch, { options: options(watch) }])),
    { rounds: Math.min(rounds, 2), progress },
  )
  const figures = {}
  for (const watch of WATCHES.slice(1)) figures[`watched.${watch}`] = ratio(samples[watch], samples.nobody)
  return { figures, samples }
}
