/**
 * Appends at 64 in flight while checkpoints and compaction run, beside the same without: one store, in turns. The store has
 * dead sessions, so that compaction has something to give back each time.
 */
import { openJsonStore, openRuntime, systemClock, systemIds } from 'sessionwright'
import { appender, drive, ENTRIES, figuresOf, openSessions, SESSIONS, sessionIdOf, warmUp } from '../work.mjs'
import { median } from '../statistics.mjs'

/** Sessions that are made and deleted before a busy turn. */
const DEAD = 10

/** Runs one sample: `turns` of each. */
export async function run({ dir, ms, turns, large }) {
  // Nothing in the background but what is asked for here.
  const store = openJsonStore({
    dir,
    clock: systemClock,
    unique: () => systemIds.entry(),
    checkpointBytes: Number.MAX_SAFE_INTEGER,
  })
  const runtime = await openRuntime({ store })
  const sessions = large
    ? await Promise.all(
        Array.from({ length: SESSIONS }, async (_, n) =>
          (await runtime.get(sessionIdOf(n * 50 + 1))).as('active'),
        ),
      )
    : await openSessions(runtime)
  const ask = appender(sessions)
  await warmUp(64, ms, ask)
  const [quiet, busy] = [[], []]
  let [checkpoints, compactions, freedBytes] = [0, 0, 0]
  const takeQuiet = async () => quiet.push(figuresOf(await drive(64, ms, ask)))
  const takeBusy = async () => {
    await leaveDead(runtime)
    const until = performance.now() + ms
    const working = (async () => {
      const before = compactions
      while (performance.now() < until) {
        await runtime.checkpoint()
        checkpoints += 1
        if (compactions > before) continue
        freedBytes += (await runtime.compact()).freedBytes
        compactions += 1
      }
    })()
    busy.push(figuresOf(await drive(64, ms, ask)))
    await working
  }
  for (let turn = 0; turn < turns; turn += 1)
    for (const take of turn % 2 === 0 ? [takeQuiet, takeBusy] : [takeBusy, takeQuiet]) await take()
  await runtime.close()
  const middle = (all, key) => median(all.map((one) => one[key]))
  return {
    perSecond: middle(busy, 'perSecond'),
    rate: middle(busy, 'perSecond') / middle(quiet, 'perSecond'),
    p99: middle(busy, 'p99Ms') / middle(quiet, 'p99Ms'),
    ...{ quiet, busy, checkpoints, compactions, freedBytes },
  }
}

let made = 0

async function leaveDead(runtime) {
  for (let n = 0; n < DEAD; n += 1) {
    made += 1
    const session = await (await runtime.create({ id: `dead-${process.pid}-${made}` })).activate()
    await session.appendAll(ENTRIES.slice(0, 500))
    await runtime.delete(session.id, { force: true })
  }
}
