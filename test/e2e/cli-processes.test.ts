/** The program beside other processes: an owner of the store, a reader that leaves, a signal. */
import { once } from 'node:events'
import { afterAll, expect, test } from 'vitest'
import { openRuntime, userMessage } from 'sessionwright'
import { errorOf, finish, linesOf, run, runJson, start, temporaryFolders } from '../support/command-line.ts'

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

test('SIGINT ends --follow cleanly, and an import with 130, to be gone on with', async () => {
  const dir = folders.make()
  {
    await using owner = await openRuntime({ dir })
    const session = await (await owner.create({ id: 's' })).activate()
    await session.append(userMessage('there'))
  }
  const following = start(['entries', 's', '--follow', '--store', dir, '--json'])
  const importing = start(['import', '-', '--store', folders.make()])
  const [followed, imported] = [finish(following), finish(importing)]
  const [entry] = (await once(following.stdout, 'data')) as [Buffer]
  following.kill('SIGINT')
  const { code, stderr } = await followed
  importing.stdin.write('{"messages":[{"role":"user","content":"a"}]}\n')
  importing.kill('SIGINT')
  importing.stdin.end()

  expect(JSON.parse(entry.toString())).toMatchObject({ position: 0, content: { text: 'there' } })
  expect([code, stderr]).toEqual([0, ''])
  expect((await imported).code).toBe(130)
})

test('[CO2] a reader that goes away ends the command quietly', async () => {
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
