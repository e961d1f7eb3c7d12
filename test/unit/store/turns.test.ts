import { expect, test } from 'vitest'
import { Turns } from '../../../src/store/turns.ts'
import { loopTurns } from '../../support/loop-turns.ts'

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Takes steps of these turns and notes each, and the turns of the loop between them as bars. */
function noted(turns: Turns) {
  const begun: string[] = []
  const loop = loopTurns(() => begun.push('|'))
  const step = (name: string): Promise<void> => turns.take().then(() => void begun.push(name))
  return { step, loop, text: () => begun.join('') }
}

test('[TU1] steps that ask together are begun in their order, so many in each turn of the loop', async () => {
  const turns = new Turns()
  turns.most = 2
  const { step, loop, text } = noted(turns)

  await Promise.all(['a', 'b', 'c', 'd', 'e'].map(step))
  loop.stop()

  expect(text()).toMatch(/^ab\|+cd\|+e\|*$/)
})

test('[TU2] turns are left to others behind each with steps, whenever they ask', async () => {
  const turns = new Turns()
  turns.rest = 2
  const { step, loop, text } = noted(turns)

  const first = ['a', 'b'].map(step)
  await nextTurn()
  await Promise.all([...first, step('c')])
  loop.stop()

  expect(text()).toMatch(/^a\|{3,4}b\|{3,4}c\|*$/)
})

test('[TU1] who asks while there is room in a turn does not wait, before and after others did', async () => {
  const turns = new Turns()
  turns.most = 2
  const waited: number[] = []
  for (let time = 0; time < 3; time += 1) {
    let count = 0
    const loop = setImmediate(() => (count += 1))
    await turns.take()
    await turns.take()
    waited.push(count)
    clearImmediate(loop)
    await turns.take()
    for (let turn = 0; turn < 3; turn += 1) await nextTurn()
  }

  expect(waited).toEqual([0, 0, 0])
})
