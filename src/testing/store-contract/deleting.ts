/**
 * The store contract, deleting: tombstones, compaction, erasing.
 */
import assert from 'node:assert/strict'
import type { SessionStore } from '../../index.ts'
import type { ContractCase } from './case.ts'
import { assertSameChanges, feedOf, livingIn, marksOf, rejectsWith } from './case.ts'
import { SampleSession } from './sample-session.ts'

/** A store with a living neighbour and a session that was deleted at revision 4. */
async function withDeleted(store: SessionStore): Promise<{ gone: SampleSession; neighbour: SampleSession }> {
  const gone = new SampleSession('gone')
  const neighbour = new SampleSession('neighbour')
  for (let count = 0; count < 3; count += 1) {
    await gone.append(store)
    await neighbour.append(store)
  }
  await gone.delete(store)
  return { gone, neighbour }
}

async function assertUnharmed(store: SessionStore, session: SampleSession): Promise<void> {
  assert.equal(store.head(session.id)?.revision, session.revision)
  assert.deepEqual(await store.state(session.id), session.state)
  assertSameChanges(await store.changes(session.id, {}), session.changes)
}

const CASES: Record<string, ContractCase['run']> = {
  async '[tombstone] a deleted session is unknown, its neighbour unharmed'({ store }) {
    const { neighbour } = await withDeleted(store)

    assert.equal(store.head('gone'), undefined)
    assert.deepEqual(livingIn(store), ['neighbour'])
    assert.equal(await store.state('gone'), undefined)
    assert.deepEqual(await store.changes('gone', {}), [])
    assert.equal(store.stats().sessions, 1)
    await assertUnharmed(store, neighbour)
  },

  async '[tombstone] the last revision is remembered'({ store }) {
    const { gone } = await withDeleted(store)

    assert.equal(store.lastRevision('gone'), 4)
    assert.equal(gone.revision, 4)
  },

  async '[tombstone] the feed tells of it'({ store }) {
    const { neighbour } = await withDeleted(store)
    const before = store.newest()
    await neighbour.append(store)

    const told = (await feedOf(store)).find(({ change }) => change.tombstone === true)

    assert.equal(`${told?.change.sessionId}@${told?.change.revision}`, 'gone@4')
    assert.equal(told?.cursor, before)
    assert.equal(told?.change.event.type, 'delete')
  },

  async '[C2] a new life goes on at the next revision and sees nothing of the old one'({ store }) {
    await withDeleted(store)
    const again = new SampleSession('gone', 4)

    await again.appendMany(store, 3)

    assert.equal(store.lastRevision('gone'), 7)
    await assertUnharmed(store, again)
    assertSameChanges(await store.changes('gone', { order: 'desc' }), again.changes.toReversed())
    assertSameChanges(await store.changes('gone', { from: 1, limit: 2 }), again.changes.slice(0, 2))
    assert.equal(again.changes[0]?.revision, 5)
  },

  async '[C2] a new life may not begin at revision 1'({ store }) {
    await withDeleted(store)
    const [change, after] = new SampleSession('gone').next()

    await rejectsWith('INVARIANT_BROKEN', () => store.append(change, after))

    assert.equal(store.head('gone'), undefined)
  },

  async '[C2] delete and creation may be in flight together'({ store }) {
    const first = new SampleSession('gone')
    const second = new SampleSession('gone', 3)

    await Promise.all([first.append(store), first.append(store), first.delete(store), second.append(store)])

    assert.equal(store.lastRevision('gone'), 4)
    await assertUnharmed(store, second)
    const told = marksOf(await feedOf(store))
    assert.equal(told.at(-1), 'gone@4')
    assert.deepEqual(told, told.toSorted())
  },

  async '[C2] a session may be deleted and made again many times'({ store }) {
    let revision = 0
    for (let life = 0; life < 5; life += 1) {
      const session = new SampleSession('gone', revision)
      await session.appendMany(store, 2)
      await assertUnharmed(store, session)
      await session.delete(store)
      revision = session.revision
    }

    assert.equal(store.lastRevision('gone'), 15)
    assert.deepEqual(livingIn(store), [])
  },

  async '[compact] keeps every living history, every state and every last revision'({ store }) {
    const { neighbour } = await withDeleted(store)
    const again = new SampleSession('again')
    await again.append(store)
    await again.delete(store)
    const anew = new SampleSession('again', 2)
    await anew.append(store)

    const freed = await store.compact()

    assert.ok(freed >= 0)
    await assertUnharmed(store, neighbour)
    await assertUnharmed(store, anew)
    assert.deepEqual(
      ['gone', 'again', 'neighbour'].map((id) => store.lastRevision(id)),
      [4, 3, 3],
    )
    await neighbour.append(store)
    await new SampleSession('gone', 4).append(store)
    await assertUnharmed(store, neighbour)
  },

  async '[compact] a cursor of before goes on after it'({ store }) {
    const { neighbour } = await withDeleted(store)
    const before = await feedOf(store)
    await neighbour.appendMany(store, 4)

    await store.compact()

    const whole = marksOf(await feedOf(store)).filter((mark) => mark.startsWith('neighbour'))
    assert.deepEqual(
      whole,
      [1, 2, 3, 4, 5, 6, 7].map((revision) => `neighbour@${revision}`),
    )
    for (const { change, cursor } of before) {
      const living = marksOf(await feedOf(store, cursor)).filter((mark) => mark.startsWith('neighbour'))
      const first = change.sessionId === 'neighbour' ? change.revision + 1 : undefined
      assert.ok(living.includes('neighbour@7'))
      if (first !== undefined) assert.equal(living[0], `neighbour@${first}`)
      assert.equal(new Set(living).size, living.length)
    }
  },

  async '[compact] appends go on meanwhile'({ store }) {
    const { neighbour } = await withDeleted(store)

    await Promise.all([neighbour.appendMany(store, 20), store.compact(), neighbour.appendMany(store, 20)])

    await assertUnharmed(store, neighbour)
    assert.equal(store.lastRevision('neighbour'), 43)
  },

  async '[erase] leaves nothing of a deleted session, and everything of the others'({ store }) {
    const { neighbour } = await withDeleted(store)

    await store.erase(['gone'])

    assert.equal(store.lastRevision('gone'), 0)
    assert.equal(store.head('gone'), undefined)
    assert.equal(await store.state('gone'), undefined)
    assert.deepEqual(await store.changes('gone', {}), [])
    assert.deepEqual(marksOf(await feedOf(store)), ['neighbour@1', 'neighbour@2', 'neighbour@3'])
    await assertUnharmed(store, neighbour)
    await neighbour.append(store)
    await assertUnharmed(store, neighbour)
  },

  async '[erase] the id is as one that was never used'({ store }) {
    await withDeleted(store)
    await store.erase(['gone'])
    const fresh = new SampleSession('gone')

    await fresh.appendMany(store, 2)

    assert.equal(store.lastRevision('gone'), 2)
    await assertUnharmed(store, fresh)
  },

  async '[erase] takes several at once, and ids nobody knows'({ store }) {
    const { neighbour } = await withDeleted(store)
    const other = new SampleSession('other')
    await other.append(store)
    await other.delete(store)

    await store.erase(['gone', 'nobody', 'other'])
    await store.erase([])

    assert.deepEqual(
      ['gone', 'other', 'nobody'].map((id) => store.lastRevision(id)),
      [0, 0, 0],
    )
    await assertUnharmed(store, neighbour)
  },

  async '[erase] a cursor of before goes on after it, even one of the erased session'({ store }) {
    const { neighbour } = await withDeleted(store)
    const before = await feedOf(store)
    await neighbour.append(store)

    await store.erase(['gone'])

    for (const { cursor } of before) {
      const later = marksOf(await feedOf(store, cursor))
      assert.equal(later.at(-1), 'neighbour@4')
      assert.ok(later.every((mark) => mark.startsWith('neighbour')))
    }
  },
}

/** The cases about deleting. */
export const deletingCases: readonly ContractCase[] = Object.entries(CASES).map(([name, run]) => ({
  name,
  run,
}))
