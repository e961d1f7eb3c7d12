/**
 * `npm run bench -- append [--json] [--rounds N] [--ms N] [--dir DIR]`: runs one benchmark on the built package. Every figure
 * is with sync before acknowledgement; what carries over to other machines is the ratio to RAW of the same run.
 */
import { parseArgs } from 'node:util'
import { benchAppend } from './append.mjs'

const BENCHMARKS = { append: benchAppend }
const usage = `usage: npm run bench -- ${Object.keys(BENCHMARKS).join('|')} [--json] [--rounds N] [--ms N] [--dir DIR]`

let parsed
try {
  parsed = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '5' },
      ms: { type: 'string', default: '1500' },
      dir: { type: 'string' },
    },
  })
} catch (error) {
  process.stderr.write(`${error.message}\n${usage}\n`)
  process.exit(2)
}

const { values, positionals } = parsed
const run = Object.hasOwn(BENCHMARKS, positionals[0] ?? '') ? BENCHMARKS[positionals[0]] : undefined
const rounds = Number(values.rounds)
const ms = Number(values.ms)
if (run === undefined || positionals.length !== 1 || !(rounds >= 1) || !(ms >= 1)) {
  process.stderr.write(`${usage}\n`)
  process.exit(2)
}

const { document, table } = await run({
  rounds,
  ms,
  dir: values.dir,
  progress: (line) => process.stderr.write(`${line}\n`),
})
process.stdout.write(values.json ? `${JSON.stringify(document, null, 2)}\n` : `${table}\n`)
