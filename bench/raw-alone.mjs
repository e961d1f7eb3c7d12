/**
 * What RAW reaches alone, before a part begins. A round in which it reaches less than 0.8 of that was disturbed, and its
 * ratios to RAW are void.
 */
import { sample } from './sample.mjs'
import { median, ratio, shown, spread } from './statistics.mjs'

const SAMPLES = 3
const VOID_BELOW = 0.8

/** Appends a second of RAW alone, so many in flight. */
export async function rawAlone(options, process) {
  const rates = []
  for (let n = 0; n < SAMPLES; n += 1) {
    const { perSecond } = await sample('append-rate', { ...options, kind: 'raw', warmUpMs: 200 }, process)
    rates.push(perSecond)
  }
  return median(rates)
}

/** The figure of samples by RAW in the same rounds, without those that are void. */
export function byRaw(samples, raw, alone, of) {
  const fair = samples.filter(
    ({ round }) => raw.find((one) => one.round === round).perSecond >= alone * VOID_BELOW,
  )
  if (fair.length === 0) {
    const most = spread(raw.map(({ perSecond }) => perSecond)).most
    return {
      why: `void: RAW reached ${shown(most)} /s at most, less than 0.8 of the ${shown(alone)} /s it reaches alone`,
    }
  }
  const void_ = samples.length - fair.length
  return {
    ...ratio(fair, raw, of),
    ...(void_ === 0 ? {} : { note: `${void_} of ${samples.length} rounds void` }),
  }
}
