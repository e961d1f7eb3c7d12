/** What a run says: a score for each file, the survivors, and docs/mutation.md. */
import { isNoticed } from './trial.mjs'

/** The share of mutants that tests must notice. */
const GOAL = 0.85

/**
 * @typedef {import('./trial.mjs').Verdict} Verdict
 * @typedef {Readonly<Record<string, string>>} Judged mutant ids to one sentence: why it is left, or what is missing;
 *   it begins with `Equivalent:` when no test could tell the mutant from the original
 */

/** One survivor on one line. @param {Verdict} verdict */
export const survivorLine = ({ file, line, change, outcome }) => `${file}:${line} ${outcome}: ${change}`

const percent = (part, whole) => `${whole === 0 ? 100 : ((100 * part) / whole).toFixed(1)} %`

/** @param {readonly Verdict[]} verdicts @param {Judged} judged */
function tally(verdicts, judged) {
  const noticed = verdicts.filter(isNoticed).length
  const equivalent = verdicts.filter(
    (one) => !isNoticed(one) && judged[one.id]?.startsWith('Equivalent:'),
  ).length
  return { total: verdicts.length, noticed, equivalent, left: verdicts.length - noticed - equivalent }
}

/** The scores as lines, and whether every file reaches the goal. @param {readonly Verdict[]} verdicts @param {Judged} judged */
export function scoresOf(verdicts, judged) {
  const files = [...new Set(verdicts.map(({ file }) => file))].toSorted()
  const rows = [...files, 'all'].map((file) => ({
    file,
    ...tally(file === 'all' ? verdicts : verdicts.filter((one) => one.file === file), judged),
  }))
  return {
    rows,
    isGoalMet: rows.every(({ noticed, total }) => total === 0 || noticed / total >= GOAL),
    lines: rows.map(
      ({ file, noticed, total, equivalent }) =>
        `${file.padEnd(40)} ${percent(noticed, total).padStart(7)}  ${noticed} of ${total}, ${equivalent} equivalent`,
    ),
  }
}

/** A cell of a table. @param {string} text */
const cell = (text) => text.replaceAll('|', '\\|')

/** The page. @param {readonly Verdict[]} verdicts @param {Judged} judged @param {{ sample: number, seed: number }} run */
export function pageOf(verdicts, judged, { sample, seed }) {
  const { rows } = scoresOf(verdicts, judged)
  const left = verdicts
    .filter((one) => !isNoticed(one))
    .toSorted((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line))
  const files = [...new Set(left.map(({ file }) => file))]
  return `# Do the tests notice mistakes

\`npm run mutate\` puts one small mistake at a time into a built module (a condition negated, a boundary moved, a statement removed, a word emptied, another value returned) and runs the tests that reach the place. A mistake that no test notices is listed below with a judgement. This page is written by \`npm run mutate -- --write\`${sample > 0 ? ` from ${sample} mistakes of each file (seed ${seed})` : ''}.

A mistake is noticed when a test fails or does not come to its end. An equivalent one changes nothing that can be observed; it counts as not noticed in the first share, and is left out of the second. The goal is ${GOAL * 100} % of each file.

| file | mistakes | noticed | share | equivalent | share without them |
| --- | --: | --: | --: | --: | --: |
${rows
  .map(
    ({ file, total, noticed, equivalent }) =>
      `| ${file === 'all' ? '**all**' : `\`${file}\``} | ${total} | ${noticed} | ${percent(noticed, total)} | ${equivalent} | ${percent(noticed, total - equivalent)} |`,
  )
  .join('\n')}

## What was not noticed
${files
  .map(
    (file) => `
### \`${file}\`

| line | mistake | judgement |
| --: | --- | --- |
${left
  .filter((one) => one.file === file)
  .map((one) => `| ${one.line} | ${cell(one.change)} | ${cell(judged[one.id] ?? 'Not judged.')} |`)
  .join('\n')}
`,
  )
  .join('')}`
}
