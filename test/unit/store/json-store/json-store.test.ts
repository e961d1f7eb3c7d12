import { expect, test } from 'vitest'
import type { FileSystem } from '../../../../src/store/file-system.ts'
import type { JsonStore } from '../../../../src/store/json-store/json-store.ts'
import { SampleSession } from '../../../../src/testing/store-contract/sample-session.ts'
import { gatedFiles } from '../../../support/gated-files.ts'
import { JsonMachine, PLACE, segmentPath } from '../../../support/json-machine.ts'

async function allOf(store: JsonStore, pageSize = 7): Promise<string[]> {
  const found: string[] = []
  let cursor: string | undefined
  for (;;) {
    const page = await store.feed(cursor, pageSize)
    if (page.length === 0) return found
    found.push(...page.map(({ change }) => `${change.sessionId}@${change.revision}`))
    cursor = page.at(-1)?.cursor
  }
}

/** Holds every write to a segment while `isHolding`. */
function heldMachine(): { machine: JsonMachine; gate: { hold: boolean; open: () => void } } {
  const waiting: (() => void)[] = []
  const gate = {
    hold: false,
    open: () => {
      gate.hold = false
      for (const resolve of waiting.splice(0)) resolve()
    },
  }
  const machine = new JsonMachine({
    onCall: (call, path) =>
      gate.hold && call === 'write' && path.endsWith('.jsonl')
        ? new Promise((resolve) => waiting.push(resolve))
        : undefined,
  })
  return { machine, gate }
}

test('[JT1, JT3, JN15] a reader beside the owner sees what is durable, follows, and changes nothing', async () => {
  const { machine, gate } = heldMachine()
  const owner = await machine.owner({ segmentBytes: 4_000 })
  const session = new SampleSession('one')
  await session.append(owner)
  await session.append(owner)
  const reader = await machine.reader()
  expect(await reader.state('one')).toEqual(session.state)

  gate.hold = true
  const seen = session.state
  const appending = session.append(owner)
  await new Promise((resolve) => setImmediate(resolve))
  const before = machine.files.contents()
  expect(await reader.state('one')).toEqual(seen)
  expect(await allOf(reader)).toEqual(['one@1', 'one@2'])
  expect(machine.files.contents()).toEqual(before)
  gate.open()
  await appending

  for (let count = 0; count < 30; count += 1) await session.append(owner)
  expect(await reader.state('one')).toEqual(session.state)
  expect(await allOf(reader)).toEqual(await allOf(owner))
  expect(reader.newest()).toBe(owner.newest())
  const [change, after] = new SampleSession('two').next()
  await expect(reader.append(change, after)).rejects.toMatchObject({ code: 'READ_ONLY' })
  await expect(reader.checkpoint()).rejects.toMatchObject({ code: 'READ_ONLY' })
  await reader.close()
  await owner.close()
})

test('[JC3] a reader makes durable what it believes and does not know to be; marked lines it believes at once', async () => {
  const machine = new JsonMachine()
  const owner = await machine.owner()
  const session = new SampleSession('one')
  await session.append(owner)
  const syncs = machine.files.calls('sync')
  const first = await machine.reader()
  expect(machine.files.calls('sync')).toBe(syncs + 1)
  expect(first.lastRevision('one')).toBe(1)
  machine.files.failNext('sync', 'EROFS')
  const second = await machine.reader()
  expect(second.lastRevision('one')).toBe(0)
  await second.close()

  machine.clock.advance(1_000)
  await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setImmediate(resolve))
  const marked = machine.files.calls('sync')
  const third = await machine.reader()
  expect(third.lastRevision('one')).toBe(1)
  expect(machine.files.calls('sync')).toBe(marked)
  for (const store of [first, third, owner]) await store.close()
})

test('[JC3, JN16] a compaction of all that a reader has seen is no damage to it', async () => {
  const machine = new JsonMachine()
  const owner = await machine.owner()
  const [kept, gone] = [new SampleSession('kept'), new SampleSession('gone')]
  for (const session of [gone, kept, gone]) await session.append(owner)
  await gone.delete(owner)
  const reader = await machine.reader()

  const freed = await owner.compact()
  for (let look = 0; look < 2; look += 1) expect(await reader.state('kept')).toEqual(kept.state)
  await kept.append(owner)
  await reader.refresh()

  expect(freed).toBeGreaterThan(0)
  expect(await reader.state('kept')).toEqual(kept.state)
  expect(reader.stats().damage).toEqual([])
  await reader.close()
  await owner.close()
})

