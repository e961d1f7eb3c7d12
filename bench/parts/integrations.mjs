/**
 * A turn (a message in, the history out, an answer in) through each integration, beside what its framework ships for the same
 * place and beside a checkpoint of SqliteSaver: with one conversation at a time, and with 64.
 */
import { installPeers } from '../peers.mjs'
import { interleaved } from '../rounds.mjs'
import { median, ratio, shown } from '../statistics.mjs'

const IN_FLIGHT = [1, 64]
/** A conversation is short, and there are many kinds: two rounds will do. */
const ROUNDS = 2

const KINDS = {
  'agents ours': 'OpenAI Agents, our session',
  'agents memory': 'OpenAI Agents, MemorySession (not durable)',
  'langgraph ours': 'LangGraph, our saver',
  'langgraph memory': 'LangGraph, MemorySaver (not durable)',
  'langgraph sqlite': 'LangGraph, SqliteSaver as shipped (not power-safe)',
  'langgraph sqlite full': 'LangGraph, SqliteSaver, synchronous=FULL',
  'ai-sdk ours': 'AI SDK, our chat',
  'ai-sdk memory': 'AI SDK, an array in memory (not durable)',
  'loop ours': 'plain loop, our session',
  'loop memory': 'plain loop, an array in memory (not durable)',
}

/** The time of a turn beside another kind's, one conversation at a time. */
const SLOWER = {
  'agents.memory': ['agents ours', 'agents memory'],
  'langgraph.memory': ['langgraph ours', 'langgraph memory'],
  'ai-sdk.memory': ['ai-sdk ours', 'ai-sdk memory'],
  'loop.memory': ['loop ours', 'loop memory'],
}

/** The rate beside another kind's, 64 conversations at a time. */
const FASTER = {
  'agents.sqlite': ['agents ours', 'langgraph sqlite'],
  'langgraph.sqlite': ['langgraph ours', 'langgraph sqlite'],
  'langgraph.sqlite-full': ['langgraph ours', 'langgraph sqlite full'],
  'ai-sdk.sqlite': ['ai-sdk ours', 'langgraph sqlite'],
  'loop.sqlite': ['loop ours', 'langgraph sqlite'],
}

/** Runs the part. */
export async function run({ rounds, ms, folder, progress }) {
  installPeers(progress)
  const kinds = Object.fromEntries(
    Object.keys(KINDS).flatMap((kind) =>
      IN_FLIGHT.map((inFlight) => {
        const options = { kind, inFlight, ms: ms / 4, warmUpMs: ms / 8, folder }
        return [`${kind} ${inFlight}`, { module: 'integration-rate', options }]
      }),
    ),
  )
  const samples = await interleaved(kinds, { rounds: Math.min(rounds, ROUNDS), progress })
  const whyNot = (...names) =>
    names.flatMap((name) => samples[name]).find(({ why }) => why !== undefined)?.why
  const figures = {}
  for (const [id, [ours, theirs]] of Object.entries(SLOWER)) {
    const names = [`${ours} 1`, `${theirs} 1`]
    const why = whyNot(...names)
    figures[id] =
      why === undefined ? ratio(...names.map((name) => samples[name]), ({ p50Ms }) => p50Ms) : { why }
  }
  for (const [id, [ours, theirs]] of Object.entries(FASTER)) {
    const names = [`${ours} 64`, `${theirs} 64`]
    const why = whyNot(...names)
    figures[id] = why === undefined ? ratio(...names.map((name) => samples[name])) : { why }
  }
  const rows = Object.entries(KINDS).map(([kind, name]) => {
    const why = whyNot(...IN_FLIGHT.map((inFlight) => `${kind} ${inFlight}`))
    if (why !== undefined) {
      progress(`SKIPPED ${name}: ${why}`)
      return [name, `SKIPPED: ${why}`, '']
    }
    const middle = (inFlight, key) => median(samples[`${kind} ${inFlight}`].map((one) => one[key]))
    return [name, `${shown(middle(1, 'p50Ms') * 1000)} µs`, shown(middle(64, 'perSecond'))]
  })
  const head = ['', 'a turn, p50', 'turns/s, 64 at once']
  return { figures, tables: [{ title: 'Turns through an integration', head, rows }], samples }
}
