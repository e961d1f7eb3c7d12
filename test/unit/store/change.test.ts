import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../../src/json.ts'
import type { Patch, StoredState } from '../../../src/store/change.ts'
import { contextPatch, editRecord, fold } from '../../../src/store/change.ts'

const AT = 2_000

/** The context after a patch at `AT`. */
function patched(context: JsonObject, patch: Patch): JsonObject {
  const change = { sessionId: 's', revision: 2, at: AT, event: { type: 'e' }, patch, entries: [] }
  const state = { sessionId: 's', revision: 1, facts: { context }, record: {}, summary: {} }
  return fold(state as unknown as StoredState, change).facts.context
}

test.each([
  ['both clocks moved', { updatedAt: 1, idleSince: 1 }, { updatedAt: AT, idleSince: AT }, {}],
  ['one stood still', { updatedAt: 1, idleSince: 1 }, { updatedAt: AT, idleSince: 1 }, { idleSince: 1 }],
  ['one stopped', { updatedAt: 1, idleSince: 1 }, { updatedAt: AT, idleSince: null }, { idleSince: null }],
  ['one began', { updatedAt: 1, idleSince: null }, { updatedAt: AT, idleSince: AT }, { idleSince: AT }],
  ['one never ran', { updatedAt: 1, idleSince: null }, { updatedAt: AT, idleSince: null }, {}],
  ['one moved elsewhere', { updatedAt: 1 }, { updatedAt: 3, n: 1 }, { updatedAt: 3, n: 1 }],
  ['there are none', { n: 1, m: [1] }, { n: 2, m: [1] }, { n: 2, m: [1] }],
])('[C4] a patch names no clock that moved with its change: %s', (_how, before, after, patch) => {
  expect(contextPatch(before, after, AT)).toEqual(patch)
  expect(patched(before, { context: patch })).toEqual(after)
})

test('[C4] what did not change is no patch, and without a patch no clock moves', () => {
  const context = { updatedAt: 1, idleSince: 1 }

  expect([contextPatch(context, context, AT), contextPatch(context, { ...context }, AT)]).toEqual([
    undefined,
    undefined,
  ])
  expect(patched(context, {})).toEqual(context)
})

test('[C1, C4] folding the patch between any two contexts gives the second', () => {
  const clock = fc.constantFrom(null, 1, AT)
  const context = fc.record({ updatedAt: clock, idleSince: clock, n: fc.integer({ min: 0, max: 2 }) })

  fc.assert(
    fc.property(context, context, (before, after) => {
      const patch = contextPatch(before, after, AT)
      expect(patched(before, patch === undefined ? {} : { context: patch })).toEqual(after)
    }),
  )
})

test('[C1] an edit without a path edits nothing', () => {
  const record = { name: 'a' }

  expect(editRecord(record, [[[], 'b'], [[]]])).toEqual({ name: 'a' })
})

test('[C1] a key inside an object is set, removed, and begun when there was no object', () => {
  const record = { metadata: { a: 1, b: 2 } }
  const edited = editRecord(record, [
    [['metadata', 'a'], 3],
    [['metadata', 'b']],
    [['context', 'c'], 4],
    [['toString', 'd'], 5],
  ])

  expect(edited).toEqual({ metadata: { a: 3 }, context: { c: 4 }, toString: { d: 5 } })
  expect(record).toEqual({ metadata: { a: 1, b: 2 } })
})
