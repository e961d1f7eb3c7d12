/** Seed 001, entries, the session context, and the verbs that replace setting a status. */
import { expect, test } from 'vitest'
import { thulp } from '../../src/integrations/interchange/thulp.ts'
import {
  assistantMessage,
  ENTRY_TAGS,
  evaluationResult,
  skillExecution,
  systemEvent,
  systemMessage,
  toolCall,
  userMessage,
} from '../../src/runtime/entries.ts'
import type { EntryDraft } from '../../src/runtime/entries.ts'
import { systemIds } from '../../src/runtime/ids.ts'
import type { Session } from '../../src/runtime/session.ts'
import { activeSession, memoryRuntime, refusalOf, START, transcript } from '../support/memory-runtime.ts'

const ENTRIES: readonly (readonly [string, EntryDraft, object])[] = [
  ['[S1-27 S1-38]', userMessage('Hello'), { type: 'user_message', content: { text: 'Hello' } }],
  ['[S1-28 S1-38]', assistantMessage('Hi!'), { type: 'assistant_message', content: { text: 'Hi!' } }],
  ['[S1-29 S1-40]', systemMessage('be kind'), { type: 'system_message', content: { text: 'be kind' } }],
  [
    '[S1-30 S1-39]',
    toolCall('my_tool', true, { result: 'ok' }),
    { type: 'tool_call', toolName: 'my_tool', success: true, content: { result: 'ok' } },
  ],
  [
    '[S1-31 S1-39]',
    skillExecution('my_skill', false, [1, null]),
    { type: 'skill_execution', skillName: 'my_skill', success: false, content: [1, null] },
  ],
  [
    '[S1-32 S1-40]',
    evaluationResult(0.5, { recall: 0.25 }, 'notes'),
    { type: 'evaluation_result', score: 0.5, metrics: { recall: 0.25 }, content: 'notes' },
  ],
  ['[S1-33 S1-40]', systemEvent('resumed'), { type: 'system_event', event: 'resumed', content: null }],
]

test.each(ENTRIES)('%s an entry is kept as it was made: %o', async (_ids, draft, expected) => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime)

  await session.append(draft)

  expect(await transcript(session)).toEqual([
    { ...expected, id: 'entry-1', at: START, position: 0, revision: 3 },
  ])
})

test('[S1-27 S1-36] an entry has one of seven types, tagged and stored in snake_case', async () => {
  const { runtime } = await memoryRuntime({ ids: systemIds })
  const session = await activeSession(runtime)

  const refusal = await refusalOf(session.append({ type: 'thought', content: null } as never))
  await session.appendAll(ENTRIES.map(([, draft]) => draft))
  const { entries } = thulp.print(await runtime.export(session.id)) as {
    readonly entries: readonly { readonly entry_type: object }[]
  }

  expect(refusal).toMatchObject({ code: 'COMMAND_INVALID', details: { path: ['type'] } })
  expect(ENTRIES.map(([, { type }]) => type)).toEqual([...ENTRY_TAGS])
  expect(entries.map(({ entry_type }) => Object.keys(entry_type))).toEqual([
    ['type'],
    ['type'],
    ['type'],
    ['type', 'tool_name', 'success'],
    ['type', 'skill_name', 'success'],
    ['type', 'score', 'metrics'],
    ['type', 'event'],
  ])
})

test.each([-0.01, 1.01, Number.NaN])('[S1-32] a score of %d is refused', async (score) => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime)

  const refusal = await refusalOf(session.append(evaluationResult(score, {})))

  expect(refusal).toMatchObject({ code: 'COMMAND_INVALID', details: { path: ['score'] } })
  expect(session.usage.entryCount).toBe(0)
})

test('[S1-32] scores of 0 and 1 are kept', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime)

  await session.appendAll([evaluationResult(0, {}), evaluationResult(1, {})])

  expect(session.usage.entryCount).toBe(2)
})

