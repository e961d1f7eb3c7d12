/** What somebody would use instead, at 64 in flight on the same entries: each in a process of its own, on a fresh folder. */
import { installPeers, PEERS } from '../peers.mjs'
import { interleaved } from '../rounds.mjs'
import { median, ratio, shown, spread } from '../statistics.mjs'

const IN_FLIGHT = 64
/** There are many, and they are far away: a shorter round will do. */
const SHARE = 0.6

const FIGURES = {
  'peers.langgraph-full': 'LangGraph SqliteSaver, synchronous=FULL',
  'peers.sqlite': 'SQLite WAL FULL, one insert',
  'peers.sqlite-batched': 'SQLite WAL FULL, batched',
  'peers.lowdb-sessions': 'lowdb, a file per session, fsync',
  'peers.lowdb': 'lowdb, one file',
  'peers.postgres': 'PostgreSQL 15, one insert',
  'peers.dbos': 'DBOS, a workflow with one step',
  'peers.restate': 'Restate + xstate, one send',
}

const whyNot = (all) => all.find(({ why }) => why !== undefined)?.why

/** Runs the part. */
export async function run({ rounds, ms, folder, lines, progress }) {
  installPeers(progress)
  const shared = { inFlight: IN_FLIGHT, ms, warmUpMs: ms, folder, lines }
  const peers = Object.keys(PEERS)
  const kinds = {
    sessionwright: { options: { ...shared, kind: 'product' } },
    'journal alone': { options: { ...shared, kind: 'journal' } },
  }
  for (const peer of peers)
    kinds[peer] = {
      module: 'peer-rate',
      options: { ...shared, peer, ms: ms * SHARE, warmUpMs: (ms * SHARE) / 2 },
    }
  const samples = await interleaved(kinds, { rounds, progress })
  for (const peer of peers) {
    const why = whyNot(samples[peer])
    if (why !== undefined) progress(`SKIPPED ${peer}: ${why}`)
  }
  const by = (ours, peer) => {
    const theirs = samples[peer]
    const why = whyNot(theirs)
    if (why !== undefined) return { why }
    const rate = (all) => shown(median(all.map(({ perSecond }) => perSecond)))
    return { ...ratio(samples[ours], theirs), note: `${rate(samples[ours])} by ${rate(theirs)} /s` }
  }
  const figures = {
    'peers.lmdb': by('journal alone', 'LMDB, strict flush'),
  }
  for (const [id, peer] of Object.entries(FIGURES)) figures[id] = by('sessionwright', peer)
  const rows = Object.entries(samples).map(([name, all]) => {
    const survives = PEERS[name]?.survives ?? 'a power cut'
    const why = whyNot(all)
    if (why !== undefined) return [name, survives, `SKIPPED: ${why}`, '', '', '']
    const rates = spread(all.map(({ perSecond }) => perSecond))
    const middle = (key) => median(all.map((one) => one[key])).toFixed(3)
    const times = name in PEERS ? shown(ratio(samples.sessionwright, all).value) : ''
    return [
      ...[name, survives, shown(rates.value), `${shown(rates.least)} … ${shown(rates.most)}`],
      ...[`${middle('p50Ms')} / ${middle('p99Ms')}`, times],
    ]
  })
  const head = [
    '',
    'what is acknowledged survives',
    '1/s',
    'least … most',
    'p50 / p99 ms',
    'sessionwright by it',
  ]
  return { figures, tables: [{ title: `Peers, ${IN_FLIGHT} in flight`, head, rows }], samples }
}
