/**
 * Goal: who follows the feed is given from memory what a store opened anew reads from the files (SB9), and memory stays small.
 * Method: random appends, deletions, erasures and compactions on a disk in memory that counts reads; after each step the
 * owner's feed behind any cursor is compared with that of a fresh reader.
 */
import { expect, test } from 'vitest'
import type { JsonObject } from '../../../../src/json.ts'
import type { Change } from '../../../../src/store/change.ts'
import { FeedWindow } from '../../../../src/store/json-store/feed-window.ts'
import { cursorOf } from '../../../../src/store/json-store/position.ts'
import type { JsonStore } from '../../../../src/store/json-store/json-store.ts'
import type { PlacedChange } from '../../../../src/store/store.ts'
import { seededRandom, type SeededRandom } from '../../../../src/testing/seeded-random.ts'
import { SampleSession, type ChangeParts } from '../../../../src/testing/store-contract/sample-session.ts'
import { JsonMachine } from '../../../support/json-machine.ts'

/** A machine that counts how often its stores read a segment. */
function countingMachine(): { machine: JsonMachine; reads: () => number } {
  let reads = 0
  const machine = new JsonMachine({
    onCall: (call, path) => {
      if (call === 'read' && path.endsWith('.jsonl')) reads += 1
      return undefined
    },
  })
  return { machine, reads: () => reads }
}

async function pagesOf(store: JsonStore, after: string | undefined, limit: number): Promise<PlacedChange[]> {
  const found: PlacedChange[] = []
  for (let cursor = after; ; cursor = found.at(-1)?.cursor) {
    const page = await store.feed(cursor, limit)
    if (page.length === 0) return found
    found.push(...page)
  }
}

function pick<T>(random: SeededRandom, list: readonly T[]): T {
  return list[random.below(list.length)] as T
}

/** Parts that lines leave out, escape or turn into something else. */
const ODD: readonly (() => ChangeParts)[] = [
  () => ({}),
  () => ({ findings: [] }),
  () => ({ operation: { id: '\ud800 "x"', digest: '\\' } }),
  () => ({ findings: [{ limit: 'turns', current: 1, max: 1, action: 'ignore' }] }),
  () => ({ event: { type: 'odd', left: undefined, zero: -0 } as unknown as Change['event'] }),
  () => ({ event: { type: 'odd', nested: JSON.parse('{"__proto__":[1],"7":{"a":"é"}}') as JsonObject } }),
]

/** What happens to a store, one step after the other. */
class Story {
  readonly #random: SeededRandom
  readonly #store: JsonStore
  readonly #sessions = new Map<string, SampleSession>()
  readonly #graves = new Set<string>()
  readonly done: Record<string, number> = {}

  constructor(random: SeededRandom, store: JsonStore) {
    this.#random = random
    this.#store = store
  }

  async step(): Promise<void> {
    const chance = this.#random.below(100)
    if (chance < 70) return this.#append()
    if (chance < 82) return this.#delete()
    if (chance < 90) return this.#erase()
    if (chance < 95) return this.#count('compact', () => this.#store.compact())
    return this.#count('checkpoint', () => this.#store.checkpoint())
  }

  #append(): Promise<void> {
    return this.#count('append', () => {
      const many = 1 + this.#random.below(6)
      return Promise.all(
        Array.from({ length: many }, () => {
          const session = this.#session(`session-${this.#random.below(6)}`)
          return session.append(this.#store, pick(this.#random, ODD)())
        }),
      )
    })
  }

  async #delete(): Promise<void> {
    const living = [...this.#sessions.values()].filter(({ state }) => state !== undefined)
    const session = living[this.#random.below(6)]
    if (session === undefined) return
    this.#graves.add(session.id)
    await this.#count('delete', () => session.delete(this.#store))
  }

  async #erase(): Promise<void> {
    const graves = [...this.#graves]
    if (graves.length === 0) return
    for (const id of graves) this.#sessions.delete(id)
    this.#graves.clear()
    await this.#count('erase', () => this.#store.erase(graves))
  }

  /** A deleted session may begin a life anew. */
  #session(id: string): SampleSession {
    const session = this.#sessions.get(id) ?? new SampleSession(id)
    this.#sessions.set(id, session)
    this.#graves.delete(id)
    return session
  }

  async #count(what: string, act: () => Promise<unknown>): Promise<void> {
    this.done[what] = (this.done[what] ?? 0) + 1
    await act()
  }
}

