import { expect, test } from 'vitest'
import { readWhole, replaceFile } from '../../../src/store/file-system.ts'
import { CrashableFileSystem } from '../../../src/testing/crashable-file-system.ts'

const SEEDS = Array.from({ length: 200 }, (_, seed) => seed)

async function fresh(seed = 1): Promise<CrashableFileSystem> {
  const files = new CrashableFileSystem({ seed })
  await files.makeFolder('/store')
  files.settle()
  return files
}

async function textOf(files: CrashableFileSystem, path: string): Promise<string | undefined> {
  return (await readWhole(files, path))?.toString('latin1')
}

async function put(files: CrashableFileSystem, path: string, text: string): Promise<void> {
  const handle = await files.open(path, 'create')
  await handle.write(Buffer.from(text), 0)
  await handle.sync()
  await handle.close()
}

test('[FK1] a killed process loses its handles and nothing else', async () => {
  const files = await fresh()
  const handle = await files.open('/store/a', 'create')
  await handle.write(Buffer.from('not synced'), 0)

  const next = files.processDied()

  expect(await textOf(next, '/store/a')).toBe('not synced')
  await expect(handle.write(Buffer.from('late'), 0)).rejects.toMatchObject({ code: 'EIO' })
  await expect(files.list('/store')).rejects.toMatchObject({ code: 'EIO' })
  expect(await textOf(next, '/store/a')).toBe('not synced')
})

test('[FK1] synced bytes under a synced name survive every power cut', async () => {
  const files = await fresh()
  const text = 'x'.repeat(5_000)
  await put(files, '/store/a', text)
  await files.syncFolder('/store')

  for (const seed of SEEDS) expect(await textOf(files.afterPowerCut({ seed }), '/store/a')).toBe(text)
})

test('[FK2] each unsynced sector is kept, dropped or zeroed on its own', async () => {
  const files = await fresh()
  await put(files, '/store/a', 'o'.repeat(700))
  await files.syncFolder('/store')
  const handle = await files.open('/store/a', 'write')
  await handle.write(Buffer.from('n'.repeat(2_048 - 100)), 100)
  const seen = new Set<string>()

  for (const seed of SEEDS) {
    const found = (await textOf(files.afterPowerCut({ seed }), '/store/a')) ?? ''
    expect(found.slice(0, 100)).toBe('o'.repeat(100))
    expect(found.length).toBeGreaterThanOrEqual(700)
    const sectors = [0, 1, 2, 3].map((sector) => found.slice(Math.max(100, sector * 512), sector * 512 + 512))
    seen.add(sectors.map((sector) => [...new Set(sector)].join('').replaceAll('\0', '0')).join('|'))
    // An old sector is whole: either what it was or what was written.
    expect(['o', 'n']).toContain([...new Set(sectors[0])].join(''))
    expect(sectors[1]).toMatch(/^(n{512}|o{188}\0*)$/)
    for (const sector of sectors.slice(2)) expect(sector).toMatch(/^(n*|\0*)$/)
  }

  expect(seen).toContain('n|n|n|n')
  expect(seen).toContain('o|o||')
  expect([...seen].some((pattern) => pattern.endsWith('|0|n'))).toBe(true)
  expect([...seen].some((pattern) => pattern.endsWith('|n|0|'))).toBe(true)
  expect([...seen].some((pattern) => pattern.includes('o|n|') || pattern.includes('n|o'))).toBe(true)
})

test('[FK2] a truncation that was not synced may be undone by a power cut, a synced one may not', async () => {
  const files = await fresh()
  await put(files, '/store/a', 'abcdef')
  await files.syncFolder('/store')
  const handle = await files.open('/store/a', 'write')
  await handle.truncate(2)

  const unsynced = new Set<string | undefined>()
  for (const seed of SEEDS) unsynced.add(await textOf(files.afterPowerCut({ seed }), '/store/a'))
  expect([...unsynced].sort()).toEqual(['ab', 'abcdef'])

  const other = await fresh()
  await put(other, '/store/a', 'abcdef')
  await other.syncFolder('/store')
  const again = await other.open('/store/a', 'write')
  await again.truncate(2)
  await again.truncate(4)
  await again.sync()
  for (const seed of SEEDS) expect(await textOf(other.afterPowerCut({ seed }), '/store/a')).toBe('ab\0\0')
})

