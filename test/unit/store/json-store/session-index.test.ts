import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeIndex, encodeIndex } from '../../../../src/store/json-store/index-file.ts'
import { SessionIndex } from '../../../../src/store/json-store/session-index.ts'
import type { Summary } from '../../../../src/store/change.ts'

const HEADER = {
  storeId: 'store-1',
  epoch: 3,
  end: { segment: 2, offset: 900, ordinal: 7 },
  clean: true,
  extra: { segments: [1, 2] },
}

const summary = (over: Partial<Summary> = {}): Summary => ({
  status: 'active',
  tenantId: 'acme',
  userId: null,
  parentId: null,
  createdAt: 1_700_000_000_000,
  updatedAt: 1_700_000_000_500,
  dueAt: null,
  ...over,
})

const at = (segment: number, ordinal: number) => ({ segment, ordinal, offset: ordinal * 100, bytes: 100 })

function reopened(index: SessionIndex): SessionIndex {
  const decoded = decodeIndex(encodeIndex(index, HEADER))
  if ('reason' in decoded) throw new Error(decoded.reason)
  return decoded.index
}

test('a session answers with its newest position, revision and summary', () => {
  const index = new SessionIndex()

  index.set('a', at(1, 1), 1, summary())
  index.set('a', at(1, 2), 2, summary({ status: 'paused', dueAt: 5 }))

  expect(index.position('a')).toEqual(at(1, 2))
  expect(index.lastRevision('a')).toBe(2)
  expect(index.head('a')).toEqual({
    sessionId: 'a',
    revision: 2,
    summary: summary({ status: 'paused', dueAt: 5 }),
  })
  expect(index.size).toBe(1)
})

test('[JC2] a session follows the line right behind its newest one, and no other', () => {
  const following = {
    sessionId: 'a',
    revision: 3,
    prevSegment: 1,
    prevOrdinal: 2,
    at: 1_700_000_000_900,
    ...at(1, 5),
  }
  const index = new SessionIndex()
  const other = new SessionIndex()
  for (const one of [index, other]) {
    one.set('a', at(1, 2), 2, summary({ status: 'paused', dueAt: 5 }))
    one.set('gone', at(1, 3), 2, 'deleted')
  }
  const before = encodeIndex(index, HEADER)
  for (const stranger of [
    { sessionId: 'b' },
    { sessionId: 'gone', prevOrdinal: 3 },
    { revision: 2 },
    { revision: 4 },
    { prevSegment: 2 },
    { prevOrdinal: 1 },
    { prevSegment: 0, prevOrdinal: 0 },
  ]) {
    expect(index.follow({ ...following, ...stranger }), JSON.stringify(stranger)).toBe(false)
  }
  expect(encodeIndex(index, HEADER)).toEqual(before)

  expect(index.follow(following)).toBe(true)
  other.set('a', at(1, 5), 3, summary({ status: 'paused', dueAt: 5, updatedAt: following.at }))
  expect(encodeIndex(index, HEADER)).toEqual(encodeIndex(other, HEADER))
})

test('an unknown id has revision 0 and nothing else', () => {
  const index = new SessionIndex()

  expect(index.lastRevision('__proto__')).toBe(0)
  expect(index.head('constructor')).toBeUndefined()
  expect(index.position('a')).toBeUndefined()
  expect(index.has('a')).toBe(false)
})

test('[IX2] a deleted session keeps position and revision and has no head', () => {
  const index = new SessionIndex()
  index.set('a', at(1, 1), 1, summary())

  index.set('a', at(1, 2), 2, 'deleted')

  expect(index.head('a')).toBeUndefined()
  expect([...index.heads()]).toEqual([])
  expect(index.isDeleted('a')).toBe(true)
  expect(index.lastRevision('a')).toBe(2)
  expect(index.position('a')).toEqual(at(1, 2))
  expect([index.size, index.known]).toEqual([0, 1])
})

test('[IX2] a deleted session that is made again goes on from its revision', () => {
  const index = new SessionIndex()
  index.set('a', at(1, 2), 2, 'deleted')

  index.set('a', at(1, 3), 3, summary())

  expect(index.head('a')?.revision).toBe(3)
  expect([index.size, index.known]).toEqual([1, 1])
})

test('[IX4] a dropped session leaves neither its id nor its names in the bytes', () => {
  const index = new SessionIndex()
  index.set('stays', at(1, 1), 1, summary())
  index.set('goes-away', at(1, 2), 1, summary({ userId: 'user-of-gone', tenantId: 'tenant-of-gone' }))

  index.drop(['goes-away', 'never-was'])

  const bytes = encodeIndex(index, HEADER).toString('latin1')
  expect(bytes).toContain('stays')
  expect(bytes).not.toMatch(/goes-away|of-gone/)
  expect([index.size, index.known]).toEqual([1, 1])
  expect(index.lastRevision('goes-away')).toBe(0)
})

