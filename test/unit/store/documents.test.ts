import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Documents } from '../../../src/store/documents.ts'
import { openDocuments } from '../../../src/store/documents.ts'
import { CrashableFileSystem } from '../../../src/testing/crashable-file-system.ts'

let dir: string
let documents: Documents

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'documents-'))
  documents = openDocuments({ dir })
})

afterEach(() => rm(dir, { recursive: true }))

/** Every call that takes a category and a name. */
const CALLS: Record<string, (category: string, name: string) => Promise<unknown>> = {
  saveMarkdown: (category, name) => documents.saveMarkdown(category, name, 'text'),
  loadMarkdown: (category, name) => documents.loadMarkdown(category, name),
  saveJson: (category, name) => documents.saveJson(category, name, { a: 1 }),
  loadJson: (category, name) => documents.loadJson(category, name),
  delete: (category, name) => documents.delete(category, name),
}

test('[S4-23] opening makes nothing, cannot fail, and keeps the path readable', () => {
  const absent = join(dir, 'not', 'there')

  expect(openDocuments({ dir: absent }).dir).toBe(absent)
  expect(openDocuments({ dir: '\0' }).dir).toBe('\0')
  expect(existsSync(join(dir, 'not'))).toBe(false)
})

test.each([
  '',
  '..',
  'a/../b',
  'a..b',
  '../x',
  'a\\b',
  '/a',
  'a/',
  '/',
  'a//b',
  '.',
  'a/./b',
  './a',
  'a\0b',
  '\ud800',
])('[S4-24] the category %j is refused by every call, and nothing is made', async (category) => {
  const refusal = { code: 'DOCUMENT_INVALID', details: { reason: `invalid category name: '${category}'` } }

  for (const call of Object.values(CALLS)) await expect(call(category, 'name')).rejects.toMatchObject(refusal)
  await expect(documents.list(category)).rejects.toMatchObject(refusal)

  expect(await readdir(dir)).toEqual([])
})

test.each(['a', 'a/b', 'a/b/c', '.hidden', 'with space', 'ü', '-', 'a.b'])(
  '[S4-24] the category %j is taken',
  async (category) => {
    await documents.saveMarkdown(category, 'name', 'text')

    expect(await documents.loadMarkdown(category, 'name')).toBe('text')
    expect(await readFile(join(dir, 'documents', category, 'name.md'), 'utf8')).toBe('text')
  },
)

test.each(['..', '../x', 'a..b', 'a/b', '/a', 'a\\b', '', '.', 'a\0', '\udfff'])(
  '[S4-25] the name %j is refused by every call, and nothing is made',
  async (name) => {
    const refusal = { code: 'DOCUMENT_INVALID', details: { reason: `invalid file name: '${name}'` } }

    for (const call of Object.values(CALLS))
      await expect(call('category', name)).rejects.toMatchObject(refusal)

    expect(await readdir(dir)).toEqual([])
  },
)

test('[S4-24, S4-25] a refusal begins with the words of the seed', async () => {
  await expect(documents.list('a//b')).rejects.toThrow(/^invalid category name: 'a\/\/b'/)
  await expect(documents.delete('a', 'b/c')).rejects.toThrow(/^invalid file name: 'b\/c'/)
})

test('[DO1] no category or name, however odd, touches anything outside the documents', async () => {
  const parts = fc.constantFrom('a', '.', '..', '/', '\\', '\0', '~', '%2e', 'documents', ' ')
  const odd = fc.array(parts, { maxLength: 5 }).map((list) => list.join(''))

  await fc.assert(
    fc.asyncProperty(odd, odd, async (category, name) => {
      const files = new CrashableFileSystem()
      const inMemory = openDocuments({ dir: '/store', files })

      await inMemory.saveJson(category, name, 1).catch(() => undefined)
      await inMemory.saveMarkdown(category, name, '').catch(() => undefined)

      for (const path of files.contents().keys())
        expect(path).toMatch(/^\/store\/documents\/[^]+\/[^/]+\.(md|json)$/)
    }),
    { numRuns: 500 },
  )
})

