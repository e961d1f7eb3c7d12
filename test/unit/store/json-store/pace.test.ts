import { expect, test } from 'vitest'
import { Pace } from '../../../../src/store/json-store/pace.ts'

function paceOf({ writeMs, lineMs }: { writeMs: number; lineMs: number }): Pace {
  const pace = new Pace()
  for (let n = 0; n < 200; n += 1) {
    pace.wrote(writeMs)
    pace.turned(lineMs * 32, 32)
  }
  return pace
}

test('[PA1] where the disk is what appends wait for, no batch goes out early', () => {
  expect(paceOf({ writeMs: 10, lineMs: 0.05 }).enough(64)).toBe(Infinity)
})

test('[PA2] where the program is, half of those in flight are enough', () => {
  const pace = paceOf({ writeMs: 1, lineMs: 0.05 })

  expect(pace.enough(64)).toBe(32)
  expect(pace.enough(65)).toBe(33)
})

test('[PA1] a caller alone never waits for nobody', () => {
  expect(paceOf({ writeMs: 1, lineMs: 0.05 }).enough(1)).toBe(Infinity)
})

test('[PA3] a clock of whole milliseconds tells a write of 0.7 ms from turns of 2.1 ms', () => {
  const pace = new Pace()
  for (let n = 0; n < 200; n += 1) {
    pace.wrote(n % 10 < 7 ? 1 : 0)
    pace.turned(n % 10 < 1 ? 3 : 2, 64)
  }

  expect(pace.enough(64)).toBe(32)
  expect(pace.enough(8)).toBe(Infinity)
})

test('[PA3] an outcome that answered nobody says nothing of the lines', () => {
  const pace = paceOf({ writeMs: 1, lineMs: 0.05 })

  pace.turned(1_000, 0)

  expect(pace.enough(64)).toBe(32)
})