test('[JC3] a reader takes a torn end for something that is still coming', async () => {
  const machine = new JsonMachine()
  const owner = await machine.owner()
  const session = new SampleSession('one')
  await session.append(owner)
  const path = `${PLACE}/journal/00000001.jsonl`
  const bytes = machine.files.contents().get(path) as Buffer
  const next = machine.killed()
  await next.overwrite(path, Buffer.concat([bytes, Buffer.from('{"v":1,"pos":[1,2],"id"')]))

  const reader = await next.reader()

  expect(reader.lastRevision('one')).toBe(1)
  expect(reader.stats()).toMatchObject({ damage: [], tornTail: null })
  const store = await next.owner()
  await session.append(store)
  expect((await reader.state('one'))?.revision).toBe(2)
  await reader.close()
  await store.close()
})

test('[JT3] a reader starts over when the owner took back what it had seen', async () => {
  const machine = new JsonMachine()
  const owner = await machine.owner()
  const session = new SampleSession('one')
  await session.append(owner)
  const path = `${PLACE}/journal/00000001.jsonl`
  const bytes = machine.files.contents().get(path) as Buffer
  await session.append(owner)
  const reader = await machine.reader()
  expect(reader.lastRevision('one')).toBe(2)

  await machine.overwrite(path, bytes)
  await reader.refresh()

  expect(reader.lastRevision('one')).toBe(1)
  expect(reader.stats().damage).toEqual([])
  await reader.close()
})

test('[JT3] what was acknowledged before a read is seen by it, though a look for news was under way', async () => {
  const machine = new JsonMachine()
  const owner = await machine.owner()
  const session = new SampleSession('one')
  await session.append(owner)
  let [hasLooked, goOn] = [() => undefined as void, () => undefined as void]
  const looked = new Promise<void>((resolve) => (hasLooked = resolve))
  const told = new Promise<void>((resolve) => (goOn = resolve))
  let isHeld = false
  // The look has seen where the journal ended, and is told of it only later.
  const status: FileSystem['status'] = async (path) => {
    const found = await machine.files.status(path)
    if (isHeld && path === segmentPath(1)) {
      hasLooked()
      await told
    }
    return found
  }
  const reader = await machine.reader({
    files: { ...gatedFiles(machine.files, async () => undefined), status },
  })
  isHeld = true
  const early = reader.refresh()
  await looked

  await session.append(owner)
  const reads = [reader.state('one'), reader.changes('one', { from: 2 })] as const
  isHeld = false
  goOn()

  expect((await reads[0])?.revision).toBe(2)
  expect(await reads[1]).toHaveLength(1)
  await early
  await reader.close()
  await owner.close()
})

test('a store is refused where there is none, where it is a link, and while it has an owner', async () => {
  const machine = new JsonMachine()
  await expect(machine.reader()).rejects.toMatchObject({ code: 'STORE_NOT_FOUND' })
  const handle = await machine.files.open('/file', 'create')
  await handle.close()
  await expect(machine.owner({ dir: '/file' })).rejects.toMatchObject({ code: 'STORE_UNSAFE' })

  const owner = await machine.owner()
  await expect(machine.owner()).rejects.toMatchObject({ code: 'STORE_LOCKED' })
  await owner.close()
  await (await machine.owner()).close()
})

test('[SF1, RC7] a folder of a newer format is refused with both numbers and not touched', async () => {
  const machine = new JsonMachine()
  await (await machine.owner()).close()
  await machine.overwrite(`${PLACE}/store.json`, Buffer.from('{"format":2}'))
  const before = machine.files.contents()

  for (const readOnly of [true, false]) {
    await expect(machine.store().open({ readOnly })).rejects.toMatchObject({
      code: 'FORMAT_TOO_NEW',
      details: { found: 2, supported: 1 },
    })
  }
  expect(machine.files.contents()).toEqual(before)
})