test('[S4-26] Markdown is saved under its name, over the one before, with nothing left beside it', async () => {
  await documents.saveMarkdown('notes', 'first', '# Old')
  await documents.saveMarkdown('notes', 'first', '# New ü\r\n')

  expect(await readFile(join(dir, 'documents/notes/first.md'), 'utf8')).toBe('# New ü\r\n')
  expect(await readdir(join(dir, 'documents/notes'))).toEqual(['first.md'])
  expect((await stat(join(dir, 'documents'))).mode & 0o777).toBe(0o700)
  expect((await stat(join(dir, 'documents/notes/first.md'))).mode & 0o777).toBe(0o600)
})

test('[S4-26] a temporary name that is taken is not used', async () => {
  await mkdir(join(dir, 'documents/notes'), { recursive: true })
  await writeFile(join(dir, 'documents/notes/first.md.1.tmp'), 'of somebody else')
  let count = 0
  const counted = openDocuments({ dir, unique: () => String((count += 1)) })

  await counted.saveMarkdown('notes', 'first', 'text')

  expect(await readFile(join(dir, 'documents/notes/first.md.1.tmp'), 'utf8')).toBe('of somebody else')
  expect(await counted.loadMarkdown('notes', 'first')).toBe('text')
  expect(count).toBe(2)
})

test('[S4-26] many saves of one name at once leave one whole document', async () => {
  const texts = Array.from({ length: 20 }, (_, index) => String(index).repeat(1_000))
  const other = openDocuments({ dir })

  await Promise.all(
    texts.map((text, index) => (index % 2 === 0 ? documents : other).saveMarkdown('notes', 'one', text)),
  )

  expect(texts).toContain(await documents.loadMarkdown('notes', 'one'))
  expect(await readdir(join(dir, 'documents/notes'))).toEqual(['one.md'])
})

test('[S4-26] text without a UTF-8 form is refused, not changed', async () => {
  await expect(documents.saveMarkdown('notes', 'one', 'a\ud800')).rejects.toMatchObject({
    code: 'DOCUMENT_INVALID',
  })
  await expect(documents.saveMarkdown('notes', 'one', 1 as never)).rejects.toThrow(TypeError)

  expect(await readdir(dir)).toEqual([])
})

test('[S4-27] JSON is saved indented, and only plain JSON', async () => {
  await documents.saveJson('seeds', 'one', { b: [1, { c: null }], a: 'ü' })

  expect(await readFile(join(dir, 'documents/seeds/one.json'), 'utf8')).toBe(
    '{\n  "b": [\n    1,\n    {\n      "c": null\n    }\n  ],\n  "a": "ü"\n}',
  )
  await expect(documents.saveJson('seeds', 'two', { at: new Date(0) })).rejects.toMatchObject({
    code: 'CONTENT_INVALID',
    details: { path: ['at'] },
  })
  expect(await documents.list('seeds')).toEqual(['one'])
})

test('[S4-27, S4-28] JSON comes back as it was, odd keys too', async () => {
  const value: unknown = JSON.parse(
    '{"__proto__": {"a": 1}, "constructor": "\\ud800", "\\u2028": [true, null, -0.5]}',
  )

  await documents.saveJson('seeds', 'odd', value)

  expect(JSON.stringify(await documents.loadJson('seeds', 'odd'))).toBe(JSON.stringify(value))
})

test('[S4-28] what is missing is undefined', async () => {
  expect(await documents.loadMarkdown('none', 'none')).toBeUndefined()
  expect(await documents.loadJson('none', 'none')).toBeUndefined()
  await documents.saveMarkdown('notes', 'one', '')
  expect(await documents.loadJson('notes', 'one')).toBeUndefined()
  expect(await documents.loadMarkdown('notes', 'two')).toBeUndefined()
  expect(await documents.loadMarkdown('notes', 'one')).toBe('')
})