test('[FK2] a synced write is on the disk when it resolves, its neighbours are not', async () => {
  const files = await fresh()
  const handle = await files.open('/store/a', 'create-synced')
  await files.syncFolder('/store')
  await handle.write(Buffer.from('a'.repeat(1_024)), 0)
  const unsynced = await files.open('/store/a', 'write')
  await unsynced.write(Buffer.from('b'.repeat(512)), 1_024)
  await handle.write(Buffer.from('c'.repeat(512)), 1_536)
  const middles = new Set<string>()

  for (const seed of SEEDS) {
    const found = (await textOf(files.afterPowerCut({ seed }), '/store/a')) ?? ''
    expect(found.slice(0, 1_024)).toBe('a'.repeat(1_024))
    expect(found.slice(1_536)).toBe('c'.repeat(512))
    middles.add(found.slice(1_024, 1_536))
  }

  expect([...middles].sort()).toEqual(['\0'.repeat(512), 'b'.repeat(512)])
})

test('[FK3] after a failed sync the next one succeeds and the bytes are still not there', async () => {
  const files = await fresh()
  const handle = await files.open('/store/a', 'create')
  await files.syncFolder('/store')
  await handle.write(Buffer.from('x'.repeat(8 * 512)), 0)
  files.failNext('sync', 'EIO')

  await expect(handle.sync()).rejects.toMatchObject({ code: 'EIO' })
  await handle.sync()

  expect(await textOf(files.processDied(), '/store/a')).toBe('x'.repeat(8 * 512))
  const after = (await textOf(files.afterPowerCut(), '/store/a')) ?? ''
  expect(after).toHaveLength(8 * 512)
  expect(after).toContain('\0')
})

test('[FK4] names survive only as a prefix of what was done since the last sync of their folder', async () => {
  const start = async (): Promise<CrashableFileSystem> => {
    const files = await fresh()
    for (const name of ['a', 'b', 'c']) await put(files, `/store/${name}`, name)
    await files.rename('/store/a', '/store/z')
    return files
  }
  const files = await start()
  const seen = new Set<string>()

  for (const seed of SEEDS) seen.add((await files.afterPowerCut({ seed }).list('/store')).sort().join(''))
  expect([...seen].sort()).toEqual(['', 'a', 'ab', 'abc', 'bcz'])

  const synced = await start()
  await synced.syncFolder('/store')
  for (const seed of SEEDS)
    expect((await synced.afterPowerCut({ seed }).list('/store')).sort()).toEqual(['b', 'c', 'z'])
})

test('[FK4] a rename between folders survives whole or not at all, whichever folder is synced', async () => {
  const start = async (): Promise<CrashableFileSystem> => {
    const files = await fresh()
    await files.makeFolder('/store/from')
    await files.makeFolder('/store/to')
    files.settle()
    await put(files, '/store/from/a', 'a')
    await files.rename('/store/from/a', '/store/to/a')
    return files
  }
  const placesOf = async (files: CrashableFileSystem): Promise<string> =>
    `${(await files.list('/store/from')).join('')}/${(await files.list('/store/to')).join('')}`
  const seen = new Set<string>()

  const files = await start()
  for (const seed of SEEDS) seen.add(await placesOf(files.afterPowerCut({ seed })))
  expect([...seen].sort()).toEqual(['/', '/a', 'a/'])

  for (const folder of ['from', 'to']) {
    const synced = await start()
    await synced.syncFolder(`/store/${folder}`)
    for (const seed of SEEDS) expect(await placesOf(synced.afterPowerCut({ seed }))).toBe('/a')
  }
})

