/** A running inspector to knock at: a browser that is logged in, raw sockets, and the runtime behind it. */
import { connect, type Socket } from 'node:net'
import { expect } from 'vitest'
import {
  startInspector,
  type Inspector,
  type StartInspectorOptions,
} from '../../src/inspector/start-inspector.ts'
import { createMemoryStore, openRuntime, userMessage } from '../../src/index.ts'
import type { Runtime, RuntimeOptions } from '../../src/index.ts'
import { listeningLogger, type LogLine } from './listening-logger.ts'

/** What a raw connection was answered with. */
export interface RawAnswer {
  /** The status of the first answer; undefined when the connection was closed without one. */
  readonly status: number | undefined
  readonly text: string
}

/** An inspector under test. */
export interface TestInspector {
  readonly runtime: Runtime
  readonly inspector: Inspector
  /** What the runtime and the inspector logged. */
  readonly log: readonly LogLine[]
  readonly base: string
  /** The `Cookie` header of a browser that is logged in. */
  readonly cookie: string
  /** A request of the browser that is logged in, as its page makes it. */
  request(path: string, init?: RequestInit): Promise<Response>
  json<T = Record<string, unknown>>(path: string, init?: RequestInit): Promise<T>
  post(path: string, body: unknown): Promise<Response>
  /** Sends bytes over a socket of its own and reads until it closes. */
  raw(bytes: string): Promise<RawAnswer>
  open(): Promise<Socket>
  close(): Promise<void>
}

/** A fresh token of an inspector. */
export function tokenOf(inspector: Inspector): string {
  return inspector.newUrl().replace(/^.*#token=/, '')
}

/** Exchanges a token; the answer as it comes. */
export function logIn(base: string, token: unknown): Promise<Response> {
  return fetch(`${base}/api/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  })
}

/** The `Cookie` header that a login gives. */
export async function cookieOf(inspector: Inspector): Promise<string> {
  const answer = await logIn(`http://127.0.0.1:${inspector.port}`, tokenOf(inspector))
  return (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
}

/** Starts one; the runtime is one in memory unless given. */
export async function testInspector(
  options: StartInspectorOptions & { readonly runtime?: Runtime; readonly open?: RuntimeOptions } = {},
): Promise<TestInspector> {
  const { runtime: given, open: runtimeOptions, ...rest } = options
  const { logger, lines: log } = listeningLogger()
  const runtime = given ?? (await openRuntime({ store: createMemoryStore(), logger, ...runtimeOptions }))
  const inspector = await startInspector(runtime, { logger, ...rest })
  const base = `http://127.0.0.1:${inspector.port}`
  const cookie = await cookieOf(inspector)
  const request = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${base}${path}`, { ...init, headers: { cookie, ...(init.headers as Record<string, string>) } })
  const open = (): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = connect(inspector.port, '127.0.0.1', () => resolve(socket))
      socket.on('error', reject)
    })
  return {
    runtime,
    inspector,
    log,
    base,
    cookie,
    request,
    json: async <T>(path: string, init?: RequestInit) => (await (await request(path, init)).json()) as T,
    post: (path, body) =>
      request(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    open,
    raw: async (bytes) => readToEnd(await open(), bytes),
    close: async () => {
      await inspector.close()
      await runtime.close()
    },
  }
}

/** Sends bytes and reads until the other side closes. */
export function readToEnd(socket: Socket, bytes: string): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = []
    socket.removeAllListeners('error')
    socket.on('error', () => undefined)
    socket.on('data', (piece) => pieces.push(piece))
    socket.once('close', () => {
      const text = Buffer.concat(pieces).toString('latin1')
      const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]
      resolve({ status: status === undefined ? undefined : Number(status), text })
    })
    socket.write(bytes, 'latin1')
  })
}

/** A GET as bytes, with these header lines; the connection closes behind it. */
export function getBytes(path: string, ...headers: readonly string[]): string {
  return `${[`GET ${path} HTTP/1.1`, ...headers, 'Connection: close'].join('\r\n')}\r\n\r\n`
}

/** The runtime answers: a session takes a message, and shows it. */
export async function expectAlive(runtime: Runtime): Promise<void> {
  const session = await (await runtime.create()).activate()
  const kept = await session.append(userMessage('still here'))

  expect(kept).toMatchObject({ kept: true, revision: 3 })
  expect((await runtime.get(session.id)).usage.entryCount).toBe(1)
  expect(runtime.stats().status).toBe('running')
}

/** Reads a stream of server-sent events, one event at a time. */
export async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<{
  readonly id: string | undefined
  readonly event: string
  readonly data: Record<string, unknown>
}> {
  let text = ''
  for await (const piece of body) {
    text += Buffer.from(piece).toString()
    for (;;) {
      const end = text.indexOf('\n\n')
      if (end === -1) break
      const lines = text.slice(0, end).split('\n')
      text = text.slice(end + 2)
      const field = (name: string): string | undefined =>
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
      yield {
        id: field('id'),
        event: field('event') ?? '',
        data: JSON.parse(field('data') ?? 'null') as Record<string, unknown>,
      }
    }
  }
}
