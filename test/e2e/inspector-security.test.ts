/**
 * The 36 attacks on the inspector, each over a real socket. After each one the runtime still takes a message, the session
 * that was there is as it was, and nothing of its content is in the log.
 */
import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { committedFiles, textOf } from '../tidy/source.ts'
import { CONTENT_SECURITY_POLICY } from '../../src/inspector/headers.ts'
import { listen, SOCKET_BOUNDS } from '../../src/inspector/listener.ts'
import { startInspector } from '../../src/inspector/start-inspector.ts'
import { createMemoryStore, toolCall, userMessage } from '../../src/index.ts'
import type { JsonObject } from '../../src/index.ts'
import { cookieOf, eventsOf, expectAlive, getBytes, logIn, readToEnd } from '../support/inspector.ts'
import { testInspector, tokenOf, type TestInspector } from '../support/inspector.ts'
import { codeOf } from '../support/runtime.ts'

const SECRET = 'the-only-content-of-this-session'

let all: TestInspector
let before: JsonObject
let host = ''
const faults: unknown[] = []
const onFault = (fault: unknown): void => void faults.push(fault)

beforeAll(async () => {
  process.on('uncaughtExceptionMonitor', onFault)
  all = await testInspector({
    open: { store: createMemoryStore(), maxEntryBytes: 16 << 20, maxChangeBytes: 32 << 20 },
  })
  host = `127.0.0.1:${all.inspector.port}`
  const session = await (
    await all.runtime.create({ id: 'watched', metadata: { api_key: SECRET } })
  ).activate()
  await session.append(userMessage(SECRET))
  before = (await all.runtime.export('watched')) as unknown as JsonObject
})

afterEach(async () => {
  await expectAlive(all.runtime)
  expect((await all.request('/api/info')).status).toBe(200)
  expect(await all.runtime.export('watched')).toEqual(before)
  expect(JSON.stringify(all.log)).not.toContain(SECRET)
  expect(faults).toEqual([])
})

afterAll(async () => {
  process.off('uncaughtExceptionMonitor', onFault)
  await all.close()
})

/** What a request with these header lines is answered with, by a browser that is logged in. */
const get = (path: string, ...headers: readonly string[]) =>
  all.raw(getBytes(path, ...headers, `Cookie: ${all.cookie}`))

const refusedWithoutBody = async (
  status: number,
  path: string,
  ...headers: readonly string[]
): Promise<void> => {
  const answer = await get(path, ...headers)

  expect(answer.status).toBe(status)
  expect(answer.text.slice(answer.text.indexOf('\r\n\r\n') + 4)).toBe('')
  expect(answer.text.toLowerCase()).not.toContain('access-control')
}

test('a logged-in browser of this machine is answered: the attacks below differ in one thing each', async () => {
  const answer = await get(
    '/api/sessions',
    `Host: ${host}`,
    `Origin: http://${host}`,
    'Sec-Fetch-Site: same-origin',
  )

  expect(answer.status).toBe(200)
  expect(answer.text).toContain('"id":"watched"')
})

test('[GD1] attack 1: a foreign Host', () =>
  refusedWithoutBody(403, '/api/sessions', `Host: evil.example:${all.inspector.port}`))

test('[GD1] attack 2: a name that resolves to this machine', () =>
  refusedWithoutBody(403, '/api/sessions', 'Host: 127.0.0.1.nip.io'))

test('[GD1] attack 3: look-alikes of localhost; its own name in capitals is fine', async () => {
  const { port } = all.inspector

  await refusedWithoutBody(403, '/api/sessions', `Host: localhost.:${port}`)
  await refusedWithoutBody(403, '/api/sessions', `Host: localhost6:${port}`)
  expect((await get('/api/sessions', `Host: LOCALHOST:${port}`)).status).toBe(200)
})

