/**
 * Opening a store of 100,000 sessions (2 GB): clean, after SIGKILL, with the index lost; the first page of lists; the memory of
 * sessions that nobody uses. The files are in the page cache, but where the index is lost: a whole reading starts from the disk.
 */
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { forgetPages } from '../page-cache.mjs'
import { sample } from '../sample.mjs'
import { rounded, spread } from '../statistics.mjs'
import { sessionIdOf } from '../work.mjs'

const SESSIONS = 100_000
const ENTRIES = 20
/** Each takes a quarter of a minute. */
const WHOLE_READINGS = 2
const LISTS = ['all', 'tenant', 'status', 'tag']

/** Just less than what makes a checkpoint: the longest scan there can be. */
const UNSEEN_BYTES = 56 << 20

/** Runs the part. */
export async function run({ rounds, folder, scale, progress, shared }) {
  const dir = join(folder, 'large-store')
  shared.largeStore = dir
  const sessions = Math.max(5000, rounded(SESSIONS * scale))
  const filled = await sample('fill-store', { dir, sessions, entries: ENTRIES })
  progress(
    `filled ${sessions} sessions × ${ENTRIES} entries in ${rounded(filled.filledMs)} ms, closed in ${rounded(filled.closedMs)} ms`,
  )
  const gc = { flags: ['--expose-gc'] }
  const session = sessionIdOf(sessions >> 1)
  const open = (options, process) => sample('open-store', { dir, session, ...options }, process)
  const read = (kind) => sample('read-store', { kind, dir })
  const samples = {}
  const take = async (kind, taking) => {
    const taken = await taking
    samples[kind] = [...(samples[kind] ?? []), taken]
    const ms = taken.listMs ?? taken.firstMs ?? taken.ms
    progress(`${kind}: ${rounded(ms)} ms, others use ${rounded(taken.others * 100)} % of the machine`)
  }
  for (let round = 0; round < rounds; round += 1) {
    await take('clean', open({ memory: true }, gc))
    await take('shards', read('shards'))
    for (const list of LISTS) await take(list, open({ list }))
  }
  await take('parsed', read('parsed'))
  // Nothing of this is in an index; each of the opens that follow scans it again.
  const { journalBytes: unseenBytes } = await open({
    appendBytes: UNSEEN_BYTES * Math.min(1, scale * 4),
    kill: true,
  })
  for (let round = 0; round < rounds; round += 1) await take('killed', open({ kill: true }))
  let isCold = false
  for (let round = 0; round < Math.min(rounds, WHOLE_READINGS); round += 1) {
    for (const name of readdirSync(dir)) if (name.startsWith('index-')) rmSync(join(dir, name))
    rmSync(join(dir, 'snapshots'), { recursive: true, force: true })
    forgetPages(dir)
    await take('bytes', read('bytes'))
    isCold = forgetPages(dir)
    await take('lost', open({ kill: true }))
  }
  // A last one that closes well: the next part goes on with the store.
  await open({})
  return {
    figures: figuresOf(samples, {
      unseenBytes,
      isCold,
      note: scale === 1 ? undefined : `${sessions} sessions`,
    }),
    samples,
  }
}

function figuresOf(
  { clean, killed, lost, bytes, parsed, shards, all, tenant, status, tag },
  { unseenBytes, isCold, note },
) {
  const of = (samples, key) => spread(samples.map((one) => one[key]))
  const first = of(clean, 'firstMs')
  // A scan is bounded by reading and parsing the same bytes.
  const [{ ms: parsedMs, bytes: parsedBytes }] = parsed
  const scanMs = (parsedMs * unseenBytes) / parsedBytes
  const readMs = of(bytes, 'ms').value
  const passMs = of(shards, 'ms').value
  const by = (samples, key, base) => spread(samples.map((one) => one[key] / base))
  const lostMs = of(lost, 'firstMs').value
  return {
    'open.clean': { ...first, note },
    'open.killed': {
      ...by(killed, 'firstMs', first.value + scanMs),
      note: `${rounded(of(killed, 'firstMs').value)} ms, ${rounded(unseenBytes / 1e6)} MB scanned; reading and parsing them takes ${rounded(scanMs)} ms`,
    },
    'open.no-index': {
      ...by(lost, 'firstMs', readMs),
      note: `${rounded(lostMs)} ms; reading the bytes takes ${rounded(readMs)} ms from the ${isCold ? 'disk' : 'cache'}, parsing them ${rounded(parsedMs)} ms from the cache`,
    },
    'list.all': of(all, 'listMs'),
    'list.tenant': of(tenant, 'listMs'),
    'list.status': of(status, 'listMs'),
    'list.tag': {
      ...by(tag, 'listMs', passMs),
      note: `${rounded(of(tag, 'listMs').value)} ms; reading and parsing the shards takes ${rounded(passMs)} ms`,
    },
    'memory.passive': of(clean, 'bytesPerSession'),
  }
}
