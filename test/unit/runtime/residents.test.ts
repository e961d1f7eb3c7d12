import { expect, test } from 'vitest'
import { Residents } from '../../../src/runtime/residents.ts'
import { createMemoryStore } from '../../../src/store/memory-store.ts'
import { loopTurns } from '../../support/loop-turns.ts'

test('[P4] many that are asked for at once are loaded over many turns, and one that is there answers in between', async () => {
  const residents = new Residents(createMemoryStore(), 1000, () => undefined)
  const here = await residents.summon('here')
  const arrived: string[] = []
  const turns = loopTurns()

  const arrivals = Array.from({ length: 40 }, (_, number) =>
    residents.summon(`s-${number}`).then(({ id }) => arrived.push(id)),
  )
  expect(await residents.summon('here')).toBe(here)
  const before = arrived.length
  await Promise.all(arrivals)
  turns.stop()

  expect(before).toBeLessThan(10)
  expect(turns.count).toBeGreaterThanOrEqual(9)
  expect(arrived).toEqual(Array.from({ length: 40 }, (_, number) => `s-${number}`))
})

test('[P1] who asks for a session that is on its way gets the same one', async () => {
  const residents = new Residents(createMemoryStore(), 1000, () => undefined)

  const [one, other] = await Promise.all([residents.summon('a'), residents.summon('a')])

  expect(other).toBe(one)
})
