/** Every snippet of README and docs is a program that runs, and every command shown does what the page shows. */
import { spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { committedFiles, ROOT } from './source.ts'
import { commandsOf, isStarted, killsItself, missingLine, snippetsOf, type Snippet } from './snippets.ts'

const RUN_MS = 60_000

const pages = committedFiles().filter((path) => /^(?:[^/]+|docs\/.+|examples\/.+)\.md$/.test(path))
const snippets = pages.flatMap((page) => snippetsOf(page))
const shellText = (page: string): string =>
  snippets
    .filter((item) => item.page === page && item.language === 'sh')
    .map(({ code }) => code)
    .join('\n')

const nameOf = ({ page, line, language }: Snippet): string => `${page}:${line} ${language}`
const isProgram = ({ language }: Snippet): boolean => language !== 'sh'

let folder = ''
const folderOf = (page: string): string => join(folder, page.replaceAll(/[^\w]+/g, '-'))

/** What is run: `agent.mjs`, or `snippet-12.js` for the one on line 12. */
const programOf = (snippet: Snippet): string => snippet.file ?? `snippet-${snippet.line}.js`
const sourceOf = (snippet: Snippet): string =>
  snippet.language === 'js' ? programOf(snippet) : programOf(snippet).replace(/js$/, 'ts')

function run(command: string, args: readonly string[], cwd: string): SpawnSyncReturns<string> {
  const { FORCE_COLOR: _, NODE_OPTIONS: _2, ...env } = process.env
  const path = `${join(folder, 'bin')}${delimiter}${process.env['PATH'] ?? ''}`
  return spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    timeout: RUN_MS,
    killSignal: 'SIGKILL',
    env: { ...env, PATH: path, HOME: cwd, NO_COLOR: '1' },
  })
}

beforeAll(() => {
  mkdirSync(`${ROOT}node_modules/.cache`, { recursive: true })
  folder = mkdtempSync(`${ROOT}node_modules/.cache/snippets-`)
  // A stranger's project: the package is installed under its name, its command is on the path.
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(ROOT, join(folder, 'node_modules/sessionwright'), 'junction')
  mkdirSync(join(folder, 'bin'))
  const command = `#!/bin/sh\nexec "${process.execPath}" "${ROOT}dist/cli/main.js" "$@"\n`
  writeFileSync(join(folder, 'bin/sessionwright'), command)
  chmodSync(join(folder, 'bin/sessionwright'), 0o755)
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  for (const page of pages) mkdirSync(folderOf(page), { recursive: true })
  for (const snippet of snippets.filter(isProgram)) {
    writeFileSync(join(folderOf(snippet.page), sourceOf(snippet)), snippet.code)
  }
})

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

test('the README shows a program and commands', () => {
  const readme = snippets.filter(({ page }) => page === 'README.md')

  expect(readme.some(isProgram)).toBe(true)
  expect(readme.some(({ language }) => language === 'sh')).toBe(true)
})

test('a snippet that is not run says why', () => {
  const silent = snippets.filter(({ reason }) => reason !== undefined && reason.length < 10)

  expect(silent.map(nameOf)).toEqual([])
})

test('no two programs of a page have one name', () => {
  const names = snippets.filter(isProgram).map((snippet) => `${snippet.page} ${programOf(snippet)}`)

  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
})

// Runs before the programs do: it also makes the JavaScript that they start.
test('every TypeScript snippet is well typed', () => {
  const typed = snippets.filter(({ language }) => language === 'ts')
  const config = {
    extends: `${ROOT}tsconfig.json`,
    compilerOptions: { noEmit: false, rootDir: '.', sourceMap: false, declaration: false },
    include: [],
    files: typed.map((snippet) => join(folderOf(snippet.page), sourceOf(snippet))),
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))

  const tsc = `${ROOT}node_modules/typescript/bin/tsc`
  const { stdout } = run(process.execPath, [tsc, '-p', 'tsconfig.json', '--pretty', 'false'], folder)

  expect(typed.length === 0 ? '' : stdout).toBe('')
})

