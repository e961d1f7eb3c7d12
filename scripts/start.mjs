/**
 * `npm start` on a bare clone: installs when the installed packages are missing or older than the lock, builds, runs the
 * demo. Plain JavaScript without imports of ours, because nothing is installed or built yet when it starts.
 */
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))

/** @param {string} path */
const changedAt = (path) => statSync(`${root}${path}`, { throwIfNoEntry: false })?.mtimeMs ?? 0

/**
 * @param {string} command
 * @param {readonly string[]} args
 */
function run(command, args) {
  const { status, signal, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32' && command === 'npm',
  })
  if (error !== undefined) throw error
  if (status !== 0) process.exit(status ?? (signal === 'SIGINT' ? 130 : 1))
}

if (changedAt('node_modules/.package-lock.json') < changedAt('package-lock.json')) run('npm', ['ci'])
run('npm', ['run', '--silent', 'build'])
run(process.execPath, ['dist/cli/main.js', 'demo', ...process.argv.slice(2)])
