/**
 * LangGraph's own validation suite against our saver on the JSON store, under our own name: none of its exceptions for
 * other savers applies. Its cases use the globals of vitest, which are lent to it while it registers them.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as vitest from 'vitest'
import { openRuntime } from '../../src/runtime/open-runtime.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { SessionwrightSaver } from '../../src/integrations/langgraph.ts'

const { afterAll, expect, test } = vitest

/** Cases of version 1.1.1 of the suite: `validate`, and the walk of delta channels. */
const CASES = 726

let ran = 0
const names = ['describe', 'expect', 'beforeAll', 'beforeEach', 'afterAll', 'afterEach'] as const
for (const name of names) Object.assign(globalThis, { [name]: vitest[name] })
const counted = (...args: Parameters<typeof vitest.it>): void => {
  const [name, run, ...rest] = args as unknown as [string, () => unknown, ...unknown[]]
  const counting = async (): Promise<void> => {
    await run()
    ran += 1
  }
  vitest.it(...([name, counting, ...rest] as unknown as Parameters<typeof vitest.it>))
}
Object.assign(globalThis, {
  it: Object.assign(counted, {
    skip: (name: string) => vitest.it(name, () => vitest.expect.unreachable('the suite skips a case')),
    each: (cases: readonly Record<string, unknown>[]) => (name: string, run: (item: unknown) => unknown) => {
      for (const item of cases)
        counted(name.replace('$description', String(item['description'])), () => run(item))
    },
  }),
})

const { deltaChannelHistoryTests, validate } = await import('@langchain/langgraph-checkpoint-validation')

const runtimes = new Map<object, { readonly runtime: Runtime; readonly dir: string }>()
const initializer = {
  checkpointerName: 'sessionwright',
  async createCheckpointer(): Promise<SessionwrightSaver> {
    const dir = mkdtempSync(join(tmpdir(), 'sessionwright-langgraph-'))
    const runtime = await openRuntime({ dir })
    const saver = new SessionwrightSaver(runtime)
    runtimes.set(saver, { runtime, dir })
    return saver
  },
  async destroyCheckpointer(saver: SessionwrightSaver): Promise<void> {
    const { runtime, dir } = runtimes.get(saver) as { runtime: Runtime; dir: string }
    await runtime.close()
    rmSync(dir, { recursive: true, force: true })
    runtimes.delete(saver)
  },
}

validate(initializer)
deltaChannelHistoryTests(initializer)

test('every case of the suite ran and passed', () => {
  expect(ran).toBe(CASES)
  expect(runtimes.size).toBe(0)
})

afterAll(() => {
  for (const name of [...names, 'it']) delete (globalThis as Record<string, unknown>)[name]
})
