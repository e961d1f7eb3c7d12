import { expect, test } from 'vitest'
import { Turns } from '../../../../src/store/json-store/turns.ts'

test('[TU1] steps that ask together are begun in their order, one in each turn of the loop', async () => {
  const turns = new Turns()
  const begun: string[] = []
  const step = (name: string): Promise<void> => turns.take().then(() => void begun.push(name))
  let isOver = false
  const loop = (): void => {
    begun.push('|')
    if (!isOver) setImmediate(loop)
  }

  const steps = Promise.all(['a', 'b', 'c'].map(step))
  setImmediate(loop)
  await steps
  isOver = true

  expect(begun.join('')).toMatch(/^a\|+b\|+c$/)
})

test('[TU1] a step that comes when none was begun does not wait, nor one that comes after a quiet turn', async () => {
  const turns = new Turns()
  const waited: number[] = []
  for (let time = 0; time < 2; time += 1) {
    let count = 0
    const loop = setImmediate(() => (count += 1))
    await turns.take()
    waited.push(count)
    clearImmediate(loop)
    for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  }

  expect(waited).toEqual([0, 0])
})
