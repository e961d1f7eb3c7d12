/** Retention by itself: which heads a prune would take. */
import { expect, test } from 'vitest'
import { belongsTo, pruneVictims } from '../../../src/runtime/retention.ts'
import type { PruneOptions } from '../../../src/runtime/runtime.ts'
import type { Summary } from '../../../src/store/change.ts'
import type { Head } from '../../../src/store/store.ts'

const NOW = 10_000

/** A closed session that nobody touched for `age` ms. */
const head = (sessionId: string, age: number, summary: Partial<Summary> = {}): Head => ({
  sessionId,
  revision: 1,
  summary: {
    status: 'closed',
    tenantId: null,
    userId: null,
    parentId: null,
    createdAt: 0,
    updatedAt: NOW - age,
    dueAt: null,
    ...summary,
  },
})

const victims = (heads: readonly Head[], options: PruneOptions): string[] => pruneVictims(heads, options, NOW)
const byAge = { olderThanMs: 100, maxSessions: 0 }
const byCount = (maxSessions: number): PruneOptions => ({ olderThanMs: 0, maxSessions })

test('[V1] what is strictly older goes, oldest first', () => {
  expect(victims([head('a', 101), head('b', 100), head('c', 300)], byAge)).toEqual(['c', 'a'])
})

test('[V1] of sessions of one instant the lesser id is the older', () => {
  expect(victims([head('b', 5), head('c', 5), head('a', 5)], byCount(1))).toEqual(['a', 'b'])
})

test('[V1] what went by age no longer counts', () => {
  const heads = [head('a', 300), head('b', 200), head('c', 50), head('d', 40)]

  expect(victims(heads, { olderThanMs: 100, maxSessions: 2 })).toEqual(['a', 'b'])
  expect(victims(heads, { olderThanMs: 100, maxSessions: 1 })).toEqual(['a', 'b', 'c'])
})

test('[V2] what is open stays, unless told otherwise', () => {
  const heads = ['created', 'active', 'paused', 'expired'].map((status) => head(status, 200, { status }))

  expect(victims(heads, byAge)).toEqual(['expired'])
  expect(victims(heads, { ...byAge, includeOpen: true })).toHaveLength(4)
})

test('[V2] a status that nobody knows is not taken for an end', () => {
  expect(victims([head('a', 200, { status: 'archived' })], byAge)).toEqual([])
})

test('[V2] a parent stays as long as one of its children does', () => {
  const young = [head('p', 300), head('a', 200, { parentId: 'p' }), head('b', 50, { parentId: 'p' })]
  const old = [head('g', 400), head('p', 300, { parentId: 'g' }), head('a', 200, { parentId: 'p' })]

  expect(victims(young, byAge)).toEqual(['a'])
  expect(victims(old, byAge)).toEqual(['g', 'p', 'a'])
  expect(victims(old, byCount(2))).toEqual(['a'])
})

test('[V2] a child goes whatever becomes of its parent', () => {
  expect(victims([head('p', 50, { status: 'active' }), head('a', 200, { parentId: 'p' })], byAge)).toEqual([
    'a',
  ])
})

test('only sessions of the principal are counted and taken', () => {
  const heads = [
    head('a', 300, { tenantId: 'acme', userId: 'u' }),
    head('b', 200, { tenantId: 'acme', userId: 'v' }),
    head('c', 100, { tenantId: 'other', userId: 'u' }),
  ]

  expect(victims(heads, { ...byCount(1), principal: { tenantId: 'acme' } })).toEqual(['a'])
  expect(heads.map(({ summary }) => belongsTo(summary, { tenantId: 'acme', userId: 'u' }))).toEqual([
    true,
    false,
    false,
  ])
  expect(heads.map(({ summary }) => belongsTo(summary, { userId: 'u' }))).toEqual([true, false, true])
  expect(heads.every(({ summary }) => belongsTo(summary, undefined))).toBe(true)
})
