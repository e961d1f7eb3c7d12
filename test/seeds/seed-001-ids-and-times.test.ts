/** Seed 001, ids, times, kinds and what a session is made with. */
import { afterEach, expect, test, vi } from 'vitest'
import { thulp } from '../../src/integrations/interchange/thulp.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { parseId, systemIds } from '../../src/runtime/ids.ts'
import { userMessage } from '../../src/runtime/entries.ts'
import type { SessionKind } from '../../src/runtime/record.ts'
import { activeSession, memoryRuntime, refusalOf, START, transcript } from '../support/memory-runtime.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

afterEach(() => {
  vi.useRealTimers()
})

test('[S1-01 S1-03 S1-04] an id that is not given is a fresh UUID, a lower-case text compared by value', async () => {
  const { runtime } = await memoryRuntime({ ids: systemIds })

  const ids = [(await runtime.create()).id, (await runtime.create()).id]

  expect(ids.map((id) => UUID.exec(id)?.[1])).toEqual(['7', '7'])
  expect(new Set([...ids, ...ids]).size).toBe(2)
  expect((await runtime.get(ids[0] ?? '')).id).toBe(ids[0])
})

test('[S1-02] an id is parsed from text, and bad text is refused', () => {
  const random = '3f2c9d6e-8c1b-4a52-9e0d-7b1c5a3f2e10'

  expect(parseId(random)).toBe(random)
  expect(() => parseId('not an id')).toThrow('holds a character or sequence that ids may not have')
  expect(() => parseId('')).toThrow('it is empty')
  expect(() => parseId(7)).toThrow('it is number, not a string')
})

test('[S1-05] times are whole milliseconds since 1970, and later ones are greater', async () => {
  const { runtime, clock } = await memoryRuntime()
  const first = await runtime.create()
  clock.advance(10)
  const second = await runtime.create()

  expect([first.createdAt, second.createdAt]).toEqual([START, START + 10])
  expect(Number.isInteger(systemClock.now())).toBe(true)
})

test('[S1-06] a clock that stands before 1970 says 0', () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  vi.setSystemTime(new Date(-5))
  const before = systemClock.now()
  vi.setSystemTime(new Date(5))

  expect([before, systemClock.now()]).toEqual([0, 5])
})

test('[S1-07 S1-08] a time given in milliseconds is kept as it is, one not given is that of the clock', async () => {
  const { runtime, clock } = await memoryRuntime()
  const session = await activeSession(runtime)
  clock.advance(30)

  await session.append({ ...userMessage('then'), at: 1_234 })
  await session.append(userMessage('now'))

  expect((await transcript(session)).map(({ at }) => at)).toEqual([1_234, START + 30])
})

const KINDS: readonly (readonly [string, SessionKind, object])[] = [
  [
    '[S1-09 S1-10]',
    { type: 'teacher_demo', task: 'sort', model: 'gpt-4' },
    { type: 'teacher_demo', task: 'sort', model: 'gpt-4' },
  ],
  [
    '[S1-09 S1-11]',
    { type: 'evaluation', skillName: 'sort', testCases: 12 },
    { type: 'evaluation', skill_name: 'sort', test_cases: 12 },
  ],
  [
    '[S1-09 S1-12]',
    { type: 'refinement', skillName: 'sort', iteration: 3 },
    { type: 'refinement', skill_name: 'sort', iteration: 3 },
  ],
  ['[S1-09 S1-13]', { type: 'conversation', purpose: 'chat' }, { type: 'conversation', purpose: 'chat' }],
  ['[S1-09 S1-14]', { type: 'agent', agentName: 'scout' }, { type: 'agent', agent_name: 'scout' }],
]

test.each(KINDS)('%s a kind is a tagged union: %o', async (_ids, kind, stored) => {
  const { runtime } = await memoryRuntime({ ids: systemIds })
  const session = await activeSession(runtime, { kind })

  const document = await runtime.export(session.id)

  expect(session.record.kind).toEqual(kind)
  expect(thulp.print(document)['metadata']).toMatchObject({ session_type: stored })
})

test('[S1-09] a kind that is none of the five, or counts less than 0, is refused', async () => {
  const { runtime } = await memoryRuntime()

  const unknown = await refusalOf(runtime.create({ kind: { type: 'seance' } as never }))
  const negative = await refusalOf(
    runtime.create({ kind: { type: 'refinement', skillName: 'sort', iteration: -1 } }),
  )

  expect(unknown).toMatchObject({ code: 'COMMAND_INVALID', details: { path: ['kind', 'type'] } })
  expect(negative).toMatchObject({ code: 'COMMAND_INVALID', details: { path: ['kind', 'iteration'] } })
})

test('[S1-16 S1-17 S1-18 S1-42 S1-43] a session is made with a name and a kind, and tells id, name and status', async () => {
  const { runtime } = await memoryRuntime()

  const session = await runtime.create({
    name: 'Test Session',
    kind: { type: 'conversation', purpose: 'Testing' },
  })

  expect([session.id, session.name, session.status]).toEqual(['session-1', 'Test Session', 'created'])
  expect(session.record.kind).toEqual({ type: 'conversation', purpose: 'Testing' })
})

test('[S1-19 S1-20 S1-21 S1-24] a new session is created, and created and updated at one instant', async () => {
  const { runtime } = await memoryRuntime()

  const { createdAt, updatedAt, status } = await runtime.create()

  expect([createdAt, updatedAt, status]).toEqual([START, START, 'created'])
})

test('[S1-22 S1-23 S1-41] without tags, parent or context there are none', async () => {
  const { runtime } = await memoryRuntime()

  const session = await runtime.create()

  expect([session.record.tags, session.record.parentId, session.record.context]).toEqual([[], null, {}])
  expect(await transcript(session)).toEqual([])
})

test('[S1-25] tags are added at the end, twice if asked for, and the session is updated', async () => {
  const { runtime, clock } = await memoryRuntime()
  const session = await runtime.create({ tags: ['first'] })
  clock.advance(5)

  await session.addTag('second')
  await session.addTag('first')

  expect(session.record.tags).toEqual(['first', 'second', 'first'])
  expect(session.updatedAt).toBe(START + 5)
})

test('[S1-23 S1-26] the last parent set is the parent', async () => {
  const { runtime } = await memoryRuntime()
  const [first, second, child] = [await runtime.create(), await runtime.create(), await runtime.create()]

  await child.edit({ parentId: first.id })
  await child.edit({ parentId: second.id })

  expect(child.record.parentId).toBe(second.id)
  expect((await runtime.list({ parentId: second.id })).items.map(({ id }) => id)).toEqual([child.id])
})

test('[S1-26] a parent must exist, and none descends from itself', async () => {
  const { runtime } = await memoryRuntime()
  const parent = await runtime.create()
  const child = await runtime.create({ parentId: parent.id })

  const refusals = [
    await refusalOf(child.edit({ parentId: 'nobody' })),
    await refusalOf(child.edit({ parentId: child.id })),
    await refusalOf(parent.edit({ parentId: child.id })),
    await refusalOf(runtime.create({ parentId: 'nobody' })),
    await refusalOf(runtime.create({ parentId: parent.id, tenantId: 'elsewhere' })),
  ]

  expect(refusals.map(({ code }) => code)).toEqual(Array.from({ length: 5 }, () => 'PARENT_INVALID'))
  expect(refusals[0]?.details).toMatchObject({ parentId: 'nobody', reason: 'it does not exist' })
  expect(refusals[2]?.details).toMatchObject({ reason: 'it is the session itself or one of its descendants' })
  expect([parent.record.parentId, child.record.parentId]).toEqual([null, parent.id])
})
