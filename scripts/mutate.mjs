/**
 * `npm run mutate -- --file src/machines/limits.ts`: makes small mistakes in the built modules, one at a time, and counts
 * how many of them the tests notice.
 *
 *   --file PATH     a file of the table, or the beginning of several; may be repeated; all without it (with --seeds: test files)
 *   --sample N      N mutants of each file instead of all; --seed S for the same ones again
 *   --workers N     processes that run tests (default 2)
 *   --json PATH     verdicts are kept there; mutants that have one are not tried again, with --again those survivors are
 *                   that are not judged equivalent
 *   --seeds         the other question: does every item of the seeds have a test that notices some mistake
 *   --report        tries nothing, only says what the verdicts are
 *   --write         docs/mutation.md from the verdicts
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { baselineOf, testFiles } from './mutate/baseline.mjs'
import { pageOf } from './mutate/page.mjs'
import { moduleOf, placedMutants } from './mutate/places.mjs'
import { PrivateCopy, buildInto } from './mutate/private-copy.mjs'
import { sampleOf } from './mutate/sample.mjs'
import { scoresOf, survivorLine } from './mutate/score.mjs'
import { trySeeds } from './mutate/seeds.mjs'
import { TARGETS } from './mutate/targets.mjs'
import { Court, isNoticed } from './mutate/trial.mjs'
import { Verdicts } from './mutate/verdicts.mjs'

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
    report: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const say = (text) => process.stdout.write(`${text}\n`)
const seed = Number(options.seed)
const sample = Number(options.sample)
const isChosen = (path) => options.file.some((start) => path.startsWith(start))
const files = Object.keys(TARGETS).filter(isChosen)
if (files.length === 0 && !options.seeds) {
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
const verdicts = new Verdicts(options.json)
const judged = JSON.parse(readFileSync(`${root}/scripts/mutate/judged.json`, 'utf8'))
try {
  buildInto(root, base)
  if (!options.report) {
    for (let i = 0; i < Number(options.workers); i += 1)
      copies.push(new PrivateCopy(base, `${scratch}/copy-${i}`))
    if (options.seeds) await trySeeds(copies, verdicts, { isChosen, seed, say })
    else await tryFiles()
  }
  process.exitCode = (await report()) ? 0 : 1
} finally {
  await Promise.all(copies.map((copy) => copy.close()))
  rmSync(scratch, { recursive: true, force: true })
}

/** Tries the mutants of the chosen files. */
async function tryFiles() {
  const all = testFiles(base)
  const testsOf = (file) => all.filter((test) => TARGETS[file]?.some((start) => test.startsWith(start)))
  const tests = [...new Set(files.flatMap(testsOf))]
  const [first] = copies
  if (first === undefined) return
  const court = new Court(await baselineOf(first, tests, files.map(moduleOf)), testsOf)

  const known = verdicts.mutants
  const isLeft = ({ id }) =>
    known.has(id) && !isNoticed(known.get(id)) && !judged[id]?.startsWith('Equivalent:')
  const queue = files.flatMap((file) => {
    const mutants = placedMutants(base, file)
    verdicts.keepOnly(file, new Set(mutants.map(({ id }) => id)))
    const chosen = sample > 0 ? sampleOf(mutants, sample, seed) : mutants
    return options.again ? mutants.filter(isLeft) : chosen.filter(({ id }) => !known.has(id))
  })
  say(
    `${queue.length} mutants in ${files.length} files, ${tests.length} test files${sample > 0 ? `, seed ${seed}` : ''}`,
  )

  let done = 0
  await Promise.all(
    copies.map(async (copy) => {
      for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
        const verdict = await court.try(copy, mutant)
        const before = known.get(verdict.id)
        known.set(
          verdict.id,
          before === undefined ? verdict : { ...verdict, first: before.first ?? before.outcome },
        )
        verdicts.save()
        done += 1
        if (!isNoticed(verdict)) say(survivorLine(verdict))
        if (done % 50 === 0) say(`… ${done} done, ${queue.length} to go`)
      }
    }),
  )
}

/** Says the scores of the chosen files, and writes the page when asked. */
async function report() {
  const score = scoresOf(
    [...verdicts.mutants.values()].filter(({ file }) => files.includes(file)),
    judged,
    (file) => placedMutants(base, file).length,
  )
  for (const line of score.lines) say(line)
  const seeds = [...verdicts.seeds.values()]
  const blind = seeds.filter(({ by }) => by === undefined)
  if (seeds.length > 0)
    say(
      `${seeds.length - blind.length} of ${seeds.length} items of the seeds have a mistake that their tests noticed`,
    )
  if (options.write) {
    const date = new Date().toISOString().slice(0, 10)
    writeFileSync(`${root}/docs/mutation.md`, await pageOf(score, judged, seeds, { date, seed }))
  }
  return options.seeds ? blind.length === 0 : score.isGoalMet
}
