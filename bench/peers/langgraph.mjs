/** LangGraph's savers: a checkpoint holds the whole list of messages, and one is put for each message. */
import { join } from 'node:path'
import { MemorySaver, uuid6 } from '@langchain/langgraph-checkpoint'

/** How many messages a thread has before it is measured. */
const BEGINS_WITH = 20

/** SqliteSaver as it comes: WAL, synchronous=NORMAL, so that a power cut takes what was acknowledged. */
export const asShipped = (dir, work) => appending(dir, work, 'NORMAL')

/** SqliteSaver, flushed before it answers. */
export const full = (dir, work) => appending(dir, work, 'FULL')

/** A SqliteSaver of its own file. */
export async function sqliteSaver(dir, synchronous) {
  const { SqliteSaver } = await import('@langchain/langgraph-checkpoint-sqlite')
  const saver = SqliteSaver.fromConnString(join(dir, 'checkpoints.db'))
  // What is set before the first use stays: the saver's own setup chooses the journal mode alone.
  saver.setup()
  saver.db.pragma(`synchronous = ${synchronous}`)
  return saver
}

/** A saver in memory. */
export function memorySaver() {
  return new MemorySaver()
}

/** Appends messages to threads of a saver; the caller keeps the lists, as a running graph does. */
export function appendTo(saver) {
  const threads = new Map()
  return async (id, message) => {
    let thread = threads.get(id)
    if (thread === undefined) {
      thread = { messages: [], config: { configurable: { thread_id: id, checkpoint_ns: '' } }, step: 0 }
      threads.set(id, thread)
    }
    thread.messages = [...thread.messages, message]
    thread.step += 1
    const { step, messages } = thread
    const checkpoint = {
      v: 4,
      id: uuid6(step),
      ts: new Date().toISOString(),
      channel_values: { messages },
      channel_versions: { __start__: step, messages: step },
      versions_seen: { agent: { messages: step - 1 } },
    }
    const metadata = { source: 'update', step, parents: {} }
    thread.config = await saver.put(thread.config, checkpoint, metadata, { messages: step })
  }
}

async function appending(dir, { sessions, entries }, synchronous) {
  const saver = await sqliteSaver(dir, synchronous)
  const append = appendTo(saver)
  saver.db.exec('BEGIN')
  for (const id of sessions) for (const entry of entries.slice(0, BEGINS_WITH)) await append(id, entry)
  saver.db.exec('COMMIT')
  return { append, close: () => saver.db.close() }
}
