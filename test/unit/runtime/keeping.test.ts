/** Goal: who may see what, what is listed, what is kept and what goes (docs/spec/session.md, subscriptions.md). */
import { describe, expect, test } from 'vitest'
import { userMessage } from '../../../src/runtime/entries.ts'
import { codeOf, collect, testRuntime } from '../../support/runtime.ts'

const HOUR = 3_600_000

describe('principals and parents', () => {
  test('[SN13] a session of another principal is answered as an unknown one, on every road', async () => {
    const { runtime } = await testRuntime()
    const { id } = await runtime.create({ id: 'mine', tenantId: 'acme', userId: 'mia' })
    const other = { tenantId: 'acme', userId: 'eve' }

    expect(await codeOf(runtime.get(id, other))).toBe('NOT_FOUND')
    expect(await codeOf(runtime.get('unknown', other))).toBe('NOT_FOUND')
    expect(await codeOf(runtime.getOrCreate(id, other))).toBe('NOT_FOUND')
    expect(await codeOf(runtime.export(id, other))).toBe('NOT_FOUND')
    expect(await runtime.delete(id, { principal: other, force: true })).toBe(false)
    expect(await runtime.erase({ sessionId: id }, { principal: other, force: true })).toEqual({ erased: [] })
    expect([runtime.has(id, other), runtime.has(id, { userId: 'mia' })]).toEqual([false, true])
    await runtime.close()
  })

  test('[SN14] parents must exist in the same tenant and not descend from the session', async () => {
    const { runtime } = await testRuntime()
    const a = await runtime.create({ id: 'a', tenantId: 'acme' })
    await runtime.create({ id: 'b', tenantId: 'acme', parentId: 'a' })
    await runtime.create({ id: 'foreign', tenantId: 'other' })

    expect(await codeOf(runtime.create({ parentId: 'nobody' }))).toBe('PARENT_INVALID')
    expect(await codeOf(runtime.create({ tenantId: 'acme', parentId: 'foreign' }))).toBe('PARENT_INVALID')
    expect(await codeOf(a.edit({ parentId: 'b' }))).toBe('PARENT_INVALID')
    expect(await codeOf(a.edit({ parentId: 'a' }))).toBe('PARENT_INVALID')
    expect(a.revision).toBe(1)
    await runtime.close()
  })

  test('[SN14] children are refused, detached or deleted, never orphaned in silence', async () => {
    const { runtime } = await testRuntime()
    for (const family of ['x', 'y']) {
      await runtime.create({ id: family })
      await runtime.create({ id: `${family}-child`, parentId: family })
    }

    const refused = await codeOf(runtime.delete('x', { force: true }))
    const detached = await runtime.delete('x', { force: true, children: 'detach' })
    const deleted = await runtime.delete('y', { force: true, children: 'delete' })

    expect([refused, detached, deleted]).toEqual(['HAS_CHILDREN', true, true])
    expect((await runtime.get('x-child')).record.parentId).toBeNull()
    expect([runtime.has('y-child'), runtime.has('y')]).toEqual([false, false])
    await runtime.close()
  })

  test('[SN15] delete answers true, then false; the id may be used again and revisions go on', async () => {
    const { runtime } = await testRuntime()
    const first = await runtime.create({ id: 'again' })
    const open = await codeOf(runtime.delete('again'))
    await first.cancel()

    const answers = [
      await runtime.delete('again'),
      await runtime.delete('again'),
      await runtime.delete('never'),
    ]
    const stale = await codeOf(first.edit({ name: 'x' }))
    const second = await runtime.create({ id: 'again' })

    expect(open).toBe('WRONG_STATE')
    expect(answers).toEqual([true, false, false])
    expect(stale).toBe('NOT_FOUND')
    expect(second.revision).toBe(4)
    expect((await collect(second.changes({ live: false }))).map(({ revision }) => revision)).toEqual([4])
    await runtime.close()
  })

  test('[SN22] sessions beyond the bound are passivated and come back as they were', async () => {
    const { runtime, active } = await testRuntime({ maxLiveActors: 3 })
    const sessions = []
    for (let index = 0; index < 10; index += 1) sessions.push(await active({ limits: { maxTurns: 2 } }))

    for (const session of sessions) await session.append(userMessage('one'))
    for (const session of sessions) await session.append(userMessage('two'))

    expect(runtime.stats().liveActors).toBeLessThanOrEqual(3)
    expect(sessions.map(({ usage }) => usage.userMessageCount)).toEqual(Array.from({ length: 10 }, () => 2))
    await runtime.close()
  })

  test('[SN22] [P3] busy sessions stay however many they are, and the surplus goes once they are not', async () => {
    const { runtime, active, store } = await testRuntime({ maxLiveActors: 3 })
    const sessions = await Promise.all(Array.from({ length: 10 }, () => active()))

    store.hold()
    const appends = sessions.map((session) => session.append(userMessage('one')))
    await new Promise((resolve) => setImmediate(resolve))
    const busy = runtime.stats().liveActors
    store.release()
    await Promise.all(appends)
    for (let index = 0; index < 3; index += 1) await active()

    expect(busy).toBe(10)
    expect(runtime.stats().liveActors).toBeLessThanOrEqual(3)
    await runtime.close()
  })
})