test('a failed open lets the store go', async () => {
  const machine = new JsonMachine()
  await (await machine.owner()).close()
  machine.files.failNext('list', 'EIO')

  await expect(machine.owner()).rejects.toMatchObject({ code: 'EIO' })
  await (await machine.owner()).close()
})

test('a long history is paged both ways, also while it grows, and each line is walked once', async () => {
  const machine = new JsonMachine()
  const owner = await machine.owner({ segmentBytes: 20_000 })
  const session = new SampleSession('one')
  for (let count = 0; count < 400; count += 1) await session.append(owner)

  const revisions: number[] = []
  for (let from = 1; revisions.length < 400; from += 50) {
    const page = await owner.changes('one', { from, limit: 50 })
    revisions.push(...page.map(({ revision }) => revision))
    if (from === 101) await session.append(owner)
  }
  expect(revisions).toEqual(Array.from({ length: 400 }, (_, index) => index + 1))
  const down = await owner.changes('one', { to: 300, limit: 3, order: 'desc' })
  expect(down.map(({ revision }) => revision)).toEqual([300, 299, 298])
  const before = machine.files.calls('read')
  await owner.changes('one', { from: 1, limit: 10 })
  expect(machine.files.calls('read') - before).toBeLessThanOrEqual(1)
  await owner.close()
})

test('[HY4] [RL4] the lines of a page are read once each, with their neighbours', async () => {
  const machine = new JsonMachine()
  const owner = await machine.owner()
  const sessions = ['one', 'two', 'three'].map((id) => new SampleSession(id))
  for (let count = 0; count < 300; count += 1) for (const session of sessions) await session.append(owner)
  await owner.close()
  const reader = await machine.reader()
  const before = machine.files.calls('read')

  for (const id of ['one', 'two', 'three']) expect(await reader.changes(id, { limit: 300 })).toHaveLength(300)

  const bytes = reader.stats().journalBytes
  // Lines over the edge of two blocks of 64 KiB, those of the last one, and each look for news, are reads of their own.
  const apart = Math.ceil(bytes / 65_536) + Math.ceil(900 / (bytes / 65_536)) + 3
  expect(machine.files.calls('read') - before).toBeLessThanOrEqual(2 * Math.ceil(bytes / 65_536) + apart)
  await reader.close()
})

test('[HY4] [RL4] lines of the block that still grows are read with their neighbours as well', async () => {
  const machine = new JsonMachine()
  const owner = await machine.owner()
  const session = new SampleSession('one')
  for (let count = 0; count < 40; count += 1) await session.append(owner)
  const before = machine.files.calls('read')

  expect(await owner.changes('one', {})).toHaveLength(40)

  // The first line alone, then the block; 40 lines of some 400 bytes do not reach a second one.
  expect(machine.files.calls('read') - before).toBe(2)
  await owner.close()
})

test('[RL4] a block is not kept of bytes that may still change', async () => {
  const machine = new JsonMachine()
  const owner = await machine.owner()
  const session = new SampleSession('one')
  const before = machine.files.calls('read')
  for (let count = 1; count <= 60; count += 1) {
    await session.append(owner)
    expect((await owner.changes('one', { from: count })).map(({ revision }) => revision)).toEqual([count])
  }
  expect(machine.files.calls('read') - before).toBeLessThanOrEqual(62)
  const reader = await machine.reader()
  for (let count = 61; count <= 120; count += 1) {
    await session.append(owner)
    expect((await reader.changes('one', { from: count })).map(({ revision }) => revision)).toEqual([count])
  }
  await reader.close()
  await owner.close()
})

test('[HY2] an earlier life of a session is not shown', async () => {
  const machine = new JsonMachine()
  const owner = await machine.owner()
  const first = new SampleSession('one')
  await first.append(owner)
  await first.append(owner)
  await first.delete(owner)
  const second = new SampleSession('one', 3)
  await second.append(owner)
  await second.append(owner)

  const check = async (store: JsonStore): Promise<void> => {
    expect(await store.state('one')).toEqual(second.state)
    expect((await store.changes('one', {})).map(({ revision }) => revision)).toEqual([4, 5])
    expect(await allOf(store)).toEqual(['one@3', 'one@4', 'one@5'])
  }
  await check(owner)
  const again = await machine.killed().owner()
  await check(again)
  await again.close()
})

