import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { FileSystem } from '../../../../src/store/file-system.ts'
import { diskFileSystem } from '../../../../src/store/file-system.ts'
import {
  decodeShard,
  encodeShard,
  shardFileName,
  shardOf,
  snapshotOf,
  Snapshots,
  stateOf,
} from '../../../../src/store/json-store/snapshots.ts'
import type { StoredState } from '../../../../src/store/change.ts'

let folder: string
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'sessionwright-snapshots-')), 'snapshots')
})
afterEach(() => rmSync(join(folder, '..'), { recursive: true }))

function stateFor(sessionId: string, revision = 1): StoredState {
  return {
    sessionId,
    revision,
    facts: {
      machine: { version: 1, policy: 'limits', policyVersion: 1 },
      value: { active: 'ready' },
      context: { turnCount: revision },
      policy: 'within',
      quarantine: null,
    },
    record: { name: `name of ${sessionId}`, metadata: JSON.parse('{"__proto__":{"a":1}}') },
    summary: {
      status: 'active',
      tenantId: null,
      userId: null,
      parentId: null,
      createdAt: 1,
      updatedAt: 2,
      dueAt: null,
    },
  }
}

const snapshotFor = (sessionId: string, revision = 1) =>
  snapshotOf(stateFor(sessionId, revision), { segment: 3, ordinal: 4 })

function open(files: FileSystem = diskFileSystem): Snapshots {
  let serial = 0
  return new Snapshots({ files, folder, unique: () => `u${(serial += 1)}` })
}

/** Puts sessions of one shard or several. */
async function put(snapshots: Snapshots, ...ids: string[]): Promise<void> {
  for (const id of ids) await snapshots.update(shardOf(id), new Map([[id, snapshotFor(id)]]))
}

/** Two ids of one shard. */
function neighbours(): [string, string] {
  const shard = shardOf('session-0')
  for (let serial = 1; ; serial += 1) {
    if (shardOf(`session-${serial}`) === shard) return ['session-0', `session-${serial}`]
  }
}

test('a snapshot comes back whole after the store is opened again', async () => {
  await put(open(), 'a')

  const snapshot = await open().get('a')

  expect(snapshot).toEqual(snapshotFor('a'))
  expect(stateOf('a', snapshotFor('a'))).toEqual(stateFor('a'))
  expect(await open().get('b')).toBeUndefined()
})

test('[SH1] a shard is one file 0600 that `JSON.parse` reads, and no temporary file stays', async () => {
  await put(open(), 'a')

  const file = shardFileName(shardOf('a'))
  const document = JSON.parse(readFileSync(join(folder, file), 'utf8'))
  expect(readdirSync(folder)).toEqual([file])
  expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600)
  expect(document).toMatchObject({ format: 1, sessions: { a: { revision: 1, position: [3, 4] } } })
})

test('[SH1] a write that fails leaves file and memory as they were', async () => {
  const refusing = { ...diskFileSystem }
  const snapshots = open(refusing)
  await put(snapshots, 'a')
  refusing.rename = () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }))

  const writing = snapshots.update(shardOf('a'), new Map([['a', snapshotFor('a', 2)]]))

  await expect(writing).rejects.toMatchObject({ code: 'ENOSPC' })
  expect((await snapshots.get('a'))?.revision).toBe(1)
  expect((await open().get('a'))?.revision).toBe(1)
  expect(readdirSync(folder)).toHaveLength(1)
})

test('[SH1] after a sync that failed the file says what the shard holds, not the memory', async () => {
  const refusing = { ...diskFileSystem }
  const snapshots = open(refusing)
  await put(snapshots, 'a')
  refusing.syncFolder = () => Promise.reject(Object.assign(new Error('bad'), { code: 'EIO' }))
  const writing = snapshots.update(shardOf('a'), new Map([['a', snapshotFor('a', 2)]]))
  await expect(writing).rejects.toMatchObject({ code: 'EIO' })
  refusing.syncFolder = diskFileSystem.syncFolder

  const held = await snapshots.get('a')

  expect(held).toEqual(await open().get('a'))
  expect(held?.revision).toBe(2)
})

test('updates of one shard made at once all land', async () => {
  const [first, second] = neighbours()
  const snapshots = open()

  await Promise.all([put(snapshots, first), put(snapshots, second)])

  expect((await open().ids(shardOf(first))).toSorted()).toEqual([first, second].toSorted())
})

test('[SH2] a shard with any flipped bit is not used, and is reported', async () => {
  await put(open(), 'a')
  const path = join(folder, shardFileName(shardOf('a')))
  const bytes = readFileSync(path)
  const taken: number[] = []
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const flipped = Buffer.from(bytes)
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
    if (typeof decodeShard(flipped) !== 'string') taken.push(bit)
  }
  writeFileSync(path, bytes.subarray(0, bytes.length - 9))
  const snapshots = open()

  const found = await snapshots.get('a')

  expect(taken).toEqual([])
  expect(found).toBeUndefined()
  expect(snapshots.damage()).toEqual([
    {
      file: `snapshots/${shardFileName(shardOf('a'))}`,
      byte: 0,
      bytes: bytes.length - 9,
      reason: 'its checksum does not fit',
      sessionIds: [],
    },
  ])
})

test('[SH2] a shard of a newer format is not used', async () => {
  const newer = encodeShard({ format: 2, sessions: {} })

  expect(decodeShard(newer)).toBe('it has format 2; this version reads 1')
})

test('[SH2] writing over a shard that could not be used makes it good again', async () => {
  await put(open(), 'a')
  writeFileSync(join(folder, shardFileName(shardOf('a'))), 'nonsense')
  const snapshots = open()
  await snapshots.get('a')

  await put(snapshots, 'a')

  expect(snapshots.damage()).toEqual([])
  expect(await open().get('a')).toEqual(snapshotFor('a'))
})

test('[SH3] `__proto__` and `constructor` are ids like any other', async () => {
  const snapshots = open()

  const before = [await snapshots.get('__proto__'), await snapshots.get('constructor')]
  await put(snapshots, '__proto__', 'constructor')

  expect(before).toEqual([undefined, undefined])
  expect(await open().get('__proto__')).toEqual(snapshotFor('__proto__'))
  expect(await open().get('constructor')).toEqual(snapshotFor('constructor'))
})

test('erase takes a session out of its shard and leaves its neighbours', async () => {
  const [first, second] = neighbours()
  const snapshots = open()
  await put(snapshots, first, second)

  await snapshots.erase([first, 'never-was'])

  const text = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'))
  expect(text.join('')).not.toContain(`"${first}"`)
  expect(await snapshots.get(first)).toBeUndefined()
  expect(await open().get(second)).toEqual(snapshotFor(second))
})

test('[SH2] erase removes a shard of which nobody can tell whether it holds the session', async () => {
  await put(open(), 'a')
  const path = join(folder, shardFileName(shardOf('a')))
  writeFileSync(path, readFileSync(path, 'utf8').replace('"active"', '"Active"'))
  const snapshots = open()

  await snapshots.erase(['a'])

  expect(existsSync(path)).toBe(false)
  expect(snapshots.damage()).toEqual([])
})

test('more shards than are kept in memory are all readable', async () => {
  const ids = Array.from({ length: 60 }, (_, serial) => `session-${serial}`)
  const snapshots = open()
  await put(snapshots, ...ids)

  const found = await Promise.all(ids.map((id) => snapshots.get(id)))

  expect(found).toEqual(ids.map((id) => snapshotFor(id)))
})
