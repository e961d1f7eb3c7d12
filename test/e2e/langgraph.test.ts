/** The LangGraph example: a process asks and is killed, another one answers and goes on. */
import { spawnSync } from 'node:child_process'
import { afterAll, expect, test, vi } from 'vitest'
import { openRuntime } from 'sessionwright'
import { temporaryFolders } from '../support/command-line.ts'
import { ROOT } from '../tidy/source.ts'

// Each run is a process; a busy machine starts them slowly.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const folders = temporaryFolders()
afterAll(() => folders.clean())

test('a graph that was killed while it waited for an answer goes on in another process', async () => {
  const dir = folders.make()
  const example = () =>
    spawnSync(process.execPath, [`${ROOT}examples/langgraph.mjs`, dir], { encoding: 'utf8' })

  const killed = example()
  const resumed = example()

  expect([killed.signal, killed.stderr]).toEqual(['SIGKILL', ''])
  expect(killed.stdout).toBe(`process ${killed.pid} asked and is killed now\n`)
  expect([resumed.status, resumed.stderr]).toEqual([0, ''])
  const draft = `Dear reader (written by process ${killed.pid})`
  expect(resumed.stdout).toBe(`process ${resumed.pid} found the question: Send it?\nsent: ${draft}\n`)
  const runtime = await openRuntime({ dir, readOnly: true })
  const { items } = await runtime.list({ tag: 'langgraph' })
  expect(items.map(({ id, status }) => [id, status])).toEqual([['letter-1', 'active']])
  await runtime.close()
})
