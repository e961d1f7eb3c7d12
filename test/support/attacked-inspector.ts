/**
 * An inspector under attack. After each test the runtime still takes a message, the session that was there is as it was,
 * nothing of its content is in the log, and nothing reached the process as an uncaught error.
 */
import type { Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import { createMemoryStore, userMessage } from '../../src/index.ts'
import { expectAlive, getBytes, testInspector, type RawAnswer, type TestInspector } from './inspector.ts'

const SECRET = 'the-only-content-of-this-session'

/** What attacks are made with; the inspector is there once the first test runs. */
export interface AttackedInspector {
  readonly all: TestInspector
  /** Its address as a `Host`. */
  readonly host: string
  /** What a GET with these header lines is answered with, by a browser that is logged in. */
  get(path: string, ...headers: readonly string[]): Promise<RawAnswer>
  /** Such a GET is refused with this status and without a word. */
  expectRefused(status: number, path: string, ...headers: readonly string[]): Promise<void>
}

/** Starts an inspector for the tests of a file, with a session `watched`. */
export function attackedInspector(): AttackedInspector {
  let all: TestInspector
  let before: unknown
  const faults: unknown[] = []
  const onFault = (fault: unknown): void => void faults.push(fault)

  beforeAll(async () => {
    process.on('uncaughtExceptionMonitor', onFault)
    all = await testInspector({
      open: { store: createMemoryStore(), maxEntryBytes: 16 << 20, maxChangeBytes: 32 << 20 },
    })
    const created = await all.runtime.create({ id: 'watched', metadata: { api_key: SECRET } })
    await (await created.activate()).append(userMessage(SECRET))
    before = await all.runtime.export('watched')
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

  const get = (path: string, ...headers: readonly string[]): Promise<RawAnswer> =>
    all.raw(getBytes(path, ...headers, `Cookie: ${all.cookie}`))
  return {
    get all() {
      return all
    },
    get host() {
      return `127.0.0.1:${all.inspector.port}`
    },
    get,
    async expectRefused(status, path, ...headers) {
      const answer = await get(path, ...headers)

      expect(answer.status).toBe(status)
      expect(answer.text.slice(answer.text.indexOf('\r\n\r\n') + 4)).toBe('')
      expect(answer.text.toLowerCase()).not.toContain('access-control')
    },
  }
}

/** The first line of what a server says by itself, soon; undefined when it says nothing. */
export function firstLine(socket: Socket): Promise<string | undefined> {
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
