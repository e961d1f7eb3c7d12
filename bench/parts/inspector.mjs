/** The inspector's page in a real browser: how soon it is there, how heavy it is, and what it costs the runtime. */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { sample } from '../sample.mjs'
import { rounded, spread } from '../statistics.mjs'

const page = fileURLToPath(new URL('../../dist/inspector/page/', import.meta.url))
const SESSIONS = 10_000

/** Runs the part. */
export async function run({ rounds, ms, folder, scale, progress }) {
  const dir = join(folder, 'inspected-store')
  const sessions = Math.max(6000, rounded(SESSIONS * scale))
  await sample('fill-store', { dir, sessions, entries: 1 })
  progress(`filled ${sessions} sessions`)
  const taken = await sample('inspector-page', { dir, folder, ms, visits: rounds + 2, turns: rounds + 2 })
  rmSync(dir, { recursive: true, force: true })
  const shell = shellBytes()
  const figures = { 'inspector.shell': { value: shell.reduce((sum, { bytes }) => sum + bytes, 0) } }
  if (taken.why !== undefined) {
    progress(`SKIPPED the inspector in a browser: ${taken.why}`)
    for (const id of ['paint', 'interactive', 'session-paint', 'session-interactive', 'attached'])
      figures[`inspector.${id}`] = { why: taken.why }
    return { figures }
  }
  const { times, rates } = taken
  const all = (place, key) => spread(times[place].map((one) => one[key]))
  const note = scale === 1 ? undefined : `${sessions} sessions`
  const ratios = rates.attached.map(({ perSecond }, turn) => perSecond / rates.without[turn].perSecond)
  Object.assign(figures, {
    'inspector.paint': { ...all('list', 'paintMs'), note },
    'inspector.interactive': { ...all('list', 'interactiveMs'), note },
    'inspector.session-paint': all('session', 'paintMs'),
    'inspector.session-interactive': all('session', 'interactiveMs'),
    'inspector.attached': {
      ...spread(ratios),
      note: 'the browser is on the same processors and lets the runtime go first',
    },
  })
  const rows = shell.map(({ name, bytes }) => [name, rounded(bytes / 1000, 1).toFixed(1)])
  return {
    figures,
    tables: [{ title: 'Shell of the inspector', head: ['file', 'kB gzipped'], rows }],
    samples: taken,
  }
}

/** What a browser loads at first: the document, and what it names. */
function shellBytes() {
  const document = readFileSync(join(page, 'index.html'), 'utf8')
  const named = readdirSync(page, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile() && document.includes(file.name))
    .map(({ parentPath, name }) => join(parentPath, name))
  return [join(page, 'index.html'), ...named].map((path) => ({
    name: basename(path),
    bytes: gzipSync(readFileSync(path)).length,
  }))
}
