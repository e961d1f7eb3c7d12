import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { StoredState } from '../../../../src/store/change.ts'
import { diskFileSystem } from '../../../../src/store/file-system.ts'
import { Checkpoint } from '../../../../src/store/json-store/checkpoint.ts'
import { SessionIndex } from '../../../../src/store/json-store/session-index.ts'
import { shardOf, Snapshots } from '../../../../src/store/json-store/snapshots.ts'
import { loopTurns } from '../../../support/loop-turns.ts'

const BUDGET = 1 << 20

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'checkpoint-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const summary = {
  status: 'active',
  tenantId: null,
  userId: null,
  parentId: null,
  createdAt: 1,
  updatedAt: 2,
  dueAt: null,
}

function stateOf(sessionId: string, revision: number): StoredState {
  const machine = { version: 1, policy: 'limitPolicy', policyVersion: 1 }
  const facts = { machine, value: 'created', context: {}, policy: null, quarantine: null }
  return { sessionId, revision, facts, record: { name: sessionId }, summary }
}

/** A checkpoint over an index, and what makes sessions change. */
function checkpointing(options: { readonly mostHeld?: number } = {}) {
  const index = new SessionIndex()
  let serial = 0
  const snapshots = new Snapshots({ files: diskFileSystem, folder, unique: () => `u${(serial += 1)}` })
  const checkpoint = new Checkpoint({ index, snapshots, ...options })
  const move = (sessionId: string, revision: number): void => {
    serial += 1
    index.set(sessionId, { segment: 1, ordinal: serial, offset: serial, bytes: 1 }, revision, summary)
  }
  return {
    index,
    snapshots,
    checkpoint,
    move,
    change(sessionId: string, revision = 1): void {
      move(sessionId, revision)
      checkpoint.touch(sessionId, { state: stateOf(sessionId, revision) })
    },
    async saved(...ids: string[]): Promise<(number | undefined)[]> {
      return Promise.all(ids.map(async (id) => (await snapshots.get(id))?.revision))
    },
  }
}

/** So many ids of one shard. */
function idsOfOneShard(count: number): string[] {
  const shard = shardOf('session-0')
  const ids: string[] = []
  for (let n = 0; ids.length < count; n += 1) if (shardOf(`session-${n}`) === shard) ids.push(`session-${n}`)
  return ids
}

const shardsIn = (): number => readdirSync(folder).filter((name) => /^[0-9a-f]{2}\.json$/.test(name)).length

test('[CK1] [CK2] a small budget writes the shard with most changes and not all, and the next goes on', async () => {
  const { checkpoint, change, saved } = checkpointing()
  const many = idsOfOneShard(12)
  for (const id of Array.from({ length: 600 }, (_, n) => `other-${n}`).filter(
    (id) => shardOf(id) !== shardOf('session-0'),
  ))
    change(id)
  for (const id of many) change(id)
  const before = checkpoint.changed

  await checkpoint.write(1)

  expect(shardsIn()).toBeGreaterThan(0)
  expect(shardsIn()).toBeLessThan(64)
  expect(await saved(...many)).toEqual(many.map(() => 1))
  expect(checkpoint.changed).toBeLessThan(before)
  expect(checkpoint.changed).toBeGreaterThan(0)

  await checkpoint.write(BUDGET)

  expect(checkpoint.changed).toBe(0)
})

test('[CK1] the bytes written are those of the shards', async () => {
  const { checkpoint, change } = checkpointing()
  for (let n = 0; n < 50; n += 1) change(`session-${n}`)

  const written = await checkpoint.write(BUDGET)

  const onDisk = readdirSync(folder).map((name) => diskFileSystem.status(join(folder, name)))
  const bytes = (await Promise.all(onDisk)).reduce((sum, status) => sum + (status?.bytes ?? 0), 0)
  expect(written).toBe(bytes)
})

