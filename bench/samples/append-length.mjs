/** What the 10,000th append of a session costs, and what the 10th does: both in turns, in one store. */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openRuntime } from 'sessionwright'
import { mean } from '../statistics.mjs'
import { ENTRIES } from '../work.mjs'

const LONG = 10_000
const TURNS = 400

/** Runs one sample. */
export async function run({ folder }) {
  const dir = mkdtempSync(join(folder, 'length-'))
  const runtime = await openRuntime({ dir })
  const active = async (id) => (await runtime.create({ id })).activate()
  const long = await active('long')
  for (let filled = 0; filled < LONG - 1; filled += 500)
    await Promise.all(ENTRIES.slice(0, Math.min(500, LONG - 1 - filled)).map((entry) => long.append(entry)))
  const waits = { long: [], short: [] }
  const timed = async (kind, session, n) => {
    const started = performance.now()
    await session.append(ENTRIES[n % ENTRIES.length], { operationId: `operation-${n}` })
    waits[kind].push(performance.now() - started)
  }
  let short
  for (let turn = 0; turn < TURNS; turn += 1) {
    if (turn % 20 === 0) {
      // A session never has more than 30 entries: it is the 10th append that is compared.
      short = await active(`short-${turn}`)
      for (let n = 0; n < 9; n += 1) await short.append(ENTRIES[n])
    }
    const order = [() => timed('short', short, turn), () => timed('long', long, turn)]
    for (const append of turn % 2 === 0 ? order : order.toReversed()) await append()
  }
  await runtime.close()
  rmSync(dir, { recursive: true, force: true })
  return { shortMs: trimmed(waits.short), longMs: trimmed(waits.long) }
}

/** The mean without the slowest hundredth: those waited for somebody else. */
function trimmed(values) {
  return mean(values.toSorted((a, b) => a - b).slice(0, Math.ceil(values.length * 0.99)))
}
