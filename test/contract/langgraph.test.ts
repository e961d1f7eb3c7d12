/**
 * LangGraph's own validation suite against our saver on the JSON store, under our own name: none of its exceptions for
 * other savers applies. It registers its cases with the globals of vitest, which are lent to it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as vitest from 'vitest'
import { expect, test } from 'vitest'
import { openRuntime } from '../../src/runtime/open-runtime.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { SessionwrightSaver } from '../../src/integrations/langgraph.ts'

/** Cases of version 1.1.1 of the suite: 718 of `validate`, and 8 for the walk of delta channels. */
const CASES = 726

const { afterAll, afterEach, beforeAll, beforeEach, describe, it } = vitest
Object.assign(globalThis, { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it })
const { deltaChannelHistoryTests, validate } = await import('@langchain/langgraph-checkpoint-validation')

const open = new Map<SessionwrightSaver, { readonly runtime: Runtime; readonly dir: string }>()

const initializer = {
  checkpointerName: 'sessionwright',
  async createCheckpointer(): Promise<SessionwrightSaver> {
    const dir = mkdtempSync(join(tmpdir(), 'sessionwright-langgraph-'))
    const runtime = await openRuntime({ dir })
    const saver = new SessionwrightSaver(runtime)
    open.set(saver, { runtime, dir })
    return saver
  },
  async destroyCheckpointer(saver: SessionwrightSaver): Promise<void> {
    const opened = open.get(saver)
    if (opened === undefined) return
    await opened.runtime.close()
    rmSync(opened.dir, { recursive: true, force: true })
    open.delete(saver)
  },
}

validate(initializer)
deltaChannelHistoryTests(initializer)

interface Task {
  readonly type: string
  readonly result?: { readonly state: string }
  readonly tasks?: readonly Task[]
}

const casesIn = (task: Task): Task[] => (task.type === 'suite' ? (task.tasks ?? []).flatMap(casesIn) : [task])

test('every case of the suite ran and passed, none was skipped', ({ task }) => {
  const cases = casesIn(task.file as Task).filter((item) => item !== task)

  expect(cases.map(({ result }) => result?.state)).toEqual(Array.from({ length: CASES }, () => 'pass'))
  expect(open.size).toBe(0)
})