test('[S4-28] bad JSON and bad UTF-8 are refused by name, without their content', async () => {
  await documents.saveMarkdown('seeds', 'x', '')
  await writeFile(join(dir, 'documents/seeds/bad.json'), '{"secret": "hunter2"')
  await writeFile(join(dir, 'documents/seeds/bad.md'), Buffer.from([0x61, 0xff]))

  await expect(documents.loadJson('seeds', 'bad')).rejects.toMatchObject({
    code: 'DOCUMENT_INVALID',
    message: expect.stringMatching(/^the document 'seeds\/bad\.json' is not valid JSON\. /),
  })
  await expect(documents.loadJson('seeds', 'bad')).rejects.not.toThrow('hunter2')
  await expect(documents.loadMarkdown('seeds', 'bad')).rejects.toMatchObject({ code: 'DOCUMENT_INVALID' })
})

test('[S4-28] other failures surface', async () => {
  const files = new CrashableFileSystem()
  const inMemory = openDocuments({ dir: '/store', files })
  await inMemory.saveMarkdown('notes', 'one', 'text')

  files.failNext('read', 'EIO')
  await expect(inMemory.loadMarkdown('notes', 'one')).rejects.toMatchObject({ code: 'EIO' })
  files.failNext('list', 'EACCES')
  await expect(inMemory.list('notes')).rejects.toMatchObject({ code: 'EACCES' })
  files.failNext('remove', 'EROFS')
  await expect(inMemory.delete('notes', 'one')).rejects.toMatchObject({ code: 'EROFS' })
  files.failNext('write', 'ENOSPC')
  await expect(inMemory.saveMarkdown('notes', 'one', 'other')).rejects.toMatchObject({ code: 'ENOSPC' })

  expect(await inMemory.loadMarkdown('notes', 'one')).toBe('text')
  expect([...files.contents().keys()]).toEqual(['/store/documents/notes/one.md'])
})

test('[S4-29] a category lists its names ascending, each once, and nothing else', async () => {
  for (const name of ['b', 'a', 'Z', 'ü', '\u{1f600}', '\uff5e', 'a.b'])
    await documents.saveMarkdown('notes', name, '')
  for (const name of ['b', 'c']) await documents.saveJson('notes', name, {})
  await documents.saveMarkdown('notes/inner', 'deep', '')
  for (const file of ['x.txt', 'y.md.1.tmp', '.md', '.json', 'md', 'z.MD']) {
    await writeFile(join(dir, 'documents/notes', file), '')
  }

  expect(await documents.list('notes')).toEqual(['Z', 'a', 'a.b', 'b', 'c', 'ü', '\uff5e', '\u{1f600}'])
  expect(await documents.list('notes/inner')).toEqual(['deep'])
  expect(await documents.list('none')).toEqual([])
})

test('[S4-30] delete takes the JSON document first, then the Markdown one, then says false', async () => {
  await documents.saveMarkdown('notes', 'one', 'text')
  await documents.saveJson('notes', 'one', {})
  await documents.saveJson('notes', 'two', {})

  expect(await documents.delete('notes', 'one')).toBe(true)
  expect(await readdir(join(dir, 'documents/notes'))).toEqual(['one.md', 'two.json'])
  expect(await documents.delete('notes', 'one')).toBe(true)
  expect(await readdir(join(dir, 'documents/notes'))).toEqual(['two.json'])
  expect(await documents.delete('notes', 'one')).toBe(false)
  expect(await documents.delete('none', 'one')).toBe(false)
})

test('[S4-31] printed, it shows the path and nothing else', () => {
  const printed = openDocuments({ dir: '/store' })

  expect(inspect(printed)).toMatch(/^\w+ \{ dir: '\/store' \}$/)
  expect(JSON.stringify(printed)).toBe('{"dir":"/store"}')
})

