/** What somebody would use instead, at 64 in flight on the same entries: each in a process of its own, on a fresh folder. */
import { installPeers, PEERS } from '../peers.mjs'
import { interleaved } from '../rounds.mjs'
import { median, ratio, shown, spread } from '../statistics.mjs'

const IN_FLIGHT = 64
/** Servers start slowly, and are so far away that fewer rounds will do. */
const ROUNDS = 3

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

/** Runs the part. */
export async function run({ rounds, ms, folder, lines, progress }) {
  const shared = { inFlight: IN_FLIGHT, ms, warmUpMs: ms, folder, lines }
  const peers = installPeers(progress) ? Object.keys(PEERS) : []
  const kinds = {
    sessionwright: { options: { ...shared, kind: 'product' } },
    'journal alone': { options: { ...shared, kind: 'journal' } },
  }
  for (const peer of peers)
    kinds[peer] = { module: 'peer-rate', options: { ...shared, peer, warmUpMs: ms / 2 } }
  const samples = await interleaved(kinds, { rounds: Math.min(rounds, ROUNDS), progress })
  for (const peer of peers) {
    const skipped = samples[peer].find(({ why }) => why !== undefined)
    if (skipped !== undefined) progress(`SKIPPED ${peer}: ${skipped.why}`)
  }
  const by = (ours, peer) => {
    const theirs = samples[peer]
    if (theirs === undefined) return { why: 'the peers could not be installed' }
    const why = theirs.find((one) => one.why !== undefined)?.why
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
    if (all.some(({ why }) => why !== undefined)) return [name, survives, 'SKIPPED', '', '', '']
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
