/** Medians, percentiles, and numbers as they are printed. */

/** The middle value. */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** The arithmetic mean. */
export function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** The value below which this share of sorted values lies. */
export function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

/** A number with so many digits behind the point. */
export function rounded(value, digits = 0) {
  return Math.round(value * 10 ** digits) / 10 ** digits
}

/** A number as a table shows it: three digits that count, thousands apart. */
export function shown(value) {
  const size = Math.abs(value)
  if (size !== 0 && size < 0.001) return value.toExponential(1)
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** Median and spread of several values, as a figure. */
export function spread(values) {
  return { value: median(values), least: Math.min(...values), most: Math.max(...values) }
}

/** Median and spread of the ratios of two kinds of samples, taken in the same round. */
export function ratio(above, below, of = ({ perSecond }) => perSecond) {
  return spread(above.map((one) => of(one) / of(below.find(({ round }) => round === one.round) ?? below[0])))
}
