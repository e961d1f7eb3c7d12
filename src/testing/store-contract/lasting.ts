/**
 * The store contract, lasting: closing, opening again, crashes, readers beside the owner.
 */
import assert from 'node:assert/strict'
import type { SessionStore } from '../../index.ts'
import type { ContractCase } from './case.ts'
import { assertSameChanges, feedOf, livingIn, marksOf, rejectsWith } from './case.ts'
import { SampleSession } from './sample-session.ts'

/** What every reader of a store is told, for comparing two of them. */
async function everythingIn(store: SessionStore, ids: readonly string[]): Promise<unknown> {
  const heads = [...store.heads()].sort((a, b) => (a.sessionId < b.sessionId ? -1 : 1))
  const states = await Promise.all(ids.map((id) => store.state(id)))
  const revisions = ids.map((id) => store.lastRevision(id))
  return { heads, states, revisions, feed: await feedOf(store), newest: store.newest() }
}

/** Two living sessions, one deleted, one made again. */
async function furnish(
  store: SessionStore,
): Promise<{ ids: readonly string[]; living: readonly SampleSession[] }> {
  const [a, b, gone, first] = ['a', 'b', 'gone', 'again'].map((id) => new SampleSession(id))
  for (const session of [a, b, gone, first]) await session?.appendMany(store, 7)
  await gone?.delete(store)
  await first?.delete(store)
  const again = new SampleSession('again', 8)
  await again.appendMany(store, 2)
  return {
    ids: ['a', 'b', 'gone', 'again', 'nobody'],
    living: [a, b, again].filter((session) => session !== undefined),
  }
}

async function assertHolds(store: SessionStore, living: readonly SampleSession[]): Promise<void> {
  assert.deepEqual(livingIn(store), living.map(({ id }) => id).sort())
  for (const session of living) {
    assert.deepEqual(await store.state(session.id), session.state)
    assertSameChanges(await store.changes(session.id, { limit: 1_000 }), session.changes)
  }
}

