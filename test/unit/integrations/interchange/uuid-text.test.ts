/** UUIDs in text: which spellings are read, and ids made from names. */
import { expect, test } from 'vitest'
import { parseUuid, uuidOfName } from '../../../../src/integrations/interchange/uuid-text.ts'

const ID = '3f2b8c1e-5d4a-4e6f-9a7b-1c2d3e4f5a6b'

test.each([ID, ID.toUpperCase(), ID.replaceAll('-', ''), `{${ID}}`, `urn:uuid:${ID}`])(
  '%s is read',
  (text) => {
    expect(parseUuid(text)).toBe(ID)
  },
)

test.each(['', 'ticket-42', `${ID}0`, ID.slice(1), `{${ID}`, ID.replace('-', '_'), ID.replace('3f', '3g')])(
  '%j is none',
  (text) => {
    expect(parseUuid(text)).toBeUndefined()
  },
)

test('the nil UUID and versions of tomorrow are UUIDs', () => {
  expect(parseUuid('00000000-0000-0000-0000-000000000000')).toBeDefined()
  expect(parseUuid('ffffffff-ffff-ffff-ffff-ffffffffffff')).toBeDefined()
})

test('a name has one UUID, of version 8, and another name another', () => {
  expect(uuidOfName('a')).toBe(uuidOfName('a'))
  expect(uuidOfName('a')).not.toBe(uuidOfName('b'))
  expect(uuidOfName('a')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})
