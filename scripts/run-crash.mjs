/**
 * `npm run test:crash -- --kills 1000 --seed 7`: kills real processes and counts what was lost. The options reach the tests
 * as `SESSIONWRIGHT_CRASH_KILLS` and `SESSIONWRIGHT_CRASH_SEED`; other arguments go to vitest.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const usage = 'usage: npm run test:crash -- [--kills N] [--seed N] [vitest arguments]'
const root = fileURLToPath(new URL('../', import.meta.url))
const env = { ...process.env }
const rest = []
const args = process.argv.slice(2)

while (args.length > 0) {
  const [name = '', inline] = (args.shift() ?? '').split('=', 2)
  if (name !== '--kills' && name !== '--seed') {
    rest.push(inline === undefined ? name : `${name}=${inline}`)
    continue
  }
  const value = inline ?? args.shift()
  if (value === undefined || !/^\d+$/.test(value)) {
    process.stderr.write(`${name} needs a whole number\n${usage}\n`)
    process.exit(2)
  }
  env[name === '--kills' ? 'SESSIONWRIGHT_CRASH_KILLS' : 'SESSIONWRIGHT_CRASH_SEED'] = value
}

const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url))
const { status } = spawnSync(
  process.execPath,
  [vitest, 'run', '--config', 'vitest.crash.config.ts', ...rest],
  {
    cwd: root,
    stdio: 'inherit',
    env,
  },
)
process.exit(status ?? 1)