test('[SK2] attack 4: no Host, two Hosts, half a Host', async () => {
  await refusedWithoutBody(400, '/api/sessions')
  await refusedWithoutBody(400, '/api/sessions', `Host: ${host}`, 'Host: evil.example')
  await refusedWithoutBody(400, '/api/sessions', 'Host: [::1')
})

test('[GD1] attack 5: this machine by other numbers', async () => {
  for (const name of ['0.0.0.0', '2130706433', '0x7f000001', '127.1', '127.0.0.2']) {
    await refusedWithoutBody(403, '/api/sessions', `Host: ${name}:${all.inspector.port}`)
  }
})

test('[GD1] attack 6: a foreign Origin', () =>
  refusedWithoutBody(403, '/api/sessions', `Host: ${host}`, 'Origin: https://evil.example'))

test('[GD1] attack 7: Origin null', () =>
  refusedWithoutBody(403, '/api/sessions', `Host: ${host}`, 'Origin: null'))

test('[GD1] attack 8: an Origin of another port, or of our other name', async () => {
  await refusedWithoutBody(403, '/api/sessions', `Host: ${host}`, 'Origin: http://localhost:1')
  await refusedWithoutBody(403, '/api/sessions', `Host: ${host}`, `Origin: https://${host}`)
  await refusedWithoutBody(
    403,
    '/api/sessions',
    `Host: ${host}`,
    `Origin: http://localhost:${all.inspector.port}`,
  )
})

test('[GD1] attack 9: an Origin that begins like ours', async () => {
  for (const origin of [`http://${host}@evil.example`, `http://${host}.evil.example`, 'http://', '%']) {
    await refusedWithoutBody(403, '/api/sessions', `Host: ${host}`, `Origin: ${origin}`)
  }
})

test('[AU1] attack 10: an upgrade without a login is refused, and no request is ever upgraded', async () => {
  const upgrade = [
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ]
  const bytes = (...more: string[]) =>
    `${['GET /api/info HTTP/1.1', `Host: ${host}`, ...more].join('\r\n')}\r\n\r\n`

  const stranger = await answerOf(bytes('Connection: Upgrade', ...upgrade))
  const known = await answerOf(bytes('Connection: Upgrade', ...upgrade, `Cookie: ${all.cookie}`))

  expect(stranger).toBe(401)
  expect(known).toBe(200)
})

test('[GD1] attack 11: an upgrade with a cookie and a foreign Origin', async () => {
  const upgrade = [
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ]

  await refusedWithoutBody(403, '/api/events', `Host: ${host}`, 'Origin: https://evil.example', ...upgrade)
})

test('[AU1] [AU2] attack 12: wrong tokens of every length, and Authorization headers', async () => {
  const right = tokenOf(all.inspector)
  const wrong = [`${right.slice(0, -1)}!`, right.slice(1), `${right}a`, '', null, 7, { length: 43 }, [right]]

  for (const token of wrong) expect((await logIn(all.base, token)).status).toBe(401)
  const twice = ['Authorization: Bearer a', 'Authorization: Bearer b']
  expect((await all.raw(getBytes('/api/info', `Host: ${host}`, ...twice))).status).toBe(401)
  expect((await logIn(all.base, right)).status).toBe(204)
})

test('[GD4] attack 13: a token in an address is refused, also the right one, and not logged', async () => {
  const token = tokenOf(all.inspector)

  await refusedWithoutBody(400, `/?token=${token}`, `Host: ${host}`)
  await refusedWithoutBody(400, `/api/info?a=1&token=${token}`, `Host: ${host}`)
  expect(JSON.stringify(all.log)).not.toContain(token)
})

test('[AU1] attack 14: a token works once', async () => {
  const token = tokenOf(all.inspector)

  expect((await logIn(all.base, token)).status).toBe(204)
  expect((await logIn(all.base, token)).status).toBe(401)
})

