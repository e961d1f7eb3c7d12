/**
 * A built tree of one's own in which files may be broken, with a process that runs its tests.
 *   PC1  The project itself is never written to.
 *   PC2  After each run the copy is as it was, also when the process had to be killed.
 */
import { fork, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('./test-process.mjs', import.meta.url))

/**
 * What the process says of one test file.
 * @typedef {{ test: string, failed: string[], passed: string[], ms: number }} TestRun
 * @typedef {{ runs: TestRun[], isLate: boolean, isDead: boolean }} Outcome
 */

/** What tests need of a project beside its build. */
const PARTS = [
  'docs',
  'examples',
  'test',
  'scripts',
  'package.json',
  'README.md',
  'tsconfig.json',
  'tsconfig.build.json',
  'vitest.config.ts',
]

/** Builds a project into a folder, so that edits and builds of the project do not disturb what runs from there. */
export function buildInto(project, folder) {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const part of [...PARTS, 'src']) cpSync(`${project}/${part}`, `${folder}/${part}`, { recursive: true })
  symlinkSync(`${project}/node_modules`, `${folder}/node_modules`)
  const tsc = `${project}/node_modules/typescript/bin/tsc`
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
    cwd: folder,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`the project does not build:\n${stdout}`)
}

/** A copy of the built project; `close` ends its process and removes it. */
export class PrivateCopy {
  /** @param {string} project @param {string} folder */
  constructor(project, folder) {
    this.project = project
    this.folder = folder
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(`${folder}/tmp`, { recursive: true })
    for (const part of [...PARTS, 'dist'])
      cpSync(`${project}/${part}`, `${folder}/${part}`, { recursive: true })
    symlinkSync(realpathSync(`${project}/node_modules`), `${folder}/node_modules`)
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
      child.send({ tests, bail, reach })
    })
    changed.forEach((path, i) => writeFileSync(`${this.folder}/${path}`, before[i] ?? ''))
    if (outcome.isLate || outcome.isDead) await this.#kill()
    return outcome
  }

  /** Ends the process and removes the copy. */
  async close() {
    await this.#kill()
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  /** @returns {Promise<import('node:child_process').ChildProcess>} */
  #start() {
    // What a killed test leaves behind goes with the copy.
    const env = { ...process.env, TMPDIR: `${this.folder}/tmp` }
    const child = fork(PROGRAM, [this.folder], {
      cwd: this.folder,
      env,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    return new Promise((resolve, reject) => {
      const onExit = (code) => reject(new Error(`the test process ended with ${code} before it began`))
      child.once('exit', onExit)
      child.once('message', () => {
        child.off('exit', onExit)
        resolve(child)
      })
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
