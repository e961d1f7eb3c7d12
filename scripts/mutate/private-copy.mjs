/**
 * A built tree of one's own in which files may be broken, with a process that runs its tests.
 *   PC1  The project itself is never written to.
 *   PC2  After each run the copy is as it was, also when the process had to be killed.
 */
import { fork } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('./test-process.mjs', import.meta.url))

/**
 * What the process says of one test file.
 * @typedef {{ test: string, failed: string[], passed: string[], ms: number }} TestRun
 * @typedef {{ runs: TestRun[], isLate: boolean, isDead: boolean }} Outcome
 */

/** A copy of the built project; `close` ends its process and removes it. */
export class PrivateCopy {
  /** @param {string} project @param {string} folder */
  constructor(project, folder) {
    this.project = project
    this.folder = folder
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(`${folder}/tmp`, { recursive: true })
    for (const part of ['dist', 'docs', 'examples', 'test', 'scripts', 'package.json', 'README.md', 'tsconfig.json', 'vitest.config.ts']) {
      cpSync(`${project}/${part}`, `${folder}/${part}`, { recursive: true })
    }
    symlinkSync(`${project}/node_modules`, `${folder}/node_modules`)
  }

  /**
   * Runs tests while some files hold other text.
   * @param {Readonly<Record<string, string>>} files @param {readonly string[]} tests
   * @param {{ timeoutMs: number, bail?: boolean, reach?: string }} options
   * @returns {Promise<Outcome>}
   */
  async run(files, tests, { timeoutMs, bail = true, reach }) {
    const changed = Object.keys(files)
    const before = changed.map((path) => readFileSync(`${this.project}/${path}`))
    const child = (this.child ??= await this.#start())
    for (const [path, text] of Object.entries(files)) writeFileSync(`${this.folder}/${path}`, text)
    /** @type {Outcome} */
    const outcome = await new Promise((resolve) => {
      const end = (outcome) => {
        clearTimeout(timer)
        child.off('message', onRuns)
        child.off('exit', onExit)
        resolve(outcome)
      }
      const onRuns = (runs) => end({ runs, isLate: false, isDead: false })
      const onExit = () => end({ runs: [], isLate: false, isDead: true })
      const timer = setTimeout(() => end({ runs: [], isLate: true, isDead: false }), timeoutMs)
      child.once('message', onRuns)
      child.once('exit', onExit)
      child.send({ changed, tests, bail, reach })
    })
    changed.forEach((path, i) => writeFileSync(`${this.folder}/${path}`, before[i] ?? ''))
    if (outcome.isLate || outcome.isDead) await this.#kill()
    // The next run invalidates what it changes; what this one changed must be read anew as well.
    else await this.#settle(child, changed)
    return outcome
  }

  /** Ends the process and removes the copy. */
  async close() {
    await this.#kill()
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  /** @returns {Promise<import('node:child_process').ChildProcess>} */
  #start() {
    // One word for `tmp` of a test, so that what a killed test leaves goes with the copy.
    const env = { ...process.env, TMPDIR: `${this.folder}/tmp`, VITEST_POOL_ID: undefined }
    const child = fork(PROGRAM, [this.folder], { cwd: this.folder, env, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
    return new Promise((resolve, reject) => {
      child.once('message', () => resolve(child))
      child.once('exit', (code) => reject(new Error(`the test process ended with ${code} before it began`)))
    })
  }

  async #settle(child, changed) {
    await new Promise((resolve) => {
      child.once('message', resolve)
      child.once('exit', resolve)
      child.send({ changed, tests: [], bail: true })
    })
  }

  async #kill() {
    const { child } = this
    this.child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }
}
