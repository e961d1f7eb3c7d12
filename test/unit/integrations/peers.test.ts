/** Without its peer an integration says what to install; the core neither needs nor looks for any of them. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test, vi } from 'vitest'
import { loadPeer } from '../../../src/integrations/peer.ts'

// Each case is a process; a busy machine starts them slowly.
vi.setConfig({ testTimeout: 60_000 })

const ROOT = new URL('../../../', import.meta.url)
const manifest = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as {
  readonly peerDependencies: Readonly<Record<string, string>>
}

const INTEGRATIONS = [
  ['openai-agents/session', 'sessionwrightSession', '@openai/agents'],
  ['ai-sdk/chat', 'sessionwrightChat', 'ai'],
  ['opentelemetry/telemetry', 'sessionTelemetry', '@opentelemetry/api'],
  ['stately-inspect', 'statelyInspect', '@statelyai/inspect'],
] as const

const PEERS = [
  ...new Set([...INTEGRATIONS.map(([, , peer]) => peer), ...Object.keys(manifest.peerDependencies)]),
]

/** Runs a program where no peer is installed; who asks for one is told on standard error. */
async function runWithoutPeers(program: string): Promise<{ stdout: string; stderr: string }> {
  const hooks = `
    import { writeSync } from 'node:fs'
    const peers = ${JSON.stringify(PEERS)}
    export function resolve(specifier, context, next) {
      if (!peers.some((peer) => specifier === peer || specifier.startsWith(peer + '/'))) return next(specifier, context)
      writeSync(2, 'asked for ' + specifier)
      throw Object.assign(new Error('Cannot find package ' + specifier), { code: 'ERR_MODULE_NOT_FOUND' })
    }`
  const prelude = `
    import { register } from 'node:module'
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)})
    const dist = ${JSON.stringify(new URL('dist/', ROOT).href)}
    const { openRuntime, createMemoryStore } = await import(dist + 'index.js')
    const runtime = await openRuntime({ store: createMemoryStore() })`
  const { NODE_OPTIONS: _, ...env } = process.env
  return promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', `${prelude}\n${program}\nawait runtime.close()`],
    { env },
  )
}

test.each(INTEGRATIONS)(
  '%s without its peer gives PEER_MISSING with the line that installs it',
  async (path, name, peer) => {
    const { stdout, stderr } = await runWithoutPeers(`
    const { ${name} } = await import(dist + 'integrations/${path}.js')
    const error = await ${name}(runtime).catch((thrown) => thrown)
    console.log(JSON.stringify({ code: error.code, message: error.message }))`)

    const { code, message } = JSON.parse(stdout) as { code: string; message: string }
    expect([code, stderr]).toEqual(['PEER_MISSING', `asked for ${peer}`])
    expect(message).toContain(`npm install ${peer}`)
  },
)

test('the core never asks for a peer', async () => {
  const { stdout, stderr } = await runWithoutPeers(`
    const session = await (await runtime.create()).activate()
    await session.append({ type: 'user_message', content: 'hello' })
    console.log((await runtime.export(session.id)).entries.length)`)

  expect([stdout, stderr]).toEqual(['1\n', ''])
})

test('a peer that is there and does not load says why itself', async () => {
  const broken = loadPeer('broken', () => Promise.reject(new SyntaxError('unexpected token')))

  await expect(broken).rejects.toThrow('unexpected token')
})
