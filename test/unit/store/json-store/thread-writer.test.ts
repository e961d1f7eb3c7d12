import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { FileSystem } from '../../../../src/store/file-system.ts'
import { diskFileSystem } from '../../../../src/store/file-system.ts'
import { inProcessWriter } from '../../../../src/store/json-store/in-process-writer.ts'
import { threadWriter } from '../../../../src/store/json-store/thread-writer.ts'
import type {
  JournalWriter,
  Opening,
  Slab,
  WriteOutcome,
  WriterPlace,
} from '../../../../src/store/json-store/writer.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'writer-'))
  mkdirSync(join(folder, 'journal'))
  mkdirSync(join(folder, 'staging'))
  writeFileSync(join(folder, 'owner-000001'), '{}')
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

const place = (): WriterPlace => ({ folder, epoch: 1, staging: join(folder, 'staging') })
const HOSTS: readonly (readonly [string, () => JournalWriter])[] = [
  ['thread', () => threadWriter(place())],
  ['in-process', () => inProcessWriter(diskFileSystem, place())],
]

function slabOf(writer: JournalWriter, text: string): Slab {
  const slab = writer.allocate(1_024, true)
  slab.buffer.write(text)
  return slab
}

function write(
  writer: JournalWriter,
  slab: Slab,
  bytes: number,
  offset: number,
  opening: Opening | null,
): Promise<WriteOutcome> {
  return new Promise((resolve) => writer.write({ segment: 1, offset, bytes, opening }, slab, resolve))
}

const content = (): string => readFileSync(join(folder, 'journal', '00000001.jsonl'), 'utf8')

test.each(HOSTS)(
  '[W1] %s: batches go where they are ordered, a slab comes again, finish cuts',
  async (_, host) => {
    const writer = host()
    const slab = slabOf(writer, 'first\n')

    expect(await write(writer, slab, 6, 0, { from: 'new' })).toEqual({ kind: 'written' })
    slab.buffer.write('second\n\n\n')
    expect(await write(writer, slab, 9, 6, null)).toEqual({ kind: 'written' })
    expect(content()).toBe('first\nsecond\n\n\n')
    expect(await new Promise((resolve) => writer.finish(13, resolve))).toEqual({ kind: 'written' })
    expect(content()).toBe('first\nsecond\n')
    await writer.dispose()
  },
)

/** Somebody else takes the store, as far as the removal of our staging folder. */
function lose(): void {
  writeFileSync(join(folder, 'owner-000002'), '{}')
  rmSync(join(folder, 'staging'), { recursive: true })
}

test.each(HOSTS)('[W2] %s: written to a store that is not ours any more is fenced', async (_, host) => {
  const writer = host()
  lose()

  const opening = { from: 'new' } as const
  expect(await write(writer, slabOf(writer, 'x\n'), 2, 0, opening)).toEqual({ kind: 'fenced', wrote: false })
  rmSync(join(folder, 'owner-000002'))
  mkdirSync(join(folder, 'staging'))
  expect(await write(writer, slabOf(writer, 'x\n'), 2, 0, { from: 'new' })).toEqual({ kind: 'written' })
  rmSync(join(folder, 'owner-000001'))
  rmSync(join(folder, 'staging'), { recursive: true })
  expect(await write(writer, slabOf(writer, 'x\n'), 2, 2, null)).toEqual({ kind: 'fenced', wrote: true })
  await writer.dispose()
})

test.each(HOSTS)(
  '[W10] %s: what is on the disk before the successor reads is written; a staging folder removed by hand fences nobody',
  async (_, host) => {
    const writer = host()
    expect(await write(writer, slabOf(writer, 'x\n'), 2, 0, { from: 'new' })).toEqual({ kind: 'written' })

    writeFileSync(join(folder, 'owner-000002'), '{}')
    expect(await write(writer, slabOf(writer, 'x\n'), 2, 2, null)).toEqual({ kind: 'written' })
    lose()
    expect(await write(writer, slabOf(writer, 'x\n'), 2, 4, null)).toEqual({ kind: 'fenced', wrote: true })
    rmSync(join(folder, 'owner-000002'))
    expect(await write(writer, slabOf(writer, 'x\n'), 2, 4, null)).toEqual({ kind: 'written' })
    await writer.dispose()
  },
)

