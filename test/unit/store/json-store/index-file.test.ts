import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { diskFileSystem } from '../../../../src/store/file-system.ts'
import {
  decodeIndex,
  encodeIndex,
  indexFileName,
  parseIndexFileName,
  readIndexFile,
  writeIndexFile,
} from '../../../../src/store/json-store/index-file.ts'
import { SessionIndex } from '../../../../src/store/json-store/session-index.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sessionwright-index-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const header = (over: object = {}) => ({
  storeId: 'store-1',
  epoch: 3,
  end: { segment: 2, offset: 900, ordinal: 7 },
  clean: true,
  extra: { segments: [{ segment: 1, live: 10 }] },
  ...over,
})

function indexOf(...ids: string[]): SessionIndex {
  const index = new SessionIndex()
  for (const [order, id] of ids.entries()) {
    index.set(id, { segment: 1, ordinal: order + 1, offset: order * 10, bytes: 10 }, 1, {
      status: 'active',
      tenantId: null,
      userId: null,
      parentId: null,
      createdAt: 1,
      updatedAt: 2,
      dueAt: 3,
    })
  }
  return index
}

const write = (serial: number, index: SessionIndex, over: object = {}) =>
  writeIndexFile(diskFileSystem, folder, indexFileName(3, serial), index, header(over), 'u')

test('names carry epoch and serial, and no other name is taken for an index', () => {
  expect(indexFileName(7, 42)).toBe('index-000007-00000042.bin')
  expect(parseIndexFileName('index-000007-00000042.bin')).toEqual({ epoch: 7, serial: 42 })
  expect(parseIndexFileName('index-000007-00000042.bin.u.tmp')).toBeUndefined()
  expect(parseIndexFileName('owner-000007')).toBeUndefined()
})

test('[IF2] the newest file is read and the older one is gone', async () => {
  await write(1, indexOf('a'))

  await write(2, indexOf('a', 'b'))

  const found = await readIndexFile(diskFileSystem, folder, 'store-1')
  expect(readdirSync(folder)).toEqual([indexFileName(3, 2)])
  expect(found.header).toEqual(header())
  expect([...(found.index?.ids() ?? [])]).toEqual(['a', 'b'])
  expect(found.serial).toBe(2)
  expect(found.rejected).toEqual([])
})

test('[IF1] whichever bit of a file flips, it is not used', () => {
  const bytes = encodeIndex(indexOf('a', 'b'), header())
  const taken: number[] = []

  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const flipped = Buffer.from(bytes)
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
    if ('index' in decodeIndex(flipped)) taken.push(bit)
  }

  expect(taken).toEqual([])
})

test('[IF1] a file cut anywhere is not used', () => {
  const bytes = encodeIndex(indexOf('a', 'b'), header())

  const taken = Array.from({ length: bytes.length }, (_, size) => size).filter(
    (size) => 'index' in decodeIndex(bytes.subarray(0, size)),
  )

  expect(taken).toEqual([])
})

test('[IF2] a damaged newest file is reported and the one before it is used', async () => {
  await write(1, indexOf('a'))
  const bytes = readFileSync(join(folder, indexFileName(3, 1)))
  writeFileSync(join(folder, indexFileName(3, 2)), bytes.subarray(0, 50))

  const found = await readIndexFile(diskFileSystem, folder, 'store-1')

  expect(found.file).toBe(indexFileName(3, 1))
  expect(found.rejected).toEqual([
    { file: indexFileName(3, 2), bytes: 50, reason: 'its checksum does not fit' },
  ])
  expect(found.serial).toBe(2)
})

test('[IF3] the index of another store is not used', async () => {
  await write(1, indexOf('a'))

  const found = await readIndexFile(diskFileSystem, folder, 'store-2')

  expect(found.index).toBeUndefined()
  expect(found.rejected[0]?.reason).toBe('it belongs to another store')
})

test('an empty folder has no index and serial 0', async () => {
  expect(await readIndexFile(diskFileSystem, folder, 'store-1')).toEqual({ rejected: [], serial: 0 })
})
