/**
 * Load and poison: very many sessions, deadlines of one instant, a very long session, an entry at the bound, machines and
 * policies that throw or never answer, and a subscriber that never reads. Neighbours go on as in a quiet store: their p99 in
 * both is measured in the same run and printed, at a steady pace that is a part of what one process does. CI takes three in
 * a hundred of the numbers.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { setup } from 'xstate'
import { openRuntime } from '../../src/runtime/open-runtime.ts'
import type { Runtime, RuntimeOptions } from '../../src/runtime/runtime.ts'
import type { Session } from '../../src/runtime/session.ts'
import { isSessionError } from '../../src/errors.ts'
import { crashPart } from './part-report.ts'

const part = crashPart('load')
const isLong = part.minutes !== undefined
const MANY = isLong ? 100_000 : 3_000
/** Of them a neighbour is watched beside so many, which come at a steady pace. */
const PACED = isLong ? MANY : MANY / 2
/** Commands that are on their way together when a store is filled. */
const TOGETHER = 512
/** A neighbour is watched for so long at least. */
const WATCHED_MS = isLong ? 10_000 : 800
/** Commands a second that come whatever becomes of those before them: a part of what one process does. */
const STEADY = 500
/** Callers who ask again as soon as they are answered: the process does nothing else then. */
const SATURATING = 64
/** Actors that are kept; those of commands on their way come on top. */
const LIVE = 1000
/** A busy machine has bad moments: the figures are printed to be read, the bounds only catch what hangs. */
const MOST_TIMES_SLOWER = isLong ? 5 : 20
const FLOOR_MS = isLong ? 100 : 1_000

let dir: string
let runtime: Runtime | undefined
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sessionwright-load-'))
})
afterEach(async () => {
  await runtime?.close()
  runtime = undefined
  rmSync(dir, { recursive: true })
})

async function opened(options: Partial<RuntimeOptions> = {}): Promise<Runtime> {
  runtime = await openRuntime({ dir, ...options })
  return runtime
}

async function active(on: Runtime, options: object = {}): Promise<Session<'active'>> {
  return (await on.create(options)).activate()
}

/** Does something for every number, so many at a time. */
async function forEach(
  count: number,
  work: (number: number) => Promise<unknown>,
  together = TOGETHER,
): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) await work((next += 1))
  }
  await Promise.all(Array.from({ length: together }, lane))
}

/** Does something for every number at a steady pace, each a little sooner or later, as people do. */
async function steadily(count: number, work: (number: number) => Promise<unknown>): Promise<void> {
  const started = performance.now()
  const begun: Promise<unknown>[] = []
  for (let number = 1; number <= count; number += 1) {
    const at = started + ((number + part.random.next()) * 1_000) / STEADY
    if (at > performance.now()) await sleep(at - performance.now())
    begun.push(work(number))
  }
  await Promise.all(begun)
}

/** Appends of one neighbour, one after the other, while `work` is under way; their p99 in milliseconds. */
async function neighbourDuring(neighbour: Session<'active'>, work: Promise<unknown>): Promise<number> {
  let isDone = false
  const watched = work.finally(() => {
    isDone = true
  })
  watched.catch(() => undefined)
  const times: number[] = []
  while (!isDone) {
    const started = performance.now()
    await neighbour.append({ type: 'user_message', content: 'are you there' })
    times.push(performance.now() - started)
    await sleep(1)
  }
  await watched
  return times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0
}

/** Prints and holds against each other what a neighbour saw in quiet and under load. */
function compare(what: string, quiet: number, loaded: number): void {
  part.reached[`${what}, p99 ms quiet / loaded`] = `${quiet.toFixed(1)} / ${loaded.toFixed(1)}`
  expect(loaded, what).toBeLessThan(Math.max(quiet * MOST_TIMES_SLOWER, FLOOR_MS))
}

const quietOf = (neighbour: Session<'active'>): Promise<number> =>
  neighbourDuring(neighbour, sleep(WATCHED_MS))

test(`[SN22] ${MANY} sessions with an event each: only the newest stay in memory, and neighbours answer`, async () => {
  const on = await opened({ maxLiveActors: LIVE })
  const neighbour = await active(on)
  const quiet = await quietOf(neighbour)
  await forEach(MANY, (number) => on.create({ id: `s-${number}` }))
  global.gc?.()
  const before = process.memoryUsage().rss
  const event = async (number: number): Promise<void> => {
    await (await on.get(`s-${number}`)).as('created').edit({ context: { number } })
  }
  const loaded = await neighbourDuring(neighbour, steadily(PACED, event))
  const saturated = await neighbourDuring(neighbour, forEach(MANY, event, SATURATING))
  const grown = (process.memoryUsage().rss - before) / 2 ** 20

  expect(on.stats().store.sessions).toBe(MANY + 1)
  expect(on.stats().liveActors).toBeLessThanOrEqual(LIVE + TOGETHER)
  part.reached['sessions'] = MANY
  part.reached['MiB grown'] = grown.toFixed(0)
  expect(grown).toBeLessThan(512)
  compare('many sessions', quiet, loaded)
  part.reached['many sessions by callers that never pause, p99 ms'] = saturated.toFixed(1)
})

