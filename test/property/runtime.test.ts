/**
 * Goal: history is the state (C1), restored sessions answer alike (A4), and callers see one order (R3).
 * Method: random commands through the public runtime; at random points the runtime is closed and another one opened on
 * the same store, so that every later answer comes from a restored twin.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fold } from '../../src/store/change.ts'
import type { StoredState } from '../../src/store/change.ts'
import { createMemoryStore } from '../../src/store/memory-store.ts'
import type { SessionStore } from '../../src/store/store.ts'
import type { Door } from '../../src/machines/events.ts'
import { openRuntime } from '../../src/runtime/open-runtime.ts'
import type { EntryDraft } from '../../src/runtime/entries.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import type { LimitOptions, SessionCommands } from '../../src/runtime/session.ts'
import { countingIds } from '../../src/testing/counting-ids.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'

type Step =
  | {
      readonly do: 'append'
      readonly entries: readonly EntryDraft[]
      readonly operationId?: string | undefined
    }
  | { readonly do: 'recordDelta'; readonly tokens: number }
  | { readonly do: 'admit'; readonly door: Door }
  | { readonly do: 'activate' | 'pause' | 'resume' | 'close' | 'complete' | 'cancel' }
  | { readonly do: 'extendLimits'; readonly limits: LimitOptions }
  | { readonly do: 'edit'; readonly key: string; readonly value: number | undefined }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'restart' }

const entry: fc.Arbitrary<EntryDraft> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<EntryDraft>({ type: 'user_message', content: 'u' }) },
  { weight: 3, arbitrary: fc.constant<EntryDraft>({ type: 'assistant_message', content: { a: [1, null] } }) },
  fc.constant<EntryDraft>({ type: 'tool_call', toolName: 't', success: true, content: null }),
)

const maximum = fc.option(fc.nat({ max: 4 }), { nil: null, freq: 3 })
const limits: fc.Arbitrary<LimitOptions> = fc.record({
  maxTurns: maximum,
  maxEntries: fc.option(fc.nat({ max: 12 }), { nil: null }),
  maxToolCalls: maximum,
  maxTokens: fc.option(fc.nat({ max: 300 }), { nil: null }),
  maxDurationMs: fc.option(fc.nat({ max: 400 }), { nil: null }),
  maxIdleMs: fc.option(fc.nat({ max: 200 }), { nil: null }),
  action: fc.constantFrom('error', 'end_session', 'ignore', 'pause'),
})

const step = (restarts: boolean): fc.Arbitrary<Step> =>
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('append' as const),
        entries: fc.array(entry, { minLength: 1, maxLength: 3 }),
        operationId: fc.option(fc.constantFrom('o-1', 'o-2', 'o-3'), { nil: undefined, freq: 3 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('recordDelta' as const), tokens: fc.nat({ max: 90 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('admit' as const),
        door: fc.constantFrom<Door>('turn', 'modelCall', 'toolCall'),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.constantFrom<Step>(
        { do: 'activate' },
        { do: 'activate' },
        { do: 'pause' },
        { do: 'resume' },
        { do: 'resume' },
        { do: 'close' },
        { do: 'complete' },
        { do: 'cancel' },
      ),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('extendLimits' as const), limits }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('edit' as const),
        key: fc.constantFrom('__proto__', 'sessionId', 'xstate$$type', 'k'),
        value: fc.option(fc.nat(), { nil: undefined }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat({ max: 120 }) }) },
    ...(restarts ? [{ weight: 3, arbitrary: fc.constant<Step>({ do: 'restart' }) }] : []),
  )

/** Runs the steps one after another; the answers, with what is random left out. */
async function play(
  steps: readonly Step[],
  options: { readonly limits: LimitOptions; readonly restart: boolean },
) {
  const clock = new ManualClock(1000)
  const store: SessionStore = { ...createMemoryStore(), close: async () => undefined }
  const open = (): Promise<Runtime> => openRuntime({ store, clock, ids: countingIds() })
  let runtime = await open()
  const { id } = await runtime.create({ id: 's', limits: options.limits, ttlMs: 2000, initialTokenCount: 50 })
  const answers: unknown[] = []
  for (const step of steps) {
    if (step.do === 'restart') {
      if (options.restart) {
        await runtime.close()
        runtime = await open()
        clock.advance(0)
      }
      continue
    }
    if (step.do === 'wait') {
      clock.advance(step.ms)
      await new Promise((resolve) => setImmediate(resolve))
      continue
    }
    answers.push(await answerTo(runtime, id, step))
  }
  const state = await store.state(id)
  const changes = await store.changes(id, { limit: 10_000 })
  const middle = Math.ceil(changes.length / 2)
  const past = await runtime.stateAt(id, middle)
  await runtime.close()
  return { answers, state, changes, past }
}

