/** Ends every test run with one plain line: `N passed, N failed, N skipped`. */
import type { Reporter, TestModule } from 'vitest/node'

/** The reporter; vitest makes one for each run of the command. */
export default class LastLineReporter implements Reporter {
  #line = '0 passed, 0 failed, 0 skipped'

  constructor() {
    // Other reporters, coverage and warnings about open handles print until the process ends; this line comes after them.
    process.once('exit', () => process.stdout.write(`${this.#line}\n`))
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const counts = { passed: 0, failed: errors.length, skipped: 0 }
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        // A test that never came to its end, because its worker died, did not pass.
        counts[state === 'pending' ? 'failed' : state] += 1
      }
      for (const suite of [module, ...module.children.allSuites()]) {
        if (suite.state() === 'failed' && suite.errors().length > 0) counts.failed += 1
      }
    }
    this.#line = `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`
  }
}