test('[S1-34 S1-35] an entry gets a fresh UUID and the time of its making', async () => {
  const { runtime, clock } = await memoryRuntime({ ids: systemIds })
  const session = await activeSession(runtime)
  await session.append(userMessage('one'))
  clock.advance(3)
  await session.append(userMessage('two'))

  const entries = await transcript(session)

  expect(new Set(entries.map(({ id }) => id)).size).toBe(2)
  expect(entries[0]?.id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  expect(entries.map(({ at }) => at)).toEqual([START, START + 3])
})

test('[S1-37] content is any JSON, and what JSON would change is refused with its place', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime)
  const contents = [null, false, 0.5, '', [], {}, { 'a b': [{ deep: [[null]] }] }]

  for (const content of contents) await session.append({ type: 'user_message', content })
  const refusal = await refusalOf(session.append({ type: 'user_message', content: { when: [new Date(0)] } }))

  expect((await transcript(session)).map(({ content }) => content)).toEqual(contents)
  expect(refusal).toMatchObject({ code: 'CONTENT_INVALID', details: { path: ['content', 'when', 0] } })
})

test('[S1-41 S1-44 S1-45 S1-46] entries are kept in order, and each one updates the session', async () => {
  const { runtime, clock } = await memoryRuntime()
  const session = await activeSession(runtime)

  for (const [index, draft] of [
    userMessage('Hello'),
    assistantMessage('Hi!'),
    userMessage('Bye'),
  ].entries()) {
    clock.advance(10)
    await session.append(draft)
    const { updatedAt } = await runtime.export(session.id)
    expect([session.updatedAt, updatedAt]).toEqual([START + 10 * (index + 1), START + 10 * (index + 1)])
  }

  expect((await transcript(session)).map(({ content }) => content)).toEqual([
    { text: 'Hello' },
    { text: 'Hi!' },
    { text: 'Bye' },
  ])
})

test('[S1-47] entries are taken while active only, and only within the limits', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime, { limits: { maxEntries: 1 } })
  await session.append(userMessage('kept'))

  const tooMany = await refusalOf(session.append(userMessage('one too many')))
  await session.complete()
  const tooLate = await refusalOf(session.append(userMessage('too late')))

  expect([tooMany.code, tooLate.code]).toEqual(['LIMIT_REACHED', 'WRONG_STATE'])
  expect(session.usage.entryCount).toBe(1)
})

test('[S1-48 S1-49] the session context is set, overwritten, read and removed by key', async () => {
  const { runtime, clock } = await memoryRuntime()
  const session = await activeSession(runtime)
  clock.advance(4)

  await session.setContext('key1', 'value1')
  await session.setContext('key1', { again: 1 })
  await session.setContext('key2', 42)
  await session.setContext('__proto__', 'data')
  const found = ['key1', 'key2', '__proto__', 'key3', 'toString'].map((key) => session.getContext(key))
  await session.removeContext('key2')

  expect(found).toEqual([{ again: 1 }, 42, 'data', undefined, undefined])
  expect(session.updatedAt).toBe(START + 4)
  expect(session.getContext('key2')).toBeUndefined()
  expect(Object.keys(session.record.context)).toEqual(['key1', '__proto__'])
})

test('[S1-50] no status is set at will: a completed session does not fail', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime)
  await session.complete()

  const refusal = await refusalOf(session.fail({ code: 'LATE', message: '' }))

  expect(refusal).toMatchObject({ code: 'WRONG_STATE', details: { command: 'fail', actual: 'completed' } })
  expect(session.status).toBe('completed')
  expect('setStatus' in session).toBe(false)
})

test('[S1-50 S1-51 S1-52] complete, fail, cancel, pause and resume are verbs, and each updates the session', async () => {
  const { runtime, clock } = await memoryRuntime()
  const ways: readonly ((session: Session<'active'>) => Promise<Session>)[] = [
    (session) => session.complete(),
    (session) => session.fail({ code: 'TOOL_BROKE', message: 'no answer' }),
    (session) => session.cancel(),
    (session) => session.pause(),
    async (session) => (await session.pause()).resume(),
  ]

  const results: unknown[] = []
  for (const go of ways) {
    const session = await activeSession(runtime)
    clock.advance(2)
    const after = await go(session)
    results.push([after.status, after.updatedAt - after.createdAt, after.end?.code ?? null])
  }

  expect(results).toEqual([
    ['completed', 2, null],
    ['failed', 2, 'TOOL_BROKE'],
    ['cancelled', 2, null],
    ['paused', 2, null],
    ['active', 2, null],
  ])
})
