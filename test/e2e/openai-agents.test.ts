/**
 * Goal: whatever moment the process is killed at, the history is that of a process that was not (OA1, HI2).
 * Method: transactions are sent to a real process on a real disk, which is killed between some and during others; what was
 * not acknowledged is sent again. Afterwards the history is the one of MemorySession.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { MemorySession, user, type SessionHistoryTransactionArgs } from '@openai/agents'
import { afterAll, expect, test, vi } from 'vitest'
import { seededRandom } from '../../src/testing/index.ts'
import { temporaryFolders } from '../support/command-line.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

const folders = temporaryFolders()
afterAll(() => folders.clean())

const PROGRAM = fileURLToPath(new URL('../support/agents-history.mjs', import.meta.url))
const INTEGRATION = new URL('../../dist/integrations/openai-agents/session.js', import.meta.url).href

/** A process that applies transactions until it is killed. */
class HistoryProcess {
  readonly #child
  readonly #lines

  constructor(dir: string) {
    this.#child = spawn(process.execPath, [PROGRAM, dir, INTEGRATION], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child.stdin.on('error', () => undefined)
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  /** The next history it tells; undefined when it is gone. */
  async heard(): Promise<unknown> {
    const { done, value } = await this.#lines.next()
    return done === true ? undefined : JSON.parse(value)
  }

  send(transaction: SessionHistoryTransactionArgs): void {
    this.#child.stdin.write(`${JSON.stringify(transaction)}\n`)
  }

  async kill(): Promise<void> {
    const closed = once(this.#child, 'close')
    this.#child.kill('SIGKILL')
    await closed
  }
}

test('[OA1] [HI2] killed between and during transactions, the history is that of a process that was not', async () => {
  const random = seededRandom(5)
  const memory = new MemorySession({ sessionId: 's' })
  const dir = folders.make()
  let process = new HistoryProcess(dir)
  expect(await process.heard()).toEqual([])
  let kills = 0

  for (let number = 1; number <= 15; number += 1) {
    const before = await memory.getItems()
    const replaces = number % 3 === 0
    const items = [user(`item ${number}`), user(`and ${number}`)]
    const transaction: SessionHistoryTransactionArgs = {
      operationId: `operation ${number}`,
      transaction: replaces
        ? { type: 'replace_suffix', expectedSuffix: before.slice(-1), replacement: items }
        : { type: 'append_items', items },
    }
    await memory.applyHistoryTransaction(transaction)
    const after = await memory.getItems()

    if (number % 3 === 1) {
      // Between two: everything acknowledged is there.
      await process.kill()
      process = new HistoryProcess(dir)
      expect(await process.heard()).toEqual(before)
      kills += 1
    }
    process.send(transaction)
    if (number % 3 === 2) {
      // During one: it is there as a whole or not at all; sent again, it is there once.
      for (let turns = random.below(4000); turns > 0; turns -= 1)
        await new Promise((resolve) => setImmediate(resolve))
      await process.kill()
      process = new HistoryProcess(dir)
      expect([before, after]).toContainEqual(await process.heard())
      process.send(transaction)
      kills += 1
    }
    expect(await process.heard()).toEqual(after)
  }
  await process.kill()

  expect(kills).toBe(10)
})
