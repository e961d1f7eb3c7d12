import { expect, test } from 'vitest'
import { createMemoryStore, openRuntime } from 'sessionwright'
import type { EntryDraft, LimitAction, Runtime, Session } from 'sessionwright'
import {
  createSession,
  fillSession,
  importedState,
  type Conversation,
} from '../../../src/cli/import-session.ts'
import { ManualClock } from '../../../src/testing/index.ts'

const entries: readonly EntryDraft[] = [
  'user',
  'assistant',
  'user',
  'user',
  'assistant',
  'user',
  'assistant',
].map((role, index) => ({
  type: `${role}_message` as 'user_message',
  content: { role, content: String(index) },
}))

function conversation(action: LimitAction): Conversation {
  return { id: 's', entries, create: { limits: { maxTurns: 2, action } } }
}

async function importAll(runtime: Runtime, action: LimitAction, complete: boolean): Promise<unknown> {
  const isNew = await createSession(runtime, conversation(action))
  const { kept } = await fillSession(runtime, conversation(action), isNew, { complete })
  const state = await importedState(runtime, 's')
  const { entries: found, status, end } = await runtime.export('s')
  return { kept, state, status, end, found: found.map(({ id, content }) => [id, content]) }
}

/** What a run does until it is killed after so many steps: create, activate, then one step per message. */
async function stepsOf(runtime: Runtime, action: LimitAction, steps: number): Promise<void> {
  if (steps > 0) await createSession(runtime, conversation(action))
  if (steps < 2) return
  const session: Session<'active'> = await (await runtime.get('s')).as('created').activate()
  for (const [index, draft] of entries.slice(0, steps - 2).entries()) {
    if (session.status !== 'active') return
    try {
      const answer = await session.append({ ...draft, id: `m-${index}` }, { operationId: `m-${index}` })
      if (!answer.kept) return
    } catch {
      return
    }
  }
}

const open = (): Promise<Runtime> => openRuntime({ store: createMemoryStore(), clock: new ManualClock() })

const ways = (['error', 'end_session', 'pause', 'ignore'] as const).flatMap((action) =>
  [false, true].map((complete) => ({ action, complete })),
)

test.each(ways)(
  '[CM3] killed behind any step and run again: $action, complete $complete',
  async ({ action, complete }) => {
    await using once = await open()
    const expected = await importAll(once, action, complete)

    for (let steps = 0; steps <= entries.length + 2; steps += 1) {
      await using runtime = await open()
      await stepsOf(runtime, action, steps)

      expect(await importAll(runtime, action, complete), `killed behind step ${steps}`).toEqual(expected)
      expect(await importAll(runtime, action, complete), `and once more`).toEqual(expected)
    }
  },
)

test.each([
  ['error', 'active', 5, { turns: 2, endedByLimit: false, pausedByLimit: false, notices: 0 }],
  ['end_session', 'closed', 5, { turns: 2, endedByLimit: true, pausedByLimit: false, notices: 0 }],
  ['pause', 'paused', 5, { turns: 2, endedByLimit: false, pausedByLimit: true, notices: 0 }],
  ['ignore', 'active', 7, { turns: 3, endedByLimit: false, pausedByLimit: false, notices: 1 }],
] as const)(
  '[CM2] after a refusal nothing more is kept, but under ignore: %s',
  async (action, status, kept, state) => {
    await using runtime = await open()

    expect(await importAll(runtime, action, false)).toMatchObject({ status, kept, state })
  },
)