test('[DO1] no link is followed, neither a folder on the way nor a document', async () => {
  await mkdir(join(dir, 'outside'))
  await writeFile(join(dir, 'outside/secret.md'), 'secret')
  await documents.saveMarkdown('notes', 'one', 'text')
  await symlink(join(dir, 'outside'), join(dir, 'documents/linked'))
  await symlink(join(dir, 'outside/secret.md'), join(dir, 'documents/notes/secret.md'))

  for (const call of Object.values(CALLS)) {
    await expect(call('linked', 'secret')).rejects.toMatchObject({ code: 'STORE_UNSAFE' })
    await expect(call('linked/inner', 'x')).rejects.toMatchObject({ code: 'STORE_UNSAFE' })
  }
  await expect(documents.list('linked')).rejects.toMatchObject({ code: 'STORE_UNSAFE' })
  await expect(documents.loadMarkdown('notes', 'secret')).rejects.toMatchObject({ code: 'STORE_UNSAFE' })

  await documents.saveMarkdown('notes', 'secret', 'ours')
  expect(await readFile(join(dir, 'outside/secret.md'), 'utf8')).toBe('secret')
  expect(await documents.loadMarkdown('notes', 'secret')).toBe('ours')
  expect(await readdir(join(dir, 'outside'))).toEqual(['secret.md'])
})

test('[DO2] wherever the power goes, a save leaves the old document or the new one, and the new one once it resolved', async () => {
  const [old, next] = ['old '.repeat(300), 'new '.repeat(500)]
  for (let seed = 1; seed <= 15; seed += 1) {
    for (let n = 1; ; n += 1) {
      const files = new CrashableFileSystem({ seed })
      const inMemory = openDocuments({ dir: '/data/store', files })
      let saved: string | undefined
      files.crashAt(n)

      try {
        for (const text of [old, next]) {
          await inMemory.saveMarkdown('a/b', 'one', text)
          saved = text
        }
      } catch (error) {
        expect(error).toMatchObject({ code: 'EIO' })
      }
      const after = openDocuments({ dir: '/data/store', files: files.afterPowerCut() })
      const found = await after.loadMarkdown('a/b', 'one')

      const allowed = saved === undefined ? [undefined, old] : saved === old ? [old, next] : [next]
      expect(allowed, `seed ${seed}, power lost at call ${n}`).toContain(found)
      if (saved === next) {
        expect(n).toBeGreaterThan(20)
        break
      }
    }
  }
})

test('[DO2] a folder somebody made and did not sync is made durable by the first save in it', async () => {
  for (let seed = 1; seed <= 30; seed += 1) {
    const files = new CrashableFileSystem({ seed })
    await files.makeFolder('/store')
    files.settle()
    await files.makeFolder('/store/documents/notes')

    await openDocuments({ dir: '/store', files }).saveJson('notes', 'one', seed)

    const after = openDocuments({ dir: '/store', files: files.afterPowerCut() })
    expect(await after.loadJson('notes', 'one')).toBe(seed)
  }
})

test('[DO2] a document that was deleted stays deleted', async () => {
  for (let seed = 1; seed <= 30; seed += 1) {
    const files = new CrashableFileSystem({ seed })
    const inMemory = openDocuments({ dir: '/store', files })
    await inMemory.saveJson('notes', 'one', 1)

    await inMemory.delete('notes', 'one')

    const after = openDocuments({ dir: '/store', files: files.afterPowerCut() })
    expect(await after.list('notes')).toEqual([])
  }
})

test('[DO3] a category whose folder was taken away is made again', async () => {
  await documents.saveMarkdown('notes', 'one', 'text')
  await rm(join(dir, 'documents'), { recursive: true })

  expect(await documents.list('notes')).toEqual([])
  await documents.saveMarkdown('notes', 'one', 'again')

  expect(await documents.loadMarkdown('notes', 'one')).toBe('again')
})
