/** One sample of `append.mjs`, in a process of its own: warms up, measures, prints one JSON document. */
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { openRuntime } from 'sessionwright'
import { RawJournal } from './raw-journal.mjs'
import { percentile } from './statistics.mjs'

const SESSIONS = 100
const ENTRY_BYTES = 1024
const { kind, inFlight, ms, warmUpMs, folder, lines, keep } = JSON.parse(process.argv[2])
const dir = mkdtempSync(join(folder, `${kind}-`))
const result = await (kind === 'raw' ? raw() : product())
if (keep !== undefined)
  copyFileSync(join(dir, 'journal', readdirSync(join(dir, 'journal')).toSorted()[0]), keep)
rmSync(dir, { recursive: true, force: true })
process.stdout.write(JSON.stringify({ ...result, load: Math.round(loadavg()[0] * 10) / 10 }))

/** A loop that does nothing else: lines of one batch after the other, as many as are in flight. */
async function raw() {
  const journal = new RawJournal(dir, lines)
  await journal.run(inFlight, warmUpMs)
  const { appends, bytes, seconds, batchMs } = await journal.run(inFlight, ms)
  await journal.close()
  return figures(appends, bytes, seconds, batchMs)
}

/** As many callers as are in flight; each waits for its acknowledgement before it appends again. */
async function product() {
  const runtime = await openRuntime({ dir })
  const sessions = await Promise.all(
    Array.from({ length: SESSIONS }, async (_, n) =>
      (await runtime.create({ id: `session-${n}` })).activate(),
    ),
  )
  const entries = Array.from({ length: 1024 }, (_, n) => entryOf(n))
  let asked = 0
  const round = async (duration) => {
    const [first, started] = [asked, performance.now()]
    const end = started + duration
    const before = runtime.stats().store.journalBytes
    const waits = []
    const caller = async () => {
      for (let now = performance.now(); now < end;) {
        const n = asked
        asked += 1
        await sessions[n % SESSIONS].append(entries[n % entries.length], { operationId: `operation-${n}` })
        const after = performance.now()
        waits.push(after - now)
        now = after
      }
    }
    await Promise.all(Array.from({ length: inFlight }, caller))
    const seconds = (performance.now() - started) / 1000
    return { appends: asked - first, bytes: runtime.stats().store.journalBytes - before, seconds, waits }
  }
  await round(warmUpMs)
  const { appends, bytes, seconds, waits } = await round(ms)
  await runtime.close()
  return { ...figures(appends, bytes, seconds, waits), extraBytes: bytes / appends - ENTRY_BYTES }
}

/** An entry whose stored JSON has about 1,024 bytes. */
function entryOf(n) {
  const type = n % 2 === 0 ? 'user_message' : 'assistant_message'
  const usage = { input: 1200 + (n % 97), output: 300 + (n % 31) }
  const stored = { id: '0'.repeat(36), at: Date.now(), type, content: { role: 'user', text: '', usage } }
  const words =
    'every accepted change is on the disk before it is acknowledged, and an agent resumes after restart. '
  const text = words.repeat(12).slice(n % 50, (n % 50) + ENTRY_BYTES - JSON.stringify(stored).length)
  return { type, content: { role: 'user', text, usage } }
}

function figures(appends, bytes, seconds, waits) {
  const sorted = Float64Array.from(waits).sort()
  return {
    perSecond: appends / seconds,
    mbPerSecond: bytes / seconds / 1e6,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
  }
}
