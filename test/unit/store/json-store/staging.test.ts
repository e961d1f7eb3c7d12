import { beforeEach, expect, test } from 'vitest'
import type { FileSystem } from '../../../../src/store/file-system.ts'
import {
  parseStagingName,
  removeStaging,
  stagedFiles,
  stagingName,
} from '../../../../src/store/json-store/staging.ts'
import { CrashableFileSystem } from '../../../../src/testing/crashable-file-system.ts'

const STAGING = '/s/staging-000001-t'
const TEXT = Buffer.from('text')

let disk: CrashableFileSystem
let files: FileSystem
let calls: string[]

beforeEach(async () => {
  calls = []
  disk = new CrashableFileSystem({ onCall: (call, path) => void calls.push(`${call} ${path}`) })
  files = stagedFiles(disk, STAGING)
  await disk.makeFolder('/s/journal')
  await disk.makeFolder(STAGING)
  await put(disk, '/s/journal/there', TEXT)
  calls.length = 0
})

async function put(on: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const handle = await on.open(path, 'create')
  await handle.write(bytes, 0)
  await handle.close()
}

const paths = (): string[] => [...disk.contents().keys()].toSorted()

test('a staging folder is named by its epoch and token', () => {
  expect(stagingName(7, 'abc')).toBe('staging-000007-abc')
  expect(
    ['staging-000007-abc', 'staging-1234567-x-y', 'staging-7-abc', 'staging-000007'].map(parseStagingName),
  ).toEqual([7, 1_234_567, undefined, undefined])
})

test('[ST1] what is made, renamed, linked and removed is where it should be, and nothing is left in the folder', async () => {
  await put(files, '/s/journal/made', TEXT)
  await put(files, '/s/journal/x.tmp', TEXT)
  expect(paths()).toContain(`${STAGING}/x.tmp`)
  await files.rename('/s/journal/x.tmp', '/s/journal/renamed')
  await put(files, '/s/journal/y.tmp', TEXT)
  await files.link('/s/journal/y.tmp', '/s/journal/linked')
  await files.remove('/s/journal/y.tmp')
  await files.rename('/s/journal/there', '/s/journal/aside')
  await files.remove('/s/journal/renamed')

  expect(paths()).toEqual(['/s/journal/aside', '/s/journal/linked', '/s/journal/made'])
  expect(disk.contents().get('/s/journal/aside')).toEqual(TEXT)
})

test('[ST1] a file that is made under a name that is taken replaces nothing', async () => {
  const made = files.open('/s/journal/there', 'create')

  await expect(made).rejects.toMatchObject({ code: 'EEXIST' })
  expect(paths()).toEqual(['/s/journal/there'])
})

test.each<[string, (on: FileSystem) => Promise<unknown>]>([
  ['makes a file', (on) => on.open('/s/journal/new', 'create')],
  ['makes a file that is synced', (on) => on.open('/s/journal/new', 'create-synced')],
  ['begins a file', (on) => on.open('/s/journal/new.tmp', 'create')],
  ['finishes a file', (on) => on.rename('/s/journal/begun.tmp', '/s/journal/there')],
  ['links a file', (on) => on.link('/s/journal/begun.tmp', '/s/journal/new')],
  ['removes a file', (on) => on.remove('/s/journal/there')],
])('[ST2] an owner that %s when its folder is gone changes nothing', async (_, change) => {
  await put(files, '/s/journal/begun.tmp', Buffer.from('begun'))
  await removeStaging(disk, STAGING)

  await expect(change(files)).rejects.toMatchObject({ code: 'ENOENT' })

  expect(paths()).toEqual(['/s/journal/there'])
  expect(disk.contents().get('/s/journal/there')).toEqual(TEXT)
})

test('[ST2] a file that is set aside when the folder is gone keeps its name', async () => {
  await removeStaging(disk, STAGING)

  await expect(files.rename('/s/journal/there', '/s/journal/aside')).rejects.toMatchObject({ code: 'ENOENT' })

  expect(disk.contents().get('/s/journal/there')).toEqual(TEXT)
})

test('[ST2] a folder whose owner goes on putting files into it is removed all the same', async () => {
  let left = 3
  const busy: FileSystem = {
    ...stagedFiles(disk, STAGING),
    remove: (path) => disk.remove(path),
    async removeFolder(path) {
      left -= 1
      if (left > 0) await put(files, `/s/journal/${left}.tmp`, TEXT)
      return disk.removeFolder(path)
    },
  }

  await removeStaging(busy, STAGING)

  expect(left).toBe(0)
  expect(await disk.status(STAGING)).toBeUndefined()
  await removeStaging(disk, STAGING)
})

test('[ST2] a folder that cannot be removed is an error, not a loop', async () => {
  disk.failNext('removeFolder', 'EIO')

  await expect(removeStaging(disk, STAGING)).rejects.toMatchObject({ code: 'EIO' })
})

test('[ST1] what could not be cleared away behind a new file does not fail it', async () => {
  disk.failNext('remove', 'EIO')

  await put(files, '/s/journal/made', TEXT)

  expect(paths()).toEqual(['/s/journal/made', '/s/journal/there'])
  expect(await disk.status(`${STAGING}/made`)).toBeDefined()
})
