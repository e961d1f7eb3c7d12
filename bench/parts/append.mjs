/**
 * Durable appends a second through the public API and of the journal alone, beside RAW: the least any program on this Node
 * can do to put the same lines on the same disk. A ratio is the median over rounds of both in the same round.
 */
import { byRaw, rawAlone } from '../raw-alone.mjs'
import { interleaved } from '../rounds.mjs'
import { median, ratio, rounded, shown, spread } from '../statistics.mjs'

const IN_FLIGHT = [1, 64, 512]
const KINDS = ['ready', 'raw', 'journal', 'product']
const NAMES = { ready: 'ready bytes', raw: 'RAW', journal: 'journal alone', product: 'sessionwright' }
const FIGURES = { product: 'append', journal: 'journal' }

/** Runs the part. */
export async function run({ rounds, ms, folder, lines, progress }) {
  const alone = {}
  for (const inFlight of IN_FLIGHT) {
    alone[inFlight] = await rawAlone({ inFlight, ms: ms / 2, folder, lines })
    progress(`RAW alone, ${inFlight} in flight: ${rounded(alone[inFlight])}/s`)
  }
  const kinds = Object.fromEntries(
    IN_FLIGHT.flatMap((inFlight) =>
      KINDS.map((kind) => {
        const warmUpMs = kind in FIGURES ? ms : ms / 4
        return [`${kind} ${inFlight}`, { options: { kind, inFlight, ms, warmUpMs, folder, lines } }]
      }),
    ),
  )
  kinds.parse = { options: { kind: 'parse', ms: ms / 2, folder, lines } }
  const samples = await interleaved(kinds, { rounds, progress })
  const figures = {}
  const rows = []
  for (const inFlight of IN_FLIGHT) {
    const raw = samples[`raw ${inFlight}`]
    for (const kind of KINDS) {
      const all = samples[`${kind} ${inFlight}`]
      rows.push([`${inFlight}`, NAMES[kind], ...cells(all), kind === 'raw' ? '' : times(ratio(all, raw))])
      if (!(kind in FIGURES)) continue
      const figure = byRaw(all, raw, alone[inFlight])
      figures[`${FIGURES[kind]}.${inFlight}`] = { ...figure, note: noteOf(all, raw, figure.note) }
    }
  }
  rows.push(['', 'reading and parsing', ...cells(samples.parse), ''])
  figures['latency.1'] = above(samples['product 1'], samples['raw 1'])
  figures['latency.64'] = byRaw(samples['product 64'], samples['raw 64'], alone[64], ({ p99Ms }) => p99Ms)
  const head = ['in flight', '', '1/s', 'least … most', 'p50 ms', 'p99 ms', 'MB/s', 'by RAW']
  return { figures, tables: [{ title: 'Appends', head, rows }], samples: { alone, ...samples } }
}

/** Microseconds of the median call above RAW's in the same round. */
function above(product, raw) {
  return spread(product.map(({ p50Ms }, round) => (p50Ms - raw[round].p50Ms) * 1000))
}

function cells(all) {
  const rates = spread(all.map(({ perSecond }) => perSecond))
  const middle = (key) => median(all.map((one) => one[key]))
  return [
    shown(rates.value),
    `${shown(rates.least)} … ${shown(rates.most)}`,
    middle('p50Ms').toFixed(3),
    middle('p99Ms').toFixed(3),
    shown(middle('mbPerSecond')),
  ]
}

function noteOf(product, raw, note) {
  const rates = [product, raw].map((all) => shown(median(all.map(({ perSecond }) => perSecond))))
  return `${rates.join(' by ')} /s${note === undefined ? '' : `, ${note}`}`
}

function times({ value, least, most }) {
  return `${value.toFixed(2)} (${least.toFixed(2)} … ${most.toFixed(2)})`
}
