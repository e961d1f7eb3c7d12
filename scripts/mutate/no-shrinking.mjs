/** Set before the tests: one counterexample is enough, nobody reads the smallest; and a test's name is known to notes. */
import fc from 'fast-check'
import { beforeEach } from 'vitest'

fc.configureGlobal({ endOnFailure: true })
beforeEach(({ task }) => {
  globalThis.__testName = task.fullTestName.replaceAll(/\s+/g, ' ')
})