test('[AU1] attack 15: tokens and cookies of an earlier start are worth nothing', async () => {
  const first = await startInspector(all.runtime)
  const token = tokenOf(first)
  const cookie = await cookieOf(first)
  await first.close()

  const second = await startInspector(all.runtime, { port: first.port })
  const base = `http://127.0.0.1:${second.port}`

  expect((await logIn(base, token)).status).toBe(401)
  expect((await fetch(`${base}/api/info`, { headers: { cookie } })).status).toBe(401)
  await second.close()
})

test('[AU3] attack 16: after 20 wrong tokens every login waits, and who is in stays in', async () => {
  const other = await testInspector({ runtime: all.runtime })
  const right = tokenOf(other.inspector)
  const statuses: number[] = []

  for (let attempt = 0; attempt < 60; attempt += 1)
    statuses.push((await logIn(other.base, `wrong-${attempt}`)).status)

  expect(statuses).toEqual([...Array<number>(20).fill(401), ...Array<number>(40).fill(429)])
  expect((await logIn(other.base, right)).status).toBe(429)
  expect((await other.request('/api/info')).status).toBe(200)
  await other.inspector.close()
})

test('[GD3] attack 17: what a form can send is no command', async () => {
  const types = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
  ]
  for (const type of types) {
    const answer = await all.request('/api/sessions/watched/commands', {
      method: 'POST',
      headers: { 'content-type': type },
      body: '{"command":"close"}',
    })

    expect(answer.status).toBe(415)
  }
})

test('[GD2] attack 18: a request that a browser marks as cross-site or of another port', async () => {
  for (const site of ['cross-site', 'same-site', 'anything']) {
    await refusedWithoutBody(403, '/api/sessions', `Host: ${host}`, `Sec-Fetch-Site: ${site}`)
    await refusedWithoutBody(403, '/', `Host: ${host}`, `Sec-Fetch-Site: ${site}`, 'Sec-Fetch-Mode: navigate')
  }
})

test('[GD3] attack 19: a preflight', async () => {
  const bytes = getBytes(
    '/api/sessions',
    `Host: ${host}`,
    'Origin: https://evil.example',
    'Access-Control-Request-Method: POST',
  )

  const answer = await all.raw(bytes.replace('GET', 'OPTIONS'))

  expect(answer.status).toBe(403)
  expect(answer.text.toLowerCase()).not.toContain('access-control-allow')
})

test('[HD2] attack 20: data as the source of a script', async () => {
  const answer = await get(
    '/api/sessions',
    `Host: ${host}`,
    'Sec-Fetch-Site: cross-site',
    'Sec-Fetch-Dest: script',
  )

  expect(answer.status).toBe(403)
  expect(answer.text).toMatch(/^x-content-type-options: nosniff\r$/m)
  expect(answer.text).toMatch(/^cross-origin-resource-policy: same-origin\r$/m)
})

test('[HD1] attack 21: no answer may be framed', async () => {
  for (const path of ['/', '/api/info', '/nothing']) {
    const { headers } = await all.request(path)

    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect(headers.get('x-frame-options')).toBe('DENY')
  }
})

test('[GD3] attack 22: a private-network preflight', async () => {
  const bytes = getBytes('/api/info', `Host: ${host}`, 'Access-Control-Request-Private-Network: true')

  const answer = await all.raw(bytes.replace('GET', 'OPTIONS'))

  expect(answer.status).toBe(403)
  expect(answer.text.toLowerCase()).not.toContain('access-control-allow')
})

test('[AS1] [SK2] attack 23: addresses that leave the page', async () => {
  const paths = [
    ...[
      '/../../etc/passwd',
      '/%2e%2e%2f%2e%2e%2fetc/passwd',
      '/..%5c..%5cetc',
      '/%5c..',
      '//evil.example/x',
      '/%00',
    ],
    ...[
      '/assets/../../package.json',
      '/assets/%2e%2e/index.html%00.js',
      '/api/sessions/..%2f..%2fetc',
      '/__proto__',
      '/constructor',
    ],
    ...[
      `/${'a'.repeat(16_000)}`,
      'http://evil.example/',
      `http://${host}/`,
      '\\..\\..\\etc',
      '/%',
      '/api/sessions/%E0%A4%A',
    ],
  ]

  for (const path of paths) {
    const answer = await get(path, `Host: ${host}`)

    expect([400, 404], path.slice(0, 60)).toContain(answer.status)
    expect(answer.text).not.toContain('root:')
    expect(answer.text).not.toContain('"dependencies"')
  }
})

