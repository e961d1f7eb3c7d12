import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Json, JsonObject } from '../../src/json.ts'
import type { Change, Patch, RecordEdit, StoredState, Summary } from '../../src/store/change.ts'
import { asWhole, fold } from '../../src/store/change.ts'
import { anyPlainJson } from '../support/plain-json.ts'

const key = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor', '')
const json = anyPlainJson({ maxDepth: 2 })
const objectOf = (value: fc.Arbitrary<Json>): fc.Arbitrary<JsonObject> =>
  fc.dictionary(key, value, { maxKeys: 4 })
const machine = fc.record({ version: fc.nat(), policy: fc.string(), policyVersion: fc.nat() })
const quarantine = fc.option(fc.record({ code: fc.string(), reason: fc.string(), at: fc.nat() }))

/** Edits as the runtime makes them: plain keys and keys inside objects do not mix. */
const edit: fc.Arbitrary<RecordEdit> = fc.oneof(
  fc.tuple(fc.tuple(fc.constantFrom('name', 'kind', '__proto__')), json),
  fc.tuple(fc.tuple(fc.constantFrom('name', 'kind', '__proto__'))),
  fc.tuple(fc.tuple(fc.constantFrom('metadata', 'context')), objectOf(json)),
  fc.tuple(fc.tuple(fc.constantFrom('metadata', 'context'))),
  fc.tuple(fc.tuple(fc.constantFrom('metadata', 'context'), key), json),
  fc.tuple(fc.tuple(fc.constantFrom('metadata', 'context'), key)),
)

const summary: fc.Arbitrary<Partial<Summary>> = fc.record(
  {
    status: fc.string(),
    tenantId: fc.option(fc.string()),
    userId: fc.option(fc.string()),
    parentId: fc.option(fc.string()),
    createdAt: fc.nat(),
    dueAt: fc.option(fc.nat()),
  },
  { requiredKeys: [] },
)

const patch: fc.Arbitrary<Patch> = fc.record(
  {
    machine,
    value: fc.oneof(fc.string(), fc.dictionary(key, fc.string(), { minKeys: 1, maxKeys: 2 })),
    context: objectOf(json),
    policy: fc.oneof(fc.constant(null), fc.string(), objectOf(fc.string())),
    quarantine,
    record: fc.array(edit, { maxLength: 6 }),
  },
  { requiredKeys: [] },
)

/** A history of one session; its first change starts from nothing or is whole, which must not matter. */
const history: fc.Arbitrary<Change[]> = fc
  .array(fc.record({ patch, summary: fc.option(summary, { nil: undefined }), at: fc.nat() }), {
    minLength: 1,
    maxLength: 12,
  })
  .map((steps) =>
    steps.map(({ patch: change, summary: changed, at }, index) => ({
      sessionId: 'one',
      revision: index + 1,
      at,
      event: { type: 'step' },
      patch: change,
      entries: [],
      ...(changed === undefined ? {} : { summary: changed }),
    })),
  )

function statesOf(changes: readonly Change[]): StoredState[] {
  const states: StoredState[] = []
  for (const change of changes) states.push(fold(states.at(-1), change))
  return states
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) freeze(inner)
  }
  return value
}

/** The same fold, plainer: maps that are set key by key, so that no name means anything. */
function modelOf(changes: readonly Change[]): unknown {
  const facts = new Map<string, unknown>()
  const context = new Map<string, Json>()
  const record = new Map<string, Json>()
  const summarized = new Map<string, unknown>()
  for (const change of changes) {
    for (const name of ['machine', 'value', 'policy', 'quarantine'] as const) {
      if (Object.hasOwn(change.patch, name)) facts.set(name, change.patch[name])
    }
    for (const [name, value] of Object.entries(change.patch.context ?? {})) context.set(name, value)
    for (const [[first = '', second], ...set] of change.patch.record ?? []) {
      if (second === undefined) {
        applyEdit(record, first, set)
      } else {
        const inner = new Map(Object.entries(record.get(first) ?? {}))
        applyEdit(inner, second, set)
        record.set(first, Object.fromEntries(inner))
      }
    }
    for (const [name, value] of Object.entries(change.summary ?? {})) summarized.set(name, value)
    summarized.set('updatedAt', change.at)
  }
  return { facts, context, record, summarized }
}

