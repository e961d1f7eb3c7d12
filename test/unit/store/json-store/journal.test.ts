import { expect, test } from 'vitest'
import type { Change } from '../../../../src/store/change.ts'
import { removeStaging } from '../../../../src/store/json-store/staging.ts'
import type { JsonStore } from '../../../../src/store/json-store/json-store.ts'
import { SampleSession } from '../../../../src/testing/store-contract/sample-session.ts'
import { JsonMachine, PLACE, segmentPath } from '../../../support/json-machine.ts'
import { loopTurns } from '../../../support/loop-turns.ts'

/** How each call ended, in the order given. */
async function codesOf(calls: readonly Promise<unknown>[]): Promise<string[]> {
  const ends = await Promise.allSettled(calls)
  return ends.map((end) => (end.status === 'fulfilled' ? 'done' : (end.reason as { code: string }).code))
}

function many(store: JsonStore, session: SampleSession, count: number): Promise<void>[] {
  return Array.from({ length: count }, () => session.append(store))
}

/** Lets everything that waits for no timer happen. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** A machine whose writes to segments wait until they are let go. */
function heldMachine(): {
  machine: JsonMachine
  hold: () => void
  release: () => void
  waiting: () => number
} {
  const held: (() => void)[] = []
  let isHolding = false
  const machine = new JsonMachine({
    onCall: (call, path) => {
      if (!isHolding || call !== 'write' || !path.endsWith('.jsonl')) return undefined
      return new Promise((resolve) => held.push(resolve))
    },
  })
  return {
    machine,
    hold: () => (isHolding = true),
    release: () => {
      isHolding = false
      for (const resolve of held.splice(0)) resolve()
    },
    waiting: () => held.length,
  }
}

test('[J1, JN7] what arrives while a batch is written becomes one batch', async () => {
  const machine = new JsonMachine()
  const store = await machine.owner()
  const session = new SampleSession('one')
  await session.append(store)
  const before = machine.files.calls('write')

  await Promise.all(many(store, session, 500))

  expect(machine.files.calls('write') - before).toBeLessThanOrEqual(2)
  await store.close()
})

test('[J1] nothing waits for company: a lone append is written at once, without the clock', async () => {
  const machine = new JsonMachine()
  const store = await machine.owner()

  await new SampleSession('one').append(store)

  expect(store.head('one')?.revision).toBe(1)
  await store.close()
})

test.each([
  { turnMs: 0, rule: 'PA1', appendsPerWrite: 8 },
  { turnMs: 1, rule: 'PA2', appendsPerWrite: 4 },
])(
  '[J1, $rule] with eight callers whose turns take $turnMs ms a write carries $appendsPerWrite appends',
  async ({ turnMs, appendsPerWrite }) => {
    const machine = new JsonMachine()
    const store = await machine.owner()
    const drive = async (id: string): Promise<void> => {
      const session = new SampleSession(id)
      for (let turn = 0; turn < 100; turn += 1) {
        await session.append(store)
        machine.clock.advance(turnMs)
      }
    }
    const before = machine.files.calls('write')

    await Promise.all(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map(drive))

    const writes = machine.files.calls('write') - before
    expect(800 / writes).toBeGreaterThan(appendsPerWrite * 0.85)
    expect(800 / writes).toBeLessThan(appendsPerWrite * 1.25)
    await store.close()
  },
)

test('[J7] however fast the disk answers, the loop turns once for each answer', async () => {
  const machine = new JsonMachine()
  const store = await machine.owner()
  const before = machine.files.calls('write')
  const drive = async (id: string): Promise<void> => {
    const session = new SampleSession(id)
    for (let time = 0; time < 50; time += 1) await session.append(store)
  }

  const turns = loopTurns()
  await Promise.all(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map(drive))
  turns.stop()

  expect(turns.count).toBeGreaterThanOrEqual(machine.files.calls('write') - before - 1)
  await store.close()
})

test('[J2] nothing is acknowledged or shown before its batch is durable; acknowledgements keep order', async () => {
  const { machine, hold, release, waiting } = heldMachine()
  const store = await machine.owner()
  const [a, b] = [new SampleSession('a'), new SampleSession('b')]
  await a.append(store)
  hold()
  const order: string[] = []
  const appends = [a, b, a, b].map((session) => {
    const appending = session.append(store)
    const mark = `${session.id}${session.revision}`
    return appending.then(() => void order.push(mark))
  })

  await settle()
  expect(waiting()).toBe(1)
  expect(order).toEqual([])
  expect(store.head('a')?.revision).toBe(1)
  expect(store.head('b')).toBeUndefined()
  expect(store.stats().pendingChanges).toBe(4)

  release()
  await Promise.all(appends)
  expect(order).toEqual(['a2', 'b1', 'a3', 'b2'])
  await store.close()
})

