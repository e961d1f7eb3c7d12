/**
 * The process that runs tests for one private copy: it stays up, so a mutant costs its tests and nothing else. Told
 * `{ tests, bail, reach }` it answers with what failed in the first test file that failed, or nothing.
 */
import { createVitest } from 'vitest/node'
import { REACH_FILE } from './reach.mjs'

const [root = ''] = process.argv.slice(2)

const vitest = await createVitest('test', {
  root,
  watch: false,
  reporters: [{}],
  pool: 'threads',
  maxWorkers: 1,
  bail: 1,
  // What takes too long is ended from outside, where it is known how long the test takes unbroken.
  testTimeout: 600_000,
  silent: true,
  include: ['test/**/*.test.ts'],
  // Built modules are loaded by Node itself, afresh for each test file, so what is broken just now is what is run.
  server: { deps: { external: [/[\\/]dist[\\/]/] } },
  setupFiles: [`${root}/scripts/mutate/no-shrinking.mjs`],
})
await vitest.standalone()
// What a mutant breaks outside of a test is told by the run's result.
process.on('unhandledRejection', () => {})

process.on('message', (order) => void runTests(order))
process.send?.('ready')

/** Carries out one order. @param {{ tests: string[], bail: boolean, reach?: string }} order */
async function runTests({ tests, bail, reach }) {
  vitest.config.bail = bail ? 1 : 0
  vitest.getRootProject().config.bail = bail ? 1 : 0
  /** @type {{ test: string, failed: string[], passed: string[], ms: number }[]} */
  const runs = []
  for (const test of tests) {
    if (reach === undefined) delete process.env[REACH_FILE]
    else process.env[REACH_FILE] = `${reach}/${test.replaceAll('/', '+')}`
    const started = performance.now()
    const { testModules, unhandledErrors } = await vitest.runTestSpecifications([
      vitest.getRootProject().createSpecification(`${root}/${test}`),
    ])
    const failed = unhandledErrors.length > 0 ? ['an error outside of the tests'] : []
    const passed = []
    // The result also lists the files of earlier runs.
    for (const module of testModules.filter(({ moduleId }) => moduleId.endsWith(`/${test}`))) {
      if (module.state() === 'failed' && module.errors().length > 0) failed.push('the file as a whole')
      for (const one of module.children.allTests()) {
        const { state } = one.result()
        if (state === 'failed') failed.push(one.fullName)
        if (state === 'passed') passed.push(one.fullName)
      }
    }
    runs.push({ test, failed, passed, ms: performance.now() - started })
    if (bail && failed.length > 0) break
  }
  process.send?.(runs)
}