test('[HY3] a snapshot of another history is not used', async () => {
  const machine = new JsonMachine()
  const owner = await machine.owner()
  const session = new SampleSession('one')
  for (let count = 0; count < 5; count += 1) await session.append(owner)
  await owner.close()
  const [shard] = [...machine.files.contents().keys()].filter((path) => path.includes('/snapshots/'))
  const text = (machine.files.contents().get(shard as string) as Buffer).toString()
  const { encodeShard } = await import('../../../../src/store/json-store/snapshots.ts')
  const document = JSON.parse(text) as Parameters<typeof encodeShard>[0] & { crc?: string }
  delete document.crc
  const snapshot = document.sessions['one'] as unknown as { position: [number, number]; record: object }
  snapshot.position = [1, 4]
  snapshot.record = { name: 'forged' }
  await machine.overwrite(shard as string, encodeShard(document))

  const again = await machine.owner()

  expect(await again.state('one')).toEqual(session.state)
  await again.close()
})

test('a checkpoint in the background makes the next open short, also after a kill', async () => {
  const machine = new JsonMachine()
  const owner = await machine.owner({ checkpointBytes: 20_000, segmentBytes: 10_000 })
  const session = new SampleSession('one')
  for (let count = 0; count < 200; count += 1) await session.append(owner)
  await owner.checkpoint()
  await session.append(owner)
  const read: string[] = []
  const files = machine.files.processDied({
    onCall: (call, path) => void (call === 'read' && read.push(path)),
  })

  const again = await new JsonMachine(files, 2).owner()

  expect(new Set(read.filter((path) => path.endsWith('.jsonl'))).size).toBeLessThanOrEqual(2)
  expect(await again.state('one')).toEqual(session.state)
  expect(again.stats().damage).toEqual([])
  await again.close()
})

test('[CO5] what was erased is in no file', async () => {
  const machine = new JsonMachine()
  const owner = await machine.owner({ segmentBytes: 3_000 })
  const [kept, secret] = [new SampleSession('kept'), new SampleSession('secret-id')]
  for (let count = 0; count < 20; count += 1) {
    await kept.append(owner)
    await secret.append(owner, { entries: [{ id: 'e', at: 1, type: 'user_message', content: 'classified' }] })
  }
  await owner.checkpoint()
  await expect(owner.erase(['secret-id'])).rejects.toMatchObject({ code: 'INVARIANT_BROKEN' })
  await secret.delete(owner)
  await owner.erase(['secret-id'])

  for (const [path, bytes] of machine.files.contents()) {
    expect(bytes.includes('secret-id') || bytes.includes('classified'), path).toBe(false)
  }
  await kept.append(owner)
  expect(await owner.state('kept')).toEqual(kept.state)
  expect(owner.lastRevision('secret-id')).toBe(0)
  const again = await machine.killed().owner()
  expect(await again.state('kept')).toEqual(kept.state)
  expect(again.stats()).toMatchObject({ damage: [], tornTail: null, sessions: 1 })
  await again.close()
})

test('compaction gives back dead room; cursors and histories survive it', async () => {
  const machine = new JsonMachine()
  const owner = await machine.owner({ segmentBytes: 3_000 })
  const [kept, gone] = [new SampleSession('kept'), new SampleSession('gone')]
  for (let count = 0; count < 20; count += 1) {
    await gone.append(owner)
    await kept.append(owner)
  }
  const [first] = await owner.feed(undefined, 1)
  await gone.delete(owner)

  expect(await owner.compact()).toBeGreaterThan(3_000)

  const left = [...kept.changes.map(({ revision }) => `kept@${revision}`), 'gone@21']
  const check = async (store: JsonStore): Promise<void> => {
    expect(
      (await store.feed(first?.cursor, 100)).map(({ change }) => `${change.sessionId}@${change.revision}`),
    ).toEqual(left)
    expect((await store.changes('kept', {})).length).toBe(20)
    expect(await store.state('kept')).toEqual(kept.state)
    expect(store.stats().damage).toEqual([])
  }
  await check(owner)
  const again = await machine.killed().owner()
  await check(again)
  await again.close()
})
