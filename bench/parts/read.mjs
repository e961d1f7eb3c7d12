/** Reading everything back beside reading and parsing the same bytes, and the memory of live sessions. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { interleaved } from '../rounds.mjs'
import { sample } from '../sample.mjs'
import { ratio, rounded, spread } from '../statistics.mjs'

const SESSIONS = 10_000
const ENTRIES = 20

/** Runs the part. */
export async function run({ rounds, folder, scale, progress }) {
  const dir = join(folder, 'read-store')
  const sessions = Math.max(10, rounded(SESSIONS * scale))
  const filled = await sample('fill-store', { dir, sessions, entries: ENTRIES })
  progress(`filled ${sessions} sessions × ${ENTRIES} entries in ${rounded(filled.filledMs)} ms`)
  const gc = { flags: ['--expose-gc'] }
  const samples = await interleaved(
    {
      parsed: { module: 'read-store', options: { kind: 'parsed', dir } },
      entries: { module: 'read-store', options: { kind: 'entries', dir } },
      live: { module: 'live-memory', options: { folder }, process: gc },
    },
    { rounds, progress },
  )
  rmSync(dir, { recursive: true, force: true })
  const note = scale === 1 ? undefined : `${sessions} sessions`
  return {
    figures: {
      'read.all': { ...ratio(samples.entries, samples.parsed, ({ ms }) => ms), note },
      'memory.live': spread(samples.live.map(({ bytes }) => bytes)),
    },
    samples,
  }
}