test('[W10] what found no room, and was there when the store was taken, is fenced: its successor may have read it', async () => {
  let isFull = false
  const files: FileSystem = {
    ...diskFileSystem,
    async open(path, mode) {
      const handle = await diskFileSystem.open(path, mode)
      return {
        ...handle,
        async write(bytes, position) {
          await handle.write(bytes, position)
          if (!isFull) return
          lose()
          throw Object.assign(new Error('no room'), { code: 'ENOSPC' })
        },
      }
    },
  }
  const writer = inProcessWriter(files, place())
  expect(await write(writer, slabOf(writer, 'x\n'), 2, 0, { from: 'new' })).toEqual({ kind: 'written' })
  isFull = true

  expect(await write(writer, slabOf(writer, 'y\n'), 2, 2, null)).toEqual({ kind: 'fenced', wrote: true })
  expect(content()).toBe('x\n')
  await writer.dispose()
})

test.each(HOSTS)('[W4] %s: a prepared file takes a free name only', async (_, host) => {
  const temporary = join(folder, 'staging', 'ahead.tmp')
  writeFileSync(temporary, '\n'.repeat(64))
  const writer = host()

  expect(await write(writer, slabOf(writer, 'x\n'), 2, 0, { from: 'prepared', temporary })).toEqual({
    kind: 'written',
  })
  expect(content()).toBe(`x\n${'\n'.repeat(62)}`)
  writeFileSync(temporary, 'other')
  const second = await write(writer, slabOf(writer, 'y\n'), 2, 0, { from: 'prepared', temporary })
  expect(second).toEqual({ kind: 'failed', reason: 'EEXIST' })
  expect(content()).toMatch(/^x\n/)
  await writer.dispose()
})

test('[ST2, W9] who loses the store between its look and the file it makes is fenced, and has written nothing', async () => {
  const files: FileSystem = {
    ...diskFileSystem,
    async open(path, mode) {
      rmSync(join(folder, 'staging'), { recursive: true })
      writeFileSync(join(folder, 'owner-000002'), '{}')
      return diskFileSystem.open(path, mode)
    },
  }
  const writer = inProcessWriter(files, place())

  expect(await write(writer, slabOf(writer, 'x\n'), 2, 0, { from: 'new' })).toEqual({
    kind: 'fenced',
    wrote: false,
  })
  expect(readdirSync(join(folder, 'journal'))).toEqual([])
  await writer.dispose()
})

test('[W5] a staging folder that is gone while the store is ours is a failure', async () => {
  rmSync(join(folder, 'staging'), { recursive: true })
  const writer = inProcessWriter(diskFileSystem, place())

  const outcome = await write(writer, slabOf(writer, 'x\n'), 2, 0, { from: 'new' })

  expect(outcome).toEqual({ kind: 'failed', reason: 'ENOENT' })
  await writer.dispose()
})

test.each(HOSTS)('[W5] %s: what cannot be opened fails and says why', async (_, host) => {
  const writer = host()

  expect(await write(writer, slabOf(writer, 'x\n'), 2, 0, { from: 'existing' })).toEqual({
    kind: 'failed',
    reason: 'ENOENT',
  })
  await writer.dispose()
})

test('[W7] a thread that was let go fails every order', async () => {
  const writer = threadWriter(place())
  const slab = slabOf(writer, 'x\n')
  await writer.dispose()

  expect(await write(writer, slab, 2, 0, { from: 'new' })).toMatchObject({ kind: 'failed' })
})

test('[W6] the thread keeps a process alive while a write is under way, and only then', () => {
  const script = `
    const { openJsonStore } = await import(process.argv[1])
    const { systemClock } = await import(process.argv[2])
    const { SampleSession } = await import(process.argv[3])
    let made = 0
    const store = openJsonStore({ dir: process.argv[4], clock: systemClock, unique: () => 'u' + (made += 1) })
    await store.open({ readOnly: false })
    new SampleSession('one').append(store).then(() => console.log('acknowledged'))`
  const dist = (path: string): string => new URL(`../../../../dist/${path}`, import.meta.url).href
  const output = execFileSync(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      script,
      dist('store/json-store/json-store.js'),
      dist('runtime/clock.js'),
      dist('testing/store-contract/sample-session.js'),
      join(folder, 'store'),
    ],
    { encoding: 'utf8', timeout: 15_000 },
  )

  expect(output).toBe('acknowledged\n')
})
