/** Medians, percentiles, and numbers as they are printed. */

/** The middle value. */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** The value below which this share of sorted values lies. */
export function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

/** A number with so many digits behind the point. */
export function rounded(value, digits = 0) {
  return Math.round(value * 10 ** digits) / 10 ** digits
}
