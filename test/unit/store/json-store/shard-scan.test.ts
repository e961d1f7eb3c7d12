/** Goal: a shard that is looked at quickly says what it says when it is parsed. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../../../src/json.ts'
import type { ShardDocument, Snapshot } from '../../../../src/store/json-store/snapshots.ts'
import { decodeShard, encodeShard, glanceShard } from '../../../../src/store/json-store/snapshots.ts'

const TEXT = 'rare'

const word = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    TEXT,
    `"${TEXT}"`,
    '__proto__',
    'position',
    'revision',
    '\\',
    '"',
    '{',
    '}]',
    '\ud800',
    'é',
  ),
)
const anyObject = fc.dictionary(
  word,
  fc.oneof(
    word,
    fc.integer(),
    fc.constantFrom(null, [1, 2], { revision: 3, position: [4, 5] }),
    fc.array(word),
  ),
) as fc.Arbitrary<JsonObject>
const number = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const snapshot = fc
  .record({
    revision: number,
    facts: anyObject,
    record: anyObject,
    summary: anyObject,
    at: fc.tuple(number, number),
  })
  .map(({ at, ...rest }) => ({ ...rest, position: at }) as unknown as Snapshot)

const glanced = (bytes: Buffer, texts = [TEXT]) =>
  glanceShard(
    bytes,
    texts.map((text) => Buffer.from(JSON.stringify(text))),
  )

const shardOf = (sessions: Record<string, unknown>): Buffer =>
  encodeShard({ format: 1, sessions } as ShardDocument)

function agree(bytes: Buffer): void {
  const decoded = decodeShard(bytes)
  if (typeof decoded === 'string') throw new TypeError(decoded)
  const found = [...(glanced(bytes) ?? [])]
  expect(found.map(([id]) => id).toSorted()).toEqual(Object.keys(decoded.sessions).toSorted())
  for (const [id, { revision, position, hasAll, parse }] of found) {
    const full = decoded.sessions[id] as Snapshot
    expect({ revision, position }).toEqual({ revision: full.revision, position: full.position })
    expect(parse()).toEqual(full)
    expect(hasAll).toBe(JSON.stringify(full).includes(JSON.stringify(TEXT)))
  }
}

test('[SS1] the quick look and the full parse of a shard agree', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(word, snapshot), { maxLength: 5 }), (members) => {
      agree(shardOf(Object.fromEntries(members)))
    }),
  )
})

const PLAIN = { revision: 7, facts: {}, record: { tags: [TEXT] }, summary: {}, position: [2, 9] }

test.each<[string, Record<string, unknown>]>([
  ['no sessions', {}],
  ['keys in another order', { a: { position: [2, 9], record: {}, revision: 7 }, b: PLAIN }],
  ['more behind the position', { a: { ...PLAIN, more: { position: [1, 1] } }, b: PLAIN }],
  ['a revision that is no whole number', { a: { ...PLAIN, revision: 7.5 }, b: PLAIN }],
  ['a snapshot inside of a record', { a: { ...PLAIN, record: { x: { position: [2, 9] }, b: PLAIN } } }],
])('[SS1] the two looks at a shard agree where it has %s', (_, sessions) => {
  agree(shardOf(sessions))
})

test('[SS1] a session has all texts only when each of them stands in its own snapshot', () => {
  const bytes = shardOf({
    both: { ...PLAIN, record: { tags: ['one', 'two'] } },
    one: { ...PLAIN, record: { tags: ['one'] } },
    part: { ...PLAIN, record: { tags: ['one', 'two more'] } },
    two: { ...PLAIN, record: { tags: ['two'] } },
  })

  const having = [...(glanced(bytes, ['one', 'two']) ?? [])].filter(([, { hasAll }]) => hasAll)

  expect(having.map(([id]) => id)).toEqual(['both'])
})

test.each<[string, Buffer]>([
  ['a checksum that does not fit', shardOf({ a: PLAIN }).fill('x', 40, 41)],
  ['another format', encodeShard({ format: 2, sessions: {} })],
  ['a snapshot that is no object', shardOf({ a: PLAIN, b: 7 })],
  ['sessions that are no object', encodeShard({ format: 1, sessions: [] as never })],
  ['another key', encodeShard({ format: 1, sessions: { a: PLAIN }, more: {} } as never)],
  ['nothing', Buffer.alloc(0)],
])('[SS1] a shard with %s is left to the full parse', (_, bytes) => {
  expect(glanced(bytes)).toBeUndefined()
})
