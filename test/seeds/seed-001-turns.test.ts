/** Seed 001, turns, message counts and duration. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  assistantMessage,
  systemEvent,
  systemMessage,
  toolCall,
  userMessage,
} from '../../src/runtime/entries.ts'
import type { EntryDraft } from '../../src/runtime/entries.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { activeSession, memoryRuntime, START, transcript } from '../support/memory-runtime.ts'

const U = userMessage('question')
const A = assistantMessage('answer')

/** Turns after each entry of a fresh session. */
async function turnsAfter(runtime: Runtime, drafts: readonly EntryDraft[]): Promise<number[]> {
  const session = await activeSession(runtime)
  const turns: number[] = []
  for (const draft of drafts) {
    await session.append(draft)
    turns.push(session.usage.turnCount)
  }
  return turns
}

test('[S1-53] a user message opens a turn, the next assistant message closes it', async () => {
  const { runtime } = await memoryRuntime()

  expect(await turnsAfter(runtime, [U, A, U, A])).toEqual([0, 1, 1, 2])
})

test('[S1-54] several user messages in a row are one turn', async () => {
  const { runtime } = await memoryRuntime()

  expect(await turnsAfter(runtime, [U, U, U, A])).toEqual([0, 0, 0, 1])
})

test('[S1-55] an assistant message that answers nobody counts no turn', async () => {
  const { runtime } = await memoryRuntime()

  expect(await turnsAfter(runtime, [A, U, A, A])).toEqual([0, 0, 1, 1])
})

test('[S1-56] other entries neither open nor break a turn', async () => {
  const { runtime } = await memoryRuntime()
  const others = [toolCall('search', true, null), systemMessage('note'), systemEvent('tick')]

  expect(await turnsAfter(runtime, [...others, A, U, ...others, A])).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1])
})

test('[S1-57] the counted turns are those of the entries', async () => {
  const { runtime } = await memoryRuntime()
  const drafts = fc.array(fc.constantFrom(U, A, toolCall('search', true, null)), { maxLength: 12 })

  await fc.assert(
    fc.asyncProperty(drafts, async (given) => {
      const turns = await turnsAfter(runtime, given)

      expect(turns.at(-1) ?? 0).toBe(turnsIn(given))
    }),
    { numRuns: 40 },
  )
})

test('[S1-57] a session that comes in is counted by its entries', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime)
  await session.appendAll([U, U, A, toolCall('search', true, null), A])
  const document = await runtime.export(session.id)

  const copy = await runtime.import({ ...document, id: 'copy', entries: document.entries.slice(1) })

  expect(copy.usage).toMatchObject({
    turnCount: 1,
    entryCount: 4,
    userMessageCount: 1,
    assistantMessageCount: 2,
    toolCallCount: 1,
  })
})

test('[S1-58 S1-59] user and assistant messages are counted', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime)

  await session.appendAll([U, U, U, A, systemMessage('note'), A])

  const { userMessageCount, assistantMessageCount, entryCount } = session.usage
  expect([userMessageCount, assistantMessageCount, entryCount]).toEqual([3, 2, 6])
  expect(await transcript(session)).toHaveLength(6)
})

test('[S1-60] duration is the time from creation to the last update, never less than 0', async () => {
  const { runtime, clock } = await memoryRuntime()
  const session = await activeSession(runtime)
  clock.advance(1_500)
  await session.append(U)
  clock.advance(9_000)
  const whileIdle = session.durationMs
  clock.set(START - 60_000)
  await session.append(A)

  expect([whileIdle, session.durationMs]).toEqual([1_500, 0])
})

test('[S1-60] at a door the age is real, so an idle session does grow older', async () => {
  const { runtime, clock } = await memoryRuntime()
  const session = await activeSession(runtime, { limits: { maxDurationMs: 5_000 } })
  clock.advance(5_001)

  await expect(session.append(U)).rejects.toMatchObject({
    code: 'LIMIT_REACHED',
    details: { findings: [{ limit: 'duration', current: 5_001, max: 5_000, action: 'error' }] },
  })
  expect(session.durationMs).toBe(0)
})

/** The seed's own rule, spelt out a second time. */
function turnsIn(drafts: readonly EntryDraft[]): number {
  let turns = 0
  let isAwaiting = false
  for (const { type } of drafts) {
    if (type === 'user_message') isAwaiting = true
    if (type === 'assistant_message' && isAwaiting) {
      turns += 1
      isAwaiting = false
    }
  }
  return turns
}
