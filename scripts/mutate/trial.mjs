/** One mutant before its tests: who sees it, in which order, and what came of it. */
import { readFileSync } from 'node:fs'

/**
 * @typedef {{ id: string, file: string, line: number, source: string, change: string,
 *   outcome: 'killed' | 'late' | 'died' | 'survived' | 'unreached', first?: Verdict['outcome'], by?: string, tests: number, ms: number }} Verdict
 *   `first`: what came of it when it was tried first, when it was tried again.
 *   `late` and `died`: the tests did not come to an end, or their process did; both count as killed.
 */

/** Whether a verdict says that the mistake would have been noticed. @param {Pick<Verdict, 'outcome'>} verdict */
export const isNoticed = ({ outcome }) => outcome !== 'survived' && outcome !== 'unreached'

/** Sends mutants to their tests; tests that killed before come first, then the quick ones. */
export class Court {
  /** @param {import('./baseline.mjs').Baseline} baseline @param {(file: string) => readonly string[]} testsOf */
  constructor(baseline, testsOf) {
    this.baseline = baseline
    this.testsOf = testsOf
    /** Kills by file, function and test. @type {Map<string, number>} */
    this.kills = new Map()
  }

  /** The tests that reach a mutant, the most promising first. @param {import('./places.mjs').PlacedMutant} mutant */
  witnesses(mutant) {
    const { ms, reaches } = this.baseline
    const kills = (place, test) => this.kills.get(`${mutant.file} ${place} ${test}`) ?? 0
    const worth = (test) =>
      (1 + kills('', test) + 20 * kills(mutant.owner, test)) / (50 + (ms.get(test) ?? 0))
    return this.testsOf(mutant.file)
      .filter((test) => reaches(test, mutant.module, mutant.owner))
      .toSorted((a, b) => worth(b) - worth(a))
  }

  /**
   * @param {import('./private-copy.mjs').PrivateCopy} copy @param {import('./places.mjs').PlacedMutant} mutant
   * @returns {Promise<Verdict>}
   */
  async try(copy, mutant) {
    const tests = this.witnesses(mutant)
    const { id, file, line, source, change } = mutant
    const about = { id, file, line, source, change, tests: tests.length }
    if (tests.length === 0) return { ...about, outcome: 'unreached', ms: 0 }
    const code = readFileSync(`${copy.project}/${mutant.module}`, 'utf8')
    const broken = code.slice(0, mutant.start) + mutant.text + code.slice(mutant.end)
    const started = performance.now()
    for (const test of tests) {
      const { runs, isLate, isDead } = await this.#hear(copy, { [mutant.module]: broken }, test)
      const failed = runs[0]?.failed[0]
      if (!isLate && !isDead && failed === undefined) continue
      for (const key of [`${file}  ${test}`, `${file} ${mutant.owner} ${test}`]) {
        this.kills.set(key, (this.kills.get(key) ?? 0) + 1)
      }
      const outcome = isLate ? 'late' : isDead ? 'died' : 'killed'
      const by = failed === undefined ? test : `${test} ${failed}`
      return { ...about, outcome, by, ms: Math.round(performance.now() - started) }
    }
    return { ...about, outcome: 'survived', ms: Math.round(performance.now() - started) }
  }

  /** Runs a test. One that does not end in time is heard again with more of it when the machine is slow just now. */
  async #hear(copy, files, test) {
    const usual = this.baseline.ms.get(test) ?? 0
    const timeoutMs = 10_000 + 4 * usual
    const outcome = await copy.run(files, [test], { timeoutMs })
    if (!outcome.isLate) return outcome
    const unbroken = await copy.run({}, [test], { timeoutMs })
    const isSlow = unbroken.isLate || (unbroken.runs[0]?.ms ?? 0) > 3_000 + 2 * usual
    return isSlow ? copy.run(files, [test], { timeoutMs: 10 * timeoutMs }) : outcome
  }
}