/** The cases about closing, opening again and crashing. */
export const lastingCases: readonly ContractCase[] = [
  {
    name: '[close] waits for the appends in flight',
    async run({ store }) {
      const session = new SampleSession('one')
      let acknowledged = 0
      const appends = Array.from({ length: 20 }, () => session.append(store).then(() => (acknowledged += 1)))

      await store.close()

      assert.equal(acknowledged, 20)
      await Promise.all(appends)
    },
  },
  {
    name: '[close] is safe to call twice, also at once',
    async run({ store }) {
      await new SampleSession('one').append(store)

      await Promise.all([store.close(), store.close()])
      await store.close()
    },
  },
  {
    name: '[close] afterwards every call rejects with RUNTIME_CLOSED',
    async run({ store }) {
      const session = new SampleSession('one')
      await session.append(store)
      const [change, after] = session.next()
      await store.close()

      await rejectsWith('RUNTIME_CLOSED', () => store.append(change, after))
      await rejectsWith('RUNTIME_CLOSED', () => store.state('one'))
      await rejectsWith('RUNTIME_CLOSED', () => store.changes('one', {}))
      await rejectsWith('RUNTIME_CLOSED', () => store.feed(undefined, 1))
      await rejectsWith('RUNTIME_CLOSED', () => store.refresh())
      await rejectsWith('RUNTIME_CLOSED', () => store.erase([]))
      await rejectsWith('RUNTIME_CLOSED', () => store.checkpoint())
      await rejectsWith('RUNTIME_CLOSED', () => store.compact())
      await rejectsWith('RUNTIME_CLOSED', () => store.open({ readOnly: false }))
    },
  },
  {
    name: '[close] a call that comes while it closes rejects with RUNTIME_CLOSED',
    async run({ store }) {
      const session = new SampleSession('one')
      const appending = session.append(store)
      const [change, after] = session.next()

      const closing = store.close()
      await rejectsWith('RUNTIME_CLOSED', () => store.append(change, after))

      await Promise.all([appending, closing])
    },
  },
  {
    name: '[durable] everything is back after the store is opened again',
    needs: 'durable',
    async run({ store, reopen }) {
      const { ids, living } = await furnish(store)
      const before = await everythingIn(store, ids)

      const again = await reopen()

      assert.deepEqual(await everythingIn(again, ids), before)
      await assertHolds(again, living)
    },
  },
  {
    name: '[durable] revisions, histories and cursors go on after the store is opened again',
    needs: 'durable',
    async run({ store, reopen }) {
      const { living } = await furnish(store)
      const cursor = store.newest()

      const again = await reopen()
      for (const session of living) await session.append(again)
      const gone = new SampleSession('gone', 8)
      await gone.append(again)

      await assertHolds(again, [...living, gone])
      assert.deepEqual(marksOf(await feedOf(again, cursor)), ['a@8', 'b@8', 'again@11', 'gone@9'])
    },
  },
  {
    name: '[durable] odd content and one MiB are back after the store is opened again',
    needs: 'durable',
    async run({ store, reopen }) {
      const session = new SampleSession('one')
      await session.append(store)
      const odd = JSON.parse('{"__proto__": "p", "\\u2028": "\\ud800", "constructor": {}}') as Record<
        string,
        string
      >
      await session.append(store, { patch: { record: [[['metadata'], odd]] }, entries: [session.entry(odd)] })
      await session.append(store, { entries: [session.entry('ü'.repeat(2 ** 19))] })

      const again = await reopen()

      await assertHolds(again, [session])
    },
  },
  {
    name: '[durable] the store can be opened again and again, with and without changes between',
    needs: 'durable',
    async run({ store, reopen }) {
      const session = new SampleSession('one')
      await session.append(store)
      for (let round = 0; round < 6; round += 1) {
        const again = await reopen()
        if (round % 2 === 0) await session.appendMany(again, 3)
        if (round === 2) await again.checkpoint()
        if (round === 4) await again.compact()
        await assertHolds(again, [session])
      }
    },
  },
  {
    name: '[durable] what was erased stays erased, what was compacted stays whole',
    needs: 'durable',
    async run({ store, reopen }) {
      const { living } = await furnish(store)
      await store.erase(['gone'])
      await store.compact()

      const again = await reopen()

      await assertHolds(again, living)
      assert.equal(again.lastRevision('gone'), 0)
      assert.ok(!marksOf(await feedOf(again)).some((mark) => mark.startsWith('gone@')))
    },
  },
  {
    name: '[durable] opened read-only it shows everything and refuses to write',
    needs: 'durable',
    async run({ store, reopen }) {
      const { ids, living } = await furnish(store)
      const before = await everythingIn(store, ids)

      const reader = await reopen(true)

      assert.deepEqual(await everythingIn(reader, ids), before)
      const [session] = living
      const [change, after] = session?.next() ?? assert.fail()
      await rejectsWith('READ_ONLY', () => reader.append(change, after))
      await rejectsWith('READ_ONLY', () => reader.erase(['gone']))
      await rejectsWith('READ_ONLY', () => reader.compact())
    },
  },
  {
    name: '[S1] after a crash every acknowledged change is there',
    needs: 'crash',
    async run({ store, crash }) {
      const { ids, living } = await furnish(store)
      const before = await everythingIn(store, ids)

      const again = await crash()

      assert.deepEqual(await everythingIn(again, ids), before)
      await assertHolds(again, living)
      for (const session of living) await session.append(again)
      await assertHolds(again, living)
    },
  },
  {
    name: '[S2] of the appends in flight a crash leaves a prefix, no fewer than were acknowledged',
    needs: 'crash',
    async run({ store, crash }) {
      const session = new SampleSession('one')
      await session.append(store)
      let acknowledged = 1
      const note = (): void => void (acknowledged += 1)
      for (let count = 0; count < 200; count += 1) session.append(store).then(note, () => undefined)
      await store.state('one')

      const again = await crash()

      const found = await again.changes('one', { limit: 1_000 })
      assert.ok(found.length >= acknowledged, `${found.length} changes, ${acknowledged} acknowledged`)
      assertSameChanges(found, session.changes.slice(0, found.length))
      assert.equal(again.lastRevision('one'), found.length)
    },
  },
  {
    name: '[readWhileOwned] a reader beside the owner sees what is known to be durable, and all of it once the owner closed',
    needs: 'readWhileOwned',
    async run({ store, beside }) {
      const session = new SampleSession('one')
      for (let count = 0; count < 5; count += 1) await session.append(store)
      const reader = await beside()
      // The newest acknowledgement may be known to the owner alone.
      assert.ok(reader.lastRevision('one') >= 4, `revision ${reader.lastRevision('one')} of 5`)
      for (let count = 0; count < 5; count += 1) await session.append(store)

      await reader.refresh()
      const seen = await reader.changes('one', {})
      await store.close()
      await reader.refresh()

      assert.ok(seen.length >= 9, `${seen.length} changes of 10`)
      assertSameChanges(seen, session.changes.slice(0, seen.length))
      await assertHolds(reader, [session])
      assert.equal(reader.lastRevision('one'), 10)
      assert.deepEqual(
        marksOf(await feedOf(reader)),
        session.changes.map(({ revision }) => `one@${revision}`),
      )
    },
  },
  {
    name: '[readWhileOwned] a reader may not write, and the owner goes on undisturbed',
    needs: 'readWhileOwned',
    async run({ store, beside }) {
      const session = new SampleSession('one')
      await session.append(store)
      const reader = await beside()
      const [change, after] = session.next()

      await rejectsWith('READ_ONLY', () => reader.append(change, after))
      await store.append(change, after)
      await reader.close()
      await session.append(store)

      await assertHolds(store, [session])
    },
  },
]
