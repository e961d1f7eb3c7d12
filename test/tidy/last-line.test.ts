/** Every run of the suite ends in one line that a person and a script can read, and in the right exit code. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { ROOT } from './source.ts'

const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** Runs a suite of one file with our reporters; both streams come back as a terminal would show them. */
function runSuite(code: string): { status: number | null; lastLine: string | undefined } {
  mkdirSync(`${ROOT}node_modules/.cache`, { recursive: true })
  const folder = mkdtempSync(`${ROOT}node_modules/.cache/last-line-`)
  folders.push(folder)
  writeFileSync(join(folder, 'a.test.mjs'), `import { beforeAll, describe, test } from 'vitest'\n${code}`)
  const reporter = `${ROOT}scripts/last-line-reporter.ts`
  const config = {
    root: folder,
    test: { include: ['*.test.mjs'], exclude: [], reporters: ['default', reporter] },
  }
  writeFileSync(join(folder, 'vitest.config.mjs'), `export default ${JSON.stringify(config)}`)
  const vitest = `'${process.execPath}' '${ROOT}node_modules/vitest/vitest.mjs' run --config vitest.config.mjs 2>&1`
  const { status, stdout } = spawnSync('sh', ['-c', vitest], { cwd: folder, encoding: 'utf8' })
  return { status, lastLine: stdout.trimEnd().split('\n').at(-1) }
}

test('a green run ends in its counts', () => {
  const code = "test('a', () => {})\ntest('b', () => {})\ntest.skip('c', () => {})\ntest.todo('d')"

  expect(runSuite(code)).toEqual({ status: 0, lastLine: '2 passed, 0 failed, 2 skipped' })
})

test('a red run ends in its counts and fails', () => {
  const code = "test('a', () => {})\ntest('b', () => { throw new Error('no') })"

  expect(runSuite(code)).toEqual({ status: 1, lastLine: '1 passed, 1 failed, 0 skipped' })
})

test('a file that does not load, a hook that throws and an error outside of tests are failures', () => {
  const hook = "describe('x', () => { beforeAll(() => { throw new Error('no') })\n test('a', () => {}) })"
  const outside = "test('a', () => { setTimeout(() => { throw new Error('late') }, 0) })\n"
  const wait = "test('b', () => new Promise((done) => setTimeout(done, 50)))"

  expect(runSuite("throw new Error('no')")).toEqual({ status: 1, lastLine: '0 passed, 1 failed, 0 skipped' })
  expect(runSuite(hook)).toMatchObject({
    status: 1,
    lastLine: expect.stringMatching(/^0 passed, [12] failed/),
  })
  expect(runSuite(outside + wait)).toEqual({ status: 1, lastLine: '2 passed, 1 failed, 0 skipped' })
})