test('[SK2] attack 24: strange, many and huge headers', async () => {
  const many = Array.from({ length: 2000 }, (_, index) => `x-${index}: 1`)

  expect((await get('/api/info', `Host: ${host}`, '__proto__: x', 'constructor: y')).status).toBe(200)
  expect((await get('/api/info', `Host: ${host}`, ...many)).status).toBe(431)
  expect((await get('/api/info', `Host: ${host}`, `x: ${'y'.repeat(1 << 20)}`)).status).toBe(431)
  expect((await get('/api/info', `Host: ${host}`, 'no colon')).status).toBe(400)
})

test('[SK2] attack 25: slow headers and a slow body', async () => {
  const handler = async (request: Request): Promise<Response> => new Response(await request.text())
  const slow = await listen(() => handler, {}, { ...SOCKET_BOUNDS, requestMs: 200 })
  const head = `POST / HTTP/1.1\r\nHost: 127.0.0.1:${slow.port}\r\nContent-Length: 100\r\n`

  const answers = await Promise.all(
    ['', 'GET / HT', head, `${head}\r\nten bytes.`].map(async (bytes) =>
      readToEnd(await connected(slow.port), bytes),
    ),
  )

  expect(answers.map(({ status }) => status)).toEqual([408, 408, 408, 408])
  expect(SOCKET_BOUNDS.requestMs).toBe(10_000)
  await slow.close()
})

test('[SK3] attack 26: resets, half-closes, and more sockets than there is room for', async () => {
  const reset = await all.open()
  reset.write(`GET /api/events HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`)
  reset.resetAndDestroy()
  const half = await all.open()
  half.end(`GET /api/info HTTP/1.1\r\nHost: ${host}\r\n`)
  const sockets = await Promise.all(Array.from({ length: 200 }, () => all.open()))

  const answers = await Promise.all(sockets.map(firstLine))

  const refused = answers.filter((line) => line?.startsWith('HTTP/1.1 503'))
  expect(SOCKET_BOUNDS.connections).toBe(32)
  expect(refused.length).toBeGreaterThanOrEqual(200 - 32)
  expect(answers.filter((line) => line === undefined).length).toBeLessThanOrEqual(32)
  await expectAlive(all.runtime)
  for (const socket of sockets) socket.destroy()
  await untilAnswered()
})

