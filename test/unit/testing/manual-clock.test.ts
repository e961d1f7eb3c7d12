import { expect, test } from 'vitest'
import { countingIds } from '../../../src/testing/counting-ids.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'

test('[MC1] nothing fires until the clock is turned, not even what is overdue', () => {
  const clock = new ManualClock(1_000)
  const fired: number[] = []
  clock.wakeAt(500, () => fired.push(500))
  clock.wakeAt(1_010, () => fired.push(1_010))

  expect(fired).toEqual([])
  clock.advance(0)
  expect(fired).toEqual([500])
  clock.advance(9)
  expect(fired).toEqual([500])
  clock.advance(1)

  expect(fired).toEqual([500, 1_010])
  expect(clock.now()).toBe(1_010)
})

test('[MC2] callbacks fire in the order of their instants, then of asking, and see their own instant', () => {
  const clock = new ManualClock(0)
  const fired: string[] = []
  const note = (name: string) => () => void fired.push(`${name}@${clock.now()}`)
  clock.wakeAt(30, note('c'))
  clock.wakeAt(10, note('a1'))
  clock.wakeAt(10, note('a2'))
  clock.wakeAt(20, () => {
    note('b')()
    clock.wakeAt(25, note('new'))
  })

  clock.advance(40)

  expect(fired).toEqual(['a1@10', 'a2@10', 'b@20', 'new@25', 'c@30'])
  expect(clock.now()).toBe(40)
})

test('[CL1] a clock turned back fires nothing early; a jump forward fires once, at the new instant', () => {
  const clock = new ManualClock(100)
  const fired: number[] = []
  clock.wakeAt(200, () => fired.push(clock.now()))

  clock.set(50)
  clock.advance(149)
  expect(fired).toEqual([])
  clock.set(5_000)
  clock.advance(10)

  expect(fired).toEqual([5_000])
})

test('[MC1] a cancelled timer never fires, and the clock knows what waits', () => {
  const clock = new ManualClock(0)
  let fired = 0
  const timer = clock.wakeAt(10, () => (fired += 1))
  clock.wakeAt(20, () => (fired += 1))

  expect([clock.pending, clock.nextAt]).toEqual([2, 10])
  timer.cancel()
  expect([clock.pending, clock.nextAt]).toEqual([1, 20])
  clock.advance(30)

  expect(fired).toBe(1)
  expect([clock.pending, clock.nextAt]).toEqual([0, undefined])
  expect(() => clock.advance(-1)).toThrow(RangeError)
})

test('ids count, sessions and entries apart', () => {
  const ids = countingIds()

  expect([ids.session(), ids.entry(), ids.session(), ids.entry()]).toEqual([
    'session-1',
    'entry-1',
    'session-2',
    'entry-2',
  ])
})
