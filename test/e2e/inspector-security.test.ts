/** Attacks 1 to 24 on the inspector, over real sockets: who asks, by which name, from which page, for which address. */
import { expect, test } from 'vitest'
import { startInspector } from '../../src/inspector/start-inspector.ts'
import { attackedInspector, firstLine } from '../support/attacked-inspector.ts'
import { cookieOf, getBytes, logIn, testInspector, tokenOf } from '../support/inspector.ts'

const attack = attackedInspector()

test('a logged-in browser of this machine is answered: the attacks below differ in one thing each', async () => {
  const answer = await attack.get(
    '/api/sessions',
    `Host: ${attack.host}`,
    `Origin: http://${attack.host}`,
    'Sec-Fetch-Site: same-origin',
  )

  expect(answer.status).toBe(200)
  expect(answer.text).toContain('"id":"watched"')
})

test('[GD1] attack 1: a foreign Host', () =>
  attack.expectRefused(403, '/api/sessions', `Host: evil.example:${attack.all.inspector.port}`))

test('[GD1] attack 2: a name that resolves to this machine', () =>
  attack.expectRefused(403, '/api/sessions', 'Host: 127.0.0.1.nip.io'))

test('[GD1] attack 3: look-alikes of localhost; its own name in capitals is fine', async () => {
  const { port } = attack.all.inspector

  await attack.expectRefused(403, '/api/sessions', `Host: localhost.:${port}`)
  await attack.expectRefused(403, '/api/sessions', `Host: localhost6:${port}`)
  expect((await attack.get('/api/sessions', `Host: LOCALHOST:${port}`)).status).toBe(200)
})

test('[SK2] attack 4: no Host, two Hosts, half a Host', async () => {
  await attack.expectRefused(400, '/api/sessions')
  await attack.expectRefused(400, '/api/sessions', `Host: ${attack.host}`, 'Host: evil.example')
  await attack.expectRefused(400, '/api/sessions', 'Host: [::1')
})

test('[GD1] attack 5: this machine by other numbers', async () => {
  for (const name of ['0.0.0.0', '2130706433', '0x7f000001', '127.1', '127.0.0.2']) {
    await attack.expectRefused(403, '/api/sessions', `Host: ${name}:${attack.all.inspector.port}`)
  }
})

test('[GD1] attack 6: a foreign Origin', () =>
  attack.expectRefused(403, '/api/sessions', `Host: ${attack.host}`, 'Origin: https://evil.example'))

test('[GD1] attack 7: Origin null', () =>
  attack.expectRefused(403, '/api/sessions', `Host: ${attack.host}`, 'Origin: null'))

test('[GD1] attack 8: an Origin of another port, or of our other name', async () => {
  await attack.expectRefused(403, '/api/sessions', `Host: ${attack.host}`, 'Origin: http://localhost:1')
  await attack.expectRefused(403, '/api/sessions', `Host: ${attack.host}`, `Origin: https://${attack.host}`)
  await attack.expectRefused(
    403,
    '/api/sessions',
    `Host: ${attack.host}`,
    `Origin: http://localhost:${attack.all.inspector.port}`,
  )
})

test('[GD1] attack 9: an Origin that begins like ours', async () => {
  for (const origin of [
    `http://${attack.host}@evil.example`,
    `http://${attack.host}.evil.example`,
    'http://',
    '%',
  ]) {
    await attack.expectRefused(403, '/api/sessions', `Host: ${attack.host}`, `Origin: ${origin}`)
  }
})

test('[AU1] attack 10: an upgrade without a login is refused, and no request is ever upgraded', async () => {
  const upgrade = [
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ]
  const bytes = (...more: string[]) =>
    `${['GET /api/info HTTP/1.1', `Host: ${attack.host}`, ...more].join('\r\n')}\r\n\r\n`

  const stranger = await answerOf(bytes('Connection: Upgrade', ...upgrade))
  const known = await answerOf(bytes('Connection: Upgrade', ...upgrade, `Cookie: ${attack.all.cookie}`))

  expect(stranger).toBe(401)
  expect(known).toBe(200)
})

test('[GD1] attack 11: an upgrade with a cookie and a foreign Origin', async () => {
  const upgrade = [
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ]

  await attack.expectRefused(
    403,
    '/api/events',
    `Host: ${attack.host}`,
    'Origin: https://evil.example',
    ...upgrade,
  )
})

test('[AU1] [AU2] attack 12: wrong tokens of every length, and Authorization headers', async () => {
  const right = tokenOf(attack.all.inspector)
  const wrong = [`${right.slice(0, -1)}!`, right.slice(1), `${right}a`, '', null, 7, { length: 43 }, [right]]

  for (const token of wrong) expect((await logIn(attack.all.base, token)).status).toBe(401)
  const twice = ['Authorization: Bearer a', 'Authorization: Bearer b']
  expect((await attack.all.raw(getBytes('/api/info', `Host: ${attack.host}`, ...twice))).status).toBe(401)
  expect((await logIn(attack.all.base, right)).status).toBe(204)
})

