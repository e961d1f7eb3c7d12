/** PostgreSQL 15 of the machine, a server of its own on a socket in its folder: one insert for each append. */
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'

const PROGRAMS = '/usr/lib/postgresql/15/bin'
const CONNECTIONS = 48
const USER = 'bench'

/** Why it cannot be measured; undefined when it can. */
export function whyNot() {
  return existsSync(join(PROGRAMS, 'initdb')) ? undefined : 'PostgreSQL 15 is not installed'
}

/** One insert, one transaction for each append. */
export async function insert(dir, { inFlight }) {
  const { host, stop } = startServer(dir)
  try {
    const pool = new pg.Pool({ host, user: USER, database: 'postgres', max: Math.min(inFlight, CONNECTIONS) })
    pool.on('error', () => undefined)
    await answering(pool)
    await pool.query(
      'CREATE TABLE entries (id bigserial PRIMARY KEY, session text NOT NULL, number bigint NOT NULL, body jsonb NOT NULL)',
    )
    await pool.query('CREATE UNIQUE INDEX by_session ON entries (session, number)')
    const text = 'INSERT INTO entries (session, number, body) VALUES ($1, $2, $3)'
    let number = 0
    return {
      append: (id, entry) =>
        pool.query({ name: 'insert', text, values: [id, (number += 1), JSON.stringify(entry)] }),
      async close() {
        await pool.end()
        await stop()
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** DBOS on a server of its own: a workflow with one step for each append. */
export async function dbos(dir, { inFlight }) {
  const { host, stop } = startServer(dir)
  try {
    const pool = new pg.Pool({ host, user: USER, database: 'postgres', max: 1 })
    await answering(pool)
    await pool.end()
    const { DBOS } = await import('@dbos-inc/dbos-sdk')
    DBOS.setConfig({
      name: 'bench',
      systemDatabaseUrl: `postgresql://${USER}@localhost/dbos?host=${encodeURIComponent(host)}`,
      systemDatabasePoolSize: Math.min(inFlight, CONNECTIONS),
      runAdminServer: false,
      logLevel: 'error',
    })
    const workflow = DBOS.registerWorkflow(
      async (_id, entry) => DBOS.runStep(async () => entry.id, { name: 'append' }),
      { name: 'append' },
    )
    await DBOS.launch()
    return {
      // Called bare: a workflow looks at its receiver.
      append: (id, entry) => workflow(id, entry),
      async close() {
        await DBOS.shutdown()
        await stop()
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** A server with a folder of its own, reached by a socket in it. */
function startServer(dir) {
  const data = join(dir, 'postgres')
  mkdirSync(data, { mode: 0o700 })
  const user = serverUser()
  if (user.uid !== undefined) {
    // The server refuses to run as root, and has to find the way to its folder: through that of the sample and of the run.
    chownSync(data, user.uid, user.gid)
    for (const folder of [dir, dirname(dir)]) chmodSync(folder, 0o711)
  }
  const options = { ...user, cwd: '/', stdio: 'ignore' }
  execFileSync(join(PROGRAMS, 'initdb'), ['-D', data, '-U', USER, '-A', 'trust', '-E', 'UTF8'], options)
  const settings = ['listen_addresses=', `unix_socket_directories=${data}`, 'max_connections=100']
  const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])]
  const server = spawn(join(PROGRAMS, 'postgres'), args, options)
  const stopped = new Promise((resolve) => server.once('exit', resolve))
  const stop = async () => {
    server.kill('SIGINT')
    await stopped
  }
  return { host: data, stop }
}

function serverUser() {
  if (process.getuid?.() !== 0) return {}
  const id = (flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

async function answering(pool) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await pool.query('SELECT 1')
      return
    } catch (error) {
      if (attempt === 100) throw error
      await wait(100)
    }
  }
}