test(`[SN17] ${MANY} deadlines at one instant are all told, and neighbours answer`, async () => {
  const on = await opened({ maxLiveActors: LIVE })
  const neighbour = await active(on)
  const quiet = await quietOf(neighbour)
  const dueAt = Date.now() + (isLong ? 60_000 : 4_000)
  await forEach(MANY, () => on.create({ ttlMs: Math.max(1, dueAt - Date.now()) }))
  await sleep(Math.max(0, dueAt - Date.now() - 50))
  const allTold = async (): Promise<void> => {
    while (on.stats().deadlines + on.stats().pendingCommands > 0) await sleep(100)
  }
  const loaded = await neighbourDuring(neighbour, allTold())

  part.reached['deadlines'] = MANY
  expect((await on.list({ status: 'created', limit: 1 })).items).toEqual([])
  compare('deadlines', quiet, loaded)
})

test(`[SN22, JN5] one session with ${MANY} entries and entries at the bound, and neighbours answer`, async () => {
  const maxEntryBytes = 1 << 20
  const on = await opened({ maxEntryBytes })
  const [neighbour, long] = [await active(on), await active(on)]
  const quiet = await quietOf(neighbour)
  const entry = (number: number): Promise<unknown> =>
    long.append({ type: 'assistant_message', content: `entry ${number}` })
  const loaded = await neighbourDuring(neighbour, steadily(PACED, entry))
  await forEach(MANY - PACED, entry)
  const bound = 'x'.repeat(maxEntryBytes - 2)
  const big = await neighbourDuring(
    neighbour,
    (async () => {
      for (let number = 0; number < 60; number += 1)
        await long.append({ type: 'user_message', content: bound })
    })(),
  )
  const refused = await long
    .append({ type: 'user_message', content: `${bound}xx` })
    .catch((error: unknown) => (isSessionError(error) ? error.code : 'none'))
  let last: unknown
  for await (const { content } of long.entries({ last: 1 })) last = content

  expect(refused).toBe('ENTRY_TOO_LARGE')
  expect(last).toBe(bound)
  part.reached['entries of one session'] = MANY + 60
  compare('a long session', quiet, loaded)
  part.reached['entries at the bound, p99 ms'] = big.toFixed(1)
  expect(big).toBeLessThan(5_000)
})

const throwing = setup({ actions: { fail: () => raise() } }).createMachine({
  on: { offer: { actions: 'fail' } },
})
const silent = setup({}).createMachine({})

function raise(): never {
  throw new TypeError('a policy that throws')
}

test.each([
  ['throws', throwing],
  ['never answers', silent],
])('[SN19, SN20] a limit policy that %s costs its own session, and neighbours answer', async (_, logic) => {
  const on = await opened({ limitPolicy: { name: 'poison', version: 1, logic } })
  const neighbour = await active(on)
  const quiet = await quietOf(neighbour)
  const poisoned = await Promise.all(
    Array.from({ length: 100 }, () => active(on, { limits: { maxTurns: 0 } })),
  )
  const codes = new Set<string>()
  const loaded = await neighbourDuring(
    neighbour,
    steadily(500, async (number) => {
      const session = poisoned[number % poisoned.length] as Session<'active'>
      const answer = await session
        .append({ type: 'user_message', content: 'x' })
        .catch((error: unknown) => error)
      codes.add(isSessionError(answer) ? answer.code : 'accepted')
    }),
  )

  expect([...codes].toSorted()).toEqual(['SESSION_FAULTED', 'SESSION_QUARANTINED'])
  part.count('poisoned', poisoned.length)
  compare(`a policy that ${_}`, quiet, loaded)
})

test('[SB3] a subscriber that never reads costs its session nothing', async () => {
  const on = await opened()
  const [neighbour, watched] = [await active(on), await active(on)]
  const quiet = await quietOf(neighbour)
  const streams = Array.from({ length: 50 }, () => watched.changes({ from: 1 })[Symbol.asyncIterator]())
  await Promise.all(streams.map((stream) => stream.next()))
  global.gc?.()
  const before = process.memoryUsage().rss
  const loaded = await neighbourDuring(
    neighbour,
    steadily(MANY / 2, (number) =>
      watched.append({ type: 'assistant_message', content: `${number}`.repeat(200) }),
    ),
  )
  const grown = (process.memoryUsage().rss - before) / 2 ** 20
  for (const stream of streams) await stream.return?.()

  part.reached['unread, MiB grown'] = grown.toFixed(0)
  expect(grown).toBeLessThan(512)
  compare('a subscriber that never reads', quiet, loaded)
})
