/** The program beside other processes: an owner of the store, a reader that leaves, a signal. */
import { once } from 'node:events'
import { afterAll, expect, test, vi } from 'vitest'
import { openRuntime, userMessage } from 'sessionwright'
import {
  entriesIn,
  errorOf,
  finish,
  linesOf,
  run,
  runJson,
  start,
  temporaryFolders,
} from '../support/command-line.ts'

// Each run is a process; a busy machine starts them slowly.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const folders = temporaryFolders()
afterAll(() => folders.clean())

test('[CS1] [CS2] while a process owns the store, readers read what is durable and writers are told who owns it', async () => {
  const dir = folders.make()
  await using owner = await openRuntime({ dir })
  const session = await (await owner.create({ id: 's' })).activate()
  await session.append(userMessage('durable'))
  const store = ['--store', dir]

  const shown = await runJson(['show', 's', ...store])
  const entries = await runJson<{ items: unknown[] }>(['entries', 's', ...store])
  const listed = await runJson<{ items: unknown[] }>(['ls', ...store])
  const changes = await run(['changes', 's', ...store, '--json'])
  const exported = await run(['export', 's', ...store])
  const written = await runJson(['append', 's', '--type', 'user_message', '--text', 'x', ...store])
  const created = await runJson(['create', ...store])

  expect(shown.value).toMatchObject({ status: 'active', revision: 3 })
  expect(entries.value.items).toMatchObject([{ content: { text: 'durable' } }])
  expect(listed.value.items).toHaveLength(1)
  expect(linesOf(changes.stdout)).toHaveLength(3)
  expect(linesOf(exported.stdout)).toMatchObject([{ id: 's' }])
  for (const refused of [written, created]) {
    expect(refused).toMatchObject({ code: 4, stdout: '' })
    expect(errorOf(refused)).toMatchObject({ code: 'STORE_LOCKED', details: { pid: process.pid } })
  }
  expect(session.revision).toBe(3)
})

test('--follow shows changes of the owner as they are made, and ends with the session', async () => {
  const dir = folders.make()
  await using owner = await openRuntime({ dir })
  const session = await (await owner.create({ id: 's' })).activate()

  const child = start(['changes', 's', '--follow', '--store', dir, '--json'])
  const ended = finish(child)
  await once(child.stdout, 'data')
  await session.append(userMessage('new'))
  await session.complete()
  const { code, stdout } = await ended

  expect(code).toBe(0)
  expect(linesOf(stdout).map(({ revision, status }) => [revision, status])).toEqual([
    [1, 'created'],
    [2, 'active'],
    [3, 'active'],
    [4, 'completed'],
  ])
})

test('SIGINT ends --follow cleanly', async () => {
  const dir = folders.make()
  {
    await using owner = await openRuntime({ dir })
    const session = await (await owner.create({ id: 's' })).activate()
    await session.append(userMessage('there'))
  }

  const child = start(['entries', 's', '--follow', '--store', dir, '--json'])
  const ended = finish(child)
  const [entry] = (await once(child.stdout, 'data')) as [Buffer]
  child.kill('SIGINT')
  const { code, stderr } = await ended

  expect(JSON.parse(entry.toString())).toMatchObject({ position: 0, content: { text: 'there' } })
  expect([code, stderr]).toEqual([0, ''])
})

test('SIGINT ends an import between two messages with 130; run again, it goes on', async () => {
  const dir = folders.make()
  const line = '{"messages":[{"role":"user","content":"a"}]}\n'

  const child = start(['import', '-', '--store', dir])
  const ended = finish(child)
  child.stdin.on('error', () => undefined)
  child.stdin.write(line)
  while ((await entriesIn(dir)) === 0);
  child.kill('SIGINT')
  const { code, stdout, stderr } = await ended
  const again = await runJson(['import', '-', '--store', dir], { input: line + line })

  expect([code, stdout]).toEqual([130, ''])
  expect(stderr).toContain('run the same command again')
  expect(again.value).toMatchObject({ sessions: 2, entries: 2, repeated: 1 })
})

test('[OP2] a reader that goes away ends the command quietly', async () => {
  const dir = folders.make()
  {
    await using owner = await openRuntime({ dir })
    const session = await (await owner.create({ id: 's' })).activate()
    for (let index = 0; index < 40; index += 1) await session.append(userMessage('x'.repeat(20_000)))
  }

  const child = start(['changes', 's', '--store', dir, '--json'])
  const ended = finish(child)
  await once(child.stdout, 'data')
  child.stdout.destroy()
  const { code, stderr } = await ended

  expect([code, stderr]).toEqual([0, ''])
})
