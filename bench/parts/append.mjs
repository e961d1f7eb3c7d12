/**
 * Durable appends a second through the public API and of the journal alone, beside RAW: the least any program on this Node
 * can do to put the same lines on the same disk. A ratio is the median over rounds of both in the same round; it is void where
 * RAW reaches less than 0.8 of what it reaches alone.
 */
import { interleaved } from '../rounds.mjs'
import { sample } from '../sample.mjs'
import { median, ratio, rounded, shown, spread } from '../statistics.mjs'

const IN_FLIGHT = [1, 64, 512]
const KINDS = ['ready', 'raw', 'journal', 'product']
const NAMES = { ready: 'ready bytes', raw: 'RAW', journal: 'journal alone', product: 'sessionwright' }

/** RAW below this share of what it reaches alone voids a ratio. */
const VOID_BELOW = 0.8

/** Runs the part. */
export async function run({ rounds, ms, folder, lines, progress }) {
  const alone = {}
  for (const inFlight of IN_FLIGHT) {
    const { perSecond } = await sample('append-rate', {
      kind: 'raw',
      inFlight,
      ms,
      warmUpMs: 200,
      folder,
      lines,
    })
    alone[inFlight] = perSecond
    progress(`RAW alone, ${inFlight} in flight: ${rounded(perSecond)}/s`)
  }
  const kinds = Object.fromEntries(
    IN_FLIGHT.flatMap((inFlight) =>
      KINDS.map((kind) => {
        const warmUpMs = kind === 'product' || kind === 'journal' ? ms : ms / 4
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
    const isFair = ({ round }) =>
      raw.find((one) => one.round === round).perSecond >= alone[inFlight] * VOID_BELOW
    for (const kind of KINDS) {
      const all = samples[`${kind} ${inFlight}`]
      const by = ratio(all, raw)
      rows.push([`${inFlight}`, NAMES[kind], ...cells(all), kind === 'raw' ? '' : spreadText(by)])
      if (kind !== 'product' && kind !== 'journal') continue
      const fair = all.filter(isFair)
      const id = kind === 'product' ? 'append' : 'journal'
      figures[`${id}.${inFlight}`] =
        fair.length === 0
          ? { why: 'void: RAW reached less than 0.8 of what it reaches alone in every round' }
          : { ...ratio(fair, raw), note: noteOf(all, raw, all.length - fair.length) }
    }
  }
  rows.push(['', 'reading and parsing', ...cells(samples.parse), ''])
  const latency = (inFlight, key) => [
    samples[`product ${inFlight}`].map((one) => one[key]),
    samples[`raw ${inFlight}`].map((one) => one[key]),
  ]
  const [one, oneOfRaw] = latency(1, 'p50Ms')
  figures['latency.1'] = spread(one.map((value, round) => (value - oneOfRaw[round]) * 1000))
  const [many, manyOfRaw] = latency(64, 'p99Ms')
  figures['latency.64'] = spread(many.map((value, round) => value / manyOfRaw[round]))
  const head = ['in flight', '', '1/s', 'least … most', 'p50 ms', 'p99 ms', 'MB/s', 'by RAW']
  return { figures, tables: [{ title: 'Appends', head, rows }], samples: { alone, ...samples } }
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

function noteOf(product, raw, void_) {
  const rates = [product, raw].map((all) => shown(median(all.map(({ perSecond }) => perSecond))))
  return `${rates.join(' by ')} /s${void_ === 0 ? '' : `, ${void_} rounds void`}`
}

function spreadText({ value, least, most }) {
  return `${value.toFixed(2)} (${least.toFixed(2)} … ${most.toFixed(2)})`
}
