/** The work that everything is measured by: entries of 1 KB, 100 sessions, callers that wait for each acknowledgement. */
import { percentile } from './statistics.mjs'

/** How many sessions the entries go to. */
export const SESSIONS = 100

/** Bytes of an entry's stored JSON. */
export const ENTRY_BYTES = 1024

const WORDS =
  'every accepted change is on the disk before it is acknowledged, and an agent resumes after restart. '

/** An entry whose stored JSON has about 1,024 bytes. */
export function entryOf(n) {
  const type = n % 2 === 0 ? 'user_message' : 'assistant_message'
  const usage = { input: 1200 + (n % 97), output: 300 + (n % 31) }
  const stored = { id: '0'.repeat(36), at: 1750000000000, type, content: { role: 'user', text: '', usage } }
  const room = ENTRY_BYTES - JSON.stringify(stored).length
  return { type, content: { role: 'user', text: WORDS.repeat(12).slice(n % 50, (n % 50) + room), usage } }
}

/** Ready-made entries, so that making them is not part of what is timed. */
export const ENTRIES = Array.from({ length: 1024 }, (_, n) => entryOf(n))

/** The id of the n-th session. */
export function sessionIdOf(n) {
  return `session-${n}`
}

/** Active sessions of a runtime, made when they are not there. */
export function openSessions(runtime, count = SESSIONS) {
  return Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const session = await runtime.getOrCreate(sessionIdOf(n))
      return session.state === 'created' ? session.activate() : session.as('active')
    }),
  )
}

/** As many callers as are in flight, for so long; each waits for its answer before it asks again. */
export async function drive(inFlight, ms, ask) {
  const started = performance.now()
  const end = started + ms
  const waits = []
  const caller = async () => {
    for (let now = performance.now(); now < end;) {
      await ask()
      const after = performance.now()
      waits.push(after - now)
      now = after
    }
  }
  await Promise.all(Array.from({ length: inFlight }, caller))
  return { seconds: (performance.now() - started) / 1000, waits }
}

/** Answers after which the code that gives them is compiled. */
const WARM = 5000
const MOST_WARM_UPS = 5

/** Drives for so long before it counts; longer where others have the machine, until the code is warm. */
export async function warmUp(inFlight, ms, ask) {
  let answered = 0
  for (let turn = 0; turn < MOST_WARM_UPS && answered < WARM; turn += 1)
    answered += (await drive(inFlight, ms, ask)).waits.length
}

/** What asks a runtime for one more append, round the sessions; other processes on the same store use other operations. */
export function appender(sessions) {
  const name = `op-${process.pid.toString(36)}`
  let asked = 0
  return () => {
    const n = asked
    asked += 1
    return sessions[n % sessions.length].append(ENTRIES[n % ENTRIES.length], {
      operationId: `${name}-${n}`,
    })
  }
}

/** Rate and latency of a round. */
export function figuresOf({ seconds, waits }, bytes = 0) {
  const sorted = Float64Array.from(waits).sort()
  return {
    perSecond: waits.length / seconds,
    mbPerSecond: bytes / seconds / 1e6,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    count: waits.length,
  }
}
