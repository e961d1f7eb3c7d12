/** The demo: a process is killed, another counts. */
import { afterAll, expect, test, vi } from 'vitest'
import { run, runJson, temporaryFolders } from '../support/command-line.ts'

// Each run is a process; a busy machine starts them slowly.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const folders = temporaryFolders()
afterAll(() => folders.clean())

test('the demo kills, resumes and counts, and its last line says so', async () => {
  const dir = folders.make()

  const { code, stdout, stderr } = await run(['demo', '--store', dir, '--seed', '11'])
  const all = await runJson<{ items: { status: string }[] }>(['ls', '--store', dir])

  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(/SIGKILL: process \d+ is gone/)
  expect(stdout.trimEnd().split('\n').at(-1)).toMatch(
    /^demo: 6 sessions, killed at change \d+, resumed in \d+ ms, 0 lost, 0 repeated$/,
  )
  expect(all.value.items.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 'completed'))
})

test('with --json the demo prints its result alone, and more conversations may be played', async () => {
  const args = ['demo', '--store', folders.make(), '--conversations', '2', '--seed', '3']

  const { code, value } = await runJson(args)

  expect(code).toBe(0)
  expect(value).toMatchObject({ sessions: 2, lost: 0, repeated: 0, seed: 3 })
  expect(value['killedAtChange']).toBeGreaterThan(0)
})
