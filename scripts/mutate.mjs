/**
 * `npm run mutate -- --file src/machines/limits.ts`: makes small mistakes in the built modules, one at a time, and counts
 * how many of them the tests notice.
 *
 *   --file PATH     a file of the table, or the beginning of several; may be repeated; all without it
 *   --sample N      N mutants of each file instead of all; --seed S for the same ones again
 *   --workers N     processes that run tests (default 2)
 *   --json PATH     verdicts are kept there; mutants that have one are not tried again, with --again the survivors are
 *   --seeds         the other question: does every test of test/seeds notice some mistake
 *   --write         docs/mutation.md from the verdicts
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { baselineOf, testFiles } from './mutate/baseline.mjs'
import { pageOf, scoresOf, survivorLine } from './mutate/page.mjs'
import { moduleOf, placedMutants } from './mutate/places.mjs'
import { PrivateCopy, buildInto } from './mutate/private-copy.mjs'
import { sampleOf } from './mutate/sample.mjs'
import { trySeeds } from './mutate/seeds.mjs'
import { TARGETS } from './mutate/targets.mjs'
import { Court, isNoticed } from './mutate/trial.mjs'

const root = fileURLToPath(new URL('../', import.meta.url)).replace(/[\\/]$/, '')
const { values: options } = parseArgs({
  options: {
    file: { type: 'string', multiple: true, default: [''] },
    sample: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    workers: { type: 'string', default: '2' },
    json: { type: 'string' },
    again: { type: 'boolean', default: false },
    seeds: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const say = (text) => process.stdout.write(`${text}\n`)
const seed = Number(options.seed)
const sample = Number(options.sample)
const files = Object.keys(TARGETS).filter((file) => options.file.some((start) => file.startsWith(start)))
if (files.length === 0) {
  process.stderr.write(`no such file in scripts/mutate/targets.mjs: ${options.file.join(', ')}\n`)
  process.exit(2)
}

const scratch = mkdtempSync(`${tmpdir()}/sessionwright-mutate-`)
const base = `${scratch}/base`
/** @type {PrivateCopy[]} */
const copies = []
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    for (const { child } of copies) child?.kill('SIGKILL')
    rmSync(scratch, { recursive: true, force: true })
    process.exit(130)
  })
}
try {
  buildInto(root, base)
  copies.push(
    ...Array.from(
      { length: Number(options.workers) },
      (_, i) => new PrivateCopy(base, `${scratch}/copy-${i}`),
    ),
  )
  const ok = options.seeds ? await trySeeds(copies, { seed, say }) : await tryFiles()
  process.exitCode = ok ? 0 : 1
} finally {
  await Promise.all(copies.map((copy) => copy.close()))
  rmSync(scratch, { recursive: true, force: true })
}

/** Tries the mutants of the chosen files, and reports. */
async function tryFiles() {
  const all = testFiles(base)
  const testsOf = (file) => all.filter((test) => TARGETS[file]?.some((start) => test.startsWith(start)))
  const tests = [...new Set(files.flatMap(testsOf))]
  const [first] = copies
  if (first === undefined) return false
  const baseline = await baselineOf(first, tests, files.map(moduleOf))
  const court = new Court(baseline, testsOf)

  const earlier =
    options.json !== undefined && existsSync(options.json)
      ? JSON.parse(readFileSync(options.json, 'utf8'))
      : []
  /** @type {Map<string, import('./mutate/trial.mjs').Verdict>} */
  const verdicts = new Map(earlier.map((verdict) => [verdict.id, verdict]))
  const survived = (id) => verdicts.has(id) && !isNoticed(verdicts.get(id))
  const queue = files.flatMap((file) => {
    const mutants = placedMutants(base, file)
    for (const id of verdicts.keys())
      if (id.startsWith(`${file} |`) && !mutants.some((one) => one.id === id)) verdicts.delete(id)
    const chosen = sample > 0 ? sampleOf(mutants, sample, seed) : mutants
    return options.again
      ? mutants.filter(({ id }) => survived(id))
      : chosen.filter(({ id }) => !verdicts.has(id))
  })
  say(
    `${queue.length} mutants in ${files.length} files, ${tests.length} test files${sample > 0 ? `, seed ${seed}` : ''}`,
  )

  let done = 0
  await Promise.all(
    copies.map(async (copy) => {
      for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
        const verdict = await court.try(copy, mutant)
        verdicts.set(verdict.id, verdict)
        done += 1
        if (!isNoticed(verdict)) say(survivorLine(verdict))
        if (done % 50 === 0) say(`… ${done} done, ${queue.length} to go`)
        if (options.json !== undefined)
          writeFileSync(options.json, JSON.stringify([...verdicts.values()], null, 1))
      }
    }),
  )
  const judged = JSON.parse(readFileSync(`${root}/scripts/mutate/judged.json`, 'utf8'))
  const shown = [...verdicts.values()].filter(({ file }) => files.includes(file))
  for (const line of scoresOf(shown, judged).lines) say(line)
  if (options.write) writeFileSync(`${root}/docs/mutation.md`, pageOf(shown, judged, { sample, seed }))
  return scoresOf(shown, judged).isGoalMet
}
