/** What the benchmark compares with: which driver, how durable, how to install. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('./peers/', import.meta.url))

/** Name → driver in bench/peers, the function that opens it, and what an acknowledgement means there. */
export const PEERS = {
  'lowdb, one file': { driver: 'lowdb', open: 'oneFile', survives: 'a killed process' },
  'lowdb, a file per session, fsync': { driver: 'lowdb', open: 'filePerSession', survives: 'a power cut' },
  'LangGraph SqliteSaver, as shipped': {
    driver: 'langgraph',
    open: 'asShipped',
    survives: 'a killed process',
  },
  'LangGraph SqliteSaver, synchronous=FULL': { driver: 'langgraph', open: 'full', survives: 'a power cut' },
  'SQLite WAL FULL, one insert': { driver: 'sqlite', open: 'insert', survives: 'a power cut' },
  'SQLite WAL FULL, batched': { driver: 'sqlite', open: 'batched', survives: 'a power cut' },
  'LMDB, strict flush': { driver: 'key-value', open: 'lmdb', survives: 'a power cut' },
  'classic-level, sync': { driver: 'key-value', open: 'level', survives: 'a power cut' },
  'PostgreSQL 15, one insert': { driver: 'postgres', open: 'insert', survives: 'a power cut' },
  'DBOS, a workflow with one step': { driver: 'postgres', open: 'dbos', survives: 'a power cut' },
  'Restate + xstate, one send': { driver: 'restate', open: 'send', survives: 'a power cut' },
  'OpenAI Agents MemorySession': { driver: 'agents', open: 'memory', survives: 'nothing' },
}

/** Installs the peers when they are missing or their lock has changed, and says so. What is missing then skips itself. */
export function installPeers(say) {
  const lock = `${folder}package-lock.json`
  const installed = `${folder}node_modules/installed-lock.json`
  if (existsSync(installed) && readFileSync(installed).equals(readFileSync(lock))) return
  say('installing the peers into bench/peers, once; this may take two minutes')
  const npm = (...args) => {
    const { status } = spawnSync('npm', [...args, '--prefix', folder, '--no-audit', '--no-fund'], {
      stdio: ['ignore', 'ignore', 'inherit'],
      shell: process.platform === 'win32',
    })
    return status === 0
  }
  // Drivers come built; the one that does not is built by itself, and no other package runs a script.
  if (!npm('ci', '--ignore-scripts')) {
    say('SKIPPED what is not installed: the peers could not be installed')
    return
  }
  if (!npm('rebuild', 'better-sqlite3'))
    say('SKIPPED LangGraph SqliteSaver: better-sqlite3 could not be built')
  copyFileSync(lock, installed)
}

/** One line on why something cannot be measured here. */
export function whySkipped({ code, name, message }) {
  const [, missing] = /Cannot find package '([^']+)'/.exec(message) ?? []
  return missing === undefined
    ? `${code ?? name}: ${message.split('\n', 1)[0]}`
    : `${missing} is not installed`
}
