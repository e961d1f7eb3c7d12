/** Bad input: a code that says what was written, which is nothing, and what to do. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { openRuntime } from 'sessionwright'
import { errorOf, run, runJson, temporaryFolders } from '../support/command-line.ts'

// Each run is a process; a busy machine starts them slowly.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const folders = temporaryFolders()
const dir = folders.make()
const store = ['--store', dir]

beforeAll(async () => {
  await using runtime = await openRuntime({ dir })
  const created = await runtime.create({
    id: 'mias',
    tenantId: 'acme',
    userId: 'mia',
    limits: { maxTurns: 1 },
  })
  const session = await created.activate()
  await session.append({ type: 'user_message', content: { text: 'hi' } }, { operationId: 'm1' })
  await session.append({ type: 'assistant_message', content: { text: 'ho' } })
})

afterAll(() => folders.clean())

const append = ['--type', 'assistant_message', '--text', 'x']
const deep = `${'['.repeat(70)}1${']'.repeat(70)}`

test.each([
  ['an unknown id', ['show', 'nobody'], 'NOT_FOUND'],
  ['another user', ['show', 'mias', '--user', 'tom'], 'NOT_FOUND'],
  ['another tenant', ['append', 'mias', '--tenant', 'other', ...append], 'NOT_FOUND'],
  ['an id that leaves the folder', ['create', '--id', '../x'], 'ID_INVALID'],
  ['an id with a slash', ['show', 'a/b'], 'ID_INVALID'],
  ['an empty id', ['create', '--id', ''], 'ID_INVALID'],
  ['an id of 10 kB', ['create', '--id', 'x'.repeat(10_000)], 'ID_INVALID'],
  ['a key of every object as id', ['show', '__proto__'], 'ID_INVALID'],
  ['an id that is taken', ['create', '--id', 'mias'], 'SESSION_EXISTS'],
  ['a wrong state', ['resume', 'mias'], 'WRONG_STATE'],
  ['over a limit', ['append', 'mias', '--type', 'user_message', '--text', 'more'], 'LIMIT_REACHED'],
  [
    'content that JSON changes',
    ['append', 'mias', '--type', 'system_event', '--event', 'e', '--content-json', '{"a":[-0]}'],
    'CONTENT_INVALID',
  ],
  [
    'content too deep',
    ['append', 'mias', '--type', 'system_event', '--event', 'e', '--content-json', deep],
    'CONTENT_TOO_DEEP',
  ],
  [
    'an operation id of another command',
    ['append', 'mias', ...append, '--operation-id', 'm1'],
    'OPERATION_REUSED',
  ],
  ['a stale revision', ['append', 'mias', ...append, '--expected-revision', '1'], 'REVISION_CONFLICT'],
  ['a parent that is not there', ['create', '--parent', 'nobody'], 'PARENT_INVALID'],
  ['an open session to delete', ['delete', 'mias'], 'WRONG_STATE'],
  ['a cursor of nobody', ['ls', '--cursor', 'abc'], 'CURSOR_INVALID'],
  ['a kind of nobody', ['create', '--kind-json', '{"type":"robot"}'], 'COMMAND_INVALID'],
])('[EC2] %s is refused and changes nothing', async (_what, args, code) => {
  const result = await runJson([...args, ...store])

  expect(result.code).toBe(3)
  expect(result.stdout).toBe('')
  expect(errorOf(result)).toMatchObject({
    code,
    message: expect.any(String) as string,
    details: expect.any(Object) as object,
  })
})

test('after all that, the session is as it was', async () => {
  const all = await runJson<{ items: { id: string; revision: number }[] }>(['ls', ...store])

  expect(all.value.items.map(({ id, revision }) => [id, revision])).toEqual([['mias', 4]])
})

test('the path of what is wrong is in the details', async () => {
  const args = ['append', 'mias', '--type', 'system_event', '--event', 'e', '--content-json', '{"a":[0,-0]}']

  const result = await runJson([...args, ...store])

  expect(errorOf(result).details).toMatchObject({ path: ['content', 'a', 1] })
})

test.each([
  ['a number that is none', ['extend', 'mias', '--max-turns', 'many']],
  ['no limit at all', ['extend', 'mias']],
  ['a type of nobody', ['append', 'mias', '--type', 'poem', '--text', 'x']],
  ['no content', ['append', 'mias', '--type', 'user_message']],
  ['content twice', ['append', 'mias', '-', '--type', 'user_message', '--text', 'x']],
  ['content that is not JSON', ['append', 'mias', '--type', 'user_message', '--content-json', '{']],
  ['a tool call of no tool', ['append', 'mias', '--type', 'tool_call', '--text', 'x']],
  ['an argument too many', ['show', 'mias', 'tom']],
  ['neither id nor --all', ['export']],
  ['neither id nor --user', ['erase']],
  ['a file that is not there', ['import', 'nowhere.jsonl']],
  ['limits for whole sessions', ['import', '-', '--format', 'thulp', '--max-turns', '1']],
])('[CV2] %s is a usage error', async (_what, args) => {
  const result = await runJson([...args, ...store])

  expect(result).toMatchObject({ code: 2, stdout: '' })
  expect(errorOf(result).code).toBe('USAGE')
})

test('[CS3] a store that is not there is not made by readers or by writers on a session', async () => {
  const parent = folders.make()
  const nowhere = join(parent, 'none')

  const read = await runJson(['ls', '--store', nowhere])
  const written = await runJson(['append', 'x', ...append, '--store', nowhere])

  expect([read, written].map((result) => [result.code, errorOf(result).code])).toEqual([
    [3, 'STORE_NOT_FOUND'],
    [3, 'STORE_NOT_FOUND'],
  ])
  expect(readdirSync(parent)).toEqual([])
})

test('without --json an error is two lines on stderr: what, and what to do', async () => {
  const result = await run(['show', 'nobody', ...store])

  expect(result).toMatchObject({ code: 3, stdout: '' })
  expect(result.stderr).toMatch(/^sessionwright: There is no session nobody.*\[NOT_FOUND\]\n {2}\S.*\n$/)
})

test('the store may be named by the environment', async () => {
  const result = await run(['show', 'mias'], { env: { SESSIONWRIGHT_STORE: dir } })

  expect(result.code).toBe(0)
})
