/**
 * `npm run check`: everything about the package that is not a test. All steps run, also after one failed, and the output of a
 * step is shown only when it fails. `npm run check -- types lint` runs the steps named.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))

/** @type {readonly (readonly [name: string, program: string, ...args: string[]])[]} */
const STEPS = [
  ['build', 'npm', 'run', '--silent', 'build'],
  ['types', 'tsc', '--noEmit', '-p', 'tsconfig.json'],
  ['page', 'tsc', '--noEmit', '-p', 'src/inspector/page/tsconfig.json'],
  ['lint', 'oxlint', '--type-aware', '--deny-warnings', '--report-unused-disable-directives'],
  ['format', 'prettier', '--check', '--log-level', 'warn', '.'],
  ['unused', 'knip'],
  ['package', 'publint', '--strict'],
  ['exports', 'attw', '--pack', '.', '--profile', 'esm-only'],
  ['docs', 'node', 'scripts/generate-errors-doc.mjs', '--check'],
]

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !STEPS.some(([step]) => step === name))
if (unknown.length > 0) {
  process.stderr.write(`no step ${unknown.join(', ')}; steps: ${STEPS.map(([step]) => step).join(' ')}\n`)
  process.exit(2)
}

/** @type {string[]} */
const failed = []
for (const [name, program, ...args] of STEPS) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const local = `${root}node_modules/.bin/${program}`
  const started = Date.now()
  const { status, error, stdout, stderr } = spawnSync(existsSync(local) ? local : program, args, {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
    maxBuffer: 64 * 1024 * 1024,
  })
  const outcome = status === 0 ? 'ok' : 'FAILED'
  process.stdout.write(`${name.padEnd(8)} ${outcome} ${Date.now() - started} ms\n`)
  if (status === 0) continue
  failed.push(name)
  process.stdout.write(`${stdout ?? ''}${stderr ?? ''}${error === undefined ? '' : `${error.message}\n`}`)
}
if (failed.length > 0) process.stdout.write(`check failed: ${failed.join(' ')}\n`)
process.exit(failed.length === 0 ? 0 : 1)