async function answerTo(
  runtime: Runtime,
  id: string,
  step: Exclude<Step, { readonly do: 'wait' | 'restart' }>,
): Promise<unknown> {
  const session = (await runtime.get(id)) as unknown as SessionCommands & {
    appendAll(entries: readonly EntryDraft[], options: object): Promise<object>
  }
  try {
    switch (step.do) {
      case 'append': {
        const { operationId } = step
        const answer = await session.appendAll(step.entries, operationId === undefined ? {} : { operationId })
        return { ...answer, entryId: undefined, entryIds: undefined }
      }
      case 'recordDelta':
        return await session.recordDelta(step.tokens)
      case 'admit':
        return await session.admit(step.door)
      case 'extendLimits':
        return await session.extendLimits(step.limits)
      case 'edit':
        return await session.edit({ context: pair(step.key, step.value) })
      default: {
        const next = await session[step.do]()
        return [next.state, next.revision]
      }
    }
  } catch (error) {
    const { code, details } = error as { code: string; details: object }
    return { code, details }
  }
}

function pair(key: string, value: unknown): { readonly [key: string]: unknown } {
  return Object.defineProperty({}, key, { value, enumerable: true }) as { readonly [key: string]: unknown }
}

describe('random lives', () => {
  test('[C1] folding the changes gives the live state, at every revision', async () => {
    await fc.assert(
      fc.asyncProperty(limits, fc.array(step(false), { maxLength: 40 }), async (limited, steps) => {
        const { state, changes, past } = await play(steps, { limits: limited, restart: false })

        let folded: StoredState | undefined
        for (const [index, change] of changes.entries()) {
          expect(change.revision).toBe(index + 1)
          folded = fold(folded, change)
          if (change.revision === past.revision) expect(past).toEqual(folded)
        }
        expect(folded).toEqual(state)
      }),
      { numRuns: 150 },
    )
  })

  test('[A4, RC8, RC9] a runtime restarted at any point answers as one that was not', async () => {
    await fc.assert(
      fc.asyncProperty(limits, fc.array(step(true), { maxLength: 40 }), async (limited, steps) => {
        const straight = await play(steps, { limits: limited, restart: false })
        const restarted = await play(steps, { limits: limited, restart: true })

        expect(restarted.answers).toEqual(straight.answers)
        expect(restarted.state?.facts).toEqual(straight.state?.facts)
      }),
      { numRuns: 150 },
    )
  })

  test('[R3] commands of several callers keep one order: answers, revisions and history agree', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.nat({ max: 3 }), { minLength: 5, maxLength: 30 }),
        async (scheduler, callers) => {
          const runtime = await openRuntime({
            store: createMemoryStore(),
            clock: new ManualClock(0),
            ids: countingIds(),
          })
          const session = await (await runtime.create({ id: 's' })).activate()
          const told: { readonly caller: number; readonly revision: number }[] = []

          const calls = callers.map((caller, index) =>
            scheduler.schedule(Promise.resolve()).then(async () => {
              const { revision } = await session.append({ type: 'system_event', event: `${caller}-${index}` })
              told.push({ caller, revision })
            }),
          )
          await scheduler.waitAll()
          await Promise.all(calls)

          const revisions = told.map(({ revision }) => revision)
          expect(revisions).toEqual([...revisions].sort((a, b) => a - b))
          expect(revisions).toEqual(callers.map((_, index) => index + 3))
          await runtime.close()
        },
      ),
      { numRuns: 60 },
    )
  })
})
