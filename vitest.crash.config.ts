/** The crash lane: real processes that are really killed, one file after another, without a time limit of its own. */
import { mergeConfig, type ViteUserConfig } from 'vitest/config'
import config from './vitest.config.ts'

const crash: ViteUserConfig = mergeConfig(config, {
  test: { fileParallelism: false, testTimeout: 600_000, hookTimeout: 60_000 },
})
crash.test = { ...crash.test, include: ['test/crash/**/*.test.ts'], exclude: [] }

export default crash
