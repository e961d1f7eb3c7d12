/** What a live idle session holds: thousands with an actor beside none. Needs `--expose-gc`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openRuntime } from 'sessionwright'

const COUNT = 10_000
const AT_ONCE = 100

/** Runs one sample. */
export async function run({ folder }) {
  const dir = mkdtempSync(join(folder, 'live-'))
  const runtime = await openRuntime({ dir, maxLiveActors: 2 * COUNT })
  const live = async (from, to) => {
    for (let n = from; n < to; n += AT_ONCE) {
      const ids = Array.from({ length: AT_ONCE }, (_, k) => `session-${n + k}`)
      // The handles are let go: what counts is what the runtime itself holds.
      await Promise.all(ids.map(async (id) => void (await (await runtime.create({ id })).activate())))
    }
  }
  await live(0, 1000)
  const before = heapBytes()
  await live(1000, 1000 + COUNT)
  const bytes = (heapBytes() - before) / COUNT
  const { liveActors } = runtime.stats()
  await runtime.close()
  rmSync(dir, { recursive: true, force: true })
  return { bytes, liveActors }
}

function heapBytes() {
  for (let pass = 0; pass < 3; pass += 1) globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
