/**
 * Random numbers that come again: the same seed gives the same run.
 */

/** A source of numbers that its seed decides. */
export interface SeededRandom {
  /** From 0 up to, not including, 1. */
  next(): number
  /** A whole number from 0 up to, not including, `count`. */
  below(count: number): number
  /** True with this probability. */
  chance(probability: number): boolean
}

/** The random numbers of a seed. The generator is sfc32 (C. Doty-Humphrey, PractRand), warmed up by twelve draws. */
export function seededRandom(seed: number): SeededRandom {
  let a = 0x9e3779b9
  let b = 0x243f6a88
  let c = seed | 0
  let counter = 1
  const draw = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    return (sum >>> 0) / 2 ** 32
  }
  for (let round = 0; round < 12; round += 1) draw()
  return {
    next: draw,
    below: (count) => Math.floor(draw() * count),
    chance: (probability) => draw() < probability,
  }
}
