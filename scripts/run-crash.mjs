/**
 * The one entry to the tests that break things.
 *   `npm run test:crash`                                          every part but the soak, as CI runs them
 *   `npm run test:crash -- --part kills --kills 1000 --seed 7`    one of them
 *   `npm run test:crash:long -- --part sim --minutes 60`          one of them for as long as that
 * A part is a file `test/crash/<part>.test.ts`. It hears of the options as `SESSIONWRIGHT_CRASH_KILLS`, `_SEED` and, in a long
 * run only, `_MINUTES`; it prints its seed and what it reached, and one `REPRO:` line when it fails.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const usage = `usage: npm run test:crash -- [--part NAME] [--kills N] [--seed N] [vitest arguments]
       npm run test:crash:long -- --part NAME [--minutes N] [--kills N] [--seed N] [vitest arguments]
parts: kills sim mistakes power syscalls damage owners load soak; a long run takes 10 minutes unless told`

const root = fileURLToPath(new URL('../', import.meta.url))
const args = process.argv.slice(2)
const isLong = args[0] === '--long'
if (isLong) args.shift()

/** @type {Record<string, string>} */
const given = isLong ? { '--minutes': '10' } : {}
/** @type {string[]} */
const rest = []
while (args.length > 0) {
  const arg = args.shift() ?? ''
  const [name = '', inline] = arg.split('=', 2)
  const isOurs = ['--part', '--kills', '--seed'].includes(name) || (isLong && name === '--minutes')
  if (isOurs) given[name] = inline ?? args.shift() ?? ''
  else rest.push(arg)
}

const env = { ...process.env }
for (const name of ['kills', 'seed', 'minutes']) {
  const value = given[`--${name}`]
  if (value === undefined) continue
  if (!/^\d+$/.test(value)) refuse(`--${name} needs a whole number`)
  env[`SESSIONWRIGHT_CRASH_${name.toUpperCase()}`] = value
}
const part = given['--part']
if (isLong && part === undefined) refuse('a long run is one part')
if (part !== undefined && !existsSync(`${root}${fileOf(part)}`)) refuse(`there is no part "${part}"`)

const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url))
const { status } = spawnSync(
  process.execPath,
  [
    ...[vitest, 'run', '--config', 'vitest.crash.config.ts'],
    ...(part === undefined ? ['--exclude', fileOf('soak')] : [fileOf(part)]),
    ...(isLong ? [`--testTimeout=${(Number(given['--minutes']) + 10) * 60_000}`] : []),
    ...rest,
  ],
  { cwd: root, stdio: 'inherit', env },
)
process.exit(status ?? 1)

/** @param {string} name */
function fileOf(name) {
  return `test/crash/${name}.test.ts`
}

/**
 * @param {string} why
 * @returns {never}
 */
function refuse(why) {
  process.stderr.write(`${why}\n${usage}\n`)
  process.exit(2)
}
