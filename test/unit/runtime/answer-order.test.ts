/** Goal: whoever asked first hears first, also where one of them had to wait (src/runtime/commit.ts, R3). */
import { expect, test } from 'vitest'
import { userMessage } from '../../../src/runtime/entries.ts'
import { createMemoryStore } from '../../../src/store/memory-store.ts'
import type { SessionStore } from '../../../src/store/store.ts'
import { activeSession, memoryRuntime } from '../../support/memory-runtime.ts'

/** A store that keeps answers back and gives them all in one moment, as a journal does for a batch. */
function batchingStore(): SessionStore & { hold(): void; answer(): void } {
  const store = createMemoryStore()
  let answers: (() => void)[] | undefined
  return {
    ...store,
    append(change, after) {
      const written = store.append(change, after)
      const waiting = answers
      return waiting === undefined ? written : new Promise((resolve) => waiting.push(resolve))
    },
    hold() {
      answers = []
    },
    answer() {
      const waiting = answers ?? []
      answers = undefined
      for (const resolve of waiting) resolve()
    },
  }
}

test('[R3] a command whose operations are read back first is answered before those made behind it', async () => {
  const store = batchingStore()
  const { runtime } = await memoryRuntime({ store, maxLiveActors: 1 })
  const session = await activeSession(runtime)
  await activeSession(runtime) // Passivates the first: its operations are to be read back.
  const heard: string[] = []
  const append = (text: string, operationId?: string) =>
    session
      .append(userMessage(text), operationId === undefined ? {} : { operationId })
      .then(() => heard.push(text))

  store.hold()
  const waits = append('waits', 'msg-1')
  while (runtime.stats().pendingCommands === 0) await Promise.resolve()
  await new Promise((resolve) => setImmediate(resolve)) // Nothing waits to be read back any more.
  const others = ['second', 'third'].map((text) => append(text))
  store.answer()
  await Promise.all([waits, ...others])
  await append('later')

  expect(heard).toEqual(['waits', 'second', 'third', 'later'])
  await runtime.close()
})
