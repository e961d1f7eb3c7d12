/**
 * Goal: for the framework our session is its own MemorySession, and it stays so when the process dies (OA1, OA2, FS1–FS3).
 * Method: random calls on both, one after another or several at once; every answer is compared as text, and every refusal
 * leaves the session where it was. Then the same with the process gone between any two calls.
 */
import { MemorySession } from '@openai/agents'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createMemoryStore, openRuntime } from 'sessionwright'
import { sessionwrightSession } from '../../src/integrations/openai-agents/session.ts'
import { anyCall, make, type Answer, type Call } from '../support/agents-differential.ts'
import { MortalRuntime } from '../support/mortal-runtime.ts'

const CODES = ['COMMAND_INVALID', 'HISTORY_CONFLICT', 'OPERATION_REUSED']

/** Refusals are compared as such; ours have a code as well. */
const shown = (answer: Answer): unknown => (typeof answer === 'string' ? answer : 'refused')

async function playInMemory(calls: readonly Call[]): Promise<unknown[]> {
  const memory = new MemorySession({ sessionId: 's' })
  const answers: unknown[] = []
  for (const call of calls) answers.push(shown(await make(call, memory, await memory.getItems())))
  answers.push(await memory.getItems())
  return answers
}

describe('beside MemorySession', () => {
  test('[OA1] [OA2] every call is answered alike, and what is refused is refused with a code and leaves no trace', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyCall, { maxLength: 25 }), async (calls) => {
        const runtime = await openRuntime({ store: createMemoryStore() })
        const session = await sessionwrightSession(runtime, 's')
        const answers: unknown[] = []

        for (const call of calls) {
          const newest = await session.getItems()
          const { revision } = await runtime.get('s')
          const answer = await make(call, session, newest)
          answers.push(shown(answer))
          if (typeof answer === 'string') continue
          expect(CODES).toContain(answer.refused)
          expect((await runtime.get('s')).revision).toBe(revision)
        }
        answers.push(await session.getItems())

        expect(answers).toEqual(await playInMemory(calls))
        await runtime.close()
      }),
      { numRuns: 150 },
    )
  })

  test('[FS2] calls made at once are answered as if made one after another', async () => {
    const anyUntied = anyCall.filter((call) => call.do !== 'replace')
    await fc.assert(
      fc.asyncProperty(fc.array(anyUntied, { maxLength: 12 }), async (calls) => {
        const runtime = await openRuntime({ store: createMemoryStore() })
        const session = await sessionwrightSession(runtime, 's')

        const answers = await Promise.all(calls.map((call) => make(call, session, [])))

        const expected = await playInMemory(calls)
        expect([...answers.map(shown), await session.getItems()]).toEqual(expected)
        await runtime.close()
      }),
      { numRuns: 60 },
    )
  })

  test('[FS1] [HI2] with the process gone between any two calls, nothing is answered differently', async () => {
    let deaths = 0
    const anyLife = fc.array(fc.tuple(anyCall, fc.boolean()), { maxLength: 15 })
    await fc.assert(
      fc.asyncProperty(anyLife, async (life) => {
        const mortal = new MortalRuntime()
        let session = await sessionwrightSession(await mortal.get(), 's')
        const answers: unknown[] = []

        for (const [call, dies] of life) {
          const newest = await session.getItems()
          if (dies) {
            await mortal.die()
            session = await sessionwrightSession(await mortal.get(), 's')
          }
          answers.push(shown(await make(call, session, newest)))
        }
        await mortal.die()
        session = await sessionwrightSession(await mortal.get(), 's')
        answers.push(await session.getItems())

        expect(answers).toEqual(await playInMemory(life.map(([call]) => call)))
        deaths += mortal.deaths
      }),
      { numRuns: 40 },
    )
    expect(deaths).toBeGreaterThan(40)
  })
})