describe('ids', () => {
  test.each(['', '..', 'a/b', 'a\\b', 'a\0b', '__proto__', '.hidden', 'x'.repeat(10_000), 'a..b', ' a'])(
    'a malformed id (%j) is refused on every road',
    async (id) => {
      const { runtime } = await testRuntime()

      expect(await codeOf(runtime.create({ id }))).toBe('ID_INVALID')
      expect(await codeOf(runtime.get(id))).toBe('ID_INVALID')
      expect(await codeOf(runtime.delete(id))).toBe('ID_INVALID')
      expect(await codeOf(runtime.erase({ sessionId: id }))).toBe('ID_INVALID')
      expect((await runtime.list()).items).toEqual([])
      await runtime.close()
    },
  )

  test('ids such as constructor and toString are ordinary', async () => {
    const { runtime } = await testRuntime()

    const absent = await codeOf(runtime.get('constructor'))
    await runtime.create({ id: 'constructor' })

    expect(absent).toBe('NOT_FOUND')
    expect((await runtime.get('constructor')).id).toBe('constructor')
    await runtime.close()
  })
})

describe('listing', () => {
  test('[SB7] newest change first, filters combine, pages meet without gap or repeat', async () => {
    const { runtime, clock } = await testRuntime()
    for (let index = 0; index < 7; index += 1) {
      const session = await runtime.create({
        id: `s-${index}`,
        name: `Ticket ${index}`,
        tenantId: index % 2 === 0 ? 'even' : 'odd',
        tags: index > 3 ? ['late'] : [],
        kind: index === 5 ? { type: 'agent', agentName: 'a' } : { type: 'conversation', purpose: '' },
      })
      if (index === 0) await session.activate()
      clock.advance(10)
    }
    await (await runtime.get('s-2')).as('created').edit({ name: 'Newest' })
    const ids = async (query: Parameters<typeof runtime.list>[0]) =>
      (await runtime.list(query)).items.map(({ id }) => id)

    const pages: string[][] = []
    let cursor: string | null = null
    do {
      const page: Awaited<ReturnType<typeof runtime.list>> = await runtime.list({
        limit: 3,
        ...(cursor === null ? {} : { cursor }),
      })
      pages.push(page.items.map(({ id }) => id))
      cursor = page.nextCursor
    } while (cursor !== null)

    expect(pages).toEqual([['s-2', 's-6', 's-5'], ['s-4', 's-3', 's-1'], ['s-0']])
    expect(await ids({ tenantId: 'odd' })).toEqual(['s-5', 's-3', 's-1'])
    expect(await ids({ status: 'active' })).toEqual(['s-0'])
    expect(await ids({ kind: 'agent' })).toEqual(['s-5'])
    expect(await ids({ tag: 'late', tenantId: 'even' })).toEqual(['s-6', 's-4'])
    expect(await ids({ nameContains: 'TICKET', createdBefore: 1_000_020 })).toEqual(['s-1', 's-0'])
    expect(await ids({ order: 'created-asc', limit: 2 })).toEqual(['s-0', 's-1'])
    expect(await codeOf(runtime.list({ cursor: 'nonsense' }))).toBe('CURSOR_INVALID')
    expect(await codeOf(runtime.list({ limit: 0 }))).toBe('COMMAND_INVALID')
    await runtime.close()
  })
})

describe('pruning', () => {
  test('[SB8] by age, then by count; open ones and parents of those that stay are spared; a dry run deletes nothing', async () => {
    const { runtime, clock } = await testRuntime()
    await (await runtime.create({ id: 'parent' })).cancel()
    await runtime.create({ id: 'open-child', parentId: 'parent' })
    await (await runtime.create({ id: 'old' })).cancel()
    clock.advance(200 * HOUR)
    for (const id of ['a', 'b', 'c']) {
      await (await runtime.create({ id })).cancel()
      clock.advance(1)
    }

    const plan = await runtime.prune({ maxSessions: 4, dryRun: true })
    const before = (await runtime.list()).items.length
    const done = await runtime.prune({ maxSessions: 4 })

    expect(plan).toEqual({ deleted: ['old', 'a'], failed: [], dryRun: true, ran: true })
    expect(before).toBe(6)
    expect(done.deleted).toEqual(['old', 'a'])
    expect((await runtime.list()).items.map(({ id }) => id).sort()).toEqual([
      'b',
      'c',
      'open-child',
      'parent',
    ])
    await runtime.close()
  })

  test('[SB8] with a cooldown it prunes by itself after changes, not more often', async () => {
    const { runtime, clock } = await testRuntime({
      autoPrune: { maxSessions: 1, olderThanMs: 0, cooldownMs: 10_000 },
    })
    const end = async (id: string) => {
      await (await runtime.create({ id })).cancel()
      clock.advance(1)
    }
    const settled = () => new Promise((resolve) => setImmediate(resolve))
    await end('a')
    await end('b')
    await settled()
    const early = (await runtime.list()).items.length

    clock.advance(10_000)
    await end('c')
    await settled()

    expect(early).toBe(2)
    expect((await runtime.list()).items.map(({ id }) => id)).toEqual(['c'])
    await runtime.close()
  })
})
