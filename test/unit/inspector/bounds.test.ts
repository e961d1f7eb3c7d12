/** What is shown at once is bounded, whatever was stored. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bounded, clipped, sliceBytes } from '../../../src/inspector/bounds.ts'
import type { Json } from '../../../src/index.ts'

test('[BD1] what fits is given as it is', () => {
  const value = { a: [1, 'two', null], ['__proto__']: true }

  expect(bounded(value, 1000)).toBe(value)
})

test('[BD1] the long part is cut and says how long it is; its neighbours stay', () => {
  const shown = bounded({ long: 'x'.repeat(100_000), short: 'kept' }, 8192) as {
    long: { head: string }
    short: string
  }

  expect(shown.short).toBe('kept')
  expect(shown.long).toMatchObject({ cut: true, bytes: 100_002 })
  expect(shown.long.head).toMatch(/^x{100,}$/)
})

test('[BD1] members that find no room are named as one', () => {
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`k${index}`, index]))
  const list = Array.from({ length: 10_000 }, (_, index) => index)

  expect(bounded(many, 1000)).toMatchObject({ k0: 0, '…': { cut: true } })
  expect((bounded(list, 1000) as Json[]).at(-1)).toMatchObject({ cut: true })
})

test('[BD2] nothing gets past its bound, however it is built', () => {
  const json = fc.jsonValue({ maxDepth: 5, stringUnit: 'grapheme' }).map((value) => value as Json)
  const big = fc.oneof(
    json,
    fc.string({ minLength: 1000, maxLength: 5000 }),
    fc.array(json, { maxLength: 300 }),
  )

  fc.assert(
    fc.property(big, fc.integer({ min: 512, max: 4096 }), (value, most) => {
      // A mark may stand in the last place.
      expect(JSON.stringify(bounded(value, most)).length).toBeLessThanOrEqual(most * 4 + 256)
    }),
    { numRuns: 40 },
  )
  let deep: Json = 'x'.repeat(5000)
  for (let level = 0; level < 64; level += 1) deep = { [`level${level}`]: deep, beside: 'y'.repeat(500) }
  expect(JSON.stringify(bounded(deep, 4096)).length).toBeLessThan(8192)
})

test('[EV2] slices end where characters end, and together are the text', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.integer({ min: 1, max: 9 }),
      (text, length) => {
        const whole = JSON.stringify(text)
        let read = ''
        for (let offset: number | null = 0; offset !== null;) {
          const slice = sliceBytes(whole, offset, length)
          read += slice.text
          expect(slice.totalBytes).toBe(Buffer.byteLength(whole))
          expect(slice.nextOffset ?? Infinity).toBeGreaterThan(offset)
          offset = slice.nextOffset
        }

        expect(read).toBe(whole)
      },
    ),
  )
  expect(sliceBytes('abc', 99, 5)).toEqual({ text: '', offset: 3, nextOffset: null, totalBytes: 3 })
})

test('a clipped text keeps its length', () => {
  expect(clipped('abcdef', 6)).toBe('abcdef')
  expect(clipped('abcdefg', 6)).toBe('abcde…')
})