test('[FK4] what was done after a rename between folders survives only with it, in both folders', async () => {
  const files = await fresh()
  await files.makeFolder('/store/from')
  await files.makeFolder('/store/to')
  await put(files, '/store/from/a', 'a')
  files.settle()
  await put(files, '/store/to/before', '')
  await files.rename('/store/from/a', '/store/to/a')
  await put(files, '/store/from/later', '')
  await put(files, '/store/to/later', '')
  const seen = new Set<string>()

  for (const seed of SEEDS) {
    const paths = [...files.afterPowerCut({ seed }).contents().keys()].map((path) =>
      path.slice('/store/'.length),
    )
    seen.add(paths.sort().join(' '))
  }

  const moved = ['to/a', 'to/before']
  expect([...seen].sort()).toEqual(
    [
      'from/a',
      'from/a to/before',
      moved.join(' '),
      ['from/later', ...moved].join(' '),
      [...moved, 'to/later'].join(' '),
      ['from/later', ...moved, 'to/later'].join(' '),
    ].sort(),
  )
})

test('[FK4] a replaced file is the old one or the new one at every crash point, and the new one once replaced', async () => {
  for (const seed of SEEDS.slice(0, 20)) {
    for (let n = 1; ; n += 1) {
      const files = await fresh(seed)
      await put(files, '/store/a', 'old'.repeat(400))
      await files.syncFolder('/store')
      files.crashAt(n)

      const outcome = await replaceFile(files, '/store', 'a', Buffer.from('new'.repeat(500)), 'u').then(
        () => 'done',
        () => 'failed',
      )

      const found = await textOf(files.afterPowerCut(), '/store/a')
      if (outcome === 'done') {
        expect(n).toBeGreaterThan(5)
        expect(found).toBe('new'.repeat(500))
        break
      }
      expect(files.powerLost).toBe(true)
      expect(['old'.repeat(400), 'new'.repeat(500)]).toContain(found)
    }
  }
})

test('[FK5] faults come at the call they were set for, and only there', async () => {
  const files = await fresh()
  files.failAt(2, 'EACCES')
  files.failNext('list', 'EMFILE')
  const before = files.calls()

  await expect(files.status('/store')).resolves.toMatchObject({ kind: 'folder', mode: 0o700 })
  await expect(files.status('/store')).rejects.toMatchObject({ code: 'EACCES' })
  await expect(files.list('/store')).rejects.toMatchObject({ code: 'EMFILE' })
  await expect(files.list('/store')).resolves.toEqual([])
  expect([files.calls() - before, files.calls('list')]).toEqual([4, 2])

  files.failSometimes('list', 0.5, 'EIO')
  const outcomes = await Promise.allSettled(SEEDS.map(() => files.list('/store')))
  const failed = outcomes.filter(({ status }) => status === 'rejected').length
  expect(failed).toBeGreaterThan(50)
  expect(failed).toBeLessThan(150)
})

test('[FK5] a write that fails leaves a prefix of itself', async () => {
  const lengths = new Set<number>()
  for (const seed of SEEDS) {
    const files = await fresh(seed)
    const handle = await files.open('/store/a', 'create')
    files.failNext('write', 'EIO')

    await expect(handle.write(Buffer.from('0123456789'), 0)).rejects.toMatchObject({ code: 'EIO' })

    const found = (await textOf(files, '/store/a')) ?? ''
    expect('0123456789'.startsWith(found)).toBe(true)
    lengths.add(found.length)
  }
  expect(lengths.size).toBeGreaterThan(5)
})

test('[FK5] a full disk takes what fits and says ENOSPC; room made is room again', async () => {
  const files = await fresh()
  await put(files, '/store/a', 'x'.repeat(60))
  files.diskBytes = 100
  const handle = await files.open('/store/b', 'create')

  await expect(handle.write(Buffer.from('y'.repeat(50)), 0)).rejects.toMatchObject({ code: 'ENOSPC' })
  expect(await handle.size()).toBe(40)
  await handle.write(Buffer.from('z'.repeat(40)), 0)
  await files.remove('/store/a')
  await handle.write(Buffer.from('y'.repeat(100)), 0)

  expect(await handle.size()).toBe(100)
})