test('[FW1, FW4, FW5, SB9] from memory a follower is given what a store opened anew reads', async () => {
  let [fromMemory, fromFiles] = [0, 0]
  const done: Record<string, number> = {}
  for (let seed = 1; seed <= 5; seed += 1) {
    const random = seededRandom(seed)
    const { machine, reads } = countingMachine()
    const owner = await machine.owner({ segmentBytes: 6_000 })
    const story = new Story(random, owner)
    const cursors: (string | undefined)[] = [undefined]
    for (let step = 0; step < 60; step += 1) {
      await story.step()
      const after = pick(random, [cursors.at(-1), cursors.at(-2), pick(random, cursors)])
      const limit = pick(random, [3, 100])
      const before = reads()
      const found = await pagesOf(owner, after, limit)
      if (reads() > before) fromFiles += 1
      else if (found.length > 0) fromMemory += 1

      const anew = await machine.reader()
      expect(found, `seed ${seed}, step ${step}`).toStrictEqual(await pagesOf(anew, after, 1_000))
      await anew.close()
      cursors.push(...found.slice(-2).map(({ cursor }) => cursor))
      // Whoever alters what it was given alters nothing for those after it.
      for (const { change } of found) Object.assign(change.patch, { scribbled: true })
    }
    for (const [what, count] of Object.entries(story.done)) done[what] = (done[what] ?? 0) + count
    await owner.close()
  }

  for (const what of ['append', 'delete', 'erase', 'compact']) expect(done[what], what).toBeGreaterThan(2)
  expect(fromMemory).toBeGreaterThan(50)
  expect(fromFiles).toBeGreaterThan(10)
}, 60_000)

test('[FW1] a line that carries the whole state is given as it was written', async () => {
  const { machine, reads } = countingMachine()
  const owner = await machine.owner()
  const session = new SampleSession('one')
  await session.append(owner)
  const [first] = await pagesOf(owner, undefined, 10)
  for (let count = 0; count < 200; count += 1) await session.append(owner)

  const before = reads()
  const found = await owner.feed(first?.cursor, 1_000)

  expect(reads()).toBe(before)
  expect(found.filter(({ change }) => change.patch.whole === true)).not.toEqual([])
  expect(found).toStrictEqual(await (await machine.reader()).feed(first?.cursor, 1_000))
  await owner.close()
})

test('[FW3] a store that nobody follows reads its files, and so does one that nobody followed lately', async () => {
  const { machine, reads } = countingMachine()
  const owner = await machine.owner()
  const session = new SampleSession('one')
  const isRead = async (): Promise<boolean> => {
    const cursor = owner.newest()
    await session.append(owner)
    const before = reads()
    expect(await owner.feed(cursor, 10)).toHaveLength(1)
    return reads() > before
  }
  await session.appendMany(owner, 3)
  // One who is behind does not follow yet.
  expect(await owner.feed(undefined, 2)).toHaveLength(2)

  expect(await isRead()).toBe(true)
  expect(await isRead()).toBe(false)
  await session.appendMany(owner, 2_100)
  expect(await isRead()).toBe(true)
  expect(await isRead()).toBe(false)
  await owner.close()
})

test('[FD3] who reads on from the newest cursor, or from the last change there was, begins there and looks through nothing', async () => {
  const { machine, reads } = countingMachine()
  const owner = await machine.owner()
  const session = new SampleSession('one')
  await session.appendMany(owner, 500)
  const nextAfter = async (cursor: string | undefined, revision: number): Promise<string | undefined> => {
    const before = reads()
    const [next] = await owner.feed(cursor, 1)
    expect(next?.change.revision).toBe(revision)
    expect(reads() - before).toBe(1)
    return (await owner.feed(next?.cursor, 5_000)).at(-1)?.cursor ?? next?.cursor
  }

  const newest = owner.newest()
  await session.appendMany(owner, 2_100)
  const last = await nextAfter(newest, 501)
  // So much comes that it is not at hand any more.
  await session.appendMany(owner, 2_100)
  await nextAfter(last, 2_601)
  await owner.close()
})

