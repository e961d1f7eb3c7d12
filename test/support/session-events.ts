/** Session machines under test: plain limits, actors that write down what they say, and random lives. */
import fc from 'fast-check'
import { createActor } from 'xstate'
import type { Actor } from 'xstate'
import type {
  Decided,
  LimitAction,
  LimitName,
  Limits,
  SessionContext,
  SessionEvent,
  SessionInput,
} from '../../src/machines/events.ts'
import { DEADLINE_KINDS, LIMIT_ACTIONS, LIMITS } from '../../src/machines/events.ts'
import { persistedSnapshotOf, sessionMachine } from '../../src/machines/session.ts'
import type { ActorFacts } from '../../src/machines/session.ts'

/** A live session actor. */
export type SessionActor = Actor<typeof sessionMachine>

/** Limits with everything unlimited but what is given. */
export function limitsOf(given: Partial<Limits> = {}): Limits {
  return {
    maxTurns: null,
    maxEntries: null,
    maxToolCalls: null,
    maxTokens: null,
    maxDurationMs: null,
    maxIdleMs: null,
    action: 'error',
    actions: {},
    ...given,
  }
}

/** A started session actor, born at 1,000, and everything it emitted. */
export function startSession(
  input: Partial<SessionInput> = {},
  machine: typeof sessionMachine = sessionMachine,
): { readonly actor: SessionActor; readonly said: Decided[] } {
  const actor = createActor(machine, {
    id: 'session-under-test',
    input: { at: 1_000, expiresAt: null, initialTokenCount: 0, limits: limitsOf(), ...input },
  })
  return { actor, said: listen(actor) }
}

/** A started session actor restored from facts as a store keeps them: through JSON. */
export function restoreSession(
  facts: ActorFacts,
  machine: typeof sessionMachine = sessionMachine,
): { readonly actor: SessionActor; readonly said: Decided[] } {
  const stored = JSON.parse(JSON.stringify(facts)) as ActorFacts
  const actor = createActor(machine, {
    id: 'session-restored',
    snapshot: persistedSnapshotOf(stored),
  } as never)
  return { actor, said: listen(actor) }
}

/** The facts of a live actor. */
export function factsOf(actor: SessionActor): ActorFacts {
  const { value, context } = actor.getSnapshot()
  return { value, context, policy: policyValueOf(actor) }
}

/** Starts an actor and writes down what it emits. */
export function listen(actor: SessionActor): Decided[] {
  const said: Decided[] = []
  actor.on('decided', (message) => {
    said.push(message)
  })
  actor.start()
  return said
}

/** What an event did, in plain data. */
export interface Answer {
  readonly value: unknown
  readonly context: SessionContext
  readonly policy: unknown
  readonly said: readonly Decided[]
}

/** Sends one event and says what came of it. */
export function tell(
  { actor, said }: { readonly actor: SessionActor; readonly said: Decided[] },
  event: SessionEvent,
): Answer {
  said.length = 0
  actor.send(event)
  const { value, context } = actor.getSnapshot()
  return { value, context, policy: policyValueOf(actor), said: [...said] }
}

/** The state value of an actor's live policy; null when it has none. */
export function policyValueOf(actor: SessionActor): unknown {
  const snapshot = actor.getSnapshot()
  if (snapshot.status === 'error') return null
  return snapshot.children.limitPolicy?.getSnapshot().value ?? null
}

const max = (top: number): fc.Arbitrary<number | null> =>
  fc.option(fc.nat({ max: top }), { nil: null, freq: 2 })
const action = fc.constantFrom<LimitAction>(...LIMIT_ACTIONS)

/** Small limits, so that lives meet them. */
export const anyLimits: fc.Arbitrary<Limits> = fc.record(
  {
    maxTurns: max(3),
    maxEntries: max(8),
    maxToolCalls: max(3),
    maxTokens: max(60),
    maxDurationMs: max(60),
    maxIdleMs: max(12),
    action,
    actions: fc.dictionary(fc.constantFrom<LimitName>(...LIMITS), action, { noNullPrototype: true }),
  },
  { noNullPrototype: true },
)

const anyEntryTypes = fc.array(
  fc.constantFrom('user_message', 'assistant_message', 'tool_call', 'system_message', 'skill_execution'),
  { minLength: 1, maxLength: 4 },
)

/** An event without its time. */
export type UndatedEvent = SessionEvent extends infer E
  ? E extends { at: number }
    ? Omit<E, 'at'>
    : never
  : never

/** Any event a host may send. */
export const anySessionEvent: fc.Arbitrary<UndatedEvent> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ type: fc.constant('append' as const), entryTypes: anyEntryTypes }) },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('recordDelta' as const), tokens: fc.nat({ max: 25 }) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('admit' as const),
      door: fc.constantFrom('turn' as const, 'modelCall' as const, 'toolCall' as const),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('deadline' as const),
      kind: fc.constantFrom(...DEADLINE_KINDS),
      dueAt: fc.constant(0),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('extendLimits' as const), limits: anyLimits }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constantFrom('activate' as const, 'resume' as const) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constantFrom('edit' as const, 'pause' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constantFrom('close' as const, 'complete' as const, 'cancel' as const) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('fail' as const),
      code: fc.constant('TOOL_BROKE'),
      message: fc.constant('it broke'),
    }),
  },
)

/** The birth of a session and the events of its life, in order of time. */
export const anyLife: fc.Arbitrary<{
  readonly input: SessionInput
  readonly events: readonly SessionEvent[]
}> = fc
  .record({
    limits: anyLimits,
    ttlMs: fc.option(fc.nat({ max: 150 }), { nil: null, freq: 2 }),
    initialTokenCount: fc.nat({ max: 20 }),
    steps: fc.array(fc.tuple(fc.nat({ max: 8 }), anySessionEvent), { maxLength: 30 }),
  })
  .map(({ limits, ttlMs, initialTokenCount, steps }) => {
    let at = 1_000
    const input = { at, expiresAt: ttlMs === null ? null : at + ttlMs, initialTokenCount, limits }
    const events: SessionEvent[] = [{ type: 'activate', at }]
    for (const [wait, undated] of steps) {
      at += wait
      events.push({ ...undated, at } as SessionEvent)
    }
    return { input, events }
  })
