/** What verdicts come to: the share of mistakes that tests noticed, for each file and for all. */
import { isNoticed } from './trial.mjs'

/** The share of mutants that tests must notice. */
export const GOAL = 0.85

/**
 * @typedef {import('./trial.mjs').Verdict} Verdict
 * @typedef {Readonly<Record<string, string>>} Judged mutant ids, and items of the seeds, to one sentence: why it is left, or what is missing;
 *   it begins with `Equivalent:` when no test could tell the mutant from the original
 * @typedef {{ file: string, possible: number, tried: number, atFirst: number, noticed: number,
 *   equivalent: number }} Row `atFirst`: noticed before tests were written for those that were not
 * @typedef {{ rows: readonly Row[], all: Row, survivors: readonly Verdict[], lines: readonly string[], isGoalMet: boolean }} Score
 */

/** A share in words. @param {number} part @param {number} whole */
export const percent = (part, whole) => `${whole === 0 ? 100 : ((100 * part) / whole).toFixed(1)} %`

/** One survivor on one line. @param {Verdict} verdict */
export const survivorLine = ({ file, line, change, outcome }) => `${file}:${line} ${outcome}: ${change}`

/**
 * @param {readonly Verdict[]} verdicts @param {Judged} judged
 * @param {(file: string) => number} possible how many mutants a file has, tried or not
 * @returns {Score}
 */
export function scoresOf(verdicts, judged, possible) {
  const rowOf = (file, count, ours) => ({
    file,
    possible: count,
    tried: ours.length,
    atFirst: ours.filter(({ first, outcome }) => isNoticed({ outcome: first ?? outcome })).length,
    noticed: ours.filter(isNoticed).length,
    equivalent: ours.filter((one) => !isNoticed(one) && judged[one.id]?.startsWith('Equivalent:')).length,
  })
  const files = [...new Set(verdicts.map(({ file }) => file))].toSorted()
  const rows = files.map((file) =>
    rowOf(
      file,
      possible(file),
      verdicts.filter((one) => one.file === file),
    ),
  )
  const all = rowOf(
    'all',
    rows.reduce((sum, row) => sum + row.possible, 0),
    verdicts,
  )
  return {
    rows,
    all,
    survivors: verdicts
      .filter((one) => !isNoticed(one))
      .toSorted((a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line),
    lines: [...rows, all].map(
      ({ file, noticed, tried, equivalent, possible: count }) =>
        `${file.padEnd(40)} ${percent(noticed, tried).padStart(7)}  ${noticed} of ${tried}, ${equivalent} equivalent, ${count} possible`,
    ),
    isGoalMet: rows.every(({ noticed, tried }) => noticed / tried >= GOAL),
  }
}
