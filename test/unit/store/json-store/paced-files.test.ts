import { expect, test } from 'vitest'
import type { FileHandle, FileSystem } from '../../../../src/store/file-system.ts'
import { pacedFiles } from '../../../../src/store/json-store/paced-files.ts'
import { loopTurns } from '../../../support/loop-turns.ts'

const MIB = 1 << 20

/** A file in memory that notes its calls and the turn of the loop in which each came. */
async function notedFile(content: Buffer, isBusy = true) {
  const calls: { call: string; turn: number }[] = []
  const turns = loopTurns()
  const handle = {
    async read(target: Buffer, offset: number, length: number, position: number) {
      calls.push({ call: 'read', turn: turns.count })
      return content.copy(target, offset, position, position + length)
    },
    async write(bytes: Buffer, position: number) {
      calls.push({ call: 'write', turn: turns.count })
      content.set(bytes, position)
    },
    sync: async () => void calls.push({ call: 'sync', turn: turns.count }),
  } as unknown as FileHandle
  const files = pacedFiles({ open: async () => handle } as unknown as FileSystem, () => isBusy)
  return { file: await files.open('/file', 'write'), calls, stop: turns.stop }
}

/** The least number of turns from one call of a kind to the next. */
function leastGap(calls: readonly { call: string; turn: number }[], kind: string): number {
  const turns = calls.filter(({ call }) => call === kind).map(({ turn }) => turn)
  return Math.min(...turns.slice(1).map((turn, n) => turn - (turns[n] as number)))
}

test('[PF1, PF2] what is written goes in pieces, each synced before the next, with turns for others in between', async () => {
  const content = Buffer.alloc(4 * MIB)
  const { file, calls, stop } = await notedFile(content)
  const bytes = Buffer.alloc(2 * MIB + 5, 'ab')

  await file.write(bytes, 7)
  stop()

  expect(calls.map(({ call }) => call)).toEqual(['write', 'sync', 'write', 'sync', 'write'])
  expect(content.subarray(7, 7 + bytes.length).equals(bytes)).toBe(true)
  expect(content.indexOf(0, 7)).toBe(7 + bytes.length)
  expect(leastGap(calls, 'write')).toBeGreaterThanOrEqual(15)
})

test('[PF1] what is read is what the file holds, up to its end', async () => {
  const content = Buffer.from(Array.from({ length: 2 * MIB + 9 }, (_, at) => at % 251))
  const { file, calls, stop } = await notedFile(content)
  const target = Buffer.alloc(4 * MIB)

  const read = await file.read(target, 3, 3 * MIB, 5)
  stop()

  expect(read).toBe(content.length - 5)
  expect(target.subarray(3, 3 + read).equals(content.subarray(5))).toBe(true)
  expect(calls).toHaveLength(3)
  expect(leastGap(calls, 'read')).toBeGreaterThanOrEqual(15)
})

test('[PF1] no turn is left to others when there are none', async () => {
  const { file, calls, stop } = await notedFile(Buffer.alloc(4 * MIB), false)

  await file.read(Buffer.alloc(4 * MIB), 0, 4 * MIB, 0)
  stop()

  expect(leastGap(calls, 'read')).toBeLessThanOrEqual(1)
})
