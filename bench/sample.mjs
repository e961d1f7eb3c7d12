/**
 * A sample is a process of its own: `sample(module, options)` runs `run(options)` of bench/samples/<module>.mjs and gives its
 * answer, with the share of the machine that others used meanwhile.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('./sample-process.mjs', import.meta.url))

/** One process; `env` and `flags` are added to those of this one. */
export function sample(module, options, { env = {}, flags = [] } = {}) {
  const before = [busySeconds(), performance.now(), ownSeconds()]
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...flags, program, module, JSON.stringify(options)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    })
    let [text, complaints] = ['', '']
    child.stdout.on('data', (bytes) => (text += bytes))
    child.stderr.on('data', (bytes) => (complaints += bytes))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      // A sample may say its answer and kill itself.
      const line = text.split('\n').findLast((one) => one.startsWith('{'))
      if (line === undefined || (code !== 0 && signal !== 'SIGKILL')) {
        reject(new TypeError(`the sample ${module} ended with ${signal ?? code}: ${complaints.trim()}`))
        return
      }
      const { cpuSeconds = 0, ...answer } = JSON.parse(line)
      const [busy, at, own] = [busySeconds(), performance.now(), ownSeconds()]
      const seconds = ((at - before[1]) / 1000) * availableParallelism()
      const others = (busy - before[0] - cpuSeconds - (own - before[2])) / seconds
      resolve({ ...answer, others: Math.max(0, Math.round(others * 100) / 100) })
    })
  })
}

function ownSeconds() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** Seconds of processor time that the whole machine used since it started; 0 where that is not known. */
function busySeconds() {
  try {
    const [, user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
      .split('\n', 1)[0]
      .split(/\s+/)
      .map(Number)
    return (user + nice + system + irq + softirq + steal) / 100
  } catch {
    return 0
  }
}
