/** `--max-turns` with each action, against a count that knows the door rule and nothing of the program. */
import { afterAll, expect, test, vi } from 'vitest'
import { run, runJson, temporaryFolders } from '../support/command-line.ts'
import { chatLines, conversationText, countByDoorRule } from '../support/conversations.ts'
import type { Count } from '../support/conversations.ts'

// Each run is a process; a busy machine starts them slowly.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const folders = temporaryFolders()
afterAll(() => folders.clean())

const text = conversationText()
const lines = chatLines(text)

interface Report extends Count {
  readonly sessions: number
  readonly repeated: number
}

test.each(['error', 'end_session', 'ignore', 'pause'])(
  'five turns, then %s: kept, refused, ended, paused and noticed are as counted, also the second time',
  async (action) => {
    const args = ['import', '-', '--store', folders.make(), '--max-turns', '5', '--on-limit', action]

    const first = await runJson<Report>(args, { input: text })
    const second = await runJson<Report>(args, { input: text })

    const expected = {
      sessions: lines.length,
      ...countByDoorRule(lines, 5, action),
      ms: expect.any(Number) as number,
    }
    expect(first.value).toEqual({ ...expected, repeated: 0 })
    expect(second.value).toEqual({ ...expected, repeated: first.value.entries })
    expect(expected.entries + expected.refused).toBe(
      lines.reduce((sum, { messages }) => sum + messages.length, 0),
    )
  },
)

test('the count above is not empty: some conversations are cut and some are not', () => {
  const { pausedByLimit } = countByDoorRule(lines, 5, 'pause')

  expect(pausedByLimit).toBeGreaterThan(0)
  expect(pausedByLimit).toBeLessThan(lines.length)
})

const four = JSON.stringify({
  key: 'k',
  messages: ['user', 'assistant', 'user', 'assistant'].map((role) => ({ role, content: role })),
})

test('[CM4] a session that was paused, extended and resumed goes on where it stopped', async () => {
  const store = ['--store', folders.make()]
  const args = ['import', '-', '--id-field', 'key', ...store, '--max-turns', '1', '--on-limit', 'pause']
  const first = await runJson<Report>(args, { input: four })
  await run(['extend', 'k', '--max-turns', 'none', ...store])
  await run(['resume', 'k', ...store])

  const second = await runJson<Report>(args, { input: four })

  expect(first.value).toMatchObject({ entries: 2, refused: 2, pausedByLimit: 1 })
  expect(second.value).toMatchObject({ entries: 4, refused: 0, repeated: 2, pausedByLimit: 0, turns: 2 })
})

test.each([
  ['--max-entries', '3', { entries: 3, refused: 1, endedByLimit: 1 }],
  ['--max-tool-calls', '0', { entries: 4, refused: 0, endedByLimit: 0 }],
  ['--max-tokens', '0', { entries: 0, refused: 4, endedByLimit: 1 }],
])('%s %s is a limit of the sessions too', async (flag, max, expected) => {
  const args = ['import', '-', '--store', folders.make(), flag, max, '--on-limit', 'end_session']

  const { value } = await runJson<Report>(args, { input: four })

  expect(value).toMatchObject(expected)
})

test('a pause of its own is no pause by a limit', async () => {
  const store = ['--store', folders.make()]
  const args = ['import', '-', '--id-field', 'key', '--max-turns', '9', ...store]
  await run(args, { input: four })
  await run(['pause', 'k', ...store])

  const { value } = await runJson<Report>(args, { input: four })

  expect(value).toMatchObject({ sessions: 1, entries: 4, pausedByLimit: 0 })
})
