/**
 * Fills a store with sessions of 1 KB entries: what a runtime does for one session of each kind is appended again for all
 * others of its kind, as the journal takes it, so that a large store is there in a minute.
 */
import { openJsonStore, systemClock, systemIds } from 'sessionwright'
import { changesOf } from '../made-changes.mjs'
import { ENTRIES, sessionIdOf } from '../work.mjs'

const CALLERS = 256
const TENANTS = 10
/** Every so manieth session is completed; every so manieth has a tag. */
const COMPLETED = 50
const TAGGED = 100

/** Runs one sample: so many sessions. */
export async function run({ dir, sessions, entries }) {
  const kinds = (await Promise.all(Array.from({ length: TAGGED }, (_, n) => changesOfKind(n, entries)))).map(
    (made) => made.map((one) => ({ ...one, text: JSON.stringify(one.change.entries) })),
  )
  const started = performance.now()
  const store = openJsonStore({ dir, clock: systemClock, unique: () => systemIds.entry() })
  await store.open({ readOnly: false })
  let next = 0
  const caller = async () => {
    while (next < sessions) {
      const sessionId = sessionIdOf(next)
      const changes = kinds[next % TAGGED]
      next += 1
      // One after the other, as a caller appends: the lines of a session lie among those of others.
      for (const { change, after, text } of changes) {
        const at = systemClock.now()
        const summary = { ...after.summary, updatedAt: at }
        await store.append({ ...change, sessionId, at }, { ...after, sessionId, summary }, text)
      }
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  const filledMs = performance.now() - started
  await store.close()
  return { filledMs, closedMs: performance.now() - started - filledMs }
}

function changesOfKind(n, entries) {
  const options = {
    id: sessionIdOf(n),
    name: `Session ${n}`,
    tenantId: `tenant-${n % TENANTS}`,
    userId: `user-${n}`,
    tags: n % TAGGED === 0 ? ['rare'] : [],
  }
  return changesOf(options, async (session) => {
    for (let k = 0; k < entries; k += 1) await session.append(ENTRIES[(n * 7 + k) % ENTRIES.length])
    if (n % COMPLETED === 0) await session.complete()
  })
}