for (const snippet of snippets.filter(isProgram)) {
  const { file, page, reason } = snippet
  if (reason !== undefined || (file !== undefined && shellText(page).includes(file))) continue

  test(`${nameOf(snippet)} runs`, { timeout: RUN_MS }, () => {
    const killed = killsItself(snippet)
    for (let runs = killed ? 2 : 1; runs > 0; runs -= 1) {
      const { error, signal, status, stderr } = run(process.execPath, [programOf(snippet)], folderOf(page))

      const ended = killed ? { status: null, signal: 'SIGKILL' } : { status: 0, signal: null }
      expect({ error, signal, status, stderr }).toEqual({ ...ended, error: undefined, stderr: '' })
    }
  })
}

for (const snippet of snippets.filter(({ language, reason }) => language === 'sh' && reason === undefined)) {
  for (const { command, output, exitCode } of commandsOf(snippet.code).filter((item) =>
    isStarted(item.command),
  )) {
    test(`${nameOf(snippet)} $ ${command}`, { timeout: RUN_MS }, () => {
      const shell = run(
        'sh',
        ['-c', command.replace(/\bnpx (?=sessionwright\b)/g, '')],
        folderOf(snippet.page),
      )
      const stderr = exitCode === 0 ? shell.stderr : ''

      expect({ status: shell.status, stderr }).toEqual({ status: exitCode, stderr: '' })
      expect(missingLine(output, shell.stdout + shell.stderr)).toBeUndefined()
    })
  }
}

test('pages are read as they are written', () => {
  const fence = '```'
  const page = [
    `${fence}ts file=agent.mjs`,
    'const a = 1',
    fence,
    `${fence}json`,
    '{}',
    fence,
    `${fence}sh`,
    '$ sessionwright ls \\',
    '    --json',
    'a  12 ms',
    '$ sessionwright show x # exit 3',
    fence,
    `  ${fence}ts no-run: needs a key`,
    '  if (a) {',
    '    b()',
    `  ${fence}`,
  ].join('\n')

  const [program, shell, unrun, ...more] = snippetsOf('a.md', page)

  expect(more).toEqual([])
  expect(program).toMatchObject({ line: 1, language: 'ts', file: 'agent.mjs', code: 'const a = 1\n' })
  expect(program?.reason).toBeUndefined()
  expect(unrun).toMatchObject({ line: 13, reason: 'needs a key', code: 'if (a) {\n  b()\n' })
  expect(commandsOf(shell?.code ?? '')).toEqual([
    { command: 'sessionwright ls --json', output: ['a  12 ms'], exitCode: 0 },
    { command: 'sessionwright show x # exit 3', output: [], exitCode: 3 },
  ])
  expect(commandsOf('# first\nnpm install x\n')).toEqual([
    { command: 'npm install x', output: [], exitCode: 0 },
  ])
})

test('commands that need more than the package are not started', () => {
  expect(['npm i x', 'cat a | jq .b', 'npx vite', 'cd x', 'git log'].filter(isStarted)).toEqual([])
  expect(
    ['sessionwright ls', 'npx sessionwright ls', 'node a.mjs', 'cat x'].filter((line) => !isStarted(line)),
  ).toEqual([])
})

test('outputs are compared by their words, not by their numbers', () => {
  const output = 'imported 12 sessions in 3.5 ms\nid  018f4c1e-aaaa-7bbb-8ccc-0123456789ab  active\nend\n'

  expect(missingLine(['imported 100 sessions in 7 ms', '…', 'end'], output)).toBeUndefined()
  expect(missingLine(['id 018f4c1e-0000-7000-8000-000000000000 active'], output)).toBeUndefined()
  expect(missingLine(['imported … ms'], output)).toBeUndefined()
  expect(
    missingLine(['{"at":…,"n":3,"ids":[…]}'], '{"at":1700000000000,"n":12,"ids":["a","b"]}'),
  ).toBeUndefined()
  expect(missingLine(['end', 'imported 12 sessions in 3.5 ms'], output)).toBe(
    'imported 12 sessions in 3.5 ms',
  )
  expect(missingLine(['exported 12 sessions in 3.5 ms'], output)).toBe('exported 12 sessions in 3.5 ms')
})

test('the built package is there to be run', () => {
  expect(existsSync(`${ROOT}dist/index.js`)).toBe(true)
  expect(existsSync(`${ROOT}dist/cli/main.js`)).toBe(true)
})
