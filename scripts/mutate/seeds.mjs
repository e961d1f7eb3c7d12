/** The other question: does each test of test/seeds notice at least one mistake. */
import { readFileSync } from 'node:fs'
import { readdirSync } from 'node:fs'
import { baselineOf, testFiles } from './baseline.mjs'
import { placedMutants } from './places.mjs'
import { shuffled } from './sample.mjs'

/** Where mistakes are made for the seeds: everything a seed speaks of. */
const FOLDERS = /^(?:machines|runtime|store|integrations\/interchange)\/|^(?:errors|json)\.ts$/

/** Mistakes tried on one file before giving up on the tests that noticed none. */
const MOST = 80

/**
 * Tries mutants on each seed file until all its tests have failed once.
 * @param {readonly import('./private-copy.mjs').PrivateCopy[]} copies
 * @param {{ seed: number, say: (text: string) => void }} options
 */
export async function trySeeds(copies, { seed, say }) {
  const [first] = copies
  if (first === undefined) return false
  const sources = readdirSync(`${first.project}/src`, { recursive: true, encoding: 'utf8' })
    .filter((path) => FOLDERS.test(path) && path.endsWith('.ts') && !path.endsWith('writer-thread.ts'))
    .map((path) => `src/${path}`)
  const mutants = sources.flatMap((file) => placedMutants(first.project, file))
  const modules = [...new Set(mutants.map(({ module }) => module))]
  const tests = testFiles(first.project).filter((path) => path.startsWith('test/seeds/'))
  const baseline = await baselineOf(first, tests, modules)
  const queue = [...tests]
  let all = true
  await Promise.all(
    copies.map(async (copy) => {
      for (let test = queue.shift(); test !== undefined; test = queue.shift()) {
        const waiting = new Set(baseline.passed.get(test))
        const total = waiting.size
        const reached = mutants.filter(({ module, owner }) => baseline.reaches(test, module, owner))
        // A function of its own tells more of a test than the top of a module.
        const order = shuffled(reached, seed).toSorted((a, b) => Number(a.owner < 0) - Number(b.owner < 0))
        let tried = 0
        let kills = 0
        for (const mutant of order) {
          if (waiting.size === 0 || tried >= MOST) break
          tried += 1
          const code = readFileSync(`${copy.project}/${mutant.module}`, 'utf8')
          const broken = code.slice(0, mutant.start) + mutant.text + code.slice(mutant.end)
          const timeoutMs = 10_000 + 4 * (baseline.ms.get(test) ?? 0)
          const { runs } = await copy.run({ [mutant.module]: broken }, [test], { timeoutMs, bail: false })
          const failed = runs[0]?.failed ?? []
          if (failed.length > 0) kills += 1
          for (const name of failed) waiting.delete(name)
        }
        if (waiting.size > 0) all = false
        say(
          `${test}: ${total - waiting.size} of ${total} tests noticed a mistake; ${kills} of ${tried} mistakes noticed`,
        )
        for (const name of waiting) say(`  none noticed by ${name}`)
      }
    }),
  )
  return all
}
