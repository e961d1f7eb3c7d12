/**
 * Tests run what users get: `../src/x.ts` and `sessionwright` both mean the built `dist`, so a writer thread is a real
 * thread and one copy of each module exists. `npm test` builds first.
 */
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// No test speaks TLS, and each of their thousand processes would read these certificates first: 0.15 s of a core.
delete process.env['NODE_EXTRA_CA_CERTS']

const dist = fileURLToPath(new URL('./dist/', import.meta.url))

export default defineConfig({
  resolve: {
    alias: [{ find: /^(?:\.\.\/)+src\/(.*)\.ts$/, replacement: `${dist}$1.js` }],
  },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/crash/**'],
    // Many tests wait for a disk or a child process, so every core gets a worker, also in CI.
    maxWorkers: '100%',
    testTimeout: 60_000,
    reporters: ['default', './scripts/last-line-reporter.ts'],
  },
})
