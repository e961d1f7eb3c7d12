import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FileHandle } from '../../../../src/store/file-system.ts'
import { Blocks } from '../../../../src/store/json-store/blocks.ts'

/** A file whose reads may write into their target from the call to the answer, as a real one's do. */
function fileOf(content: Buffer): { handle: FileHandle; underWay: () => number; reads: () => number } {
  let underWay = 0
  let reads = 0
  const handle = {
    async read(target: Buffer, offset: number, length: number, position: number) {
      underWay += 1
      reads += 1
      target.fill(0xff, offset, offset + length)
      await new Promise((resolve) => setImmediate(resolve))
      underWay -= 1
      return content.subarray(position, position + length).copy(target, offset)
    },
  } as unknown as FileHandle
  return { handle, underWay: () => underWay, reads: () => reads }
}

test('[BL1] blocks give the bytes of the file, whatever is left over of each and however long', async () => {
  const shape = {
    content: fc.uint8Array({ maxLength: 200 }),
    from: fc.nat({ max: 20 }),
    blockBytes: fc.integer({ min: 1, max: 40 }),
    readsAhead: fc.boolean(),
    left: fc.array(fc.nat({ max: 60 }), { maxLength: 40 }),
  }

  await fc.assert(
    fc.asyncProperty(fc.record(shape), async ({ content, from, blockBytes, readsAhead, left }) => {
      const { handle, underWay } = fileOf(Buffer.from(content))
      const blocks = new Blocks(handle, from, blockBytes, readsAhead)
      const seen: number[] = []
      let rest: Buffer = Buffer.alloc(0)
      for (let turn = 0; ; turn += 1) {
        const bytes = await blocks.next(rest)
        if (bytes.length === rest.length) break
        const keep = Math.min(left[turn] ?? 0, bytes.length)
        seen.push(...bytes.subarray(0, bytes.length - keep))
        // What a reader does with a block takes time, and the next one is on its way meanwhile.
        if (turn % 2 === 0) await new Promise((resolve) => setImmediate(resolve))
        rest = bytes.subarray(bytes.length - keep)
      }
      seen.push(...rest)
      await blocks.end()

      expect(Buffer.from(seen)).toEqual(Buffer.from(content.slice(from)))
      expect(underWay()).toBe(0)
    }),
  )
})

test('[BL1] the next block is on its way while one is looked through, unless that is not wanted', async () => {
  const seen: number[] = []
  for (const readsAhead of [true, false]) {
    const { handle, underWay } = fileOf(Buffer.alloc(100))
    const blocks = new Blocks(handle, 0, 10, readsAhead)
    await blocks.next(Buffer.alloc(0))
    seen.push(underWay())
    await blocks.end()
    seen.push(underWay())
  }

  expect(seen).toEqual([1, 0, 0, 0])
})

test('a read ahead that fails is told to who asks for it, and to nobody else', async () => {
  let reads = 0
  const handle = { read: async () => ((reads += 1) === 1 ? 4 : Promise.reject(new Error('EIO'))) }
  const failing = (): Blocks => {
    reads = 0
    return new Blocks(handle as unknown as FileHandle, 0, 4, true)
  }
  const asking = failing()
  const stopping = failing()
  await asking.next(Buffer.alloc(0))

  await expect(asking.next(Buffer.alloc(0))).rejects.toThrow('EIO')
  reads = 0
  await stopping.next(Buffer.alloc(0))
  await expect(stopping.end()).resolves.toBeUndefined()
})
