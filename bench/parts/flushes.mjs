/** Bytes and flushes per append, and the rate when each flush takes 2 ms longer: on slow disks what is shared counts. */
import { flushShim } from '../flush-shim.mjs'
import { byRaw, rawAlone } from '../raw-alone.mjs'
import { interleaved } from '../rounds.mjs'
import { spread } from '../statistics.mjs'

/** Runs the part. */
export async function run({ rounds, ms, folder, lines, progress }) {
  const shim = flushShim(folder)
  const shared = { ms, warmUpMs: ms, folder, lines }
  if (shim.why !== undefined) {
    progress(`SKIPPED slow flushes and their count: ${shim.why}`)
    const { one } = await interleaved(
      { one: { options: { ...shared, kind: 'product', inFlight: 64 } } },
      { rounds, progress },
    )
    const skipped = Object.fromEntries(
      ['slow.64', 'flushes.1', 'flushes.64'].map((id) => [id, { why: shim.why }]),
    )
    return { figures: { ...skipped, 'bytes.entry': spread(one.map(({ extraBytes }) => extraBytes)) } }
  }
  const counted = { env: shim.env() }
  const slower = { env: shim.env({ slowerUs: 2000 }) }
  const product = { ...shared, kind: 'product', flushCounts: shim.counts }
  const alone = await rawAlone({ inFlight: 64, ms, folder, lines }, slower)
  const samples = await interleaved(
    {
      'slow raw': { options: { ...shared, kind: 'raw', inFlight: 64 }, process: slower },
      'slow product': { options: { ...product, inFlight: 64 }, process: slower },
      'flushes 1': { options: { ...product, inFlight: 1 }, process: counted },
      'flushes 64': { options: { ...product, inFlight: 64 }, process: counted },
    },
    { rounds, progress },
  )
  const all = (name, key) => spread(samples[name].map((one) => one[key]))
  return {
    figures: {
      'slow.64': byRaw(samples['slow product'], samples['slow raw'], alone),
      'bytes.entry': all('flushes 64', 'extraBytes'),
      'flushes.1': all('flushes 1', 'flushes'),
      'flushes.64': all('flushes 64', 'flushes'),
    },
    samples,
  }
}
