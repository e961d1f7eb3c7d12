/** Appends a second of one kind: the disk with ready bytes, RAW, the journal alone, or the product, also while others look on. */
import { pbkdf2 } from 'node:crypto'
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openJsonStore, openRuntime, systemClock, systemIds } from 'sessionwright'
import { changesOf } from '../made-changes.mjs'
import { RawJournal } from '../raw-journal.mjs'
import { appender, drive, ENTRIES, ENTRY_BYTES, figuresOf, openSessions, SESSIONS, warmUp } from '../work.mjs'

/** Enough work for one libuv task to keep a thread busy for some 10 ms. */
const BUSY_ITERATIONS = 30_000

/** Runs one sample. */
export async function run({ kind, folder, ...options }) {
  const dir = mkdtempSync(join(folder, `${kind}-`))
  try {
    return await KINDS[kind](dir, options)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

const KINDS = {
  ready: (dir, options) => raw(dir, options, true),
  raw: (dir, options) => raw(dir, options, false),
  parse,
  journal,
  product,
}

/** A loop that does nothing else: lines of one batch after the other, as many as are in flight. */
async function raw(dir, { inFlight, ms, warmUpMs, lines }, ready) {
  const journal = new RawJournal(dir, lines, { ready })
  await journal.run(inFlight, warmUpMs)
  const { appends, bytes, seconds, batchMs } = await journal.run(inFlight, ms)
  await journal.close()
  return { ...figuresOf({ seconds, waits: batchMs }, bytes), perSecond: appends / seconds }
}

/** Reading the lines of a file and parsing each: what recovery can be held to. */
function parse(_dir, { ms, lines }) {
  const bytes = readFileSync(lines).length
  const waits = []
  const started = performance.now()
  while (performance.now() - started < ms) {
    for (const line of readFileSync(lines, 'utf8').split('\n'))
      if (line.trim() !== '') waits.push(JSON.parse(line).rev)
  }
  const seconds = (performance.now() - started) / 1000
  const passes =
    waits.length /
    Math.max(
      1,
      readFileSync(lines, 'utf8')
        .split('\n')
        .filter((line) => line.trim() !== '').length,
    )
  return {
    perSecond: waits.length / seconds,
    mbPerSecond: (bytes * passes) / seconds / 1e6,
    p50Ms: 0,
    p99Ms: 0,
  }
}

/** The store without a runtime: changes that a runtime made are appended again, revision by revision. */
async function journal(dir, { inFlight, ms, warmUpMs }) {
  const [created, activated, ...appends] = await changesOf({ id: 'one' }, async (session) => {
    for (let n = 0; n < 64; n += 1) await session.append(ENTRIES[n], { operationId: `operation-${1e6 + n}` })
  })
  const store = openJsonStore({ dir, clock: systemClock, unique: () => systemIds.entry() })
  await store.open({ readOnly: false })
  const revisions = new Map()
  const append = (sessionId, { change, after }) => {
    const revision = (revisions.get(sessionId) ?? 0) + 1
    revisions.set(sessionId, revision)
    // A runtime hands the entries over as text that it has already; the journal alone makes it itself, as RAW does.
    return store.append({ ...change, sessionId, revision }, { ...after, sessionId, revision })
  }
  const ids = Array.from({ length: SESSIONS }, (_, n) => `session-${n}`)
  await Promise.all(ids.flatMap((id) => [append(id, created), append(id, activated)]))
  let asked = 0
  const ask = () => {
    asked += 1
    return append(ids[asked % SESSIONS], appends[asked % appends.length])
  }
  await warmUp(inFlight, warmUpMs, ask)
  const before = store.stats().journalBytes
  const round = await drive(inFlight, ms, ask)
  const figures = figuresOf(round, store.stats().journalBytes - before)
  await store.close()
  return figures
}

/** As many callers as are in flight, through the public API. */
async function product(dir, { inFlight, ms, warmUpMs, keep, watch, busyTasks = 0, flushCounts }) {
  const runtime = await openRuntime({ dir })
  const sessions = await openSessions(runtime)
  const stop = await WATCHES[watch ?? 'nobody'](runtime)
  const ask = appender(sessions)
  const isBusy = { value: busyTasks > 0 }
  for (let task = 0; task < busyTasks; task += 1) keepBusy(isBusy)
  const flushes = () => (flushCounts === undefined ? 0 : Number(readFileSync(flushCounts).readBigUInt64LE()))
  await warmUp(inFlight, warmUpMs, ask)
  const before = [runtime.stats().store.journalBytes, flushes()]
  const round = await drive(inFlight, ms, ask)
  const [bytes, flushed] = [runtime.stats().store.journalBytes - before[0], flushes() - before[1]]
  isBusy.value = false
  const heard = stop?.()
  await runtime.close()
  if (keep !== undefined)
    copyFileSync(join(dir, 'journal', readdirSync(join(dir, 'journal')).toSorted()[0]), keep)
  const figures = figuresOf(round, bytes)
  return {
    ...figures,
    extraBytes: bytes / figures.count - ENTRY_BYTES,
    flushes: flushed / figures.count,
    ...(heard === undefined ? {} : { heard }),
  }
}

function keepBusy(isBusy) {
  if (isBusy.value) pbkdf2('busy', 'task', BUSY_ITERATIONS, 64, 'sha512', () => keepBusy(isBusy))
}

/** Who looks on; each gives how to stop, which tells how much was heard. */
const WATCHES = {
  nobody: () => undefined,
  subscriber(runtime) {
    const ending = new AbortController()
    let heard = 0
    const reading = async () => {
      const after = runtime.newestCursor()
      for await (const _ of runtime.changes({
        ...(after === undefined ? {} : { after }),
        signal: ending.signal,
      }))
        heard += 1
    }
    reading().catch(() => undefined)
    return () => {
      ending.abort()
      return heard
    }
  },
  observer(runtime) {
    let heard = 0
    const stop = runtime.observe(() => (heard += 1))
    return () => {
      stop()
      return heard
    }
  },
  async telemetry(runtime) {
    const { sessionTelemetry } = await import('sessionwright/opentelemetry')
    const { BasicTracerProvider } = await import('@opentelemetry/sdk-trace-base')
    let heard = 0
    const spanProcessor = {
      onStart: () => undefined,
      onEnd: () => (heard += 1),
      forceFlush: () => Promise.resolve(),
      shutdown: () => Promise.resolve(),
    }
    const tracerProvider = new BasicTracerProvider({ spanProcessors: [spanProcessor] })
    const telemetry = await sessionTelemetry(runtime, { tracerProvider })
    return () => {
      telemetry.stop()
      return heard
    }
  },
}