test('[J3, JN9] rotation: segments follow each other, each says how many lines the one before it has', async () => {
  const machine = new JsonMachine()
  const store = await machine.owner({ segmentBytes: 2_000 })
  const session = new SampleSession('one')

  for (let round = 0; round < 10; round += 1) await Promise.all(many(store, session, 5))

  const journal = machine.journal()
  const names = [...journal.keys()].filter((name) => name.endsWith('.jsonl')).sort()
  expect(names.length).toBeGreaterThan(4)
  for (const [index, name] of names.entries()) {
    const lines = (journal.get(name) as Buffer)
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '')
    const header = JSON.parse(lines[0] as string) as { segment: number; sealed?: unknown }
    expect(header.segment).toBe(index + 1)
    if (index === 0) continue
    const before = (journal.get(names[index - 1] as string) as Buffer).toString('utf8')
    expect(header.sealed).toEqual([{ segment: index, ordinals: before.split('"pos":').length - 1 }])
  }
  expect(await store.state('one')).toEqual(session.state)
  await store.close()
})

test('[AH1] a segment past its half is followed by one made ahead, full of newlines, and nothing of it is lost', async () => {
  const machine = new JsonMachine()
  const store = await machine.owner({ segmentBytes: 8_000 })
  const session = new SampleSession('one')
  for (let round = 0; round < 40; round += 1) {
    await session.append(store)
    await settle()
  }

  const second = machine.journal().get('00000002.jsonl') as Buffer
  expect(second.length).toBe(8_000)
  expect(second.subarray(-500).every((byte) => byte === 10)).toBe(true)

  const next = machine.killed()
  const again = await next.owner()
  expect(await again.state('one')).toEqual(session.state)
  expect(again.stats().damage).toEqual([])
  expect(again.stats().tornTail).toBeNull()
  expect([...next.journal().keys()].filter((name) => name.endsWith('.tmp'))).toEqual([])
  await again.close()
})

