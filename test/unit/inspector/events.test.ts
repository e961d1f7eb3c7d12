/** The live stream: every change once, resumed where it ended, dropped when nobody reads. */
import { afterEach, expect, test } from 'vitest'
import { eventStream, MOST_UNSENT_BYTES, PATIENCE_MS } from '../../../src/inspector/events.ts'
import { redactor } from '../../../src/inspector/redaction.ts'
import type { Clock, Runtime } from '../../../src/index.ts'
import { systemClock, userMessage } from '../../../src/index.ts'
import { ManualClock } from '../../../src/testing/index.ts'
import { eventsOf } from '../../support/inspector.ts'
import { activeSession, memoryRuntime, until } from '../../support/memory-runtime.ts'

type Event = {
  readonly id: string | undefined
  readonly event: string
  readonly data: Record<string, unknown>
}

const open: AbortController[] = []
afterEach(() => {
  for (const stop of open.splice(0)) stop.abort()
})

function stream(runtime: Runtime, after?: string, clock: Clock = systemClock): ReadableStream<Uint8Array> {
  const stop = new AbortController()
  open.push(stop)
  const source = { runtime, redact: redactor({}), commands: true, now: () => 7 }
  return eventStream({ source, after, signal: stop.signal, clock })
}

/** Reads until so many changes have come. */
async function changesFrom(body: ReadableStream<Uint8Array>, count: number): Promise<Event[]> {
  const found: Event[] = []
  for await (const event of eventsOf(body)) {
    if (event.event === 'change') found.push(event)
    if (found.length === count) break
  }
  return found
}

const brief = (events: readonly Event[]) =>
  events.map(({ data }) => [data['sessionId'], data['revision'], data['status']])

test('[LV1] a stream begins with what comes next, and says the status before and after', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime, { id: 'a', name: 'A' })
  const body = stream(runtime)
  const reading = changesFrom(body, 3)
  await until(() => body.locked)

  await session.append(userMessage('hello'))
  const paused = await session.pause()
  await paused.cancel()

  const events = await reading
  expect(brief(events)).toEqual([
    ['a', 3, 'active'],
    ['a', 4, 'paused'],
    ['a', 5, 'cancelled'],
  ])
  expect(events.map(({ data }) => data['statusBefore'])).toEqual(['active', 'active', 'paused'])
  expect(events.at(-1)?.data['summary']).toMatchObject({
    id: 'a',
    name: 'A',
    revision: 5,
    status: 'cancelled',
  })
})

test('[LV1] a stream goes on behind the last event id, each change once, in order', async () => {
  const { runtime } = await memoryRuntime()
  const a = await activeSession(runtime, { id: 'a' })
  const b = await activeSession(runtime, { id: 'b' })
  for (let index = 0; index < 20; index += 1) await (index % 3 === 0 ? b : a).recordDelta(index)
  const all = []
  for await (const change of runtime.changes({ live: false })) all.push(change)

  for (const seen of [0, 5, 17]) {
    const rest = all.slice(seen + 1)
    const events = await changesFrom(stream(runtime, all[seen]?.cursor), rest.length)

    expect(brief(events)).toEqual(
      rest.map(({ sessionId, revision, status }) => [sessionId, revision, status]),
    )
    expect(events.map(({ id }) => id)).toEqual(rest.map(({ cursor }) => cursor))
  }
})

test('[LV1] the status before the first change of a stream is looked up; a new session has none', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime, { id: 'a' })
  const cursor = runtime.newestCursor() as string
  await session.pause()
  await runtime.create({ id: 'b' })

  const events = await changesFrom(stream(runtime, cursor), 2)

  expect(events.map(({ data }) => [data['sessionId'], data['statusBefore']])).toEqual([
    ['a', 'active'],
    ['b', null],
  ])
})

test('[LV1] a cursor of another store begins anew and says so', async () => {
  const { runtime } = await memoryRuntime()
  await runtime.create()

  for await (const { event, data, id } of eventsOf(stream(runtime, 'not-a-cursor'))) {
    if (event === 'hello') continue
    expect([event, data, id]).toEqual(['reset', { reason: 'cursor' }, runtime.newestCursor()])
    break
  }
})

test('[LV1] a deletion is told, without a summary', async () => {
  const { runtime } = await memoryRuntime()
  await runtime.create({ id: 'a' })
  const cursor = runtime.newestCursor() as string
  await runtime.delete('a', { force: true })

  const [event] = await changesFrom(stream(runtime, cursor), 1)

  expect(event?.data).toMatchObject({ sessionId: 'a', status: 'deleted', statusBefore: null })
  expect(event?.data).not.toHaveProperty('summary')
})

test('[LV1] a stream ends with its runtime, and says so', async () => {
  const { runtime } = await memoryRuntime()
  const body = stream(runtime)
  const seen: string[] = []

  const reading = (async () => {
    for await (const { event } of eventsOf(body)) seen.push(event)
  })()
  await until(() => seen.length > 0)
  await runtime.close()
  await reading

  expect(seen).toEqual(['hello', 'closed'])
})

test('[LV3] nobody reads: at most 1 MiB waits, sessions go on, and after some patience the stream is over', async () => {
  const clock = new ManualClock()
  const { runtime } = await memoryRuntime()
  let isOver = false
  const stop = new AbortController()
  const body = eventStream({
    source: { runtime, redact: redactor({}), commands: true, now: () => 7 },
    after: undefined,
    signal: stop.signal,
    clock,
    ended: () => {
      isOver = true
    },
  })
  const tags = Array.from({ length: 32 }, () => 't'.repeat(256))
  const cursorBefore = runtime.newestCursor()

  for (let index = 0; index < 400; index += 1) {
    await runtime.create({ tags })
    if (index % 100 === 0) clock.advance(200)
  }
  for (let turn = 0; turn < 20; turn += 1) {
    clock.advance(100)
    await until(() => clock.pending > 0 || isOver)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(isOver).toBe(false)
  clock.advance(PATIENCE_MS)
  await until(() => isOver)

  expect(runtime.newestCursor()).not.toBe(cursorBefore)
  let held = 0
  for await (const piece of body) held += piece.length
  expect(held).toBeGreaterThan(100_000)
  expect(held).toBeLessThanOrEqual(MOST_UNSENT_BYTES)
})

test('[LV4] a flood is not told change by change: the stream jumps to the newest and says so', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime, { id: 'a' })
  const oldest = runtime.newestCursor() as string
  await Promise.all(Array.from({ length: 5000 }, (_, index) => session.recordDelta(index)))
  const clock = new ManualClock()
  let changes = 0
  let isOver = false
  void until(() => {
    clock.advance(20)
    return isOver
  })

  for await (const { event, id, data } of eventsOf(stream(runtime, oldest, clock))) {
    if (event === 'change') changes += 1
    if (event !== 'reset') continue
    expect([data, id]).toEqual([{ reason: 'lagged' }, runtime.newestCursor()])
    break
  }

  isOver = true
  expect(changes).toBeGreaterThan(0)
  expect(changes).toBeLessThan(2000)
})