test('[GD4] attack 13: a token in an address is refused, also the right one, and not logged', async () => {
  const token = tokenOf(attack.all.inspector)

  await attack.expectRefused(400, `/?token=${token}`, `Host: ${attack.host}`)
  await attack.expectRefused(400, `/api/info?a=1&token=${token}`, `Host: ${attack.host}`)
  expect(JSON.stringify(attack.all.log)).not.toContain(token)
})

test('[AU1] attack 14: a token works once', async () => {
  const token = tokenOf(attack.all.inspector)

  expect((await logIn(attack.all.base, token)).status).toBe(204)
  expect((await logIn(attack.all.base, token)).status).toBe(401)
})

test('[AU1] attack 15: tokens and cookies of an earlier start are worth nothing', async () => {
  const first = await startInspector(attack.all.runtime)
  const token = tokenOf(first)
  const cookie = await cookieOf(first)
  await first.close()

  const second = await startInspector(attack.all.runtime, { port: first.port })
  const base = `http://127.0.0.1:${second.port}`

  expect((await logIn(base, token)).status).toBe(401)
  expect((await fetch(`${base}/api/info`, { headers: { cookie } })).status).toBe(401)
  await second.close()
})

test('[AU3] attack 16: after 20 wrong tokens every login waits, and who is in stays in', async () => {
  const other = await testInspector({ runtime: attack.all.runtime })
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
    const answer = await attack.all.request('/api/sessions/watched/commands', {
      method: 'POST',
      headers: { 'content-type': type },
      body: '{"command":"close"}',
    })

    expect(answer.status).toBe(415)
  }
})

test('[GD2] attack 18: a request that a browser marks as cross-site or of another port', async () => {
  for (const site of ['cross-site', 'same-site', 'anything']) {
    await attack.expectRefused(403, '/api/sessions', `Host: ${attack.host}`, `Sec-Fetch-Site: ${site}`)
    await attack.expectRefused(
      403,
      '/',
      `Host: ${attack.host}`,
      `Sec-Fetch-Site: ${site}`,
      'Sec-Fetch-Mode: navigate',
    )
  }
})

test('[GD3] attack 19: a preflight', async () => {
  const bytes = getBytes(
    '/api/sessions',
    `Host: ${attack.host}`,
    'Origin: https://evil.example',
    'Access-Control-Request-Method: POST',
  )

  const answer = await attack.all.raw(bytes.replace('GET', 'OPTIONS'))

  expect(answer.status).toBe(403)
  expect(answer.text.toLowerCase()).not.toContain('access-control-allow')
})

test('[HD2] attack 20: data as the source of a script', async () => {
  const answer = await attack.get(
    '/api/sessions',
    `Host: ${attack.host}`,
    'Sec-Fetch-Site: cross-site',
    'Sec-Fetch-Dest: script',
  )

  expect(answer.status).toBe(403)
  expect(answer.text).toMatch(/^x-content-type-options: nosniff\r$/m)
  expect(answer.text).toMatch(/^cross-origin-resource-policy: same-origin\r$/m)
})

test('[HD1] attack 21: no answer may be framed', async () => {
  for (const path of ['/', '/api/info', '/nothing']) {
    const { headers } = await attack.all.request(path)

    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect(headers.get('x-frame-options')).toBe('DENY')
  }
})

test('[GD3] attack 22: a private-network preflight', async () => {
  const bytes = getBytes('/api/info', `Host: ${attack.host}`, 'Access-Control-Request-Private-Network: true')

  const answer = await attack.all.raw(bytes.replace('GET', 'OPTIONS'))

  expect(answer.status).toBe(403)
  expect(answer.text.toLowerCase()).not.toContain('access-control-allow')
})

test('[IA1] [SK2] attack 23: addresses that leave the page', async () => {
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
      `http://${attack.host}/`,
      '\\..\\..\\etc',
      '/%',
      '/api/sessions/%E0%A4%A',
    ],
  ]

  for (const path of paths) {
    const answer = await attack.get(path, `Host: ${attack.host}`)

    expect([400, 404], path.slice(0, 60)).toContain(answer.status)
    expect(answer.text).not.toContain('root:')
    expect(answer.text).not.toContain('"dependencies"')
  }
})

test('[SK2] attack 24: strange, many and huge headers', async () => {
  const many = Array.from({ length: 2000 }, (_, index) => `x-${index}: 1`)

  expect(
    (await attack.get('/api/info', `Host: ${attack.host}`, '__proto__: x', 'constructor: y')).status,
  ).toBe(200)
  expect((await attack.get('/api/info', `Host: ${attack.host}`, ...many)).status).toBe(431)
  expect((await attack.get('/api/info', `Host: ${attack.host}`, `x: ${'y'.repeat(1 << 20)}`)).status).toBe(
    431,
  )
  expect((await attack.get('/api/info', `Host: ${attack.host}`, 'no colon')).status).toBe(400)
})

/** The status of the first answer, whatever happens to the connection then. */
async function answerOf(bytes: string): Promise<number> {
  const socket = await attack.all.open()
  socket.write(bytes)
  const line = await firstLine(socket)
  socket.destroy()
  return Number(line?.split(' ')[1])
}
