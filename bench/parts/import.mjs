/** `sessionwright import` of a file of real conversations: a fresh process, as it is run. */
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rounded, spread } from '../statistics.mjs'

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const ROUNDS = 5

/** Runs the part. */
export async function run({ folder, progress }) {
  const file = process.env.SESSIONWRIGHT_CONVERSATIONS
  if (file === undefined) {
    const why = 'SESSIONWRIGHT_CONVERSATIONS names no file'
    progress(`SKIPPED import: ${why}`)
    return { figures: { import: { why } } }
  }
  const samples = []
  for (let round = 1; round <= ROUNDS; round += 1) {
    const dir = join(folder, `import-${round}`)
    const { entries, ms } = await importInto(dir, file)
    samples.push({ entries, ms, perSecond: (entries * 1000) / ms })
    progress(`round ${round}/${ROUNDS}  import: ${entries} messages in ${rounded(ms)} ms`)
    rmSync(dir, { recursive: true, force: true })
  }
  const note = `${samples[0].entries} messages, the store opened and the program loaded before`
  return { figures: { import: { ...spread(samples.map(({ perSecond }) => perSecond)), note } }, samples }
}

function importInto(dir, file) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, 'import', file, '--store', dir, '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    child.stdout.on('data', (bytes) => (text += bytes))
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(text))
      else reject(new TypeError(`the import ended with ${code}`))
    })
  })
}
