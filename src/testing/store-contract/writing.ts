/**
 * The store contract, writing: revisions, acknowledgements, what was encoded.
 */
import assert from 'node:assert/strict'
import type { Json } from '../../json.ts'
import type { Change } from '../../index.ts'
import type { ContractCase } from './case.ts'
import { assertSameChanges, feedOf, livingIn, marksOf, rejectsWith } from './case.ts'
import { SampleSession } from './sample-session.ts'

/** Content that careless code changes on its way: names of prototypes, line separators, lone surrogates. */
const ODD: Json = JSON.parse(
  String.raw`{"__proto__": {"polluted": true}, "constructor": {"prototype": {"x": 1}}, "toString": null,
    "hasOwnProperty": [], "": "empty key", "__proto__ ": 1, "toJSON": "data", "\u2028\u2029": "\u2028\u2029",
    "\ud800": "lone \udfff and \ud83d", "\u0000": "\u0000\u001f\u007f\u0085", "emoji": "👩‍👩‍👧",
    "\n": "line\r\nbreak\ttab \\ \" /", "big": 9007199254740991, "small": 5e-324, "huge": 1.7976931348623157e308,
    "minus": -0.1, "nested": [[[[{"__proto__": [null, true, false]}]]]]}`,
) as Json

const CASES: Record<string, ContractCase['run']> = {
  async '[S1] an acknowledged change is there for every reader'({ store }) {
    const session = new SampleSession('one')

    await session.append(store)

    assert.equal(store.lastRevision('one'), 1)
    assert.deepEqual(store.head('one'), { sessionId: 'one', revision: 1, summary: session.state?.summary })
    assert.deepEqual(livingIn(store), ['one'])
    assert.deepEqual(await store.state('one'), session.state)
    assertSameChanges(await store.changes('one', {}), session.changes)
    assert.deepEqual(marksOf(await store.feed(undefined, 10)), ['one@1'])
    assert.equal(typeof store.newest(), 'string')
  },

  async '[S3] inside the call that appends, nobody sees the change yet'({ store }) {
    const session = new SampleSession('one')

    const appending = session.append(store)
    const seen = [store.head('one'), store.lastRevision('one'), store.newest(), livingIn(store)]
    await appending

    assert.deepEqual(seen, [undefined, 0, undefined, []])
  },

  async '[C2] a revision that leaves a gap is refused and leaves no trace'({ store }) {
    const session = new SampleSession('one')
    await session.append(store)
    const [second, afterSecond] = session.next()
    const [third, afterThird] = session.next()

    await rejectsWith('INVARIANT_BROKEN', () => store.append(third, afterThird))

    assert.equal(store.lastRevision('one'), 1)
    assert.deepEqual(marksOf(await feedOf(store)), ['one@1'])
    await store.append(second, afterSecond)
    await store.append(third, afterThird)
    assert.deepEqual(await store.state('one'), session.state)
  },

  async '[C2] a revision that was used is refused'({ store }) {
    const session = new SampleSession('one')
    const [first, after] = session.next()
    await store.append(first, after)

    await rejectsWith('INVARIANT_BROKEN', () => store.append(first, after))

    await session.append(store)
    assert.equal(store.lastRevision('one'), 2)
  },

  async '[C2] the first revision of an id is 1'({ store }) {
    const [change, after] = new SampleSession('one', 1).next()

    await rejectsWith('INVARIANT_BROKEN', () => store.append(change, after))

    assert.equal(store.lastRevision('one'), 0)
    assert.equal(store.head('one'), undefined)
  },

  async '[C2] a revision follows the newest append, acknowledged or not'({ store }) {
    const session = new SampleSession('one')

    await session.appendMany(store, 50)

    assert.equal(store.lastRevision('one'), 50)
    assert.deepEqual(await store.state('one'), session.state)
  },

  async '[S2] acknowledgements come in the order of the calls, across sessions'({ store }) {
    const sessions = ['a', 'b', 'c'].map((id) => new SampleSession(id))
    const called: string[] = []
    const acknowledged: string[] = []
    const appends: Promise<void>[] = []

    for (let round = 0; round < 40; round += 1) {
      for (const session of sessions) {
        const [change, after] = session.next()
        const mark = `${change.sessionId}@${change.revision}`
        called.push(mark)
        appends.push(store.append(change, after).then(() => void acknowledged.push(mark)))
      }
    }
    await Promise.all(appends)

    assert.deepEqual(acknowledged, called)
    assert.deepEqual(marksOf(await feedOf(store)), called)
  },

  async '[S1] when an acknowledgement is heard, the change can be read'({ store }) {
    const session = new SampleSession('one')
    const seen: boolean[] = []

    await Promise.all(
      Array.from({ length: 30 }, async (_, index) => {
        await session.append(store)
        const state = await store.state('one')
        seen.push(store.lastRevision('one') >= index + 1 && (state?.revision ?? 0) >= index + 1)
      }),
    )

    assert.deepEqual(seen, Array<boolean>(30).fill(true))
  },

  async '[S1] a change is encoded by the call: what is done to it later is not seen'({ store }) {
    const session = new SampleSession('one')
    await session.append(store)
    const content: Json[] = ['kept']
    const event: { type: string; note: Json } = { type: 'append', note: 'kept' }
    const [change, after] = session.next({ event, entries: [session.entry(content)] })
    const expected = structuredClone(change)

    const appending = store.append(change, after)
    event.note = 'late'
    content.push('late')
    await appending

    assertSameChanges(await store.changes('one', { from: 2 }), [expected])
  },

  async '[S1] every part of a change comes back'({ store }) {
    const session = new SampleSession('one')
    await session.append(store)
    const full: Partial<Change> = {
      event: { type: 'append', nested: { list: [1, null, 'x'] } },
      operation: { id: 'operation-1', digest: 'abc' },
      findings: [{ limit: 'turns', current: 3, max: 3, action: 'ignore' }],
      patch: {
        machine: { version: 2, policy: 'other', policyVersion: 7 },
        value: { active: 'ready' },
        context: { entryCount: 2, end: { at: 1 } },
        policy: { exceeded: 'ignore' },
        quarantine: { code: 'X', reason: 'y', at: 3 },
        record: [[['name'], 'new'], [['metadata', 'k'], [1]], [['tags']]],
      },
      entries: [session.entry({ text: 'hello' }, { score: 0.5 }), session.entry(null)],
      summary: { status: 'paused', dueAt: null, parentId: 'parent' },
    }

    await session.append(store, full)

    assertSameChanges(await store.changes('one', {}), session.changes)
    assert.deepEqual(await store.state('one'), session.state)
    assert.deepEqual(store.head('one')?.summary, session.state?.summary)
  },

  async '[S1] parts a change does not have are not made up'({ store }) {
    const session = new SampleSession('one')
    await session.append(store)
    await session.append(store, { patch: {}, entries: [] })

    const [change] = await store.changes('one', { from: 2 })

    const keys = Object.keys(change ?? {}).filter((key) => key !== 'patch' && key !== 'summary')
    assert.deepEqual(keys.sort(), ['at', 'entries', 'event', 'revision', 'sessionId'])
    assert.deepEqual(await store.state('one'), session.state)
  },

  async '[S1] odd keys and strings come back as they were, in content, record and context'({ store }) {
    const session = new SampleSession('one')
    await session.append(store)
    const record = Object.entries(ODD as Record<string, Json>)
    await session.append(store, {
      event: { type: 'append', odd: ODD },
      patch: {
        context: { odd: ODD },
        record: record.map(([key, value]) => [['metadata', key], value] as const),
      },
      entries: [session.entry(ODD)],
    })

    assertSameChanges(await store.changes('one', {}), session.changes)
    assert.deepEqual(await store.state('one'), session.state)
    assert.equal(
      JSON.stringify((await store.changes('one', { from: 2 }))[0]?.entries[0]?.content),
      JSON.stringify(ODD),
    )
    assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false)
  },

  async '[S1] session ids that are names of prototypes are ids as any other'({ store }) {
    const ids = ['constructor', 'hasOwnProperty', 'toString', 'valueOf', 'a:b@c+d=e~f-g.h_i']
    assert.deepEqual(
      ids.map((id) => [store.head(id), store.lastRevision(id)]),
      ids.map(() => [undefined, 0]),
    )

    for (const id of ids) await new SampleSession(id).append(store)

    assert.deepEqual(livingIn(store), [...ids].sort())
    for (const id of ids) assert.equal((await store.state(id))?.sessionId, id)
  },

  async '[S1] entries of one MiB come back whole'({ store }) {
    const session = new SampleSession('one')
    await session.append(store)
    const contents = ['x'.repeat(2 ** 20), 'ü'.repeat(2 ** 19), '\n'.repeat(2 ** 19)]

    await Promise.all(contents.map((content) => session.append(store, { entries: [session.entry(content)] })))

    const found = await store.changes('one', { from: 2 })
    assert.ok(found.every((change, index) => change.entries[0]?.content === contents[index]))
  },

  async '[S1] content nested 64 deep comes back'({ store }) {
    let content: Json = 'core'
    for (let depth = 0; depth < 64; depth += 1) content = depth % 2 === 0 ? [content] : { d: content }
    const session = new SampleSession('one')

    await session.append(store, { entries: [session.entry(content)] })

    assert.deepEqual((await store.changes('one', {}))[0]?.entries[0]?.content, content)
  },

  async '[S2] many sessions written at once keep their own histories'({ store }) {
    const sessions = Array.from({ length: 100 }, (_, index) => new SampleSession(`session-${index}`))

    await Promise.all(sessions.map((session, index) => session.appendMany(store, 1 + (index % 5))))

    assert.equal(livingIn(store).length, 100)
    for (const session of sessions) assert.deepEqual(await store.state(session.id), session.state)
  },
}

/** The cases about writing. */
export const writingCases: readonly ContractCase[] = Object.entries(CASES).map(([name, run]) => ({
  name,
  run,
}))
