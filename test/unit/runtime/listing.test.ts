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
import type { SessionStore } from '../../../src/store/store.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'

const SESSIONS = 3_000

/** A store in which sessions lie in ten groups, and which group each read went to. */
async function groupedStore(): Promise<{ store: SessionStore; reads: number[] }> {
  const memory = createMemoryStore()
  const runtime = await openRuntime({ store: memory })
  for (let n = 0; n < SESSIONS; n += 1)
    await runtime.create({ id: `s-${n}`, tags: n % 500 === 0 ? ['rare'] : [] })
  const groupOf = (id: string): number => Number(id.slice(2)) % 10
  const reads: number[] = []
  const state: SessionStore['state'] = (id) => {
    reads.push(groupOf(id))
    return memory.state(id)
  }
  return { store: { ...memory, groupOf, state }, reads }
}

test('[G1, G4] a rare tag is found in the order asked for, by about one pass over the groups', async () => {
  const { store, reads } = await groupedStore()
  const source = { store, now: 0, stateOf: (id: string) => store.state(id) }

  const first = await listSessions(source, { tag: 'rare', order: 'created-asc', limit: 4 })
  const turns = reads.filter((group, index) => index === 0 || group !== reads[index - 1]).length
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
  // The first few are read as they come; after that each group once for a thousand, and once for all the others.
  expect(turns).toBeLessThanOrEqual(64 + 10 + 10)
})

test('[G2] who cannot be read is named on the page it belongs to, once', async () => {
  const { store } = await groupedStore()
  const stateOf: SessionStore['state'] = (id) =>
    id === 's-2999' ? Promise.reject(new TypeError('torn')) : store.state(id)
  const source = { store, now: 0, stateOf }

  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = await listSessions(source, {
      tag: 'rare',
      limit: 2,
      ...(cursor === undefined ? {} : { cursor }),
    })
    seen.push(...page.unreadable.map(({ id }) => id))
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)

  expect(seen).toEqual(['s-2999'])
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
  const { store } = await groupedStore()
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
  const source = { store: { ...store, heads }, now: 0, stateOf: (id: string) => store.state(id) }

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
