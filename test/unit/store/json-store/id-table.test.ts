import fc from 'fast-check'
import { expect, test } from 'vitest'
import { IdTable } from '../../../../src/store/json-store/id-table.ts'

const idsOf = (table: IdTable): string[] => [...table.slots()].map((slot) => table.id(slot))

test('[TB1] an id keeps its slot, and a slot given back is used again', () => {
  const table = new IdTable()

  const first = table.add('a')
  const second = table.add('b')

  expect([first, second, table.add('a')]).toEqual([0, 1, 0])
  expect(table.remove('a')).toBe(0)
  expect([table.find('a'), table.find('b')]).toEqual([-1, 1])
  expect(table.add('c')).toBe(0)
  expect(table.size).toBe(2)
})

test('[TB2] a removed id is not packed', () => {
  const table = new IdTable()
  table.add('kept-id')
  table.add('gone-id')

  table.remove('gone-id')

  expect(Buffer.from(table.pack().bytes).toString('latin1')).toBe('kept-id')
})

test('ids that are no plain letters are told apart', () => {
  const ids = ['', '\0', '\0a', 'a', 'é', 'Ã©', '😀', '\0ð\x9f\x98\x80', '__proto__']
  const table = new IdTable()

  const slots = ids.map((id) => table.add(id))

  expect(slots).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
  expect(idsOf(table)).toEqual(ids)
})

test('the table does what a Map does, and so does the one made from its bytes', () => {
  const id = fc.oneof(fc.nat({ max: 300 }).map(String), fc.string({ maxLength: 4, unit: 'grapheme' }))
  const steps = fc.array(fc.tuple(fc.boolean(), id), { maxLength: 2000, size: 'max' })

  fc.assert(
    fc.property(steps, (list) => {
      const table = new IdTable()
      const model = new Set<string>()
      for (const [isAdd, each] of list) {
        if (isAdd) {
          table.add(each)
          model.add(each)
        } else {
          table.remove(each)
          model.delete(each)
        }
      }

      const { bytes, lengths } = table.pack()
      for (const same of [table, new IdTable('another secret', bytes, lengths)]) {
        expect(same.size).toBe(model.size)
        expect(idsOf(same).toSorted()).toEqual([...model].toSorted())
        for (const [, each] of list) expect(same.find(each) >= 0).toBe(model.has(each))
      }
    }),
    { numRuns: 50 },
  )
})
