/**
 * The writer in a thread of its own: batches lie in shared memory, so that a message of a few numbers starts a write.
 *   W6  The thread keeps the process alive while an order is under way, and only then.
 *   W7  A thread that ends by itself fails the order under way and every later one.
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import type { JournalWriter, Slab, WriteOrder, WriteOutcome, WriterPlace } from './writer.ts'

/** What the thread is told. */
export type ThreadMessage =
  | {
      readonly kind: 'write'
      readonly order: WriteOrder
      readonly slab: number
      /** The memory of a slab the thread does not know yet. */
      readonly memory: SharedArrayBuffer | null
      readonly returns: boolean
    }
  | { readonly kind: 'finish'; readonly end: number }

/** What the thread is given when it starts. */
export interface ThreadData {
  readonly place: WriterPlace
  readonly orders: MessagePort
  /** How many orders were given so far; the thread sleeps on it. */
  readonly given: Int32Array
}

type Done = (outcome: WriteOutcome) => void

/** A writer in a thread of its own. The thread starts at once; the first order waits for it. */
export function threadWriter(place: WriterPlace): JournalWriter {
  const { port1: orders, port2 } = new MessageChannel()
  orders.unref()
  const given = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const data: ThreadData = { place, orders: port2, given }
  const worker = new Worker(new URL('./writer-thread.js', import.meta.url), {
    workerData: data,
    transferList: [port2],
    name: 'sessionwright journal writer',
    // Flags and preloads of the host program are none of the thread's business.
    execArgv: [],
  })
  const memories = new Map<number, SharedArrayBuffer>()
  const known = new Set<number>()
  let slabs = 0
  let waiting: Done | undefined
  let ended: string | undefined

  const answer = (outcome: WriteOutcome): void => {
    const done = waiting
    waiting = undefined
    worker.unref()
    done?.(outcome)
  }
  const end = (reason: string): void => {
    ended ??= reason
    answer({ kind: 'failed', reason: ended })
  }
  const send = (message: ThreadMessage, done: Done): void => {
    waiting = done
    if (ended !== undefined) {
      queueMicrotask(() => end(''))
      return
    }
    worker.ref()
    orders.postMessage(message)
    Atomics.add(given, 0, 1)
    Atomics.notify(given, 0)
  }

  worker.on('message', answer)
  worker.on('error', (error: unknown) => end(`the writer thread failed: ${String(error)}`))
  worker.on('exit', () => end('the writer thread ended'))
  worker.unref()

  return {
    allocate(bytes, returns): Slab {
      slabs += 1
      const memory = new SharedArrayBuffer(bytes)
      memories.set(slabs, memory)
      return { id: slabs, buffer: Buffer.from(memory), returns }
    },
    write(order, slab, done) {
      const { id, returns } = slab
      const memory = known.has(id) ? null : (memories.get(id) ?? null)
      memories.delete(id)
      if (returns) known.add(id)
      send({ kind: 'write', order, slab: id, memory, returns }, done)
    },
    finish(at, done) {
      send({ kind: 'finish', end: at }, done)
    },
    async dispose() {
      ended ??= 'the writer was let go'
      orders.close()
      await worker.terminate()
    },
  }
}