test('[CK3] a session that moves on meanwhile is left for later, a deleted one loses its snapshot', async () => {
  const { checkpoint, change, index, move, saved } = checkpointing()
  change('session-1')
  change('session-2')
  change('session-3')
  await checkpoint.write(BUDGET)
  change('session-1', 2)
  move('session-1', 3) // A newer line is durable, and its state is not known here yet.
  index.set('session-2', { segment: 1, ordinal: 99, offset: 99, bytes: 1 }, 2, 'deleted')
  checkpoint.touch('session-2', { state: undefined })

  await checkpoint.write(BUDGET)

  expect(await saved('session-1', 'session-2', 'session-3')).toEqual([1, undefined, 1])
  expect(checkpoint.changed).toBe(1)
})

test('[CK4] beyond those held nothing is read back; the next change makes up for it', async () => {
  const { checkpoint, change, saved } = checkpointing({ mostHeld: 3 })
  const ids = ['a', 'b', 'c', 'd', 'e']
  for (const id of ids) change(id)
  expect(checkpoint.changed).toBe(5)

  await checkpoint.write(BUDGET)
  expect(await saved(...ids)).toEqual([undefined, undefined, 1, 1, 1])
  expect(checkpoint.changed).toBe(2)

  change('a', 2)
  expect(checkpoint.changed).toBe(2)
  await checkpoint.write(BUDGET)
  expect(await saved('a', 'b')).toEqual([2, undefined])
  expect(checkpoint.changed).toBe(1)
})

test('[CK4] what changes while snapshots are written does not push out those that wait for theirs', async () => {
  const { checkpoint, change, saved } = checkpointing({ mostHeld: 2 })
  change('a')
  change('b')

  const writing = checkpoint.write(BUDGET)
  for (const id of ['c', 'd']) change(id)
  await writing

  expect(await saved('a', 'b')).toEqual([1, 1])
  expect(checkpoint.changed).toBe(2)
})

test('[CK5, SH4] one shard at a turn of the loop, and more when those that wait would soon be let go', async () => {
  const { snapshots, checkpoint, change } = checkpointing({ mostHeld: 200 })
  const paces: number[] = []
  vi.spyOn(snapshots, 'atATurn', 'set').mockImplementation((most) => void paces.push(most))
  for (let n = 0; n < 150; n += 1) change(`session-${n}`)

  const writing = checkpoint.write(BUDGET)
  for (let n = 0; n < 51; n += 1) change(`later-${n}`)
  await writing

  expect([paces[0], paces.at(-1)]).toEqual([1, 4])
})

test('[CK5] three turns of the loop are left to others behind each that begins a shard', async () => {
  const { snapshots, checkpoint, change } = checkpointing()
  const begun: number[] = []
  const turns = loopTurns()
  vi.spyOn(snapshots, 'update').mockImplementation(async () => begun.push(turns.count))
  for (let n = 0; n < 50; n += 1) change(`session-${n}`)

  await checkpoint.write(BUDGET)
  turns.stop()

  expect(begun.length).toBeGreaterThan(20)
  expect(Math.min(...begun.slice(1).map((at, n) => at - (begun[n] ?? 0)))).toBeGreaterThanOrEqual(3)
})

test('a shard that cannot be written leaves its sessions on the list', async () => {
  const { checkpoint, change, saved } = checkpointing()
  change('a')
  rmSync(folder, { recursive: true })
  writeFileSync(folder, 'in the way')

  await expect(checkpoint.write(BUDGET)).rejects.toThrow()
  expect(checkpoint.changed).toBe(1)

  rmSync(folder)
  await checkpoint.write(BUDGET)
  expect(await saved('a')).toEqual([1])
  expect(checkpoint.changed).toBe(0)
})

test('an erased session is taken off the list', async () => {
  const { checkpoint, change, saved } = checkpointing({ mostHeld: 1 })
  change('a')
  change('b')

  checkpoint.drop(['a', 'b'])

  expect(checkpoint.changed).toBe(0)
  await checkpoint.write(BUDGET)
  expect(await saved('a', 'b')).toEqual([undefined, undefined])
})
