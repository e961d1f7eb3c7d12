/** A sample that a seed gives again. */

/**
 * Some of the items, in their order; the same ones for the same seed.
 * @template Item @param {readonly Item[]} items @param {number} count @param {number} seed @returns {Item[]}
 */
export function sampleOf(items, count, seed) {
  const order = shuffled(items, seed).slice(0, count)
  const chosen = new Set(order)
  return items.filter((item) => chosen.has(item))
}

/** The items in an order that only the seed decides. @template Item @param {readonly Item[]} items @param {number} seed @returns {Item[]} */
export function shuffled(items, seed) {
  let state = (seed * 2_654_435_761) >>> 0 || 1
  const next = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state / 2 ** 32
  }
  const result = [...items]
  for (let i = result.length - 1; i > 0; i -= 1) {
    const j = Math.floor(next() * (i + 1))
    ;[result[i], result[j]] = [result[j], result[i]]
  }
  return result
}
