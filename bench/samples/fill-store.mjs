/** Fills a store: sessions of 20 entries of 1 KB, as many callers as a busy host has. */
import { openRuntime } from 'sessionwright'
import { ENTRIES, sessionIdOf } from '../work.mjs'

const CALLERS = 256

/** Runs one sample: sessions `from` to `to` of the store. */
export async function run({ dir, from, to, entries }) {
  const runtime = await openRuntime({ dir })
  const started = performance.now()
  let next = from
  const caller = async () => {
    while (next < to) {
      const n = next
      next += 1
      const session = await (
        await runtime.create({
          id: sessionIdOf(n),
          name: `Session ${n}`,
          tenantId: `tenant-${n % 10}`,
          userId: `user-${n % 1000}`,
          tags: n % 100 === 0 ? ['rare'] : [],
        })
      ).activate()
      for (let k = 0; k < entries; k += 1) await session.append(ENTRIES[(n * 7 + k) % ENTRIES.length])
      if (n % 50 === 0) await session.complete()
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  const filledMs = performance.now() - started
  await runtime.close()
  return {
    filledMs,
    perSecond: ((to - from) * entries * 1000) / filledMs,
    closedMs: performance.now() - started - filledMs,
  }
}
