import { expect, test } from 'vitest'
import { editRecord } from '../../../src/store/change.ts'

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
