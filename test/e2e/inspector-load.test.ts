/** Attacks 25 to 36 on the inspector, over real sockets: too slow, too much, malformed, and what a transcript may hold. */
import { connect, type Socket } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CONTENT_SECURITY_POLICY } from '../../src/inspector/headers.ts'
import { listen, SOCKET_BOUNDS } from '../../src/inspector/listener.ts'
import { startInspector } from '../../src/inspector/start-inspector.ts'
import { toolCall, userMessage } from '../../src/index.ts'
import type { JsonObject } from '../../src/index.ts'
import { attackedInspector, firstLine } from '../support/attacked-inspector.ts'
import { eventsOf, expectAlive, getBytes, readToEnd, testInspector } from '../support/inspector.ts'
import { codeOf } from '../support/runtime.ts'
import { committedFiles, textOf } from '../tidy/source.ts'

const attack = attackedInspector()

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
  const reset = await attack.all.open()
  reset.write(
    `GET /api/events HTTP/1.1\r\nHost: ${attack.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`,
  )
  reset.resetAndDestroy()
  const half = await attack.all.open()
  half.end(`GET /api/info HTTP/1.1\r\nHost: ${attack.host}\r\n`)
  const sockets = await Promise.all(Array.from({ length: 200 }, () => attack.all.open()))

  const answers = await Promise.all(sockets.map(firstLine))

  const refused = answers.filter((line) => line?.startsWith('HTTP/1.1 503'))
  expect(SOCKET_BOUNDS.connections).toBe(32)
  expect(refused.length).toBeGreaterThanOrEqual(200 - 32)
  expect(answers.filter((line) => line === undefined).length).toBeLessThanOrEqual(32)
  await expectAlive(attack.all.runtime)
  for (const socket of sockets) socket.destroy()
  await untilAnswered()
})

test('[IN2] attack 27: bodies past their bound, in pieces, in no encoding, of no JSON', async () => {
  const huge = await attack.all.request('/api/sessions/watched/commands', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `{"command":"${'x'.repeat(3 << 20)}"}`,
  })
  expect(huge.status).toBe(413)

  const head = `POST /api/login HTTP/1.1\r\nHost: ${attack.host}\r\nContent-Type: application/json\r\n`
  const pieces = await attack.all.raw(
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
    const answer = await attack.all.raw(
      `POST /api/sessions/watched/commands HTTP/1.1\r\nHost: ${attack.host}\r\nCookie: ${attack.all.cookie}\r\nContent-Type: application/json\r\n` +
        `Connection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )

    expect(answer.status, body).toBe(400)
    expect(answer.text).toContain('"COMMAND_INVALID"')
  }
})

test('[LV3] attack 28: a reader that never reads holds up nobody', async () => {
  const socket = await attack.all.open()
  socket.pause()
  socket.write(`GET /api/events HTTP/1.1\r\nHost: ${attack.host}\r\nCookie: ${attack.all.cookie}\r\n\r\n`)
  const session = await (await attack.all.runtime.create({ name: 'n'.repeat(10_000) })).activate()

  await Promise.all(Array.from({ length: 2000 }, (_, index) => session.recordDelta(index)))

  expect((await attack.all.runtime.get(session.id)).revision).toBe(2002)
  socket.destroy()
})

test('[SK2] attack 29: two lengths in one request', async () => {
  const head = `POST /api/login HTTP/1.1\r\nHost: ${attack.host}\r\nContent-Type: application/json\r\n`
  const smuggled = `0\r\n\r\nGET /api/info HTTP/1.1\r\nHost: ${attack.host}\r\n\r\n`

  const answer = await attack.all.raw(
    `${head}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n${smuggled}`,
  )

  expect(answer.status).toBe(400)
  expect(answer.text.match(/HTTP\/1\.1/g)).toHaveLength(1)
})

test('[GD3] attack 30: other methods', async () => {
  for (const method of ['TRACE', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'PROPFIND']) {
    const bytes = getBytes('/api/sessions', `Host: ${attack.host}`, `Cookie: ${attack.all.cookie}`).replace(
      'GET',
      method,
    )

    expect((await attack.all.raw(bytes)).status, method).toBe(405)
  }
  expect(
    (await attack.all.raw(`CONNECT ${attack.host} HTTP/1.1\r\nHost: ${attack.host}\r\n\r\n`)).status,
  ).toBe(405)
})

test('[HD1] attack 31: markup in a transcript is data under the strictest policy, and no page code makes markup of text', async () => {
  const session = await (await attack.all.runtime.create()).activate()
  const markup =
    '<img src=x onerror=alert(1)></script><svg onload=alert(1)><a href="javascript:alert(1)">data:text/html,x'
  await session.append(userMessage(markup))
  await session.append(toolCall(markup, true, { [markup]: markup }))

  const answer = await attack.all.request(`/api/sessions/${session.id}/entries`)

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
  const html = await (await attack.all.request('/')).text()
  expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|\son\w+=|<style|\sstyle=/)
  expect(
    pageFilesWith(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/),
  ).toEqual([])
})

test('[HD1] attack 32: nothing of a transcript is loaded or linked', async () => {
  const session = await (await attack.all.runtime.create()).activate()
  await session.append(userMessage('![x](https://evil.example/x.png) [y](https://evil.example)'))

  const { items } = await attack.all.json<{ items: JsonObject[] }>(`/api/sessions/${session.id}/entries`)

  expect(items[0]?.['content']).toEqual({
    text: '![x](https://evil.example/x.png) [y](https://evil.example)',
  })
  expect(
    pageFilesWith(/<img|<iframe|<object|<embed|\bsrcdoc\b|https?:\/\/(?!127\.0\.0\.1|www\.w3\.org)/),
  ).toEqual([])
})

test('[LV1] attack 33: control characters stay inside their line of the stream and of the log', async () => {
  const evil = '\u202Eevil\u200B\u001B[31m\r\nevent: closed\ndata: {}\n\n\u2028'
  const session = await (await attack.all.runtime.create({ name: evil })).activate()
  const answer = await attack.all.request('/api/events')
  const seen: string[] = []

  await session.append(userMessage(evil), { operationId: 'op-1' })
  await session.fail({ code: 'BROKE', message: evil })
  for await (const { event, data } of eventsOf(answer.body as ReadableStream<Uint8Array>)) {
    seen.push(event)
    if (data['status'] === 'failed' && data['sessionId'] === session.id) break
  }

  expect(seen.filter((event) => event !== 'stats')).toEqual(['hello', 'change', 'change'])
  expect(
    attack.all.log.every(([, details, message]) => !/[\r\n]/.test(`${JSON.stringify(details)}${message}`)),
  ).toBe(true)
})

test('[EV2] attack 34: a message of 10 MB and one of 10⁶ nodes are cut, within a second', async () => {
  const session = await (await attack.all.runtime.create()).activate()
  await session.append(userMessage('m'.repeat(10_000_000)))
  await session.append(
    toolCall(
      'nodes',
      true,
      Array.from({ length: 1_000_000 }, () => 0),
    ),
  )
  const started = performance.now()

  const answer = await attack.all.request(`/api/sessions/${session.id}/entries`)
  const text = await answer.text()

  expect(performance.now() - started).toBeLessThan(1000)
  expect(text.length).toBeLessThan(100_000)
  const { items } = JSON.parse(text) as { items: { isCut: boolean; content: { bytes: number } }[] }
  expect(items.map(({ isCut, content }) => [isCut, content.bytes])).toEqual([
    [true, 10_000_011],
    [true, 2_000_001],
  ])
  const slice = await attack.all.json(`/api/sessions/${session.id}/entries/0?offset=9999000&length=5000`)
  expect(slice).toEqual({
    text: `${'m'.repeat(1009)}"}`,
    offset: 9_999_000,
    nextOffset: null,
    totalBytes: 10_000_011,
  })
})

