/** The benchmark's document as text: goals with their figures, then what was measured beside them. */
import { GOALS, isMet, limitOf, PARTS } from './goals.mjs'
import { REASONS } from './reasons.mjs'
import { shown } from './statistics.mjs'

/** Every goal of some parts with its figure. */
export function goalRows(parts, answers) {
  return parts.flatMap((part) =>
    GOALS[part].map((goal) => {
      const answer = answers[part]
      const why = answer === undefined ? 'this part did not run' : 'the part said nothing about it'
      const figure = answer?.figures[goal.id] ?? { why: answer?.why ?? why }
      return { part, goal, figure, met: isMet(goal, figure) }
    }),
  )
}

/** For a terminal: tables of what ran. */
export function asText(document, answers) {
  const { machine, parts, minutes } = document
  const { cpu, cores, platform, node, fileSystem, load } = machine
  return [
    `${cpu}, ${cores} cores, ${platform}, Node ${node}, ${fileSystem}; load before ${load}`,
    ...tablesOf(parts, answers).flatMap(({ title, head, rows }) => ['', title, ...table(head, rows)]),
    '',
    ...table(GOAL_HEAD, goalRows(parts, answers).map(goalCells)),
    '',
    `${shown(minutes)} minutes`,
  ].join('\n')
}

/** For bench/RESULTS.md: every goal there is, also of parts that did not run. */
export function asPage(document, answers) {
  const { machine, versions, minutes, rounds, ms, at } = document
  const { cpu, cores, memoryGb, platform, node, fileSystem, load } = machine
  const rows = goalRows(PARTS, answers)
  const count = (wanted) => rows.filter(({ met }) => met === wanted).length
  const limited = rows.filter(({ goal }) => limitOf(goal) !== '–')
  const missing = limited.filter(({ figure }) => figure.value === undefined).length
  return `${[
    '# Results',
    '',
    `Written by \`npm run bench -- --write\` on ${at}, in ${shown(minutes)} minutes. Every figure of ours is with sync before acknowledgement, on the package as it is built, with nothing set that a user would not get by default.`,
    '',
    `${cpu}, ${cores} cores, ${memoryGb} GB, ${platform}, Node ${node}, ${fileSystem}; load before the run ${load}. ${rounds} rounds of ${ms} ms, interleaved, each sample a process of its own on a fresh folder; medians, and in brackets the least and the most. Only ratios of one run carry over to other machines.`,
    '',
    `Of ${limited.length} goals ${count(true)} are met, ${count(false)} are not, ${missing} were not measured.`,
    '',
    ...table(GOAL_HEAD, rows.map(goalCells)),
    ...reasonLines(rows),
    ...tablesOf(PARTS, answers).flatMap(({ title, head, rows: lines }) => [
      '',
      `## ${title}`,
      '',
      ...table(head, lines),
    ]),
    '',
    '## Versions',
    '',
    `${versions.join(', ')}.`,
  ].join('\n')}\n`
}

/** Goals of a run that were missed without a word on why. */
export function unexplained(answers) {
  return goalRows(PARTS, answers).filter(({ goal, met }) => met === false && REASONS[goal.id] === undefined)
}

function reasonLines(rows) {
  const missed = rows.filter(({ met }) => met === false)
  if (missed.length === 0) return []
  const lines = missed.map(({ goal }) => `- ${goal.work}: ${REASONS[goal.id] ?? 'not looked into yet'}.`)
  return ['', '## Not reached', '', ...lines]
}

const GOAL_HEAD = ['Work', 'Goal', 'Figure', 'Met']

function goalCells({ goal, figure, met }) {
  const { value, least, most, note, why } = figure
  if (value === undefined) return [goal.work, limitOf(goal), `not measured: ${why}`, '–']
  const unit = goal.unit === '' ? '' : ` ${goal.unit}`
  const between = least === undefined || least === most ? '' : ` (${shown(least)} … ${shown(most)})`
  const remark = note === undefined ? '' : `; ${note}`
  const verdict = met === undefined ? '–' : met ? 'yes' : 'NO'
  return [goal.work, limitOf(goal), `${shown(value)}${unit}${between}${remark}`, verdict]
}

function tablesOf(parts, answers) {
  return parts.flatMap((part) => answers[part]?.tables ?? [])
}

function table(head, rows) {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((line) => line[column].length)))
  const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line)]
}
