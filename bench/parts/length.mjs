/** The 10,000th append of a session beside the 10th. */
import { interleaved } from '../rounds.mjs'
import { spread } from '../statistics.mjs'

/** Runs the part. */
export async function run({ rounds, folder, progress }) {
  const { length: all } = await interleaved(
    { length: { module: 'append-length', options: { folder } } },
    { rounds: Math.min(rounds, 2), progress },
  )
  return {
    figures: { 'length.10000': spread(all.map(({ longMs, shortMs }) => longMs / shortMs)) },
    samples: all,
  }
}
