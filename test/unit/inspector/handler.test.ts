/** The handler as a server of one's own mounts it. */
import { afterEach, expect, test } from 'vitest'
import { inspectorHandler, MOST_STREAMS } from '../../../src/inspector/handler.ts'
import type { InspectorHandler, InspectorHandlerOptions } from '../../../src/inspector/handler.ts'
import { SECURITY_HEADERS } from '../../../src/inspector/headers.ts'
import type { Runtime } from '../../../src/index.ts'
import { ERRORS, sessionError } from '../../../src/index.ts'
import { errorResponse, statusOf } from '../../../src/inspector/refusals.ts'
import { listeningLogger } from '../../support/listening-logger.ts'
import { activeSession, memoryRuntime } from '../../support/memory-runtime.ts'

const ORIGIN = 'http://localhost:3000'
const made: { handler: InspectorHandler; runtime: Runtime }[] = []

afterEach(async () => {
  for (const { handler, runtime } of made.splice(0)) {
    handler.close()
    await runtime.close()
  }
})

async function mounted(options: Partial<InspectorHandlerOptions> = {}, runtime?: Runtime) {
  const own = runtime ?? (await memoryRuntime()).runtime
  const handler = inspectorHandler(own, { origins: [ORIGIN], authorize: () => true, ...options })
  made.push({ handler, runtime: own })
  const get = (path: string, headers: Record<string, string> = {}) =>
    handler(new Request(`${ORIGIN}${path}`, { headers }))
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    handler(
      new Request(`${ORIGIN}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
    )
  return { runtime: own, handler, get, post }
}

const codeIn = async (answer: Response): Promise<[number, string]> => {
  const { error } = (await answer.json()) as { error: { code: string; message: string; remedy: string } }
  expect(error.message).not.toBe('')
  expect(error.remedy).not.toBe('')
  return [answer.status, error.code]
}

test('[IN1] below a path, the same routes, the page and the login live below it', async () => {
  const { handler, get, post } = await mounted({
    basePath: '/tools/inspector/',
    authorize: undefined as never,
  })

  const moved = await get('/tools/inspector')
  expect([moved.status, moved.headers.get('location')]).toEqual([308, '/tools/inspector/'])
  expect(await (await get('/tools/inspector/')).text()).toMatch(/^<!doctype html>/)
  expect(await codeIn(await get('/tools/inspector/api/info'))).toEqual([401, 'UNAUTHORIZED'])
  expect((await get('/api/info')).status).toBe(404)
  expect((await get('/tools/inspector-2/api/info')).status).toBe(404)
  const login = await post('/tools/inspector/api/login', { token: handler.newToken() })
  expect(login.status).toBe(204)
  const cookie = login.headers.get('set-cookie') as string
  expect(cookie).toMatch(
    /^sessionwright_3000=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/tools\/inspector\/; /,
  )
  const info = await get('/tools/inspector/api/info?x=1', { cookie: cookie.split(';')[0] as string })
  expect(await info.json()).toMatchObject({ mode: 'owner', commands: true, place: 'memory' })
})

test('[IN1] the login of the host decides, and a failing one lets nobody in', async () => {
  let isAllowed: () => boolean | Promise<boolean> = () => false
  const { get, post } = await mounted({
    authorize: (request) => request.headers.has('x-user') && isAllowed(),
  })

  expect((await get('/api/info', { 'x-user': 'a' })).status).toBe(401)
  isAllowed = () => Promise.resolve(true)
  expect((await get('/api/info', { 'x-user': 'a' })).status).toBe(200)
  expect((await get('/api/info')).status).toBe(401)
  isAllowed = () => 'yes' as never
  expect((await get('/api/info', { 'x-user': 'a' })).status).toBe(401)
  isAllowed = () => Promise.reject(new TypeError('the login is down'))
  expect((await get('/api/info', { 'x-user': 'a' })).status).toBe(500)
  isAllowed = () => true
  expect((await post('/api/login', { token: 'x' }, { 'x-user': 'a' })).status).toBe(404)
})

test('[IN1] every answer carries the strict headers, refusals too', async () => {
  const { get, post } = await mounted()
  const answers = [
    ...[
      await get('/'),
      await get('/api/info'),
      await get('/nothing'),
      await get('/api/nothing'),
      await get('/api/charts/session'),
    ],
    ...[
      await get('/api/info', { host: 'evil.example' }),
      await get('/api/sessions/none'),
      await post('/api/info', {}),
    ],
  ]

  for (const { headers } of answers) {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) expect(headers.get(name)).toBe(value)
    expect(headers.get('cache-control')).toBe('no-store')
    expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
  }
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 404, 404, 200, 403, 404, 404])
})

test('[IN3] [IC1] commands go the one road: done, refused with code and remedy, answered again', async () => {
  const { runtime, post } = await mounted()
  const session = await activeSession(runtime, { id: 'a', limits: { maxTurns: 1 } })
  const command = (body: object) => post('/api/sessions/a/commands', body)
  const user = { entry: { type: 'user_message', content: { text: 'hi' } } }

  const kept = await command({ command: 'append', args: user, operationId: 'op-1', expectedRevision: 2 })
  expect(await kept.json()).toMatchObject({ kept: true, revision: 3, status: 'active' })
  expect(
    await (await command({ command: 'append', args: user, operationId: 'op-1', expectedRevision: 2 })).json(),
  ).toMatchObject({ revision: 3 })
  await session.append({ type: 'assistant_message', content: null })
  expect(await codeIn(await command({ command: 'append', args: user }))).toEqual([409, 'LIMIT_REACHED'])
  expect(await codeIn(await command({ command: 'resume' }))).toEqual([409, 'WRONG_STATE'])
  expect(await codeIn(await command({ command: 'pause', expectedRevision: 1 }))).toEqual([
    409,
    'REVISION_CONFLICT',
  ])
  expect(await codeIn(await command({ command: 'append', args: { entry: { type: 'nonsense' } } }))).toEqual([
    400,
    'COMMAND_INVALID',
  ])
  expect(await codeIn(await command({ command: 'append' }))).toEqual([400, 'COMMAND_INVALID'])
  expect(await codeIn(await command({ command: 'delete' }))).toEqual([400, 'COMMAND_INVALID'])
  expect(await codeIn(await command({ command: 'constructor' }))).toEqual([400, 'COMMAND_INVALID'])
  expect(await codeIn(await post('/api/sessions/none/commands', { command: 'pause' }))).toEqual([
    404,
    'NOT_FOUND',
  ])
  expect(await (await command({ command: 'extendLimits', args: { maxTurns: 9 } })).json()).toMatchObject({
    status: 'active',
  })
  expect(await (await command({ command: 'edit', args: { name: 'renamed' } })).json()).toMatchObject({
    status: 'active',
  })
  expect(await (await command({ command: 'recordDelta', args: { tokens: 5 } })).json()).toMatchObject({
    status: 'active',
  })
  expect(await (await command({ command: 'admit', args: { door: 'modelCall' } })).json()).toMatchObject({
    admitted: true,
  })
  expect(await (await command({ command: 'pause' })).json()).toMatchObject({ status: 'paused' })
  expect(await (await command({ command: 'resume' })).json()).toMatchObject({ status: 'active' })
  expect(await (await command({ command: 'fail', args: { code: 'X', message: 'y' } })).json()).toMatchObject({
    status: 'failed',
  })
  expect((await runtime.get('a')).name).toBe('renamed')
})

test('[IC1] a command of each status of the table is found', async () => {
  const { runtime, post } = await mounted()
  for (const [last, status] of [
    ['close', 'closed'],
    ['complete', 'completed'],
    ['cancel', 'cancelled'],
  ] as const) {
    await runtime.create({ id: last })
    for (const command of ['activate', last]) await post(`/api/sessions/${last}/commands`, { command })

    expect((await runtime.get(last)).status).toBe(status)
  }
})

test('[IC2] [IN3] switched off, no command reaches the runtime', async () => {
  const { runtime, get, post } = await mounted({ readOnly: true })
  await activeSession(runtime, { id: 'a' })

  expect(await codeIn(await post('/api/sessions/a/commands', { command: 'pause' }))).toEqual([
    403,
    'READ_ONLY',
  ])
  expect((await runtime.get('a')).revision).toBe(2)
  expect(await (await get('/api/info')).json()).toMatchObject({ commands: false })
  expect(await (await get('/api/sessions/a')).json()).toMatchObject({ commands: [] })
})

test('[QS1] listings: filters, order, pages, and values that are none', async () => {
  const { runtime, get } = await mounted()
  for (let index = 0; index < 7; index += 1)
    await runtime.create({ id: `s${index}`, name: index % 2 ? 'odd' : 'even' })
  await activeSession(runtime, { id: 'live', name: 'odd' })
  const list = async (query: string) =>
    (await (await get(`/api/sessions?${query}`)).json()) as {
      items: { id: string }[]
      nextCursor: string
      total: number
    }

  expect((await list('status=active&status=paused')).items.map(({ id }) => id)).toEqual(['live'])
  expect((await list('nameContains=ODD&order=created-asc')).items).toHaveLength(4)
  const first = await list('limit=5')
  expect(first.total).toBe(8)
  expect((await list(`limit=5&cursor=${first.nextCursor}`)).items).toHaveLength(3)
  for (const query of [
    'limit=0',
    'limit=1001',
    'limit=x',
    'status=gone',
    'order=up',
    'kind=x',
    'updatedBefore=-1',
  ]) {
    expect(await codeIn(await get(`/api/sessions?${query}`)), query).toEqual([400, 'COMMAND_INVALID'])
  }
  expect(await codeIn(await get('/api/sessions?cursor=abc'))).toEqual([400, 'CURSOR_INVALID'])
  expect(await codeIn(await get('/api/sessions/s1/changes?order=up'))).toEqual([400, 'COMMAND_INVALID'])
  expect(await codeIn(await get('/api/sessions/s1/entries?after=-2'))).toEqual([400, 'COMMAND_INVALID'])
  expect(await codeIn(await get('/api/sessions/s1/at/1e3'))).toEqual([400, 'COMMAND_INVALID'])
})

test('[RF1] what is not an error of ours is told without its text, and logged as a code', async () => {
  const { logger, lines } = listeningLogger()
  const { runtime } = await memoryRuntime()
  const broken = new Proxy(runtime, {
    get(target, key) {
      if (key === 'list') return () => Promise.reject(new TypeError('secret detail'))
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  const { get } = await mounted({ logger }, broken)

  const answer = await get('/api/sessions')

  expect(await codeIn(answer.clone())).toEqual([500, 'INTERNAL'])
  expect(await answer.text()).not.toContain('secret detail')
  expect(lines).toEqual([['error', { code: 'INTERNAL', method: 'GET' }, 'the inspector failed']])
})

test('[RF1] each family of errors has a status that says whose turn it is', async () => {
  expect(statusOf(sessionError('NOT_FOUND', { sessionId: 'a' }))).toBe(404)
  expect(statusOf(sessionError('STORE_FULL', { operation: 'x' }))).toBe(503)
  expect(statusOf(sessionError('STORE_CORRUPT', { file: 'f', byte: 1, reason: 'r' }))).toBe(500)
  expect(statusOf(sessionError('OPERATION_REUSED', { operationId: 'o' }))).toBe(409)
  expect(await codeIn(errorResponse(sessionError('READ_ONLY', { command: 'c' })))).toEqual([403, 'READ_ONLY'])
  expect(Object.keys(ERRORS).length).toBeGreaterThan(20)
})

test('[IN2] streams are counted, freed when they end, and end with the handler', async () => {
  const { handler, get } = await mounted()
  const open: Response[] = []
  for (let index = 0; index < MOST_STREAMS; index += 1) open.push(await get('/api/events'))

  expect(await codeIn(await get('/api/events'))).toEqual([503, 'TOO_MANY_STREAMS'])
  await open.pop()?.body?.cancel()
  await new Promise((resolve) => setImmediate(resolve))
  const again = await get('/api/events')
  expect(again.status).toBe(200)
  handler.close()
  await Promise.all([...open, again].map((answer) => answer.text()))
  expect((await get('/api/info')).status).toBe(503)
})

test('[IN2] a closed runtime is a coded answer', async () => {
  const { runtime, get } = await mounted()
  await runtime.close()

  expect(await codeIn(await get('/api/sessions'))).toEqual([503, 'RUNTIME_CLOSED'])
})

test('[IN1] a session is exported as a document, redacted', async () => {
  const { runtime, get } = await mounted()
  const session = await activeSession(runtime, { id: 'a:b', metadata: { password: 'hunter2' } })
  await session.append({ type: 'user_message', content: { api_key: 'hunter2' } })

  const answer = await get('/api/sessions/a:b/export')
  const text = await answer.text()

  expect(answer.headers.get('content-disposition')).toBe('attachment; filename="a_b.json"')
  expect(text).not.toContain('hunter2')
  expect(JSON.parse(text)).toMatchObject({
    format: 'sessionwright/session@1',
    id: 'a:b',
    entries: [{ type: 'user_message' }],
  })
})
