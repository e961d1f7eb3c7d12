/**
 * `npm run bench [-- PART…] [--json] [--write] [--rounds N] [--ms N] [--scale N] [--dir DIR]`: measures the built package beside
 * the limits of the machine and beside what somebody would use instead. Without a part all run, in under ten minutes. Every
 * figure is with sync before acknowledgement; what carries over to other machines is a ratio of one run.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { PARTS } from './goals.mjs'
import { machine, versions } from './machine.mjs'
import { asPage, asText, unexplained } from './report.mjs'
import { sample } from './sample.mjs'

const page = fileURLToPath(new URL('./RESULTS.md', import.meta.url))
const usage = `usage: npm run bench [-- PART…] [--json] [--write] [--rounds N] [--ms N] [--scale N] [--dir DIR]
parts: ${PARTS.join(' ')}`

const { values, positionals } = parsed()
const rounds = Number(values.rounds)
const ms = Number(values.ms)
const scale = Number(values.scale)
const wanted = positionals.length === 0 ? PARTS : PARTS.filter((part) => positionals.includes(part))
const unknown = positionals.filter((part) => !PARTS.includes(part))
if (unknown.length > 0) refuse(`no part ${unknown.join(', ')}`)
if (!(rounds >= 1) || !(ms >= 1) || !(scale > 0)) refuse('numbers have to be positive')

const folder = mkdtempSync(join(values.dir ?? tmpdir(), 'sessionwright-bench-'))
const started = performance.now()
const minutes = () => (performance.now() - started) / 60_000
const progress = (line) => process.stderr.write(`${minutes().toFixed(1)} min  ${line}\n`)
const about = machine(folder)
const answers = {}
try {
  // The lines that RAW writes are lines that the product wrote.
  const lines = join(folder, 'lines.jsonl')
  await sample('append-rate', { kind: 'product', inFlight: 64, ms: 200, warmUpMs: 200, folder, keep: lines })
  const shared = {}
  for (const part of wanted) {
    progress(`── ${part}`)
    const { run } = await import(`./parts/${part}.mjs`)
    try {
      answers[part] = await run({ rounds, ms, scale, folder, lines, progress, shared })
    } catch (error) {
      // One part that fails does not hide the others.
      process.exitCode = 1
      answers[part] = { figures: {}, why: error.message }
      progress(`FAILED ${part}: ${error.stack}`)
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}

const at = new Date().toISOString().slice(0, 10)
const document = {
  machine: about,
  versions: versions(),
  at,
  minutes: minutes(),
  rounds,
  ms,
  scale,
  parts: wanted,
  answers,
}
if (values.write) {
  writeFileSync(page, asPage(document, answers))
  for (const { goal } of unexplained(answers)) progress(`no line in bench/reasons.mjs for ${goal.id}`)
}
process.stdout.write(
  values.json ? `${JSON.stringify(document, null, 2)}\n` : `${asText(document, answers)}\n`,
)

function parsed() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        write: { type: 'boolean', default: false },
        rounds: { type: 'string', default: '2' },
        ms: { type: 'string', default: '1000' },
        scale: { type: 'string', default: '1' },
        dir: { type: 'string' },
      },
    })
  } catch (error) {
    return refuse(error.message)
  }
}

function refuse(reason) {
  process.stderr.write(`${reason}\n${usage}\n`)
  process.exit(2)
}
