/** What every module and page keeps: names, sizes, comments, and a text that speaks of the project alone. */
import { existsSync } from 'node:fs'
import { posix } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT, commentsOf, committedFiles, dottedName, finding, isNode, moduleOf } from './source.ts'
import { modulesIn, textOf, visitModule, type Module, type Node } from './source.ts'

const LINES_MAX = 500

/** A committed text file. */
interface Page {
  readonly path: string
  readonly text: string
}

/** File and folder names that say nothing, or are not written in kebab-case. */
function badNames(paths: readonly string[]): string[] {
  return paths.filter((path) =>
    path
      .replace(/^\.\w+\//, '')
      .split('/')
      .some((part) => {
        const name = part.replace(/(?:\.(?:test|config|crash|d))*\.\w+$/, '')
        const words = name.split(/[-._]/)
        const vague = words.some((word) => /^(?:utils?|helpers?|common|misc|managers?|stuff)$/i.test(word))
        return vague || !/^[a-z\d]+(?:-[a-z\d]+)*$/.test(name)
      }),
  )
}

/** Modules past the size that one reading holds. */
function tooLong(modules: readonly Module[]): string[] {
  return modules
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > LINES_MAX)
    .map(({ path, lines }) => `${path} has ${lines} lines`)
}

const MARKER = new RegExp(`\\b(?:${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`)

/** Work left over in the text. */
function leftovers(pages: readonly Page[]): string[] {
  return pages.flatMap((page) =>
    [...page.text.matchAll(new RegExp(MARKER, 'g'))].map((match) => finding(page, match.index, match[0])),
  )
}

const exportedNames = (declaration: Node): string => {
  const id = declaration['id']
  if (isNode(id)) return String(id['name'])
  return ((declaration['declarations'] as Node[]) ?? [])
    .map((item) => (item['id'] as Node)['name'])
    .join(', ')
}

const endsWithDoc = (text: string): boolean => /\/\*\*(?:[^*]|\*(?!\/))*\*\/\s*$/.test(text)

