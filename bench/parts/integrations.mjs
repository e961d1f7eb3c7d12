/**
 * A turn (a message in, the history out, an answer in) through each integration, beside what its framework ships for the same
 * place: with one conversation at a time, and with 64.
 */
import { installPeers } from '../peers.mjs'
import { interleaved } from '../rounds.mjs'
import { median, ratio, shown } from '../statistics.mjs'

const IN_FLIGHT = [1, 64]
const KINDS = {
  'agents ours': 'OpenAI Agents, our session',
  'agents memory': 'OpenAI Agents, MemorySession (not durable)',
  'langgraph ours': 'LangGraph, our saver',
  'langgraph memory': 'LangGraph, MemorySaver (not durable)',
  'langgraph sqlite': 'LangGraph, SqliteSaver as shipped (not power-safe)',
  'langgraph sqlite full': 'LangGraph, SqliteSaver, synchronous=FULL',
  'ai-sdk ours': 'AI SDK, our chat',
  'ai-sdk memory': 'AI SDK, an array in memory (not durable)',
}

/** Runs the part. */
export async function run({ rounds, ms, folder, progress }) {
  const hasPeers = installPeers(progress)
  const names = Object.keys(KINDS).filter((kind) => hasPeers || !kind.startsWith('langgraph'))
  const kinds = Object.fromEntries(
    names.flatMap((kind) =>
      IN_FLIGHT.map((inFlight) => {
        const options = { kind, inFlight, ms: ms / 2, warmUpMs: ms / 2, folder }
        return [`${kind} ${inFlight}`, { module: 'integration-rate', options }]
      }),
    ),
  )
  const samples = await interleaved(kinds, { rounds: Math.min(rounds, 2), progress })
  const of = (kind, inFlight) =>
    samples[`${kind} ${inFlight}`] ?? [{ why: 'the peers could not be installed' }]
  const whyNot = (...all) => all.flat().find(({ why }) => why !== undefined)?.why
  const by = (ours, theirs, inFlight, reading) => {
    const [above, below] = [of(ours, inFlight), of(theirs, inFlight)]
    const why = whyNot(above, below)
    if (why !== undefined) return { why }
    return reading === 'time' ? ratio(below, above) : ratio(above, below)
  }
  const rows = names.map((kind) => {
    const why = whyNot(...IN_FLIGHT.map((inFlight) => of(kind, inFlight)))
    if (why !== undefined) progress(`SKIPPED ${KINDS[kind]}: ${why}`)
    const middle = (inFlight, key) => median(of(kind, inFlight).map((one) => one[key]))
    if (why !== undefined) return [KINDS[kind], 'SKIPPED', '']
    return [KINDS[kind], `${shown(middle(1, 'p50Ms') * 1000)} µs`, shown(middle(64, 'perSecond'))]
  })
  return {
    figures: {
      'agents.memory': by('agents ours', 'agents memory', 1, 'time'),
      'agents.sqlite': by('agents ours', 'langgraph sqlite', 64, 'rate'),
      'langgraph.memory': by('langgraph ours', 'langgraph memory', 1, 'time'),
      'langgraph.sqlite': by('langgraph ours', 'langgraph sqlite', 64, 'rate'),
      'langgraph.sqlite-full': by('langgraph ours', 'langgraph sqlite full', 64, 'rate'),
      'ai-sdk.memory': by('ai-sdk ours', 'ai-sdk memory', 1, 'time'),
    },
    tables: [
      { title: 'Turns through an integration', head: ['', 'a turn, p50', 'turns/s, 64 at once'], rows },
    ],
    samples,
  }
}
