/** Interleaved rounds: what else the machine does meets all kinds of samples alike. */
import { sample } from './sample.mjs'
import { rounded } from './statistics.mjs'

/**
 * Runs each kind once a round, in turned order every second time.
 *
 * @param kinds - name → `{module, options, process}`.
 * @returns name → samples, each with its round.
 */
export async function interleaved(kinds, { rounds, progress }) {
  const names = Object.keys(kinds)
  const samples = Object.fromEntries(names.map((name) => [name, []]))
  for (let round = 1; round <= rounds; round += 1) {
    for (const name of round % 2 === 0 ? names.toReversed() : names) {
      const { module = 'append-rate', options, process = {} } = kinds[name]
      const result = await sample(module, options, process)
      samples[name].push({ round, ...result })
      const { perSecond, others } = result
      const said = perSecond === undefined ? '' : `: ${rounded(perSecond)}/s`
      progress(
        `round ${round}/${rounds}  ${name}${said}, others use ${rounded(others * 100)} % of the machine`,
      )
    }
  }
  return samples
}