test('[IN2] attack 27: bodies past their bound, in pieces, in no encoding, of no JSON', async () => {
  const huge = await all.request('/api/sessions/watched/commands', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `{"command":"${'x'.repeat(3 << 20)}"}`,
  })
  expect(huge.status).toBe(413)

  const head = `POST /api/login HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n`
  const pieces = await all.raw(
    `${head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(20_000)}0\r\n\r\n`,
  )
  expect([413, undefined]).toContain(pieces.status)

  for (const body of [
    '\xff\xfe\xfd',
    '{"command":',
    '[]',
    'null',
    '"pause"',
    '{"command":"__proto__"}',
    '{"command":1}',
  ]) {
    const answer = await all.raw(
      `POST /api/sessions/watched/commands HTTP/1.1\r\nHost: ${host}\r\nCookie: ${all.cookie}\r\nContent-Type: application/json\r\n` +
        `Connection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )

    expect(answer.status, body).toBe(400)
    expect(answer.text).toContain('"COMMAND_INVALID"')
  }
})

test('[LV3] attack 28: a reader that never reads holds up nobody', async () => {
  const socket = await all.open()
  socket.pause()
  socket.write(`GET /api/events HTTP/1.1\r\nHost: ${host}\r\nCookie: ${all.cookie}\r\n\r\n`)
  const session = await (await all.runtime.create({ name: 'n'.repeat(10_000) })).activate()

  await Promise.all(Array.from({ length: 2000 }, (_, index) => session.recordDelta(index)))

  expect((await all.runtime.get(session.id)).revision).toBe(2002)
  socket.destroy()
})

test('[SK2] attack 29: two lengths in one request', async () => {
  const head = `POST /api/login HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n`
  const smuggled = `0\r\n\r\nGET /api/info HTTP/1.1\r\nHost: ${host}\r\n\r\n`

  const answer = await all.raw(`${head}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n${smuggled}`)

  expect(answer.status).toBe(400)
  expect(answer.text.match(/HTTP\/1\.1/g)).toHaveLength(1)
})

test('[GD3] attack 30: other methods', async () => {
  for (const method of ['TRACE', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'PROPFIND']) {
    const bytes = getBytes('/api/sessions', `Host: ${host}`, `Cookie: ${all.cookie}`).replace('GET', method)

    expect((await all.raw(bytes)).status, method).toBe(405)
  }
  expect((await all.raw(`CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).status).toBe(405)
})

test('[HD1] attack 31: markup in a transcript is data under the strictest policy, and no page code makes markup of text', async () => {
  const session = await (await all.runtime.create()).activate()
  const markup =
    '<img src=x onerror=alert(1)></script><svg onload=alert(1)><a href="javascript:alert(1)">data:text/html,x'
  await session.append(userMessage(markup))
  await session.append(toolCall(markup, true, { [markup]: markup }))

  const answer = await all.request(`/api/sessions/${session.id}/entries`)

  expect(answer.headers.get('content-type')).toBe('application/json')
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  expect(answer.headers.get('content-security-policy')).toBe(CONTENT_SECURITY_POLICY)
  for (const part of [
    ...[
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      "img-src 'none'",
    ],
    ...[
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
    ],
  ]) {
    expect(CONTENT_SECURITY_POLICY.split('; ')).toContain(part)
  }
  expect(CONTENT_SECURITY_POLICY).not.toMatch(/unsafe|\*|https?:|data:/)
  const html = await (await all.request('/')).text()
  expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|\son\w+=|<style|\sstyle=/)
  expect(
    pageFilesWith(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/),
  ).toEqual([])
})

test('[HD1] attack 32: nothing of a transcript is loaded or linked', async () => {
  const session = await (await all.runtime.create()).activate()
  await session.append(userMessage('![x](https://evil.example/x.png) [y](https://evil.example)'))

  const { items } = await all.json<{ items: JsonObject[] }>(`/api/sessions/${session.id}/entries`)

  expect(items[0]?.['content']).toEqual({
    text: '![x](https://evil.example/x.png) [y](https://evil.example)',
  })
  expect(
    pageFilesWith(/<img|<iframe|<object|<embed|\bsrcdoc\b|https?:\/\/(?!127\.0\.0\.1|www\.w3\.org)/),
  ).toEqual([])
})

test('[LV1] attack 33: control characters stay inside their line of the stream and of the log', async () => {
  const evil = '\u202Eevil\u200B\u001B[31m\r\nevent: closed\ndata: {}\n\n\u2028'
  const session = await (await all.runtime.create({ name: evil })).activate()
  const answer = await all.request('/api/events')
  const seen: string[] = []

  await session.append(userMessage(evil), { operationId: 'op-1' })
  await session.fail({ code: 'BROKE', message: evil })
  for await (const { event, data } of eventsOf(answer.body as ReadableStream<Uint8Array>)) {
    seen.push(event)
    if (data['status'] === 'failed' && data['sessionId'] === session.id) break
  }

  expect(seen.filter((event) => event !== 'stats')).toEqual(['hello', 'change', 'change'])
  expect(
    all.log.every(([, details, message]) => !/[\r\n]/.test(`${JSON.stringify(details)}${message}`)),
  ).toBe(true)
})