test('[J4, JN11] no room: everything pending is refused as not written, and with room the store goes on', async () => {
  const { machine, hold, release } = heldMachine()
  const store = await machine.owner()
  const session = new SampleSession('one')
  await Promise.all(many(store, session, 3))
  const bytes = machine.journal().get('00000001.jsonl') as Buffer
  hold()
  const refused = new SampleSession('one', 3)
  const first = refused.append(store)
  await settle()
  const later = many(store, refused, 3)
  machine.files.diskBytes = used(machine) + 40
  release()

  expect(await codesOf([first, ...later])).toEqual(Array(4).fill('STORE_FULL'))
  expect(machine.journal().get('00000001.jsonl')).toEqual(bytes)
  expect(store.lastRevision('one')).toBe(3)

  machine.files.diskBytes = Infinity
  await Promise.all(many(store, session, 5))
  expect((await store.changes('one', {})).map(({ revision }) => revision)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  const again = await machine.killed().owner()
  expect(await again.state('one')).toEqual(session.state)
  expect(again.stats().damage).toEqual([])
  await again.close()
})

function used(machine: JsonMachine): number {
  return [...machine.files.contents().values()].reduce((sum, bytes) => sum + bytes.length, 0)
}

test('[J4] no room for the next segment leaves no trace of it', async () => {
  const machine = new JsonMachine()
  const store = await machine.owner({ segmentBytes: 100 })
  const session = new SampleSession('one')
  await session.append(store)
  await settle()
  machine.files.diskBytes = used(machine) + 10

  expect(await codesOf([new SampleSession('one', 1).append(store)])).toEqual(['STORE_FULL'])
  expect([...machine.journal().keys()]).toEqual(['00000001.jsonl'])

  machine.files.diskBytes = Infinity
  await session.append(store)
  expect([...machine.journal().keys()].filter((name) => name.endsWith('.jsonl')).sort()).toEqual([
    '00000001.jsonl',
    '00000002.jsonl',
  ])
  await store.close()
})

test('[J4] no room for what takes it back: the store fails instead of guessing', async () => {
  const machine = new JsonMachine()
  const store = await machine.owner()
  const session = new SampleSession('one')
  await session.append(store)
  machine.files.failNext('write', 'ENOSPC')
  machine.files.failNext('truncate', 'EIO')

  expect(await codesOf(many(store, session, 2))).toEqual(['OUTCOME_UNKNOWN', 'OUTCOME_UNKNOWN'])
  expect(await codesOf(many(store, new SampleSession('one', 1), 1))).toEqual(['STORE_FAILED'])
  await store.close()
})

test('[J5, JN10] a failed write: what was under way is unknown with its operation, the rest is refused, for ever', async () => {
  const { machine, hold, release } = heldMachine()
  const store = await machine.owner()
  const session = new SampleSession('one')
  await session.append(store)
  hold()
  machine.files.failNext('write', 'EIO')
  const underway = session.append(store, { operation: { id: 'operation-1', digest: 'd' } })
  await settle()
  const queued = many(store, session, 2)
  release()

  await expect(underway).rejects.toMatchObject({
    code: 'OUTCOME_UNKNOWN',
    details: { command: 'append', operationId: 'operation-1' },
  })
  expect(await codesOf(queued)).toEqual(['STORE_FAILED', 'STORE_FAILED'])
  const writes = machine.files.calls('write')
  expect(await codesOf([new SampleSession('one', 1).append(store), store.checkpoint()])).toEqual([
    'STORE_FAILED',
    'STORE_FAILED',
  ])
  expect(store.head('one')?.revision).toBe(1)
  await store.close()
  expect(machine.files.calls('write')).toBeLessThanOrEqual(writes + 1)

  const again = await machine.killed().owner()
  expect(again.lastRevision('one')).toBeGreaterThanOrEqual(1)
  await again.close()
})

test('[J1] what all who were answered asked next goes out within the same turn of the event loop', async () => {
  const machine = new JsonMachine()
  const store = await machine.owner()
  const sessions = ['one', 'two', 'three'].map((id) => new SampleSession(id))
  const all = (): Promise<unknown> => Promise.all(sessions.map((session) => session.append(store)))
  await all()
  let hasTurned = false
  await all().then(() => setImmediate(() => (hasTurned = true)))
  const before = machine.files.calls('write')

  const next = all()
  for (let tick = 0; tick < 10; tick += 1) await Promise.resolve()

  expect(machine.files.calls('write')).toBe(before + 1)
  expect(hasTurned).toBe(false)
  await next
  await store.close()
})

/** Somebody else takes the store. */
async function taken(machine: JsonMachine): Promise<void> {
  await machine.overwrite(`${PLACE}/owner-000002`, Buffer.from('{}'))
  for (const name of await machine.files.list(PLACE))
    if (name.startsWith('staging-')) await removeStaging(machine.files, `${PLACE}/${name}`)
}

test('[W2] a write that ends after the store was lost is not acknowledged', async () => {
  const machine = new JsonMachine()
  const store = await machine.owner()
  const session = new SampleSession('one')
  await session.append(store)
  await taken(machine)

  expect(await codesOf(many(store, session, 2))).toEqual(['OUTCOME_UNKNOWN', 'OUTCOME_UNKNOWN'])
  expect(await codesOf([new SampleSession('one', 1).append(store)])).toEqual(['STORE_FENCED'])
  expect(store.head('one')?.revision).toBe(1)
  await store.close()
})

test('[OS4, JN14] what an owner was writing when its successor tidied up fails because it lost the store', async () => {
  const gone = { isRemoved: false, remove: async (): Promise<void> => undefined }
  const machine = new JsonMachine({
    onCall: async (call, path) => {
      if (gone.isRemoved || call !== 'rename' || !path.includes('/index-')) return
      gone.isRemoved = true
      await gone.remove()
    },
  })
  const store = await machine.owner()
  await new SampleSession('one').append(store)
  gone.remove = () => taken(machine)

  const details = { epoch: 1, newer: 2 }
  await expect(store.checkpoint()).rejects.toMatchObject({ code: 'STORE_FENCED', details })
  expect(gone.isRemoved).toBe(true)
  await store.close()
})

test('[W4] a segment whose name is taken is not replaced', async () => {
  const machine = new JsonMachine()
  const store = await machine.owner({ segmentBytes: 100 })
  const session = new SampleSession('one')
  await session.append(store)
  await machine.overwrite(segmentPath(2), Buffer.from('somebody else'))

  expect(await codesOf([session.append(store)])).toEqual(['OUTCOME_UNKNOWN'])
  expect(machine.journal().get('00000002.jsonl')?.toString()).toBe('somebody else')
  await store.close()
})

test('[J6, JN12] some time after the last acknowledgement one mark is written, and only one', async () => {
  const machine = new JsonMachine()
  const store = await machine.owner({ idleMarkMs: 100 })
  const session = new SampleSession('one')
  const marks = (): number =>
    (machine.journal().get('00000001.jsonl') as Buffer).toString().split('"mark"').length - 1
  await session.append(store)
  machine.clock.advance(60)
  await session.append(store)
  machine.clock.advance(60)
  await settle()
  expect(marks()).toBe(0)

  machine.clock.advance(100)
  await settle()
  expect(marks()).toBe(1)
  machine.clock.advance(10_000)
  await settle()
  expect(marks()).toBe(1)
  await store.close()
  expect(marks()).toBe(1)
})

test('[C2] a revision that does not follow the newest append is refused', async () => {
  const machine = new JsonMachine()
  const store = await machine.owner()
  const session = new SampleSession('one')
  await session.append(store)
  const [change, after] = session.next()
  const skipped: Change = { ...change, revision: 3 }

  expect(
    await codesOf([store.append(skipped, after), store.append({ ...change, revision: 1 }, after)]),
  ).toEqual(['INVARIANT_BROKEN', 'INVARIANT_BROKEN'])
  await store.append(change, after)
  await store.close()
})

test('[WC1, JN5] whole patches come often enough that walking back is short', async () => {
  const machine = new JsonMachine()
  const store = await machine.owner()
  const few = new SampleSession('few')
  const large = new SampleSession('large')
  for (let count = 0; count < 300; count += 1) await few.append(store)
  for (let count = 0; count < 30; count += 1) {
    await large.append(store, {
      entries: [{ id: `e${count}`, at: 1, type: 'user_message', content: 'x'.repeat(20_000) }],
    })
  }

  const gaps = async (id: string): Promise<number[]> => {
    const changes = await store.changes(id, { limit: 1_000 })
    const wholes = changes.filter(({ patch }) => patch.whole === true).map(({ revision }) => revision)
    return [...wholes, (changes.at(-1)?.revision ?? 0) + 1]
      .slice(1)
      .map((at, index) => at - (wholes[index] as number))
  }
  expect(Math.max(...(await gaps('few')))).toBeLessThanOrEqual(128)
  expect(Math.max(...(await gaps('large')))).toBeLessThanOrEqual(5)
  const again = await machine.killed().owner()
  expect(again.stats().sessions).toBe(2)
  expect(await again.state('few')).toEqual(few.state)
  expect(await again.state('large')).toEqual(large.state)
  await again.close()
})

test.each(['ENOSPC', 'EIO'])(
  'wherever %s strikes, what was acknowledged stays and what was refused is not there',
  async (errno) => {
    const ends = new Set<string>()
    for (let call = 1; call <= 40; call += 1) {
      const before = new JsonMachine()
      const first = await before.owner({ segmentBytes: 1_500 })
      for (let count = 0; count < 3; count += 1) await new SampleSession('one', count).append(first)
      await first.close()
      const machine = before.killed()
      const store = await machine.owner({ segmentBytes: 1_500 })
      machine.files.failAt(call, errno)
      let acknowledged = 3
      let possible = 3
      for (let count = 0; count < 8; count += 1) {
        const [code] = await codesOf([new SampleSession('one', acknowledged).append(store)])
        ends.add(code as string)
        if (code === 'done') acknowledged += 1
        possible = Math.max(possible, code === 'OUTCOME_UNKNOWN' ? acknowledged + 1 : acknowledged)
      }
      expect(store.lastRevision('one'), `call ${call}`).toBe(acknowledged)
      machine.files.failAt(1, errno)
      await store.close().catch(() => undefined)

      const again = await machine.killed().owner()

      expect(again.lastRevision('one'), `call ${call}`).toBeGreaterThanOrEqual(acknowledged)
      expect(again.lastRevision('one'), `call ${call}`).toBeLessThanOrEqual(possible)
      expect((await again.changes('one', {})).length, `call ${call}`).toBe(again.lastRevision('one'))
      expect(again.stats().damage, `call ${call}`).toEqual([])
      await again.close()
    }
    expect(ends).toContain(errno === 'EIO' ? 'OUTCOME_UNKNOWN' : 'STORE_FULL')
  },
)
