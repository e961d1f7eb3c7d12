/** Times in text: which are read, and how they are written. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseInstant, printTime } from '../../../../src/integrations/interchange/rfc3339.ts'
import { refusalOf } from '../../../support/refusal.ts'

const NOON = Date.UTC(2026, 1, 28, 12)

test.each([
  ['2026-02-28T12:00:00Z', NOON, 0],
  ['2026-02-28t12:00:00z', NOON, 0],
  ['2026-02-28 12:00:00Z', NOON, 0],
  ['2026-02-28T12:00:00.5Z', NOON + 500, 0],
  ['2026-02-28T12:00:00.123456789Z', NOON + 123, 456_789],
  ['2026-02-28T12:00:00.1234567891Z', NOON + 123, 456_789],
  ['2026-02-28T14:30:00+02:30', NOON, 0],
  ['2026-02-28T09:30:00-0230', NOON, 0],
  ['2026-02-28T12:00:00 +00:00', NOON, 0],
  ['2016-12-31T23:59:60Z', Date.UTC(2017, 0, 1), 0],
  ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29), 0],
  ['1969-12-31T23:00:00-01:00', 0, 0],
])('%s is an instant', (text, ms, nanos) => {
  expect(parseInstant(text)).toEqual({ ms, nanos })
})

test.each([
  '',
  'now',
  '2026-02-28',
  '2026-02-28T12:00:00',
  '2026-02-29T12:00:00Z',
  '2026-13-01T12:00:00Z',
  '2026-00-01T12:00:00Z',
  '2026-02-28T24:00:00Z',
  '2026-02-28T12:60:00Z',
  '2026-02-28T12:00:61Z',
  '2026-02-28T12:00:00+24:00',
  '2026-02-28T12:00:00.Z',
  '1969-12-31T23:59:59Z',
  '0070-01-01T00:00:00Z',
  '+02026-02-28T12:00:00Z',
])('%j is none', (text) => {
  expect(parseInstant(text)).toBeUndefined()
})

test('what is written is read back, in the shortest form chrono has', () => {
  fc.assert(
    fc.property(fc.nat({ max: Date.UTC(9999, 11, 31) }), (ms) => {
      const text = printTime(ms, 'x', [])

      expect(parseInstant(text)).toEqual({ ms, nanos: 0 })
      expect(text).not.toContain('.000')
    }),
  )
})

test('a time after the year 9999 is not written', () => {
  expect(printTime(Date.UTC(9999, 11, 31, 23, 59, 59, 999), 'x', [])).toBe('9999-12-31T23:59:59.999Z')
  expect(refusalOf(() => printTime(Date.UTC(10_000, 0, 1), 'x', ['createdAt']))?.path).toEqual(['createdAt'])
})