function applyEdit(map: Map<string, Json>, name: string, set: readonly Json[]): void {
  if (set.length === 0) map.delete(name)
  else map.set(name, set[0] ?? null)
}

/** A state in the shape of the model, with the keys that were ever set. */
function shapeOf(state: StoredState | undefined, model: unknown): unknown {
  const { facts, summarized } = model as Record<string, Map<string, unknown>>
  const { context, ...others } = state?.facts ?? { context: {} }
  return {
    facts: new Map(Object.entries(others).filter(([name]) => facts?.has(name))),
    context: new Map(Object.entries(context)),
    record: new Map(Object.entries(state?.record ?? {})),
    summarized: new Map(Object.entries(state?.summary ?? {}).filter(([name]) => summarized?.has(name))),
  }
}

/** Compared as text as well: key order is part of what a reader sees, and `__proto__` of what a matcher may miss. */
function expectSame(found: readonly StoredState[], expected: readonly StoredState[]): void {
  expect(found).toEqual(expected)
  expect(found.map((state) => JSON.stringify(state))).toEqual(expected.map((state) => JSON.stringify(state)))
}

test('[C1] the state holds exactly what the patches set and did not remove', () => {
  fc.assert(
    fc.property(history, (changes) => {
      const model = modelOf(changes)

      expect(shapeOf(statesOf(changes).at(-1), model)).toEqual(model)
    }),
  )
})

test('[C3] whole copies in place of any changes lead to the same state at every revision', () => {
  fc.assert(
    fc.property(history, fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }), (changes, isWhole) => {
      const states = statesOf(changes)

      const mixed = changes.map((change, index) => {
        const state = states[index]
        return isWhole[index] === true && state !== undefined ? asWhole(change, state) : change
      })

      expectSame(statesOf(mixed), states)
    }),
  )
})

test('[C3] a fold may start at any whole copy, whatever came before it', () => {
  fc.assert(
    fc.property(history, history, fc.nat(), (changes, others, at) => {
      const states = statesOf(changes)
      const start = at % changes.length
      const [first, state] = [changes[start], states[start]]
      if (first === undefined || state === undefined) throw new Error('the start is inside the history')
      const whole = asWhole(first, state)

      const fromNothing = statesOf([whole, ...changes.slice(start + 1)])
      const uponAnother = fold(statesOf(others).at(-1), whole)

      expectSame(fromNothing, states.slice(start))
      expectSame([uponAnother], [state])
    }),
  )
})

test('[C1] the way through JSON changes nothing, with and without whole copies', () => {
  fc.assert(
    fc.property(history, (changes) => {
      const states = statesOf(changes)
      const wholes = changes.map((change, index) => asWhole(change, states[index] ?? fold(undefined, change)))

      const stored = statesOf(JSON.parse(JSON.stringify(changes)) as Change[])
      const storedWholes = statesOf(JSON.parse(JSON.stringify(wholes)) as Change[])

      expectSame(stored, JSON.parse(JSON.stringify(states)) as StoredState[])
      expectSame(storedWholes, JSON.parse(JSON.stringify(states)) as StoredState[])
    }),
  )
})

test('[C1] a fold alters neither the state nor the change it is given', () => {
  fc.assert(
    fc.property(history, (changes) => {
      const expected = statesOf(structuredClone(changes))

      const frozen = changes.map(freeze)
      const states: StoredState[] = []
      for (const change of frozen) states.push(freeze(fold(states.at(-1), change)))

      expectSame(states, expected)
    }),
  )
})
