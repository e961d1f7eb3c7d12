/**
 * The thread of `thread-writer.ts`: the same `SegmentWriter` over synchronous file calls, which need no pool.
 *   W8  The thread says nothing but the answer to an order, one for one.
 *   W11  It has no event loop: it sleeps until an order is there and takes it from its port, which starts a write sooner than
 *        an event would.
 */
import * as fs from 'node:fs'
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { OPEN_FLAGS } from '../file-system.ts'
import type { WriterFiles } from './segment-writer.ts'
import { SegmentWriter } from './segment-writer.ts'
import type { ThreadData, ThreadMessage } from './thread-writer.ts'
import type { WriteOutcome } from './writer.ts'

/** Each function does its work before it returns; `async` only turns what it throws into a rejection. */
const blockingFiles: WriterFiles = {
  async open(path, mode) {
    const file = fs.openSync(
      path,
      OPEN_FLAGS[mode] | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK,
      0o600,
    )
    return {
      read: async (target, offset, length, position) => fs.readSync(file, target, offset, length, position),
      async write(bytes, position) {
        let done = 0
        while (done < bytes.length) {
          done += fs.writeSync(file, bytes, done, bytes.length - done, position + done)
        }
      },
      truncate: async (size) => fs.ftruncateSync(file, size),
      sync: async () => fs.fsyncSync(file),
      size: async () => fs.fstatSync(file).size,
      close: async () => fs.closeSync(file),
    }
  },
  async status(path) {
    const found = fs.lstatSync(path, { throwIfNoEntry: false })
    if (found === undefined) return undefined
    const kind = found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other'
    return { kind, bytes: found.size, mode: found.mode & 0o777, uid: found.uid }
  },
  isThere: async (path) => fs.existsSync(path),
  rename: async (from, to) => fs.renameSync(from, to),
  link: async (existing, name) => fs.linkSync(existing, name),
  remove: async (path) => fs.unlinkSync(path),
  async syncFolder(path) {
    const folder = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY)
    try {
      fs.fsyncSync(folder)
    } finally {
      fs.closeSync(folder)
    }
  },
}

const slabs = new Map<number, Uint8Array>()

function perform(writer: SegmentWriter, message: ThreadMessage): Promise<WriteOutcome> {
  if (message.kind === 'finish') return writer.finish(message.end)
  const { order, slab, memory, returns } = message
  const bytes = memory === null ? slabs.get(slab) : new Uint8Array(memory)
  if (bytes === undefined) return Promise.resolve({ kind: 'failed', reason: 'the batch did not arrive' })
  if (returns) slabs.set(slab, bytes)
  return writer.write(order, bytes.subarray(0, order.bytes))
}

/** Takes one order after the other until the thread is ended from outside (W11). */
async function work({ place, orders, given }: ThreadData): Promise<never> {
  const writer = new SegmentWriter(blockingFiles, place)
  for (let taken = 0; ; taken += 1) {
    // Returns at once when there are more orders than were taken.
    Atomics.wait(given, 0, taken)
    const received = receiveMessageOnPort(orders) as { readonly message: ThreadMessage }
    parentPort?.postMessage(await perform(writer, received.message))
  }
}

if (parentPort !== null) void work(workerData as ThreadData)