test('[EV2] attack 34: a message of 10 MB and one of 10⁶ nodes are cut, within a second', async () => {
  const session = await (await all.runtime.create()).activate()
  await session.append(userMessage('m'.repeat(10_000_000)))
  await session.append(
    toolCall(
      'nodes',
      true,
      Array.from({ length: 1_000_000 }, () => 0),
    ),
  )
  const started = performance.now()

  const answer = await all.request(`/api/sessions/${session.id}/entries`)
  const text = await answer.text()

  expect(performance.now() - started).toBeLessThan(1000)
  expect(text.length).toBeLessThan(100_000)
  const { items } = JSON.parse(text) as { items: { isCut: boolean; content: { bytes: number } }[] }
  expect(items.map(({ isCut, content }) => [isCut, content.bytes])).toEqual([
    [true, 10_000_011],
    [true, 2_000_001],
  ])
  const slice = await all.json(`/api/sessions/${session.id}/entries/0?offset=9999000&length=5000`)
  expect(slice).toEqual({
    text: `${'m'.repeat(1009)}"}`,
    offset: 9_999_000,
    nextOffset: null,
    totalBytes: 10_000_011,
  })
})

test('[AU4] attack 35: a cookie of another port', async () => {
  const other = await testInspector({ runtime: all.runtime })
  const value = all.cookie.replace(/^[^=]*=/, '')
  const withCookie = async (cookie: string): Promise<number> =>
    (await fetch(`${other.base}/api/info`, { headers: { cookie } })).status

  expect(await withCookie(all.cookie)).toBe(401)
  expect(await withCookie(`sessionwright_${other.inspector.port}=${value}`)).toBe(401)
  expect(await withCookie(`${other.cookie}; ${other.cookie}`)).toBe(401)
  expect(await withCookie(`a=b; ${other.cookie}`)).toBe(200)
  await other.inspector.close()
})

test('[SK1] attack 36: no other address than that of this machine, whatever is asked', async () => {
  for (const address of ['0.0.0.0', '::', '192.168.0.1', 'localhost', 'evil.example', '']) {
    expect(await codeOf(startInspector(all.runtime, { host: address }))).toBe('NOT_LOOPBACK')
  }
})

test('[SI1] a taken port is a coded error', async () => {
  expect(await codeOf(startInspector(all.runtime, { port: all.inspector.port }))).toBe('PORT_UNAVAILABLE')
})

/** The status of the first answer, whatever happens to the connection then. */
async function answerOf(bytes: string): Promise<number> {
  const socket = await all.open()
  socket.write(bytes)
  const line = await firstLine(socket)
  socket.destroy()
  return Number(line?.split(' ')[1])
}

/** The first line of what a server says by itself, soon; undefined when it says nothing. */
function firstLine(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), 300)
    const settle = (line: string | undefined): void => {
      clearTimeout(timer)
      resolve(line)
    }
    socket.once('data', (piece: Buffer) => settle(piece.toString('latin1').split('\r\n')[0]))
    socket.on('error', () => settle('closed'))
    socket.once('close', () => settle('closed'))
  })
}

function connected(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
  })
}

/** Until the sockets that were let go are gone on the other side too. */
async function untilAnswered(): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const status = await all.request('/api/info').then(
      (answer) => answer.status,
      () => undefined,
    )
    if (status === 200) return
  }
  throw new Error('the inspector did not come back')
}

function pageFilesWith(pattern: RegExp): string[] {
  return committedFiles()
    .filter((path) => /^src\/inspector\/page\/.*\.(?:tsx?|html|css)$/.test(path))
    .filter((path) => pattern.test(textOf(path).replaceAll(/^\s*(?:\*|\/\/|\/\*).*$/gm, '')))
}
