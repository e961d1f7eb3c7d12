/**
 * Goal: for OpenAI's own Runner a session of ours is its MemorySession, also when the process dies under it.
 * Method: conversations are lived through twice, with the same scripted model and tools; everything that can be seen of
 * the runs is compared. Every second run is streamed.
 */
import { MemorySession, type AgentInputItem, type Session } from '@openai/agents'
import { expect, test } from 'vitest'
import { createMemoryStore, openRuntime } from 'sessionwright'
import {
  sessionwrightSession,
  type AgentsSession,
} from '../../../../src/integrations/openai-agents/session.ts'
import { replay, scriptOf, type Observed, type Script } from '../../../support/agents-replay.ts'
import { chatLines, conversationText, REAL_FILE } from '../../../support/conversations.ts'
import { MortalRuntime } from '../../../support/mortal-runtime.ts'

if (REAL_FILE === undefined) {
  console.log('SKIPPED real conversations: SESSIONWRIGHT_CONVERSATIONS is not set, generated ones stand in')
}

const scripts = chatLines(conversationText()).map(scriptOf)

const inMemory = (script: Script): Promise<Observed[]> => {
  const memory = new MemorySession({ sessionId: 's' })
  return replay(script, async () => memory)
}

test('conversations become runs with tools', () => {
  const runs = scripts.flatMap((script) => script.runs)
  const calls = runs.flatMap(({ steps }) => steps.flat()).filter(({ type }) => type === 'function_call')

  expect(runs.length).toBeGreaterThan(100)
  expect(calls.length).toBeGreaterThan(100)
})

test('[OA1] every conversation is lived through alike', { timeout: 120_000 }, async () => {
  const runtime = await openRuntime({ store: createMemoryStore() })
  let finished = 0
  for (const [index, script] of scripts.entries()) {
    const session = await sessionwrightSession(runtime, `s-${index}`)

    const observed = await replay(script, async () => session)

    expect(observed).toEqual(await inMemory(script))
    finished += observed.filter(({ outcome }) => 'finalOutput' in (outcome as object)).length
  }
  // Most runs come to their end; where the recording stops after a tool call, both are told so.
  expect(finished).toBeGreaterThan(scripts.flatMap(({ runs }) => runs).length * 0.7)
  await runtime.close()
})

test('[OA1] [FS1] with the process gone before any call, too', { timeout: 120_000 }, async () => {
  let deaths = 0
  for (const [index, script] of scripts.entries()) {
    const mortal = new MortalRuntime(index + 1)
    const session = dyingSession(mortal)

    const observed = await replay(script, async () => session)

    expect(observed).toEqual(await inMemory(script))
    deaths += mortal.deaths
  }
  expect(deaths).toBeGreaterThan(100)
})

/** A session whose process dies before every call; each call finds what was written before. */
function dyingSession(mortal: MortalRuntime): Session {
  const reborn = async (): Promise<AgentsSession> => {
    await mortal.die()
    return sessionwrightSession(await mortal.get(), 's')
  }
  return {
    getSessionId: async () => (await reborn()).getSessionId(),
    getItems: async (limit?: number) => (await reborn()).getItems(limit),
    addItems: async (items: AgentInputItem[]) => (await reborn()).addItems(items),
    popItem: async () => (await reborn()).popItem(),
    clearSession: async () => (await reborn()).clearSession(),
  }
}
