/** The inspector across processes: beside an owner, as the owner, and from the shell. */
import { once } from 'node:events'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { afterAll, expect, test } from 'vitest'
import { openRuntime, userMessage } from '../../src/index.ts'
import { startInspector } from '../../src/inspector/start-inspector.ts'
import { errorOf, finish, run, runJson, start, temporaryFolders } from '../support/command-line.ts'
import { cookieOf, eventsOf, logIn, testInspector } from '../support/inspector.ts'

const folders = temporaryFolders()
afterAll(folders.clean)

interface Started {
  readonly url: string
  readonly port: number
  readonly mode: string
  readonly store: string
}

/** Runs `inspect --json` until it has said where it is. */
async function inspecting(
  ...args: string[]
): Promise<{ child: ChildProcessWithoutNullStreams; said: Started }> {
  const child = start(['inspect', '--json', ...args])
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, said: JSON.parse(line.toString()) as Started }
}

async function interrupted(child: ChildProcessWithoutNullStreams): Promise<number | null> {
  const ended = finish(child)
  child.kill('SIGINT')
  return (await ended).code
}

async function logInTo({
  url,
  port,
}: Started): Promise<(path: string, init?: RequestInit) => Promise<Response>> {
  const base = `http://127.0.0.1:${port}`
  const login = await logIn(base, url.replace(/^.*#token=/, ''))
  const cookie = (login.headers.get('set-cookie') as string).split(';')[0] as string
  return (path, init = {}) =>
    fetch(`${base}${path}`, { ...init, headers: { cookie, ...(init.headers as Record<string, string>) } })
}

test('[LV2] a message that another process appends appears beside it within 500 ms', async () => {
  const dir = folders.make()
  const owner = await openRuntime({ dir })
  const session = await (await owner.create({ id: 'watched' })).activate()
  await session.append(userMessage('before'))
  const { child, said } = await inspecting('--store', dir)
  const request = await logInTo(said)
  const answer = await request('/api/events')
  const events = eventsOf(answer.body as ReadableStream<Uint8Array>)
  expect((await events.next()).value?.event).toBe('hello')
  const waited: number[] = []

  for (let round = 0; round < 5; round += 1) {
    await session.append(userMessage(`round ${round}`))
    const acknowledgedAt = performance.now()
    for (;;) {
      const { value } = await events.next()
      if (value?.event === 'change' && value.data['revision'] === session.revision) break
    }
    waited.push(performance.now() - acknowledgedAt)
  }

  expect(said.mode).toBe('reader')
  expect(waited.toSorted((a, b) => a - b)[2]).toBeLessThan(500)
  expect(Math.max(...waited)).toBeLessThan(1500)
  expect(await (await request('/api/sessions/watched')).json()).toMatchObject({
    revision: 8,
    usage: { entryCount: 6 },
    commands: [],
  })
  expect(await interrupted(child)).toBe(0)
  expect(await session.append(userMessage('undisturbed'))).toMatchObject({ kept: true })
  await owner.close()
})

test('[NS1] beside an owner the page may only look', async () => {
  const dir = folders.make()
  const owner = await openRuntime({ dir })
  await (await owner.create({ id: 'watched' })).activate()
  const { child, said } = await inspecting('--store', dir)
  const request = await logInTo(said)

  const answer = await request('/api/sessions/watched/commands', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"command":"pause"}',
  })

  expect(answer.status).toBe(403)
  expect(await answer.json()).toMatchObject({ error: { code: 'READ_ONLY' } })
  expect(await (await request('/api/info')).json()).toMatchObject({ mode: 'reader', commands: false })
  expect((await owner.get('watched')).status).toBe('active')
  expect(await interrupted(child)).toBe(0)
  await owner.close()
})

test('[NS2] where nobody owns the store, the inspector does, and its page gives commands', async () => {
  const dir = folders.make()
  await run(['create', '--store', dir, '--id', 'idle'])
  const { child, said } = await inspecting('--store', dir)
  const request = await logInTo(said)

  const answer = await request('/api/sessions/idle/commands', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"command":"activate","operationId":"op-1"}',
  })

  expect(said).toMatchObject({ mode: 'owner', store: dir })
  expect(await answer.json()).toMatchObject({ status: 'active', revision: 2 })
  expect((await run(['pause', 'idle', '--store', dir])).code).toBe(4)
  expect(await interrupted(child)).toBe(0)
  expect((await runJson<{ status: string }>(['show', 'idle', '--store', dir])).value.status).toBe('active')
})

test('[NS1] with --read-only the store is free for others', async () => {
  const dir = folders.make()
  await run(['create', '--store', dir, '--id', 'idle'])
  const { child, said } = await inspecting('--store', dir, '--read-only')

  expect(said.mode).toBe('reader')
  expect((await run(['activate', 'idle', '--store', dir])).code).toBe(0)
  expect(await interrupted(child)).toBe(0)
})

test('the address is the one line on stdout; the rest is said on stderr', async () => {
  const dir = folders.make()
  await run(['create', '--store', dir])
  const child = start(['inspect', '--store', dir])
  await once(child.stderr, 'data')
  const ended = finish(child)
  child.kill('SIGINT')

  const { stdout, code } = await ended

  expect(code).toBe(0)
  // What came before the listener is in the pipe or gone; nothing else may be there.
  expect(stdout.replace(/^http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{43}\n/, '')).toBe('')
})

test('a store that is not there, and a taken port, are coded errors of the shell', async () => {
  const dir = folders.make()
  const none = await run(['inspect', '--store', `${dir}/none`, '--json'])
  expect([none.code, errorOf(none).code]).toEqual([3, 'STORE_NOT_FOUND'])

  await run(['create', '--store', dir])
  const other = await testInspector()
  const taken = await run(['inspect', '--store', dir, '--json', '--port', String(other.inspector.port)])
  expect([taken.code, errorOf(taken).code]).toEqual([3, 'PORT_UNAVAILABLE'])
  await other.close()
})

test('[SI2] an inspector does not keep its process alive', async () => {
  const program = `
    import { openRuntime, createMemoryStore } from 'sessionwright'
    import { startInspector } from 'sessionwright/inspector'
    const { port, url } = await startInspector(await openRuntime({ store: createMemoryStore() }))
    const answer = await fetch('http://127.0.0.1:' + port + '/')
    await answer.text()
    console.log(url)`
  const { spawn } = await import('node:child_process')
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'pipe' })

  const { code, stdout } = await finish(child)

  expect(code).toBe(0)
  expect(stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{43}\n$/)
})

test('[SI2] closing an inspector ends its streams and leaves the runtime as it was', async () => {
  const runtime = await openRuntime({ dir: folders.make() })
  const inspector = await startInspector(runtime)
  const cookie = await cookieOf(inspector)
  const answer = await fetch(`http://127.0.0.1:${inspector.port}/api/events`, { headers: { cookie } })
  expect(answer.status).toBe(200)

  await inspector.close()
  await inspector.close()

  await answer.text().catch(() => undefined)
  expect(await (await runtime.create()).activate()).toMatchObject({ state: 'active' })
  await runtime.close()
})