test('[AU4] attack 35: a cookie of another port', async () => {
  const other = await testInspector({ runtime: attack.all.runtime })
  const value = attack.all.cookie.replace(/^[^=]*=/, '')
  const withCookie = async (cookie: string): Promise<number> =>
    (await fetch(`${other.base}/api/info`, { headers: { cookie } })).status

  expect(await withCookie(attack.all.cookie)).toBe(401)
  expect(await withCookie(`sessionwright_${other.inspector.port}=${value}`)).toBe(401)
  expect(await withCookie(`${other.cookie}; ${other.cookie}`)).toBe(401)
  expect(await withCookie(`a=b; ${other.cookie}`)).toBe(200)
  await other.inspector.close()
})

test('[SK1] attack 36: no other address than that of this machine, whatever is asked', async () => {
  for (const address of ['0.0.0.0', '::', '192.168.0.1', 'localhost', 'evil.example', '']) {
    expect(await codeOf(startInspector(attack.all.runtime, { host: address }))).toBe('NOT_LOOPBACK')
  }
})

test('[SI1] a taken port is a coded error', async () => {
  expect(await codeOf(startInspector(attack.all.runtime, { port: attack.all.inspector.port }))).toBe(
    'PORT_UNAVAILABLE',
  )
})

test('[SK3] [IN2] whatever bytes come, the answer is one of ours and the runtime goes on', async () => {
  const word = fc.constantFrom(
    ...[
      'GET',
      'POST',
      ' ',
      '/',
      '/api/info',
      '/api/events',
      '/api/sessions/watched/commands',
      ' HTTP/1.1',
      '\r\n',
      '\r\n\r\n',
    ],
    ...[
      'Host: ',
      'Cookie: a=b',
      'Content-Length: 5',
      'Transfer-Encoding: chunked',
      '{"command":',
      '\0',
      '%00',
      '%',
      '?',
      '#',
    ],
  )
  const bytes = fc.array(fc.oneof(word, fc.string({ unit: 'binary', maxLength: 8 })), { maxLength: 20 })

  await fc.assert(
    fc.asyncProperty(bytes, async (parts) => {
      const socket = await attack.all.open()
      const answering = readToEnd(socket, parts.join(''))
      socket.end()

      const { status } = await answering

      expect([undefined, 200, 400, 401, 403, 404, 405, 408, 413, 415, 431]).toContain(status)
    }),
    { numRuns: 300 },
  )
})

function connected(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
  })
}

/** Until the sockets that were let go are gone on the other side too. */
async function untilAnswered(): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const status = await attack.all.request('/api/info').then(
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
