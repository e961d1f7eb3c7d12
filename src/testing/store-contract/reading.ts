/**
 * The store contract, reading: heads, states, pages of history, the feed.
 */
import assert from 'node:assert/strict'
import type { StoredState } from '../../index.ts'
import type { Json } from '../../json.ts'
import { fold } from '../../index.ts'
import type { ContractCase } from './case.ts'
import { assertSameChanges, feedOf, livingIn, marksOf, rejectsWith } from './case.ts'
import { SampleSession } from './sample-session.ts'

const CASES: Record<string, ContractCase['run']> = {
  async '[S3] an empty store knows nobody'({ store }) {
    assert.deepEqual([...store.heads()], [])
    assert.equal(store.head('one'), undefined)
    assert.equal(store.lastRevision('one'), 0)
    assert.equal(await store.state('one'), undefined)
    assert.deepEqual(await store.changes('one', {}), [])
    assert.deepEqual(await store.feed(undefined, 10), [])
    assert.equal(store.newest(), undefined)
    assert.equal(store.stats().sessions, 0)
    assert.deepEqual(store.stats().damage, [])
  },

  async '[S3] a head is the newest revision with the summary folded so far'({ store }) {
    const session = new SampleSession('one')

    for (let count = 0; count < 10; count += 1) {
      await session.append(store)
      const expected = { sessionId: 'one', revision: session.revision, summary: session.state?.summary }
      assert.deepEqual(store.head('one'), expected)
      assert.deepEqual([...store.heads()], [expected])
    }
  },

  async '[S3] heads names every living session once'({ store }) {
    const ids = ['a', 'b', 'c', 'd']
    for (const id of ids) await new SampleSession(id).appendMany(store, 3)

    assert.deepEqual(livingIn(store), ids)
    assert.equal(store.stats().sessions, 4)
  },

  async '[S3] a store that can be visited shows each living session once, as it is'({ store }) {
    if (store.visit === undefined) return
    const sessions = ['a', 'b', 'c', 'gone'].map((id) => new SampleSession(id))
    for (const session of sessions) await session.appendMany(store, 3)
    await sessions[1]?.append(store, { patch: { record: [[['tags'], ['rare']]] } })
    await sessions[3]?.delete(store)
    const living = sessions.slice(0, 3).map(({ state }) => state)
    const ids = ['unknown', ...sessions.map(({ id }) => id)]
    const visited = async (having?: readonly string[]): Promise<StoredState[]> => {
      const states: StoredState[] = []
      const fault = (_: string, error: unknown): void => assert.fail(String(error))
      await store.visit?.(ids, { state: (state) => states.push(state), fault }, having)
      return states.sort((a, b) => (a.sessionId < b.sessionId ? -1 : 1))
    }

    assert.deepEqual(await visited(), living)
    // A store may show those that lack what is looked for, and must show those that have it.
    const shown = await visited(['rare'])
    assert.ok(shown.every((state) => living.some((other) => other?.sessionId === state.sessionId)))
    assert.deepEqual(
      shown.filter(({ sessionId }) => sessionId === 'b'),
      [living[1]],
    )
  },

  async '[S3] heads shows each head to who accepts it, and gives those accepted'({ store }) {
    const ids = ['a', 'b', 'c', 'd', 'e']
    for (const id of ids) await new SampleSession(id).appendMany(store, 3)
    const gone = new SampleSession('gone')
    await gone.append(store)
    await gone.delete(store)
    const all = [...store.heads()].sort((a, b) => (a.sessionId < b.sessionId ? -1 : 1))
    const shown: unknown[] = []

    const given = [
      ...store.heads((head) => {
        const { sessionId, revision, summary } = head
        const { status, tenantId, userId, parentId, createdAt, updatedAt, dueAt } = summary
        shown.push({
          sessionId,
          revision,
          summary: { status, tenantId, userId, parentId, createdAt, updatedAt, dueAt },
        })
        return sessionId === 'b' || sessionId === 'd'
      }),
    ]

    // A store may give all of them: whoever asks looks again.
    assert.ok(given.every((head) => all.some(({ sessionId }) => sessionId === head.sessionId)))
    const accepted = given.filter(({ sessionId }) => sessionId === 'b' || sessionId === 'd')
    const byId = accepted.sort((a, b) => (a.sessionId < b.sessionId ? -1 : 1))
    assert.deepEqual(
      byId,
      all.filter(({ sessionId }) => sessionId === 'b' || sessionId === 'd'),
    )
    if (shown.length > 0) {
      const key = (head: unknown): string => JSON.stringify(head)
      assert.deepEqual(shown.map(key).sort(), all.map(key).sort())
    }
  },

  async '[C1] the state is the fold of the changes, at every revision'({ store }) {
    const session = new SampleSession('one')

    for (let count = 0; count < 40; count += 1) {
      await session.append(store)
      assert.deepEqual(await store.state('one'), session.state)
    }
  },

  async '[C1] folding the stored history from its beginning gives the state at every revision'({ store }) {
    const session = new SampleSession('one')
    const states: (StoredState | undefined)[] = []
    for (let count = 0; count < 300; count += 1) {
      await session.append(store)
      states.push(session.state)
    }

    const history = await store.changes('one', { limit: 1_000 })

    assert.equal(history.length, 300)
    let state: StoredState | undefined
    for (const [index, change] of history.entries()) {
      state = fold(state, change)
      assert.deepEqual(state, states[index])
    }
  },

  async '[S3] the changes a reader is given are its own: altering them alters nothing'({ store }) {
    const session = new SampleSession('one')
    await session.append(store)
    await session.append(store, { entries: [session.entry({ text: 'kept' })] })
    const expected = structuredClone({ changes: session.changes, state: session.state })

    for (const change of await store.changes('one', {})) scribble(change)
    for (const { change } of await store.feed(undefined, 10)) scribble(change)

    assertSameChanges(await store.changes('one', {}), expected.changes)
    const fed = await store.feed(undefined, 10)
    assertSameChanges(
      fed.map(({ change }) => change),
      expected.changes,
    )
    assert.deepEqual(await store.state('one'), expected.state)
    assert.deepEqual(store.head('one')?.summary, expected.state?.summary)
  },

  async '[S1, S3] a follower is given each change as it was when it was appended, and its own'({ store }) {
    const session = new SampleSession('one')
    await session.append(store)
    await feedOf(store)
    await session.append(store)
    const newest = (await feedOf(store)).at(-1)?.cursor
    const content: Json[] = ['kept']
    const event: { type: string; note: Json } = { type: 'append', note: 'kept' }
    const [change, after] = session.next({ event, entries: [session.entry(content)] })
    const expected = structuredClone(change)

    const appending = store.append(change, after)
    event.note = 'late'
    content.push('late')
    await appending
    for (let reading = 0; reading < 2; reading += 1) {
      const fed = await store.feed(newest, 10)

      assertSameChanges(
        fed.map((placed) => placed.change),
        [expected],
      )
      for (const placed of fed) scribble(placed.change)
    }
    assert.deepEqual(await store.state('one'), after)
  },

  async '[S3] reads during appends see a prefix of the history, never a hole'({ store }) {
    const session = new SampleSession('one')
    await session.append(store)
    const appending = session.appendMany(store, 60)

    const histories = await Promise.all(
      Array.from({ length: 10 }, async (_, round) => {
        for (let turn = 0; turn < round; turn += 1) await store.state('one')
        return store.changes('one', { limit: 100 })
      }),
    )
    await appending

    for (const history of histories) {
      assert.ok(history.length > 0)
      assertSameChanges(history, session.changes.slice(0, history.length))
    }
  },

  async '[changes] begins at the oldest, 256 at most, unless told otherwise'({ store }) {
    const session = new SampleSession('one')
    await session.appendMany(store, 260)

    assertSameChanges(await store.changes('one', {}), session.changes.slice(0, 256))
    assertSameChanges(await store.changes('one', { limit: 1_000 }), session.changes)
    assertSameChanges(await store.changes('one', { limit: 3 }), session.changes.slice(0, 3))
  },

  async '[changes] from and to are inclusive'({ store }) {
    const session = new SampleSession('one')
    await session.appendMany(store, 9)

    assertSameChanges(await store.changes('one', { from: 3, to: 5 }), session.changes.slice(2, 5))
    assertSameChanges(await store.changes('one', { from: 9 }), session.changes.slice(8))
    assertSameChanges(await store.changes('one', { to: 1 }), session.changes.slice(0, 1))
    assertSameChanges(await store.changes('one', { from: 4, to: 4 }), session.changes.slice(3, 4))
    assertSameChanges(await store.changes('one', { from: 8, to: 99 }), session.changes.slice(7))
  },

  async '[changes] desc begins at the newest, or at to'({ store }) {
    const session = new SampleSession('one')
    await session.appendMany(store, 9)
    const newestFirst = session.changes.toReversed()

    assertSameChanges(await store.changes('one', { order: 'desc' }), newestFirst)
    assertSameChanges(await store.changes('one', { order: 'desc', limit: 2 }), newestFirst.slice(0, 2))
    assertSameChanges(await store.changes('one', { order: 'desc', to: 4, limit: 2 }), newestFirst.slice(5, 7))
    assertSameChanges(await store.changes('one', { order: 'desc', from: 8 }), newestFirst.slice(0, 2))
  },

  async '[changes] pages cover the history once, both ways'({ store }) {
    const session = new SampleSession('one')
    await session.appendMany(store, 23)
    const upward = []
    const downward = []

    for (let from = 1; from <= 23; from += 5) upward.push(...(await store.changes('one', { from, limit: 5 })))
    for (let to = 23; to >= 1; to -= 5) {
      downward.push(...(await store.changes('one', { to, limit: 5, order: 'desc' })))
    }

    assertSameChanges(upward, session.changes)
    assertSameChanges(downward, session.changes.toReversed())
  },

  async '[changes] is empty beyond the end, for a range turned round and for an unknown id'({ store }) {
    await new SampleSession('one').appendMany(store, 3)

    assert.deepEqual(await store.changes('one', { from: 4 }), [])
    assert.deepEqual(await store.changes('one', { from: 3, to: 2 }), [])
    assert.deepEqual(await store.changes('one', { from: 3, to: 2, order: 'desc' }), [])
    assert.deepEqual(await store.changes('two', {}), [])
  },

  async '[feed] gives the changes of all sessions in the order of the appends'({ store }) {
    const [a, b] = [new SampleSession('a'), new SampleSession('b')]
    for (const session of [a, b, b, a, b, a, a]) await session.append(store)

    const found = await feedOf(store, undefined, 3)

    assert.deepEqual(marksOf(found), ['a@1', 'b@1', 'b@2', 'a@2', 'b@3', 'a@3', 'a@4'])
    assertSameChanges(
      found.flatMap(({ change }) => (change.sessionId === 'a' ? [change] : [])),
      a.changes,
    )
  },

  async '[feed] goes on after any cursor'({ store }) {
    const [a, b] = [new SampleSession('a'), new SampleSession('b')]
    for (const session of [a, b, b, a, b]) await session.append(store)
    const all = await feedOf(store)

    for (const [index, { cursor }] of all.entries()) {
      assert.deepEqual(marksOf(await feedOf(store, cursor)), marksOf(all.slice(index + 1)))
    }
    assert.equal(new Set(all.map(({ cursor }) => cursor)).size, all.length)
  },

  async '[feed] newest is the cursor of the last change, after which only later ones come'({ store }) {
    const session = new SampleSession('one')
    await session.appendMany(store, 5)
    const newest = store.newest()

    assert.equal((await feedOf(store)).at(-1)?.cursor, newest)
    assert.deepEqual(await store.feed(newest, 10), [])
    await session.append(store)
    assert.deepEqual(marksOf(await store.feed(newest, 10)), ['one@6'])
  },

  async '[feed] gives no more than the limit'({ store }) {
    await new SampleSession('one').appendMany(store, 5)

    assert.deepEqual(marksOf(await store.feed(undefined, 2)), ['one@1', 'one@2'])
    assert.equal((await store.feed(undefined, 5)).length, 5)
    assert.equal((await store.feed(undefined, 6)).length, 5)
  },

  async '[feed] refuses a cursor that no store made'({ store }) {
    await new SampleSession('one').append(store)

    await rejectsWith('CURSOR_INVALID', () => store.feed('no cursor at all', 10))
    await rejectsWith('CURSOR_INVALID', () => store.feed('', 10))
  },

  async '[S3] refresh and checkpoint change nothing that a reader sees'({ store }) {
    const session = new SampleSession('one')
    await session.appendMany(store, 10)
    const before = await feedOf(store)

    await store.refresh()
    await store.checkpoint()

    assert.deepEqual(await feedOf(store), before)
    assert.deepEqual(await store.state('one'), session.state)
    await session.append(store)
    assert.deepEqual(await store.state('one'), session.state)
  },
}

/** Overwrites everything in reach; a frozen part refuses, which is as good. */
function scribble(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  for (const key of Object.keys(value)) {
    scribble(Reflect.get(value, key))
    Reflect.set(value, key, 'scribbled')
  }
}

/** The cases about reading. */
export const readingCases: readonly ContractCase[] = Object.entries(CASES).map(([name, run]) => ({
  name,
  run,
}))
