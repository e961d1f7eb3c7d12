/** What tests do on the unbroken project: that they pass, how long they take, and which functions they reach. */
import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { withReachNotes } from './reach.mjs'

/**
 * @typedef {{ ms: ReadonlyMap<string, number>, passed: ReadonlyMap<string, readonly string[]>,
 *   reaches: (test: string, module: string, owner: number, name?: string) => boolean }} Baseline
 *   `reaches` asks of a test file, or of one test in it
 */

/** Every test file of a project, as paths from its root. @param {string} project */
export const testFiles = (project) =>
  readdirSync(`${project}/test`, { recursive: true, encoding: 'utf8' })
    .map((path) => `test/${path.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.test.ts') && !path.startsWith('test/crash/'))
    .toSorted()

/**
 * Runs tests over noted modules.
 * @param {import('./private-copy.mjs').PrivateCopy} copy
 * @param {readonly string[]} tests @param {readonly string[]} modules
 * @returns {Promise<Baseline>}
 */
export async function baselineOf(copy, tests, modules) {
  const folder = `${copy.folder}/tmp/reach`
  mkdirSync(folder, { recursive: true })
  const noted = modules.map((module) => [
    module,
    withReachNotes(module, readFileSync(`${copy.project}/${module}`, 'utf8')),
  ])
  const { runs } = await copy.run(Object.fromEntries(noted), tests, {
    timeoutMs: 900_000,
    bail: false,
    reach: folder,
  })
  const broken = runs.filter(({ failed }) => failed.length > 0)
  if (broken.length > 0 || runs.length < tests.length) {
    throw new Error(
      `the tests do not pass unbroken: ${JSON.stringify(broken.map(({ test, failed }) => ({ test, failed })))}`,
    )
  }
  /** @type {Set<string>} */
  const reached = new Set()
  for (const name of readdirSync(folder)) {
    for (const line of readFileSync(`${folder}/${name}`, 'utf8').split('\n')) {
      const [module, owner] = line.split(' ', 2)
      reached.add(`${name.replaceAll('+', '/')} ${line}`)
      reached.add(`${name.replaceAll('+', '/')} ${module} ${owner}`)
    }
  }
  rmSync(folder, { recursive: true })
  return {
    ms: new Map(runs.map(({ test, ms }) => [test, ms])),
    passed: new Map(runs.map(({ test, passed }) => [test, passed])),
    reaches: (test, module, owner, name) =>
      reached.has(`${test} ${module} ${owner}${name === undefined ? '' : ` ${name}`}`),
  }
}
