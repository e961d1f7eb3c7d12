/** What is published: the exports map, the files, the error page, and the scripts that the README promises. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ERRORS } from '../../src/errors.ts'
import { committedFiles, ROOT, textOf } from './source.ts'

interface Manifest {
  readonly name: string
  readonly bin: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
  readonly files: readonly string[]
  readonly scripts: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

const manifest = JSON.parse(textOf('package.json')) as Manifest
const files = committedFiles()

const sourceOf = (output: string): string =>
  output
    .replace(/^\.\//, '')
    .replace(/^dist\//, 'src/')
    .replace(/(?:\.d\.ts|\.js)$/, '.ts')

test('every export is a module with types, and can be imported by its name', async () => {
  for (const target of Object.values(manifest.exports)) {
    const { types, default: module } =
      typeof target === 'string' ? { types: target, default: target } : target

    expect([sourceOf(module), sourceOf(types)].filter((path) => !files.includes(path))).toEqual([])
    expect(sourceOf(types)).toBe(sourceOf(module))
    expect(existsSync(`${ROOT}${types}`)).toBe(true)
    const names = module.endsWith('.js')
      ? Object.keys((await import(`${ROOT}${module}`)) as object)
      : ['json']
    expect(names).not.toEqual([])
  }
})

test('the command exists, starts with a shebang and is executable', () => {
  for (const path of Object.values(manifest.bin)) {
    expect(readFileSync(`${ROOT}${path}`, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
    expect(statSync(`${ROOT}${path}`).mode & 0o111).toBe(process.platform === 'win32' ? 0 : 0o111)
  }
})

test('every file and folder to publish exists', () => {
  expect(manifest.files.filter((path) => !existsSync(`${ROOT}${path}`))).toEqual([])
})

test('every output has a source', () => {
  const outputs = readdirSync(`${ROOT}dist`, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.js') && !path.startsWith('inspector/page'),
  )

  expect(outputs.filter((path) => !files.includes(sourceOf(`./dist/${path}`)))).toEqual([])
})

test('every dependency is pinned to one version', () => {
  const versions = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })

  expect(
    versions.filter(([, version]) => !/^(?:npm:[a-z-]+@)?\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version)),
  ).toEqual([])
})

test('every error code is on the error page, and the page is what the table says', async () => {
  const { errorsPage } = (await import('../../scripts/generate-errors-doc.mjs' as string)) as {
    errorsPage: (errors: typeof ERRORS, declarations: string) => string
  }

  const page = errorsPage(ERRORS, textOf('dist/errors.d.ts'))

  expect(textOf('docs/errors.md')).toBe(page)
  const codes = [...page.matchAll(/^### `(\w+)`$/gm)].map(([, code = '']) => code)
  expect(new Set(codes)).toEqual(new Set(Object.keys(ERRORS)))
})

test('every error code is provoked by a test', () => {
  const tests = files
    .filter((path) => /^(?:test\/(?!tidy\/).*|src\/testing\/.*)\.ts$/.test(path))
    .map(textOf)
    .join('\n')

  expect(Object.keys(ERRORS).filter((code) => !new RegExp(`['"\`]${code}['"\`]`).test(tests))).toEqual([])
})

test('the README names the commands that .ci/run runs', () => {
  const readme = existsSync(`${ROOT}README.md`) ? textOf('README.md') : ''
  const commands = [...textOf('.ci/run').matchAll(/^run (.+)$/gm)].map(([, command = '']) => command)

  expect(commands).toEqual(['npm cit', 'npm run check', 'npm run test:crash'])
  expect(commands.filter((command) => !readme.includes(command))).toEqual([])
})
