/**
 * Durable appends a second through the public API, beside RAW: the least any program on this Node can do to put the same
 * lines on the same disk. Each sample is a process of its own on a fresh folder; rounds are interleaved, so that what else
 * the machine does meets both alike; a ratio is the median over rounds of product by RAW of the same round.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { machine } from './machine.mjs'
import { median, rounded } from './statistics.mjs'

const IN_FLIGHT = [1, 64, 512]
const KINDS = ['raw', 'product']
const program = fileURLToPath(new URL('./append-sample.mjs', import.meta.url))

/** Runs the benchmark; gives it as a document and as a table. */
export async function benchAppend({ rounds, ms, dir, progress }) {
  const folder = mkdtempSync(join(dir ?? tmpdir(), 'sessionwright-bench-'))
  const about = machine(folder)
  const samples = []
  try {
    // The lines that RAW writes are lines that the product wrote.
    const lines = join(folder, 'lines.jsonl')
    await sample({ kind: 'product', inFlight: 64, ms: 200, warmUpMs: 200, folder, keep: lines })
    for (let round = 1; round <= rounds; round += 1) {
      for (const inFlight of IN_FLIGHT) {
        for (const kind of round % 2 === 0 ? KINDS.toReversed() : KINDS) {
          const result = await sample({ kind, inFlight, ms, warmUpMs: ms, folder, lines })
          samples.push({ round, kind, inFlight, ...result })
          const { perSecond, load } = result
          progress(
            `round ${round}/${rounds}  ${kind} ${inFlight} in flight: ${Math.round(perSecond)}/s, load ${load}`,
          )
        }
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  const rows = IN_FLIGHT.map((inFlight) => row(samples, inFlight))
  return {
    document: { benchmark: 'append', machine: about, rounds, ms, rows, samples },
    table: table(about, rows, rounds, ms),
  }
}

function row(samples, inFlight) {
  const of = (kind) => samples.filter((one) => one.kind === kind && one.inFlight === inFlight)
  const summary = (kind) => {
    const all = of(kind)
    const rates = all.map(({ perSecond }) => perSecond)
    return {
      perSecond: rounded(median(rates)),
      least: rounded(Math.min(...rates)),
      most: rounded(Math.max(...rates)),
      p50Ms: rounded(median(all.map(({ p50Ms }) => p50Ms)), 3),
      p99Ms: rounded(median(all.map(({ p99Ms }) => p99Ms)), 3),
      mbPerSecond: rounded(median(all.map(({ mbPerSecond }) => mbPerSecond)), 1),
    }
  }
  const raw = of('raw')
  const ratios = of('product').map(({ round, perSecond }) => {
    return perSecond / raw.find((one) => one.round === round).perSecond
  })
  return {
    inFlight,
    raw: summary('raw'),
    product: summary('product'),
    ratio: rounded(median(ratios), 3),
    ratios: ratios.map((ratio) => rounded(ratio, 3)),
    extraBytes: rounded(median(of('product').map(({ extraBytes }) => extraBytes))),
  }
}

function table(about, rows, rounds, ms) {
  const head = ['in flight', '', 'appends/s', 'least … most', 'p50 ms', 'p99 ms', 'MB/s', 'by RAW']
  const body = rows.flatMap(({ inFlight, raw, product, ratio, ratios }) =>
    [
      ['RAW', raw, ''],
      [
        'sessionwright',
        product,
        `${ratio.toFixed(2)} (${Math.min(...ratios).toFixed(2)} … ${Math.max(...ratios).toFixed(2)})`,
      ],
    ].map(([name, one, by]) => [
      `${inFlight}`,
      name,
      `${one.perSecond}`,
      `${one.least} … ${one.most}`,
      one.p50Ms.toFixed(3),
      one.p99Ms.toFixed(3),
      one.mbPerSecond.toFixed(1),
      by,
    ]),
  )
  const widths = head.map((_, column) => Math.max(...[head, ...body].map((line) => line[column].length)))
  const print = (line) => `| ${line.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`
  const { cpu, cores, node, fileSystem, platform, load } = about
  const extra = rows.map(({ inFlight, extraBytes }) => `${extraBytes} at ${inFlight}`).join(', ')
  return [
    `${cpu}, ${cores} cores, ${platform}, Node ${node}, ${fileSystem}; load before ${load}`,
    `100 sessions, entries of 1 KB, operation ids; ${rounds} rounds of ${ms} ms after as much warm-up; medians`,
    '',
    print(head),
    rule,
    ...body.map(print),
    '',
    `journal bytes per append above the entry's JSON: ${extra}`,
  ].join('\n')
}

/** One process. */
function sample(options) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    child.stdout.on('data', (bytes) => (text += bytes))
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(text))
      else reject(new TypeError(`the sample ${JSON.stringify(options)} ended with ${code}`))
    })
  })
}
