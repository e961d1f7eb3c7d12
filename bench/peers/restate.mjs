/** Restate with `@restatedev/xstate`: a server of its own, a service beside it, one send for each append. */
import { spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const service = fileURLToPath(new URL('./restate-service.mjs', import.meta.url))
const PROGRAM = `@restatedev/restate-server-${process.platform}-${process.arch}/bin/restate-server`

/** Why it cannot be measured; undefined when it can. */
export function whyNot() {
  try {
    createRequire(import.meta.url).resolve(PROGRAM)
    return undefined
  } catch {
    return 'restate-server is not installed for this machine'
  }
}

/** Starts server and service; `close` stops both. */
export async function send(dir, { inFlight, sessions }) {
  const [servicePort, ingressPort, adminPort, nodePort] = await freePorts(4)
  const log = openSync(join(dir, 'restate.log'), 'a')
  const program = createRequire(import.meta.url).resolve(PROGRAM)
  const serving = spawn(process.execPath, [service, `${servicePort}`], { stdio: ['ignore', 'pipe', log] })
  await new Promise((resolve, reject) => {
    serving.stdout.once('data', resolve)
    serving.once('exit', () => reject(new TypeError('the service did not start')))
  })
  const server = spawn(program, ['--node-name', 'bench'], {
    cwd: dir,
    stdio: ['ignore', log, log],
    env: {
      ...process.env,
      DO_NOT_TRACK: '1',
      RESTATE_DISABLE_TELEMETRY: '1',
      RESTATE_LOG_FILTER: 'warn',
      RESTATE_BASE_DIR: join(dir, 'data'),
      RESTATE_BIND_ADDRESS: `127.0.0.1:${nodePort}`,
      RESTATE_ADVERTISED_ADDRESS: `http://127.0.0.1:${nodePort}`,
      RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingressPort}`,
      RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${adminPort}`,
    },
  })
  const agent = new Agent({ keepAlive: true, maxSockets: Math.min(inFlight, 64) })
  const close = async () => {
    agent.destroy()
    await Promise.all([server, serving].map(stop))
  }
  const call = (path, body) => post(agent, ingressPort, path, body)
  try {
    await healthy(`http://127.0.0.1:${adminPort}/health`)
    await healthy(`http://127.0.0.1:${ingressPort}/restate/health`)
    await deploy(adminPort, servicePort)
    await Promise.all(sessions.map((id) => call(`/session/${id}/create`, {})))
    return { append: (id, entry) => call(`/session/${id}/send`, { event: { type: 'entry', entry } }), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer()
      return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
    }),
  )
  const ports = servers.map((server) => server.address().port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

async function healthy(url) {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const answer = await fetch(url).catch(() => undefined)
    if (answer?.ok === true) return
    await wait(100)
  }
  throw new TypeError(`${url} did not answer`)
}

async function deploy(adminPort, servicePort) {
  for (let attempt = 0; ; attempt += 1) {
    const answer = await fetch(`http://127.0.0.1:${adminPort}/deployments`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ uri: `http://127.0.0.1:${servicePort}`, force: true }),
    })
    if (answer.ok) return
    if (attempt === 40) throw new TypeError(await answer.text())
    await wait(250)
  }
}

function post(agent, port, path, body) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    const asking = request({ agent, host: '127.0.0.1', port, path, method: 'POST', headers }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (piece) => (text += piece))
      answer.on('end', () =>
        answer.statusCode < 300 ? resolve() : reject(new TypeError(`${answer.statusCode} ${text}`)),
      )
    })
    asking.on('error', reject)
    asking.end(JSON.stringify(body))
  })
}

async function stop(child) {
  if (child.exitCode !== null) return
  const stopped = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const late = wait(5000, undefined, { ref: false }).then(() => child.kill('SIGKILL'))
  await Promise.race([stopped, late])
  await stopped
}