test('[FK6] the same seed gives the same run, another seed another', async () => {
  const run = async (seed: number): Promise<string> => {
    const files = new CrashableFileSystem({ seed })
    await files.makeFolder('/store')
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
      const handle = await files.open(`/store/${name}`, 'create')
      await handle.write(Buffer.from(name.repeat(3_000)), 0)
      if (name === 'c') files.settle()
    }
    const after = files.afterPowerCut()
    return JSON.stringify([
      await after.list('/store'),
      [...after.contents()].map(([path, bytes]) => [path, bytes.toString('latin1')]),
    ])
  }

  expect(await run(7)).toBe(await run(7))
  expect(await run(7)).not.toBe(await run(8))
})

test('[FK6] calls can be watched and held', async () => {
  const seen: string[] = []
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => (release = resolve))
  const files = new CrashableFileSystem({
    onCall: (call, path) => {
      seen.push(`${call} ${path}`)
      return call === 'list' ? held : undefined
    },
  })
  let listed = false

  const listing = files.list('/').then(() => (listed = true))
  await files.makeFolder('/store')
  expect(listed).toBe(false)
  release()
  await listing

  expect(seen).toEqual(['list /', 'makeFolder /store'])
})

test('names behave as on a disk', async () => {
  const files = await fresh()
  await put(files, '/store/a', 'a')
  await files.makeFolder('/store/folder/inner')
  const refusals: [() => Promise<unknown>, string][] = [
    [() => files.open('/store/a', 'create'), 'EEXIST'],
    [() => files.open('/store/b', 'read'), 'ENOENT'],
    [() => files.open('/none/b', 'create'), 'ENOENT'],
    [() => files.open('/store/a/b', 'create'), 'ENOTDIR'],
    [() => files.open('/store/folder', 'read'), 'EISDIR'],
    [() => files.link('/store/b', '/store/c'), 'ENOENT'],
    [() => files.link('/store/folder', '/store/c'), 'EPERM'],
    [() => files.link('/store/a', '/store/folder'), 'EEXIST'],
    [() => files.rename('/store/b', '/store/c'), 'ENOENT'],
    [() => files.rename('/store/a', '/store/folder'), 'EISDIR'],
    [() => files.rename('/store/folder', '/store/a'), 'ENOTDIR'],
    [() => files.rename('/store/folder/inner', '/store/folder/inner/x'), 'EINVAL'],
    [() => files.remove('/store/folder'), 'EISDIR'],
    [() => files.remove('/store/b'), 'ENOENT'],
    [() => files.list('/store/a'), 'ENOTDIR'],
    [() => files.syncFolder('/none'), 'ENOENT'],
    [() => files.makeFolder('/store/a/b'), 'ENOTDIR'],
  ]

  for (const [call, code] of refusals) await expect(call()).rejects.toMatchObject({ code })

  await files.link('/store/a', '/store/b')
  const handle = await files.open('/store/b', 'write')
  await handle.write(Buffer.from('BB'), 0)
  expect(await textOf(files, '/store/a')).toBe('BB')
  await files.rename('/store/b', '/store/folder/c')
  await files.remove('/store/a')
  expect(await textOf(files, '/store/folder/c')).toBe('BB')
  expect(await files.status('/store/a')).toBeUndefined()
  expect(await files.status('/store/folder/c')).toMatchObject({ kind: 'file', bytes: 2, mode: 0o600 })
  await handle.close()
  await expect(handle.write(Buffer.from('x'), 0)).rejects.toMatchObject({ code: 'EBADF' })
  const reader = await files.open('/store/folder/c', 'read')
  await expect(reader.write(Buffer.from('x'), 0)).rejects.toMatchObject({ code: 'EBADF' })
})