/** Exports without a doc comment and modules without a head. */
function undocumented(modules: readonly Module[]): string[] {
  return modules.flatMap((module) => {
    const { body, text } = module
    const head = /^(?:#![^\n]*\n)?\/\*\*/.test(text) ? [] : [finding(module, 0, 'has no head comment')]
    const seen = new Set<string>()
    const bare = body.flatMap((node, index) => {
      const declaration = node['declaration']
      if (!node.type.startsWith('Export') || !isNode(declaration)) return []
      const name = exportedNames(declaration)
      const overload = seen.has(name)
      seen.add(name)
      const before = text.slice(body[index - 1]?.end ?? 0, node.start)
      // The first comment of a file is its head, so a first export needs a second one.
      const comments = before.match(/\/\*\*/g)?.length ?? 0
      const documented = endsWithDoc(before) && (index > 0 || comments > 1)
      return documented || overload ? [] : [finding(module, node.start, `${name} has no doc comment`)]
    })
    return [...head, ...bare]
  })
}

/** Whether a node is `Object.assign(error, { code, … })`. */
function givesCode(node: Node | undefined): boolean {
  if (node === undefined || dottedName(node['callee']) !== 'Object.assign') return false
  const properties = (node['arguments'] as Node[])[1]?.['properties'] as Node[] | undefined
  return properties?.some(({ key }) => dottedName(key) === 'code') ?? false
}

/** Throws, rejections and types that carry no code or no shape. */
function uncoded(modules: readonly Module[]): string[] {
  return modules.flatMap((module) => {
    const found: string[] = []
    visitModule(module, (node, ancestors) => {
      if (node.type === 'TSAnyKeyword') found.push(finding(module, node.start, 'any'))
      if (node.type === 'TSEnumDeclaration') found.push(finding(module, node.start, 'enum'))
      if (node.type === 'ExportDefaultDeclaration') found.push(finding(module, node.start, 'default export'))
      if (node.type !== 'NewExpression' && node.type !== 'CallExpression') return
      const callee = node['callee']
      const plain = isNode(callee) && callee.type === 'Identifier' && callee['name'] === 'Error'
      // A fake disk answers as Node does: with an error that carries a system code.
      const coded = module.path.startsWith('src/testing/') && givesCode(ancestors.at(-1))
      if (plain && !coded) {
        found.push(finding(module, node.start, 'a plain Error'))
      }
    })
    return found
  })
}

/** Pages that comments name must be pages of this project. */
function danglingPages(modules: readonly Module[], files: readonly string[]): string[] {
  return modules.flatMap((module) =>
    commentsOf(module).flatMap(({ text, start }) =>
      [...text.matchAll(/(?<![\w/.<-])[\w-]+(?:\/[\w-]+)*\.md\b/g)]
        .filter(([page]) => !files.some((file) => file === page || file.endsWith(`/${page}`)))
        .map((match) => finding(module, start + match.index, `names ${match[0]}, which is no page of ours`)),
    ),
  )
}

/** Links between pages that lead nowhere. */
function brokenLinks(pages: readonly Page[], exists: (path: string) => boolean): string[] {
  return pages.flatMap((page) => {
    const prose = page.text.replace(/^(`{3,})[\s\S]*?^\1/gm, (code) => code.replace(/[^\n]/g, ' '))
    return [...prose.matchAll(/\]\((?!\w+:|#)([^)#\s]+)(?:#[^)]*)?\)/g)]
      .filter(([, target = '']) => !exists(posix.join(posix.dirname(page.path), target)))
      .map((match) => finding(page, match.index, `links to ${match[1]}, which does not exist`))
  })
}

const MACHINE_PATH = new RegExp(
  `(?<![\\w.:/-])/(?:${['work', 'root', 'home/\\w+', 'Users/\\w+'].join('|')})/`,
)
// The lock may say where a package is for everybody, not where one machine got it.
const MIRROR = /"resolved": "(?!https:\/\/registry\.npmjs\.org\/)([^"]*)"/g

/** Places of one machine: its folders, and where it gets packages from. */
function machinePlaces(pages: readonly Page[]): string[] {
  return pages.flatMap((page) => [
    ...[...page.text.matchAll(new RegExp(MACHINE_PATH, 'g'))].map((match) =>
      finding(page, match.index, match[0]),
    ),
    ...[...(page.path.endsWith('.json') ? page.text : '').matchAll(MIRROR)].map((match) =>
      finding(page, match.index, `package from ${match[1]}`),
    ),
  ])
}

const ELSEWHERE = new RegExp(
  [
    ...['blue' + 'print', 'design' + '\\.md\\b', 'brief' + '\\.md\\b', 'shared/(?:reference|design|seeds)'],
    'reference/(?:aesthetics|ecosystem|field|perf|reliability|xstate)\\b',
  ].join('|'),
  'gi',
)

/** Texts that a reader of this repository does not have. */
function textsElsewhere(pages: readonly Page[]): string[] {
  return pages.flatMap((page) =>
    [...page.text.matchAll(ELSEWHERE)].map((match) => finding(page, match.index, `names ${match[0]}`)),
  )
}

/** Words that stand for a word of docs/glossary.md, in identifiers. */
const SYNONYMS: Readonly<Record<string, string>> = {
  idempotency: 'operation id',
  dedupe: 'operation id',
  wal: 'journal',
  lsn: 'revision',
  mutation: 'change',
  commitlog: 'journal',
  eventlog: 'journal',
  tenantowner: 'principal',
  chatlog: 'transcript',
}

/** Identifiers that say a glossary word in another way; what is read from other systems keeps their words. */
function synonyms(modules: readonly Module[]): string[] {
  return modules
    .filter(({ path }) => !path.startsWith('src/integrations/'))
    .flatMap((module) => {
      const found = new Set<string>()
      visitModule(module, (node) => {
        if (node.type !== 'Identifier') return
        const name = String(node['name'])
        const words = name.replace(/([a-z\d])([A-Z])/g, '$1 $2').toLowerCase()
        for (const [synonym, word] of Object.entries(SYNONYMS)) {
          const hit = new RegExp(`\\b${synonym}`).test(words) || words.replaceAll(' ', '').includes(synonym)
          const whole = synonym.length > 3 || words.split(' ').includes(synonym)
          if (hit && whole) found.add(finding(module, node.start, `${name}: say ${word}`))
        }
      })
      return [...found]
    })
}

const files = committedFiles()
const source = modulesIn('src/')
const written = [...source, ...['test/', 'bench/', 'examples/', 'scripts/'].flatMap(modulesIn)]
const pages: Page[] = files
  .filter((path) => /\.(?:md|ts|mjs|json|ya?ml|html|css|jsonl|txt)$|^[^.]+$|^\.\w/.test(path))
  .map((path) => ({ path, text: textOf(path) }))
const markdown = pages.filter(({ path }) => path.endsWith('.md'))

test('files and folders have names that say what is inside, in kebab-case', () => {
  const named = files.filter((path) =>
    /^(?:src|test|scripts|bench|examples)\/.*(?<!\/RESULTS\.md)$/.test(path),
  )

  expect(badNames(named.filter((path) => !/\/fixtures\//.test(path)))).toEqual([])
})

test('a vague or differently written name is found', () => {
  const good = [
    'src/store/json-store/writer-thread.ts',
    'test/tidy/text.test.ts',
    'test/x.crash.ts',
    '.ci/run',
  ]
  const bad = ['src/utils/a.ts', 'src/string-helpers.ts', 'src/sessionManager.ts', 'src/lock_file.ts']

  expect(badNames([...good, ...bad])).toEqual(bad)
})

test('no module is longer than one reading', () => {
  expect(tooLong(written)).toEqual([])
  expect(tooLong([moduleOf('src/a.ts', '\n'.repeat(LINES_MAX + 1))])).toEqual(['src/a.ts has 501 lines'])
})

test('no work is left over in the text', () => {
  expect(leftovers(pages)).toEqual([])
  expect(leftovers([{ path: 'a.md', text: `x\n${'TO' + 'DO'}: y` }])).toHaveLength(1)
})

test('every module has a head and every exported name a doc comment', () => {
  expect(undocumented(source)).toEqual([])
})

test('a bare export, a bare module and a head taken for a doc comment are found', () => {
  const documented = '/** Head. */\n\n/** Doc. */\nexport const a = 1\n'
  const overloads =
    '/** Head. */\n/** Doc. */\nexport function f(): void\nexport function f(a?: 1): void {}\n'

  expect(undocumented([moduleOf('src/a.ts', documented), moduleOf('src/b.ts', overloads)])).toEqual([])
  expect(undocumented([moduleOf('src/a.ts', 'export const a = 1')])).toEqual([
    'src/a.ts:1 has no head comment',
    'src/a.ts:1 a has no doc comment',
  ])
  expect(undocumented([moduleOf('src/a.ts', '/** Head. */\nexport interface A {}')])).toEqual([
    'src/a.ts:2 A has no doc comment',
  ])
  expect(undocumented([moduleOf('src/a.ts', `${documented}// no\nexport type B = 1`)])).toEqual([
    'src/a.ts:6 B has no doc comment',
  ])
})

test('source throws coded errors, and knows no any, enum or default export', () => {
  expect(uncoded(source)).toEqual([])
})

test('a plain error and a shapeless type are found', () => {
  const sample =
    "throw new Error('x')\nconst a: any = Error('y')\nenum B {}\nexport default a\nnew TypeError('z')"

  expect(uncoded([moduleOf('src/a.ts', sample)])).toEqual([
    'src/a.ts:1 a plain Error',
    'src/a.ts:2 any',
    'src/a.ts:2 a plain Error',
    'src/a.ts:3 enum',
    'src/a.ts:4 default export',
  ])
})

test('a page named in a comment exists', () => {
  expect(danglingPages(written, files)).toEqual([])
  const sample = moduleOf('src/a.ts', "/** See docs/gone.md and errors.md. */\nconst a = 'notes.md'")
  expect(danglingPages([sample], ['docs/errors.md'])).toEqual([
    'src/a.ts:1 names docs/gone.md, which is no page of ours',
  ])
})

test('links between pages lead somewhere', () => {
  expect(brokenLinks(markdown, (path) => existsSync(`${ROOT}${path}`))).toEqual([])
  const text = '[a](b.md) [c](https://x.y) [d](#e)\n```ts\n[x](y)\n```\n[f](../g.md#h)'
  expect(brokenLinks([{ path: 'docs/a.md', text }], (path) => path === 'docs/b.md')).toEqual([
    'docs/a.md:5 links to ../g.md, which does not exist',
  ])
})

test('the text names no place of one machine', () => {
  expect(machinePlaces(pages)).toEqual([])
  const text = ['see /wo' + 'rk/x', 'and /ro' + 'ot/y', '"resolved": "http://mirror/z"', 'src/home/x/'].join(
    '\n',
  )
  expect(machinePlaces([{ path: 'package-lock.json', text }])).toHaveLength(3)
})

test('the text leans on nothing that is not in the repository', () => {
  expect(textsElsewhere(pages)).toEqual([])
  expect(textsElsewhere([{ path: 'a.md', text: 'see design' + '.md §3\nand design.mdx' }])).toHaveLength(1)
})

test('identifiers use the words of the glossary', () => {
  expect(synonyms(source)).toEqual([])
  expect(synonyms([moduleOf('src/a.ts', 'const idempotencyKey = 1, wal = 2, walk = 3')])).toEqual([
    'src/a.ts:1 idempotencyKey: say operation id',
    'src/a.ts:1 wal: say journal',
  ])
})

test('the glossary defines every word of the project', () => {
  const words =
    'session|principal|command|event|entry|change|revision|machine context|record|snapshot|journal|tail|operation id|deadline|owner epoch'
  const glossary = existsSync(`${ROOT}docs/glossary.md`) ? textOf('docs/glossary.md').toLowerCase() : ''
  const defined = (word: string): boolean =>
    new RegExp(`^(?:\\||[-*]|#+)[^|:—]*\\b${word}\\b`, 'm').test(glossary)

  expect(words.split('|').filter((word) => !defined(word))).toEqual([])
})
