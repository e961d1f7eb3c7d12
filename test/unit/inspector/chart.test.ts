/** The chart that is drawn is the machine that runs. */
import { setup } from 'xstate'
import type { AnyStateMachine } from 'xstate'
import { expect, test } from 'vitest'
import { chartOf, isMachine } from '../../../src/inspector/chart.ts'
import { limitPolicy, sessionMachine, supervisorMachine } from '../../../src/index.ts'

interface Config {
  readonly on?: { readonly [event: string]: unknown }
  readonly always?: unknown
  readonly after?: { readonly [delay: string]: unknown }
  readonly onDone?: unknown
  readonly invoke?: unknown
  readonly initial?: string | { readonly target: string }
  readonly states?: { readonly [key: string]: Config }
}

const listOf = <T>(item: T | readonly T[] | undefined): readonly T[] =>
  item === undefined ? [] : Array.isArray(item) ? (item as readonly T[]) : [item as T]

/** What the configuration of a machine says, read without the walk of the chart: `source event guard actions`. */
function transitionsIn(config: Config, path: string): string[] {
  const line = (event: string, transition: unknown): string => {
    const { guard, actions } = (typeof transition === 'string' ? {} : transition) as {
      guard?: string | { type: string }
      actions?: string | readonly string[]
    }
    const name = typeof guard === 'object' ? guard.type : (guard ?? '-')
    return `${path} ${/^xstate\.(done|error)\./.exec(event)?.[1] ?? event} ${name} ${listOf(actions).join(',')}`
  }
  return [
    ...Object.entries(config.on ?? {}).flatMap(([event, list]) =>
      listOf(list).map((item) => line(event, item)),
    ),
    ...listOf(config.always).map((item) => line('always', item)),
    ...listOf(config.onDone).map((item) => line('done', item)),
    ...Object.entries(config.after ?? {}).flatMap(([, list]) =>
      listOf(list).map((item) => line('after', item)),
    ),
    ...listOf(config.invoke as { onDone?: unknown; onError?: unknown }).flatMap(({ onDone, onError }) => [
      ...listOf(onDone).map((item) => line('done', item)),
      ...listOf(onError).map((item) => line('error', item)),
    ]),
    ...Object.entries(config.states ?? {}).flatMap(([key, child]) => transitionsIn(child, `${path}.${key}`)),
  ].sort()
}

function statesIn(config: Config, path: string): string[] {
  return [
    path,
    ...Object.entries(config.states ?? {}).flatMap(([key, child]) => statesIn(child, `${path}.${key}`)),
  ]
}

const everyKind = setup({
  types: {} as { events: { type: 'go' } | { type: 'stay' } },
  guards: { may: () => true, must: () => true },
  actions: { act: () => undefined },
  actors: { child: sessionMachine },
}).createMachine({
  id: 'every',
  initial: 'one',
  states: {
    one: {
      always: [
        { guard: 'may', target: 'two', actions: 'act' },
        { guard: 'must', target: 'three' },
      ],
      on: { stay: { actions: 'act' }, '*': 'two' },
      after: { 1000: 'three' },
    },
    two: {
      type: 'parallel',
      onDone: 'four',
      invoke: {
        id: 'kid',
        src: 'child',
        input: {} as never,
        onDone: 'three',
        onError: { target: 'four', actions: 'act' },
      },
      states: {
        left: { initial: 'begin', states: { begin: { on: { go: 'end' } }, end: { type: 'final' } } },
        right: { initial: 'only', states: { only: {} } },
      },
    },
    three: { initial: 'inner', states: { inner: {}, back: { type: 'history', target: 'inner' } } },
    four: { type: 'final' },
  },
})

const MACHINES: readonly (readonly [string, AnyStateMachine])[] = [
  ['session', sessionMachine],
  ['limitPolicy', limitPolicy],
  ['supervisor', supervisorMachine],
  ['every', everyKind],
]

test.each(MACHINES)(
  '[CT1] %s: every state is a node and every transition an edge, eventless ones too',
  (name, machine) => {
    const config = machine.config as unknown as Config

    const { nodes, edges } = chartOf(name, machine)

    const lines = edges.map(({ source, event, guard, actions, kind }) => {
      const word = kind === 'on' ? event : kind
      return `${source} ${word} ${guard ?? '-'} ${actions.join(',')}`
    })
    expect(lines.sort()).toEqual(transitionsIn(config, name))
    expect(nodes.map(({ id }) => id)).toEqual(statesIn(config, name))
    expect(new Set(edges.map(({ id }) => id)).size).toBe(edges.length)
    const ids = new Set(nodes.map(({ id }) => id))
    expect(edges.filter(({ source, target }) => !ids.has(source) || !ids.has(target))).toEqual([])
  },
)

test('[CT1] the chart of the session has the states, invocations and beginnings that the machine has', () => {
  const { nodes, edges } = chartOf('session', sessionMachine)
  const node = (id: string) => nodes.find((one) => one.id === id)

  expect(node('session.active')).toMatchObject({
    type: 'compound',
    invoke: ['limitPolicy'],
    initialActions: ['review'],
  })
  expect(nodes.filter(({ initial }) => initial).map(({ id }) => id)).toEqual([
    'session.created',
    'session.active.ready',
  ])
  expect(nodes.filter(({ type }) => type === 'final')).toHaveLength(5)
  expect(edges.find(({ source, guard }) => source === 'session.paused' && guard === 'isHeld')).toMatchObject({
    target: 'session.paused',
    internal: true,
    actions: ['sayHeld'],
  })
})

test('[CT1] after, done, error, wildcard, history and parallel are told apart', () => {
  const { nodes, edges } = chartOf('every', everyKind)
  const kinds = (source: string) =>
    edges.filter((edge) => edge.source === source).map(({ kind, target }) => [kind, target])

  expect(kinds('every.one').sort()).toEqual(
    [
      ['after', 'every.three'],
      ['always', 'every.two'],
      ['always', 'every.three'],
      ['on', 'every.one'],
      ['on', 'every.two'],
    ].sort(),
  )
  expect(
    kinds('every.two')
      .map(([kind]) => kind)
      .sort(),
  ).toEqual(['done', 'done', 'error'])
  expect(nodes.find(({ type }) => type === 'history')?.historyTargets).toEqual(['every.three.inner'])
  expect(nodes.filter(({ parentId }) => parentId === 'every.two').every(({ initial }) => initial)).toBe(true)
})

test('[CT2] a chart is plain JSON, the same every time, and of another version when anything drawn changes', () => {
  const chart = chartOf('session', sessionMachine)
  const other = chartOf('session', sessionMachine.provide({}))

  expect(JSON.parse(JSON.stringify(chart))).toEqual(chart)
  expect(other.version).toBe(chart.version)
  expect(chartOf('x', everyKind).version).not.toBe(chart.version)
  expect(chart.version).toMatch(/^[\da-f]{16}$/)
})

test('only a machine can be drawn', () => {
  expect(isMachine(everyKind)).toBe(true)
  for (const value of [undefined, null, 1, {}, { root: null }, { root: {} }, () => 1])
    expect(isMachine(value)).toBe(false)
})