test('[FD1] lines that came to a segment after it was looked through are given as well', async () => {
  const machine = new JsonMachine()
  const owner = await machine.owner({ segmentBytes: 256 * 1024 })
  const session = new SampleSession('one')
  const after = (ordinal: number): string => cursorOf({ segment: 1, ordinal })
  await session.appendMany(owner, 100)
  expect((await owner.feed(after(50), 1)).map(({ change }) => change.revision)).toEqual([51])
  await session.appendMany(owner, 100)

  expect((await owner.feed(after(100), 1)).map(({ change }) => change.revision)).toEqual([101])
  await session.appendMany(owner, 5_000)
  expect(owner.stats().segments).toBeGreaterThan(1)
  expect((await owner.feed(after(300), 1)).map(({ change }) => change.revision)).toEqual([301])
  await owner.close()
})

/** Adds lines of so many bytes each to a window, from an ordinal on. */
function add(window: FeedWindow, from: number, count: number, bytes: number): void {
  for (let ordinal = from; ordinal < from + count; ordinal += 1) {
    window.add({ segment: 1, ordinal, offset: 0, bytes }, window.copy(change(ordinal)))
  }
}

function change(revision: number): Change {
  return new SampleSession('one', revision - 1).next()[0]
}

/** The revisions a window gives behind an ordinal; undefined when it leaves them to the journal. */
function revisions(window: FeedWindow, after: number): number[] | undefined {
  const page = window.read({ segment: 1, ordinal: after }, 1_000, () => true)
  return page?.map((placed) => placed.change.revision)
}

test('[FW2] the oldest go beyond so many changes or bytes, and are asked of the journal', () => {
  for (const [bounds, bytes] of [
    [{ changes: 4, bytes: 1_000 }, 1],
    [{ changes: 1_000, bytes: 40 }, 10],
  ] as const) {
    const window = new FeedWindow(bounds)
    window.begin({ segment: 1, ordinal: 0 })
    window.follow()

    add(window, 1, 3, bytes)
    expect(revisions(window, 0)).toEqual([1, 2, 3])
    add(window, 4, 3, bytes)

    expect(revisions(window, 1)).toBeUndefined()
    expect(revisions(window, 2)).toEqual([3, 4, 5, 6])
    expect(revisions(window, 6)).toEqual([])
  }
})

test('[FW2] a line beyond the bound is not held', () => {
  const window = new FeedWindow({ changes: 4, bytes: 40 })
  window.begin({ segment: 1, ordinal: 0 })
  window.follow()
  add(window, 1, 2, 10)
  window.follow()

  add(window, 3, 1, 1_000)

  expect(revisions(window, 2)).toBeUndefined()
  expect(revisions(window, 3)).toEqual([])
  add(window, 4, 1, 10)
  expect(revisions(window, 3)).toEqual([4])
})

test('[FW3] nothing is copied before somebody follows, nor after a whole window that nobody asked for', () => {
  const window = new FeedWindow({ changes: 4, bytes: 1_000 })
  window.begin({ segment: 1, ordinal: 0 })

  expect(window.copy(change(1))).toBeUndefined()
  window.follow()
  const early = window.copy(change(2))
  window.add({ segment: 1, ordinal: 1, offset: 0, bytes: 1 }, undefined)
  window.add({ segment: 1, ordinal: 2, offset: 0, bytes: 1 }, early)
  expect(revisions(window, 0)).toBeUndefined()
  expect(revisions(window, 1)).toEqual([2])

  const late = window.copy(change(8))
  add(window, 3, 5, 1)
  expect(window.copy(change(8))).toBeUndefined()
  window.add({ segment: 1, ordinal: 8, offset: 0, bytes: 1 }, late)
  expect(revisions(window, 7)).toBeUndefined()
  expect(revisions(window, 8)).toEqual([])
})

test('[FW1] a store that nobody here appends to holds nothing', () => {
  const window = new FeedWindow()

  window.follow()

  expect(window.copy(change(1))).toBeUndefined()
  expect(revisions(window, 0)).toBeUndefined()
})
