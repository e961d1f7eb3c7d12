/** The other question: does every item of the seeds have a test that notices a mistake. */
import { readFileSync, readdirSync } from 'node:fs'
import { baselineOf, testFiles } from './baseline.mjs'
import { placedMutants } from './places.mjs'
import { shuffled } from './sample.mjs'

/**
 * What became of one item. `by` is the test that failed, and the mistake that it noticed; `isPicked`: chosen by hand.
 * @typedef {{ item: string, isPicked?: true, by?: { test: string, name: string, file: string, line: number, change: string } }} SeedVerdict
 */

/** Where mistakes are made for the seeds: everything a seed speaks of. */
const FOLDERS = /^(?:machines|runtime|store|integrations\/interchange)\/|^(?:errors|json)\.ts$/

/** Mistakes tried for one test before giving up on it. */
export const MOST = 12

/** A mistake that most tests of a file notice says little of one of them; it counts for this share of them at most. */
const SHARE = 1 / 2

/** The items that a test names in front of its title. @param {string} name */
export const itemsOf = (name) => name.match(/S\d-\d\d/g) ?? []

/** The test files that speak of the seeds. @param {string} project */
const seedTests = (project) =>
  testFiles(project).filter(
    (path) =>
      (path.startsWith('test/seeds/') || path.startsWith('test/unit/store/')) &&
      /\[S\d-\d\d/.test(readFileSync(`${project}/${path}`, 'utf8')),
  )

/**
 * The mutants that one test reaches, those that few of its neighbours reach first, and no function twice before others.
 * @param {readonly import('./places.mjs').PlacedMutant[]} mutants
 * @param {(owner: import('./places.mjs').PlacedMutant, name: string) => boolean} reaches
 * @param {readonly string[]} names @param {string} name
 */
function ownMistakes(mutants, reaches, names, name) {
  /** @type {Map<string, { rarity: number, count: number }>} */
  const functions = new Map()
  const ranked = mutants
    .filter((mutant) => reaches(mutant, name))
    .map((mutant) => {
      const place = `${mutant.module} ${mutant.owner}`
      const known = functions.get(place) ?? {
        rarity: names.filter((other) => reaches(mutant, other)).length,
        count: 0,
      }
      known.count += 1
      functions.set(place, known)
      return { mutant, rank: known.rarity * known.count }
    })
  return ranked.toSorted((a, b) => a.rank - b.rank).map(({ mutant }) => mutant)
}

/**
 * Tries mutants on each test file until every item that it names had a test that failed.
 * @param {readonly import('./private-copy.mjs').PrivateCopy[]} copies
 * @param {import('./verdicts.mjs').Verdicts} verdicts
 * @param {{ isChosen: (test: string) => boolean, seed: number, say: (text: string) => void }} options
 */
export async function trySeeds(copies, verdicts, { isChosen, seed, say }) {
  const [first] = copies
  if (first === undefined) return
  const { project } = first
  const sources = readdirSync(`${project}/src`, { recursive: true, encoding: 'utf8' })
    .filter((path) => FOLDERS.test(path) && path.endsWith('.ts') && !path.endsWith('writer-thread.ts'))
    .map((path) => `src/${path}`)
  const mutants = shuffled(
    sources.flatMap((file) => placedMutants(project, file)),
    seed,
  )
  const tests = seedTests(project).filter(isChosen)
  const baseline = await baselineOf(first, tests, [...new Set(mutants.map(({ module }) => module))])
  const isWaiting = (item) => verdicts.seeds.get(item)?.by === undefined

  const queue = [...tests]
  await Promise.all(
    copies.map(async (copy) => {
      for (let test = queue.shift(); test !== undefined; test = queue.shift()) {
        const names = (baseline.passed.get(test) ?? []).filter((name) => itemsOf(name).length > 0)
        const reaches = ({ module, owner }, name) =>
          baseline.reaches(test, module, owner, owner < 0 ? undefined : name.replaceAll(/\s+/g, ' '))
        const timeoutMs = 10_000 + 4 * (baseline.ms.get(test) ?? 0)
        const spent = new Set()
        for (const name of names) {
          let tried = 0
          for (const mutant of itemsOf(name).some(isWaiting)
            ? ownMistakes(mutants, reaches, names, name)
            : []) {
            if (!itemsOf(name).some(isWaiting) || tried >= MOST) break
            if (spent.has(mutant)) continue
            spent.add(mutant)
            tried += 1
            const failed = await failures(copy, test, mutant, timeoutMs)
            if (failed.length > Math.max(3, names.length * SHARE)) continue
            const { file, line, change } = mutant
            for (const one of failed)
              for (const item of itemsOf(one).filter(isWaiting))
                verdicts.seeds.set(item, { item, by: { test, name: one, file, line, change } })
          }
        }
        const left = [...new Set(names.flatMap(itemsOf))].filter(isWaiting)
        for (const item of left) verdicts.seeds.set(item, { item })
        verdicts.save()
        say(
          `${test}: ${spent.size} mistakes${left.length > 0 ? `, nothing noticed for ${left.join(' ')}` : ''}`,
        )
      }
    }),
  )
}

/** The tests of a file that fail of a mutant; none when they do not come to an end. */
async function failures(copy, test, { module, start, end, text }, timeoutMs) {
  const code = readFileSync(`${copy.project}/${module}`, 'utf8')
  const broken = code.slice(0, start) + text + code.slice(end)
  const { runs } = await copy.run({ [module]: broken }, [test], { timeoutMs, bail: false })
  return runs[0]?.failed ?? []
}
