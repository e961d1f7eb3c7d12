/** What the page is shown is what the runtime holds, now and at any revision. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { changePage } from '../../../src/inspector/change-view.ts'
import { entryPage, entrySlice, CONTENT_BYTES } from '../../../src/inspector/entry-view.ts'
import { redactor } from '../../../src/inspector/redaction.ts'
import { sessionView, shownSummary } from '../../../src/inspector/session-view.ts'
import type { SessionView, ViewSource } from '../../../src/inspector/session-view.ts'
import { assistantMessage, toolCall, userMessage } from '../../../src/index.ts'
import type { PlacedEntry, Session, SessionChange } from '../../../src/index.ts'
import { seededRandom } from '../../../src/testing/index.ts'
import { memoryRuntime, transcript, type MemoryRuntime } from '../../support/memory-runtime.ts'
import { codeOf, collect } from '../../support/runtime.ts'

let base: MemoryRuntime
let source: ViewSource
let long: Session
let entries: PlacedEntry[]
let changes: SessionChange[]

beforeAll(async () => {
  base = await memoryRuntime()
  const { runtime, clock } = base
  source = { runtime, redact: redactor({}), commands: true, now: () => clock.now() }
  const session = await (await runtime.create({ id: 'long' })).activate()
  const random = seededRandom(11)
  for (let index = 0; index < 600; index += 1) {
    clock.advance(1)
    const kind = random.below(5)
    if (kind === 0) await session.recordDelta(index)
    else if (kind === 1) {
      await session.appendAll([userMessage(`u${index}`), assistantMessage(`a${index}`)])
    } else await session.append(toolCall('tool', true, index))
  }
  long = await runtime.get('long')
  entries = await transcript(long)
  changes = await collect(long.changes({ live: false }))
})

afterAll(() => base.runtime.close())

test('[VW2] time travel: at each revision a session is shown as it was then, and looking changes nothing', async () => {
  const { runtime, clock, store } = await memoryRuntime()
  const own = { ...source, runtime, now: () => clock.now() }
  const then: Partial<SessionView>[] = []
  const note = async (): Promise<void> => {
    const session = await runtime.get('s')
    const { facts } = await runtime.stateAt('s')
    const { status, revision, record, usage, updatedAt, createdAt } = session
    then.push({
      status,
      revision,
      record: record as never,
      context: facts.context,
      usage,
      updatedAt,
      createdAt,
    })
    clock.advance(1000)
  }
  const created = await runtime.create({
    id: 's',
    name: 'first',
    limits: { maxTurns: 5, maxIdleMs: 60_000, action: 'pause' },
  })
  await note()
  const active = await created.activate()
  await note()
  await active.append(userMessage('hello'))
  await note()
  await active.edit({ name: 'second', context: { a: 1 }, tags: ['x'] })
  await note()
  await active.append(assistantMessage('hi'))
  await note()
  await active.extendLimits({ maxTurns: 9 })
  await note()
  const paused = await active.pause()
  await note()
  await paused.fail({ code: 'BROKE', message: 'it broke' })
  await note()

  const newest = store.lastRevision('s')
  for (const [index, expected] of then.entries()) {
    const view = await sessionView(own, 's', index + 1)

    expect(view).toMatchObject({ ...expected, id: 's', commands: [], newestRevision: then.length })
  }
  expect((await sessionView(own, 's', 3)).deadlines).toEqual([
    { kind: 'idle', dueAt: (then[2]?.updatedAt as number) + 60_001, overdue: false },
  ])
  expect((await sessionView(own, 's', 2)).value).toEqual({ active: 'ready' })
  expect(await sessionView(own, 's', 7)).toMatchObject({ value: 'paused', policy: null })
  expect(store.lastRevision('s')).toBe(newest)
  await runtime.close()
})

test('a revision that is not there, and a session that is not there', async () => {
  expect(await codeOf(sessionView(source, 'long', 9999))).toBe('NOT_FOUND')
  expect(await codeOf(sessionView(source, 'nobody'))).toBe('NOT_FOUND')
  expect(await codeOf(sessionView(source, '../etc'))).toBe('ID_INVALID')
})

test('the commands shown are those of the status, and none where none are offered', async () => {
  expect((await sessionView(source, 'long')).commands).toContain('pause')
  expect((await sessionView({ ...source, commands: false }, 'long')).commands).toEqual([])
})

test('[EV1] [EV3] every page of a transcript is a part of it, from either side, with and without hints', async () => {
  const random = seededRandom(5)
  const shown = (page: { items: readonly { position: number; content: unknown; revision: number }[] }) =>
    page.items.map(({ position, content, revision }) => ({ position, content, revision }))
  const expected = (from: number, to: number) =>
    entries
      .slice(Math.max(from, 0), to)
      .map(({ position, content, revision }) => ({ position, content, revision }))

  for (let round = 0; round < 60; round += 1) {
    const limit = 1 + random.below(80)
    const place = random.below(entries.length)
    const { revision } = entries[place] as PlacedEntry
    const hint = random.chance(0.5) ? revision : undefined

    const after = await entryPage(source, 'long', { after: place, limit, hint })
    expect(shown(after)).toEqual(expected(place + 1, place + 1 + limit))

    const before = await entryPage(source, 'long', { before: place, limit, rev: hint })
    expect(shown(before)).toEqual(expected(place - limit, place))
  }
  const tooLate = await entryPage(source, 'long', { after: 5, limit: 4, hint: long.revision })
  expect(shown(tooLate)).toEqual(expected(6, 10))
  expect(shown(await entryPage(source, 'long', { limit: 50 }))).toEqual(
    expected(entries.length - 50, entries.length),
  )
  expect(shown(await entryPage(source, 'long', { after: -1, limit: 3 }))).toEqual(expected(0, 3))
})

test('[EV3] as of a revision there are no later entries', async () => {
  for (const rev of [1, 2, 3, 77, 300, long.revision]) {
    const until = entries.filter(({ revision }) => revision <= rev)

    const page = await entryPage(source, 'long', { limit: 10, rev })

    expect(page.total).toBe(until.length)
    expect(page.items.map(({ position }) => position)).toEqual(
      until.slice(-10).map(({ position }) => position),
    )
    const from = await entryPage(source, 'long', { after: -1, limit: 500, rev })
    expect(from.items.every(({ revision }) => revision <= rev)).toBe(true)
  }
})

test('[EV2] content at its bound is whole, past it cut, and a full page cuts sooner', async () => {
  const { runtime } = base
  const session = await (await runtime.create({ id: 'big' })).activate()
  const text = (bytes: number): string => 'x'.repeat(bytes - '{"text":""}'.length)
  await session.append(userMessage(text(CONTENT_BYTES)))
  await session.append(userMessage(text(CONTENT_BYTES + 1)))
  await session.append(toolCall('t'.repeat(100_000), true, 'small'))
  for (let index = 0; index < 60; index += 1) await session.append(userMessage(text(60_000)))

  const { items } = await entryPage(source, 'big', { after: -1, limit: 500 })

  expect(items.map(({ isCut }) => isCut).slice(0, 3)).toEqual([false, true, false])
  expect(items[1]?.content).toMatchObject({ cut: true, bytes: CONTENT_BYTES + 1 })
  expect(JSON.stringify(items[2]).length).toBeLessThan(10_000)
  expect(items).toHaveLength(63)
  expect(items.at(-1)?.isCut).toBe(true)
  expect(JSON.stringify(items).length).toBeLessThan(3 * 1024 * 1024)
})

test('[VW1] a cut never shows what redaction hides', async () => {
  const { runtime } = base
  const session = await (
    await runtime.create({ id: 'secret', metadata: { blob: { password: 'hunter2' } } })
  ).activate()
  await session.append(toolCall('t', true, { pad: 'x'.repeat(100_000), api_key: 'sk-hunter2' }))
  await session.append(userMessage('{"token":"hunter2"}'))

  const page = await entryPage(source, 'secret', { limit: 10 })
  const slice = await entrySlice(source, 'secret', 0, { offset: 99_900, length: 500 })

  expect(slice.text).toContain('[redacted]')
  const everything = [
    page,
    slice,
    await sessionView(source, 'secret'),
    await changePage(source, 'secret', { order: 'asc', limit: 9 }),
  ]
  expect(JSON.stringify(everything)).not.toContain('hunter2')
})

test('[EV2] a slice of an entry that is not there', async () => {
  expect(await codeOf(entrySlice(source, 'long', 99_999, { offset: 0, length: 10 }))).toBe('NOT_FOUND')
})

test('changes carry the status before and after, in pages from either side', async () => {
  const lines = changes.map(({ revision, status }, index) => ({
    revision,
    status,
    statusBefore: changes[index - 1]?.status ?? null,
  }))
  const shown = (page: {
    items: readonly { revision: number; status: string; statusBefore: string | null }[]
  }) => page.items.map(({ revision, status, statusBefore }) => ({ revision, status, statusBefore }))
  const newest = long.revision

  const first = await changePage(source, 'long', { order: 'asc', limit: 7 })
  expect(shown(first)).toEqual(lines.slice(0, 7))
  expect(first.total).toBe(newest)
  const last = await changePage(source, 'long', { order: 'desc', limit: 7 })
  expect(shown(last)).toEqual(lines.slice(-7).reverse())
  const part = await changePage(source, 'long', { from: 300, to: 310, order: 'desc', limit: 5 })
  expect(shown(part)).toEqual(lines.slice(305, 310).reverse())
  expect((await changePage(source, 'long', { from: newest + 1, order: 'asc', limit: 5 })).items).toEqual([])
})

test('[VW1] a session of huge words is shown within bounds', async () => {
  const { runtime } = base
  const word = 'w'.repeat(100_000)
  await runtime.create({
    id: 'wordy',
    name: word,
    tags: Array.from({ length: 1000 }, () => word.slice(0, 1000)),
    kind: { type: 'agent', agentName: word },
    provider: { id: 'p', model: word },
    systemMessage: word.repeat(5),
    metadata: Object.fromEntries(
      Array.from({ length: 500 }, (_, index) => [`k${index}`, word.slice(0, 5000)]),
    ),
  })

  const view = await sessionView(source, 'wordy')
  const { items } = await runtime.list({ nameContains: 'ww' })
  const [line] = items.map((item) => shownSummary(source, item))

  expect(JSON.stringify(view).length).toBeLessThan(400_000)
  expect(JSON.stringify(line).length).toBeLessThan(15_000)
  expect(line).toMatchObject({ id: 'wordy', kind: { type: 'agent' } })
})
