/**
 * The crash lane: real processes that are really killed, and simulated ones by the thousand, without a time limit of their
 * own. Two files run at a time, on the build as Node loads it; what measures time runs alone afterwards.
 */
import { mergeConfig, type ViteUserConfig } from 'vitest/config'
import config from './vitest.config.ts'

const ALONE = ['load', 'soak'].map((part) => `test/crash/${part}.test.ts`)

const crash: ViteUserConfig = mergeConfig(config, {
  test: {
    testTimeout: 1_800_000,
    hookTimeout: 60_000,
    server: { deps: { external: [/\/dist\//] } },
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: ['test/crash/**/*.test.ts'],
          exclude: ALONE,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: 'alone', include: ALONE, exclude: [], maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
})
crash.test = { ...crash.test, include: [], exclude: [] }

export default crash