test('[IX4] a dropped slot is used again without mixing sessions', () => {
  const index = new SessionIndex()
  index.set('a', at(1, 1), 9, summary({ userId: 'ann' }))
  index.drop(['a'])

  index.set('b', at(2, 1), 1, summary())

  expect(index.head('b')).toEqual({ sessionId: 'b', revision: 1, summary: summary() })
  expect(index.head('a')).toBeUndefined()
})

test('[IX3] lines before a tombstone are dead, in every life of a session', () => {
  const index = new SessionIndex()
  index.set('a', at(1, 1), 1, summary())
  index.set('a', at(1, 2), 2, summary())
  const living = [index.isDead('a', 1), index.deadBytes]

  index.set('a', at(1, 3), 3, 'deleted')
  const deleted = [1, 2, 3].map((revision) => index.isDead('a', revision))
  const afterDelete = index.deadBytes
  index.set('a', at(1, 4), 4, summary())
  index.set('a', at(1, 4), 4, summary())
  const again = [1, 2, 3, 4].map((revision) => reopened(index).isDead('a', revision))
  index.set('a', at(1, 5), 5, 'deleted')

  expect(living).toEqual([false, 0])
  expect([deleted, afterDelete]).toEqual([[true, true, false], 200])
  expect(again).toEqual([true, true, false, false])
  expect(reopened(index).isDead('a', 3)).toBe(true)
  expect(reopened(index).deadBytes).toBe(400)
  expect(index.isDead('unknown', 1)).toBe(false)
})

test('`move` corrects hints of the same line only', () => {
  const index = new SessionIndex()
  index.set('a', at(1, 2), 2, summary())

  index.move('a', { segment: 1, ordinal: 2, offset: 40, bytes: 100 })
  index.move('a', { segment: 1, ordinal: 1, offset: 7, bytes: 7 })
  index.move('unknown', at(1, 1))

  expect(index.position('a')).toEqual({ segment: 1, ordinal: 2, offset: 40, bytes: 100 })
})

test('the index that comes back from its bytes is the one that was written', () => {
  const name = fc.oneof(fc.constantFrom('a', 'b', 'ü', '__proto__', ''), fc.string({ maxLength: 8 }))
  const step = fc.record({
    id: fc.oneof(fc.constantFrom('s1', 's2', 's3', '__proto__', 'né-😀'), fc.uuid()),
    kind: fc.constantFrom('set', 'set', 'set', 'delete', 'drop'),
    revision: fc.nat({ max: 2 ** 32 - 1 }),
    ordinal: fc.nat({ max: 2 ** 32 - 1 }),
    summary: fc.record({
      status: name,
      tenantId: fc.option(name),
      userId: fc.option(name),
      parentId: fc.option(name),
      createdAt: fc.nat(),
      updatedAt: fc.nat(),
      dueAt: fc.option(fc.maxSafeNat()),
    }),
  })

  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const index = new SessionIndex()
      const model = new Map<string, unknown>()
      for (const { id, kind, revision, ordinal, summary: values } of steps) {
        const position = { segment: 1, ordinal, offset: 3, bytes: 4 }
        if (kind === 'drop') {
          index.drop([id])
          model.delete(id)
        } else if (kind === 'delete') {
          index.set(id, position, revision, 'deleted')
          model.set(id, { position, revision, head: undefined })
        } else {
          index.set(id, position, revision, values)
          model.set(id, { position, revision, head: { sessionId: id, revision, summary: values } })
        }
      }

      for (const each of [index, reopened(index)]) {
        expect(new Set(each.ids())).toEqual(new Set(model.keys()))
        for (const [id, expected] of model) {
          const found = { position: each.position(id), revision: each.lastRevision(id), head: each.head(id) }
          expect(found).toEqual(expected)
        }
        expect(each.size).toBe([...each.heads()].length)
      }
    }),
  )
})

test('[IX1] the columns of a session take at most 72 bytes', () => {
  const index = new SessionIndex()
  index.set('a', at(1, 1), 1, summary())
  const one = encodeIndex(index, HEADER).length

  index.set('b', at(1, 2), 1, summary())

  expect(encodeIndex(index, HEADER).length - one).toBeLessThanOrEqual(72 + 8)
})

test('[FD1] a line is shown in the life it belongs to, and not before it is known', () => {
  const index = new SessionIndex()
  const shown = (): boolean[] => [1, 2, 3, 4, 5].map((revision) => index.isShown('a', revision))

  expect(shown()).toEqual([false, false, false, false, false])
  index.set('a', at(1, 1), 1, summary())
  index.set('a', at(1, 2), 2, summary())
  expect(shown()).toEqual([true, true, false, false, false])
  index.set('a', at(1, 3), 3, 'deleted')
  expect(shown()).toEqual([false, false, false, false, false])
  index.set('a', at(1, 4), 4, summary())
  expect(shown().slice(0, 2)).toEqual([false, false])
  expect(shown().slice(3)).toEqual([true, false])
  index.drop(['a'])
  expect(shown()).toEqual([false, false, false, false, false])
})
