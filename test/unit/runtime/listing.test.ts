/** Goal: a page is the same however its sessions lie in the store, and what is rare does not read the store again and again. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { listSessions } from '../../../src/runtime/listing.ts'
import { openRuntime } from '../../../src/runtime/open-runtime.ts'
import { openJsonStore } from '../../../src/store/json-store/json-store.ts'
import type { SessionSummary } from '../../../src/runtime/runtime.ts'
import { createMemoryStore } from '../../../src/store/memory-store.ts'
import type { StoredState } from '../../../src/store/change.ts'
import type { SessionStore } from '../../../src/store/store.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'

const SESSIONS = 3_000

/** A store of many sessions, how often one was read alone, and which were asked for together. */
async function largeStore(): Promise<{ store: SessionStore; alone: string[]; together: string[][] }> {
  const memory = createMemoryStore()
  const runtime = await openRuntime({ store: memory })
  for (let n = 0; n < SESSIONS; n += 1)
    await runtime.create({ id: `s-${n}`, tags: n % 500 === 0 ? ['rare'] : [] })
  const alone: string[] = []
  const together: string[][] = []
  const state: SessionStore['state'] = (id) => {
    alone.push(id)
    return memory.state(id)
  }
  // The other way round than they were made.
  const visit: SessionStore['visit'] = async (ids, visitor) => {
    const all = [...ids].toReversed()
    together.push(all)
    for (const id of all) visitor.state((await memory.state(id)) as StoredState)
  }
  return { store: { ...memory, state, visit }, alone, together }
}

test('[G1, G4] a rare tag is found in the order asked for, by one pass behind a first few', async () => {
  const { store, alone, together } = await largeStore()
  const source = { store, now: 0 }

  const first = await listSessions(source, { tag: 'rare', order: 'created-asc', limit: 4 })
  expect([alone.length, together.length]).toEqual([64, 1])
  expect(new Set([...alone, ...(together[0] as string[])]).size).toBe(SESSIONS)
  expect(together[0]).toHaveLength(SESSIONS - 64)
  const rest = await listSessions(source, {
    tag: 'rare',
    order: 'created-asc',
    limit: 4,
    cursor: first.nextCursor ?? '',
  })

  const ids = [...first.items, ...rest.items].map(({ id }) => id)
  expect(new Set(ids)).toEqual(new Set([0, 500, 1000, 1500, 2000, 2500].map((n) => `s-${n}`)))
  expect([first.items.length, rest.items.length, rest.nextCursor]).toEqual([4, 2, null])
  const at = [...first.items, ...rest.items].map(({ createdAt }) => createdAt)
  expect(at).toEqual(at.toSorted((a, b) => a - b))
})

test('[G4] a store that reads one session after the other gives the same pages', async () => {
  const { store } = await largeStore()
  const { visit: _, ...plain } = store
  for (const query of [
    { tag: 'rare', limit: 2 },
    { kind: 'conversation' as const, order: 'created' as const, limit: 700 },
  ]) {
    const pages = async (of: SessionStore): Promise<string[][]> => {
      const seen: string[][] = []
      let cursor: string | undefined
      do {
        const page = await listSessions(
          { store: of, now: 0 },
          { ...query, ...(cursor === undefined ? {} : { cursor }) },
        )
        seen.push(page.items.map(({ id }) => id))
        cursor = page.nextCursor ?? undefined
      } while (cursor !== undefined)
      return seen
    }
    const pagesOfPlain = await pages(plain)
    expect(pagesOfPlain.length).toBeGreaterThan(2)
    expect(pagesOfPlain).toEqual(await pages(store))
  }
})

test('[G4] what is in memory is not asked of the store', async () => {
  const { store, alone, together } = await largeStore()
  const known = await store.state('s-500')
  alone.length = 0
  const atHand = (id: string) => (id === 's-500' ? known : undefined)

  const { items } = await listSessions({ store, now: 0, atHand }, { tag: 'rare' })

  expect(items.map(({ id }) => id)).toContain('s-500')
  expect([...alone, ...together.flat()]).not.toContain('s-500')
})

