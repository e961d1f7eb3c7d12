/** Opens a store, serves one session, and says how long that took; then, when asked, lists or appends, and ends as it was asked to. */
import { openRuntime } from 'sessionwright'
import { appender, sessionIdOf } from '../work.mjs'

const CALLERS = 256

const PAGE = 50
const LISTS = {
  all: {},
  tenant: { tenantId: 'tenant-3' },
  status: { status: 'completed' },
  tag: { tag: 'rare' },
}

/** Runs one sample. With `kill` the process ends by SIGKILL, so that the store stays as it is. */
export async function run({ dir, session, list, memory, appendBytes, kill }, say) {
  const before = memory === true ? heapBytes() : 0
  const started = performance.now()
  const runtime = await openRuntime({ dir })
  const openMs = performance.now() - started
  const served = await runtime.get(session)
  for await (const _ of served.entries({ last: 1 })) break
  const answer = { openMs, firstMs: performance.now() - started, sessions: runtime.stats().store.sessions }
  if (memory === true) answer.bytesPerSession = (heapBytes() - before) / answer.sessions
  if (list !== undefined) answer.listMs = await timeList(runtime, LISTS[list])
  if (appendBytes !== undefined) answer.journalBytes = await appendSome(runtime, appendBytes)
  if (kill !== true) {
    await runtime.close()
    return answer
  }
  say(answer)
  process.kill(process.pid, 'SIGKILL')
  return new Promise(() => undefined)
}

function heapBytes() {
  for (let pass = 0; pass < 3; pass += 1) globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** A first page. */
async function timeList(runtime, query) {
  const started = performance.now()
  const { items } = await runtime.list(query)
  if (items.length !== PAGE) throw new TypeError(`the page has ${items.length} sessions`)
  return performance.now() - started
}

async function appendSome(runtime, bytes) {
  const from = runtime.stats().store.journalBytes
  // The ends of the numbering: session 0 is completed.
  const sessions = await Promise.all(
    Array.from({ length: 100 }, async (_, n) => (await runtime.get(sessionIdOf(n * 50 + 1))).as('active')),
  )
  const ask = appender(sessions)
  const written = () => runtime.stats().store.journalBytes - from
  const caller = async () => {
    while (written() < bytes) await ask()
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  return written()
}
