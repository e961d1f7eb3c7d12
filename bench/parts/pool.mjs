/** Four busy tasks in libuv's pool: the journal's writer is a thread of its own and does not queue behind them. */
import { interleaved } from '../rounds.mjs'
import { ratio } from '../statistics.mjs'

/** Runs the part. */
export async function run({ rounds, ms, folder, progress }) {
  const shared = { kind: 'product', inFlight: 1, ms, warmUpMs: ms, folder }
  const samples = await interleaved(
    { idle: { options: shared }, busy: { options: { ...shared, busyTasks: 4 } } },
    { rounds: Math.min(rounds, 2), progress },
  )
  return { figures: { 'pool.p50': ratio(samples.busy, samples.idle, ({ p50Ms }) => p50Ms) }, samples }
}