test('[G2] who cannot be read is named on the page it belongs to, once', async () => {
  const unreadable = new Set(['s-2999', 's-1700', 's-3'])
  const { store } = await largeStore()
  const torn = new TypeError('torn')
  const state: SessionStore['state'] = (id) => (unreadable.has(id) ? Promise.reject(torn) : store.state(id))
  const visit: SessionStore['visit'] = async (ids, visitor) => {
    for (const id of ids) {
      if (unreadable.has(id)) visitor.fault(id, torn)
      else visitor.state((await store.state(id)) as StoredState)
    }
  }
  const source = { store: { ...store, state, visit }, now: 0 }

  const pages: string[][] = []
  let cursor: string | undefined
  do {
    const page = await listSessions(source, {
      tag: 'rare',
      order: 'created-asc',
      limit: 2,
      ...(cursor === undefined ? {} : { cursor }),
    })
    pages.push([...page.items, ...page.unreadable].map(({ id }) => id))
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)

  expect(pages).toEqual([
    ['s-0', 's-500', 's-3'],
    ['s-1000', 's-1500'],
    ['s-2000', 's-2500', 's-1700'],
    ['s-2999'],
  ])
})

test('what a page gives away may be altered, and alters nothing', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'listing-'))
  const first = await openRuntime({ dir })
  await first.create({ id: 'one', kind: { type: 'agent', agentName: 'triage' }, tags: ['kept'] })
  await first.close()
  const runtime = await openRuntime({ dir })
  for (let turn = 0; turn < 2; turn += 1) {
    const [item] = (await runtime.list()).items as [SessionSummary]
    expect(item).toMatchObject({ tags: ['kept'], kind: { type: 'agent', agentName: 'triage' } })
    Object.assign(item.tags, ['altered'])
    Object.assign(item.kind, { agentName: 'altered' })
  }
  await runtime.close()
  rmSync(dir, { recursive: true })
})

test('[U3] the sessions that wait for an instant are known without looking at the others', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'listing-'))
  const clock = new ManualClock(1_000)
  const first = await openRuntime({ dir, clock })
  for (let n = 0; n < 6; n += 1)
    await first.create({ id: `s-${n}`, ...(n % 2 === 0 ? { ttlMs: 1_000 + n } : {}) })
  await (await first.get('s-2')).as('created').cancel()
  await first.delete('s-2')
  await first.close()

  const store = openJsonStore({ dir, clock, unique: () => 'unique' })
  await store.open({ readOnly: false })
  const due = [...store.dueHeads()].map(({ sessionId, summary }) => [sessionId, summary.dueAt])
  expect(due.toSorted()).toEqual([
    ['s-0', 2_000],
    ['s-4', 2_004],
  ])
  await store.close()
  const runtime = await openRuntime({ dir, clock })
  expect(runtime.stats().deadlines).toBe(2)
  await runtime.close()
  rmSync(dir, { recursive: true })
})

test('[G5] [G1] a page of many sessions takes few of their heads, in every order and page after page', async () => {
  const { store } = await largeStore()
  const all = [...store.heads()].map(({ sessionId, summary }) => ({ id: sessionId, at: summary.createdAt }))
  let taken = 0
  const heads: SessionStore['heads'] = (accept) =>
    (function* () {
      for (const head of store.heads()) {
        if (accept?.(head) === false) continue
        taken += 1
        yield head
      }
    })()
  const source = { store: { ...store, heads }, now: 0 }

  for (const order of ['updated', 'created', 'updated-asc', 'created-asc'] as const) {
    const sign = order.endsWith('-asc') ? 1 : -1
    const expected = all
      .toSorted((a, b) => sign * (a.at - b.at || (a.id < b.id ? -1 : 1)))
      .map(({ id }) => id)
    const seen: string[] = []
    let cursor: string | undefined
    taken = 0
    do {
      const page = await listSessions(source, {
        order,
        limit: 400,
        ...(cursor === undefined ? {} : { cursor }),
      })
      seen.push(...page.items.map(({ id }) => id))
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined)
    expect(seen).toEqual(expected)
  }
  taken = 0
  await listSessions(source, { order: 'created-asc', limit: 10 })
  expect(taken).toBeLessThan(200)
})
