import { expect, test } from 'vitest'
import { createMemoryStore, openRuntime } from 'sessionwright'
import type { CreateOptions, EntryDraft, LimitAction, Runtime, Session } from 'sessionwright'
import {
  createSession,
  fillSession,
  importedState,
  type Conversation,
  type ImportedSession,
  type ImportSessionOptions,
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
  const made = await createSession(runtime, conversation(action))
  const { session, kept } = await fillSession(runtime, conversation(action), made, { complete })
  const state = await importedState(session)
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

/** A conversation without limits, of so many messages. */
function unlimited(messages: number, create: CreateOptions = {}): Conversation {
  const drafts = Array.from({ length: messages }, (_, index) => entries[index % entries.length] as EntryDraft)
  return { id: 's', entries: drafts, create }
}

async function importOf(
  runtime: Runtime,
  imported: Conversation,
  options: Partial<ImportSessionOptions> = {},
): Promise<ImportedSession> {
  const made = await createSession(runtime, imported)
  return fillSession(runtime, imported, made, { complete: false, ...options })
}

/** The operations that made entries, with how many each made. */
async function operationsOf(runtime: Runtime): Promise<[string | null, number][]> {
  const found: [string | null, number][] = []
  for await (const change of (await runtime.get('s')).changes({ live: false }))
    if (change.entries.length > 0) found.push([change.operationId, change.entries.length])
  return found
}

async function contentsOf(runtime: Runtime): Promise<unknown> {
  const { status, entries: found } = await runtime.export('s')
  return { status, found: found.map(({ id, content }) => [id, content]) }
}

test('[CM5] without limits up to 64 messages in a row are one command, and count as they would one by one', async () => {
  await using together = await open()
  await using apart = await open()

  const { session, kept } = await importOf(together, unlimited(150))
  const one = await importOf(apart, unlimited(150), { oneByOne: true })

  expect(await operationsOf(together)).toEqual([
    ['m-0-63', 64],
    ['m-64-127', 64],
    ['m-128-149', 22],
  ])
  expect([kept, session.usage]).toEqual([150, one.session.usage])
  expect(await contentsOf(together)).toEqual(await contentsOf(apart))
})

test.each([
  ['limits', { limits: { maxTurns: 100 } }, {}],
  ['a time to live', { ttlMs: 1000 }, {}],
  ['the wish for it', {}, { oneByOne: true }],
])('[CM5] with %s each message is a command of its own', async (_what, create, options) => {
  await using runtime = await open()

  await importOf(runtime, unlimited(5, create), options)

  expect(await operationsOf(runtime)).toEqual([0, 1, 2, 3, 4].map((index) => [`m-${index}`, 1]))
})

test('[CM5] messages that are refused together go one by one, up to the one that is refused', async () => {
  await using runtime = await openRuntime({
    store: createMemoryStore(),
    clock: new ManualClock(),
    maxEntryBytes: 100,
  })
  const big: EntryDraft = { type: 'user_message', content: 'x'.repeat(200) }
  const imported = { ...unlimited(5), entries: [...entries.slice(0, 3), big, ...entries.slice(3)] }

  const { kept, failure } = await importOf(runtime, imported)

  expect(kept).toBe(3)
  expect(failure).toMatchObject({ code: 'ENTRY_TOO_LARGE' })
  expect(await operationsOf(runtime)).toEqual([0, 1, 2].map((index) => [`m-${index}`, 1]))
})

test('[CM5] messages that are too large together, and small enough alone, all go in', async () => {
  await using runtime = await openRuntime({
    store: createMemoryStore(),
    clock: new ManualClock(),
    maxChangeBytes: 1000,
  })

  const { kept, failure } = await importOf(runtime, unlimited(70))

  expect([kept, failure]).toEqual([70, undefined])
  expect((await operationsOf(runtime)).at(-1)).toEqual(['m-64-69', 6])
})

test('[CM3] killed behind any command, together or one by one, and run again: the same entries once', async () => {
  await using once = await open()
  await importOf(once, unlimited(150), { complete: true })
  const expected = await contentsOf(once)

  for (const before of [0, 1, 63, 64, 65, 128, 149, 150]) {
    for (const oneByOne of [false, true]) {
      await using runtime = await open()
      await importOf(runtime, unlimited(before), { oneByOne })
      const again = await importOf(runtime, unlimited(150), { complete: true })

      expect([again.kept, again.repeated], `killed behind message ${before}`).toEqual([150, before])
      expect(await contentsOf(runtime)).toEqual(expected)
    }
  }
})

test('[CM1] a message that somebody else brought in is not sent again, and the others go round it', async () => {
  await using runtime = await open()
  const session = await (await runtime.create({ id: 's' })).activate()
  await session.append({ ...(entries[3] as EntryDraft), id: 'm-3' })

  const { kept, repeated } = await importOf(runtime, unlimited(7))

  expect([kept, repeated]).toEqual([7, 1])
  expect(await operationsOf(runtime)).toEqual([
    [null, 1],
    ['m-0-2', 3],
    ['m-4-6', 3],
  ])
})

test('[CM4] limits the session was given later hold for the messages that are still to come', async () => {
  await using runtime = await open()
  const { session } = await importOf(runtime, unlimited(7))
  await session.as('active').extendLimits({ maxTurns: 4 })

  const { kept } = await importOf(runtime, unlimited(70))

  expect(kept).toBe(9)
  expect((await operationsOf(runtime)).map(([, count]) => count)).toEqual([7, 1, 1])
})

test('an import that is stopped stops between two commands', async () => {
  await using runtime = await open()
  const stop = new AbortController()
  runtime.observe(({ change }) => {
    if (change.entries.length > 0) stop.abort()
  })

  const { kept } = await importOf(runtime, unlimited(150), { signal: stop.signal })

  expect(kept).toBe(64)
})
