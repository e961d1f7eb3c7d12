/** docs/mutation.md: the scores, what was not noticed with its judgement, and what each item of the seeds notices. */
import { format, resolveConfig } from 'prettier'
import { GOAL, percent } from './score.mjs'
import { MOST } from './seeds.mjs'

/**
 * @typedef {import('./score.mjs').Score} Score
 * @typedef {import('./score.mjs').Judged} Judged
 * @typedef {import('./seeds.mjs').SeedVerdict} SeedVerdict
 */

/** A cell of a table. @param {string | number} value */
const cell = (value) => String(value).replaceAll('|', '\\|')

/** A table. @param {readonly string[]} head @param {readonly (readonly (string | number)[])[]} rows */
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n')

/**
 * The page, formatted.
 * @param {Score} score @param {Judged} judged @param {readonly SeedVerdict[]} seeds
 * @param {{ date: string, seed: number }} run
 */
export async function pageOf(score, judged, seeds, run) {
  const text = [
    opening(score, run),
    scoreTable(score),
    survivors(score, judged),
    seedTable(seeds, judged),
  ].join('\n\n')
  return format(text, { ...(await resolveConfig(import.meta.filename)), parser: 'markdown' })
}

/** @param {Score} score @param {{ date: string, seed: number }} run */
function opening({ rows }, { date, seed }) {
  const isSampled = rows.some(({ tried, possible }) => tried < possible)
  return `# Do the tests notice mistakes

\`npm run mutate\` puts one small mistake at a time into a built module and runs the tests that reach its function. The
mistakes: a condition negated, an operator exchanged, a boundary moved, a statement removed, a word emptied, a flag
turned, another value returned, a call left out. A mistake is noticed when a test fails or does not come to its end.

This page is of ${date}, written by \`npm run mutate -- --write\`. Line numbers are those of that day.

## Scores

The goal is ${GOAL * 100} % of each file. An equivalent mistake changes nothing that anybody can observe; it counts as
not noticed in the share, and is left out of the last column. "At first" is the share that was noticed before tests were
added for what was not.${
    isSampled
      ? ` Where fewer were tried than are possible, they were drawn at random (seed ${seed}), and it tells more.`
      : ''
  } Mistakes of recovery are shown to
the quick unit tests of the journal only: those that damage every place or take power away at every call would notice
more, at their length.`
}

/** @param {Score} score */
function scoreTable({ rows, all }) {
  const lines = [...rows, { ...all, file: '**all**' }].map(
    ({ file, possible, tried, atFirst, noticed, equivalent }) => [
      file === '**all**' ? file : `\`${file}\``,
      possible,
      tried,
      percent(atFirst, tried),
      noticed,
      percent(noticed, tried),
      equivalent,
      percent(noticed, tried - equivalent),
    ],
  )
  return table(
    ['file', 'possible', 'tried', 'at first', 'noticed', 'share', 'equivalent', 'share without them'],
    lines,
  )
}

/** @param {Score} score @param {Judged} judged */
function survivors({ survivors: left }, judged) {
  const files = [...new Set(left.map(({ file }) => file))]
  const parts = files.map((file) => {
    const rows = left
      .filter((one) => one.file === file)
      .map((one) => [one.line, one.change, judged[one.id] ?? 'Not judged.'])
    return `### \`${file}\`\n\n${table(['line', 'mistake', 'judgement'], rows)}`
  })
  return ['## What was not noticed', ...(parts.length > 0 ? parts : ['Everything was noticed.'])].join('\n\n')
}

/** @param {readonly SeedVerdict[]} seeds @param {Judged} judged */
function seedTable(seeds, judged) {
  const rows = seeds
    .toSorted((a, b) => (a.item < b.item ? -1 : 1))
    .map(({ item, by }) => [
      item,
      by === undefined ? '' : `\`${by.file}\`:${by.line}`,
      by?.change ?? judged[item] ?? 'None was found.',
    ])
  const told = `The other question: does a test of each item of [the seeds](seeds.md) notice a mistake? Mistakes were made in the
functions that the tests of an item reach, those first that few other tests reach, until one of these tests failed or
${MOST} mistakes had been tried for it. A mistake that more than half of a test file noticed does not count. Of ${seeds.length}
items tried ${seeds.filter(({ by }) => by !== undefined).length} have such a mistake, ${seeds.filter(({ isPicked }) => isPicked).length} of them one that was picked by hand; the table
names the first one.`
  return ['## The items of the seeds', told, table(['item', 'place', 'mistake'], rows)].join('\n\n')
}
