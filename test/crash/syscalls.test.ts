/**
 * Every file call of one full life fails once, with EIO and with ENOSPC, and one in five with EACCES and torn in the middle
 * with the power. Then, with a compiler at hand, the same of real flushes and writes of a real process, ten times. The long
 * form does all in every way, and takes other seeds until its minutes are over.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openRuntime } from '../../src/runtime/open-runtime.ts'
import { crashPart } from './part-report.ts'
import type { Spoiling } from './syscalls-life.ts'
import { spoiledLife } from './syscalls-life.ts'

const part = crashPart('syscalls')
const isLong = part.minutes !== undefined
const until = performance.now() + (part.minutes ?? 0) * 60_000

const ALWAYS: readonly Spoiling[] = [{ errno: 'EIO' }, { errno: 'ENOSPC' }]
const SOMETIMES: readonly Spoiling[] = [{ errno: 'EACCES' }, 'torn']
/** In CI one call in so many fails in the other ways too. */
const SOMETIMES_EVERY = 5

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sessionwright-syscalls-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function nameOf(spoiling: Spoiling): string {
  return spoiling === 'torn' ? spoiling : spoiling.errno
}

test('[JN8, JN10, JN11, JN18, SN5, SN21] whichever file call fails, acknowledged changes are there and refused ones are not', async () => {
  const faults: string[] = []
  let seed = part.seed
  do {
    const { calls, faults: none } = await spoiledLife(seed, 0, 'torn')
    expect(none).toEqual([])
    part.reached['calls'] = calls
    for (let n = 1; n <= calls; n += 1) {
      const isSome = isLong || (n + seed) % SOMETIMES_EVERY === 0
      for (const spoiling of isSome ? [...ALWAYS, ...SOMETIMES] : ALWAYS) {
        const life = await spoiledLife(seed, n, spoiling)
        part.count(`spoiled ${nameOf(spoiling)}`)
        for (const [code, times] of life.codes) part.count(code, times)
        for (const fault of life.faults) faults.push(`${nameOf(spoiling)} at call ${n}: ${fault}`)
      }
      expect(faults).toEqual([])
    }
    seed += 1
  } while (performance.now() < until / 2)
})

/** What one append of the child came to; undefined when it said nothing. */
type Outcomes = Map<string, string | null | undefined>

/** Runs the child on a fresh folder with one of its calls spoiled. */
async function spoiledProcess(
  library: string,
  dir: string,
  what: 'flush' | 'write',
  how: string,
  at: number,
): Promise<{ outcomes: Outcomes; codes: (string | null)[]; unhandled: string[] }> {
  const program = fileURLToPath(new URL('./syscalls-child.mjs', import.meta.url))
  const env = {
    ...process.env,
    LD_PRELOAD: library,
    FAIL_UNDER: dir,
    FAIL_WHAT: what,
    FAIL_HOW: how,
    FAIL_AT: `${at}`,
  }
  const child = spawn(process.execPath, [program, dir], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  // A process that says nothing more may still be about to end, and owns the store until then.
  const ended = once(child, 'close')
  const outcomes: Outcomes = new Map()
  const codes: (string | null)[] = []
  const unhandled: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as {
      sent?: string
      text?: string
      code?: string | null
      unhandled?: string
    }
    if (said.unhandled !== undefined) unhandled.push(said.unhandled)
    else if (said.sent !== undefined) outcomes.set(said.sent, undefined)
    else if (said.text !== undefined) outcomes.set(said.text, said.code)
    if (said.code !== undefined) codes.push(said.code)
  }
  await ended
  return { outcomes, codes, unhandled }
}

/** The texts a folder holds, in the order of each session. */
async function textsIn(dir: string): Promise<Set<string>> {
  const runtime = await openRuntime({ dir })
  const texts = new Set<string>()
  for (const { id } of (await runtime.list({})).items) {
    for await (const { content } of (await runtime.get(id)).entries()) texts.add(content as string)
  }
  await runtime.close()
  return texts
}

/** The preloaded library, compiled; undefined, and said aloud, where that cannot be. */
function shim(): string | undefined {
  const source = fileURLToPath(new URL('./syscalls-fail.c', import.meta.url))
  const library = join(folder, 'syscalls-fail.so')
  const compiled = ['gcc', 'cc', 'clang'].some(
    (compiler) =>
      process.platform === 'linux' &&
      spawnSync(compiler, ['-O2', '-shared', '-fPIC', '-o', library, source, '-ldl']).status === 0,
  )
  if (compiled) return library
  console.log('SKIPPED: real calls that fail need Linux and a C compiler')
  part.reached['skipped'] = 'real calls'
  return undefined
}

test('[JN10, JN11] a real flush or write that fails once is final, and loses nothing acknowledged', async () => {
  const library = shim()
  if (library === undefined) return
  const ways = [
    ['flush', 'eio'],
    ['write', 'torn'],
    ['write', 'enospc'],
    ['write', 'short'],
  ] as const
  const runs = isLong ? Infinity : 10
  for (let run = 0; run < runs && (!isLong || performance.now() < until); run += 1) {
    const [what, how] = ways[run < 4 ? run : part.random.below(ways.length)] as (typeof ways)[number]
    const at = 4 + part.random.below(40)
    const dir = join(folder, `store-${run}`)
    const { outcomes, codes, unhandled } = await spoiledProcess(library, dir, what, how, at)
    const texts = await textsIn(dir)
    const hint = `${how} at ${what} ${at}`
    expect(unhandled, hint).toEqual([])
    for (const [text, code] of outcomes) {
      if (code === null) expect(texts.has(text), `${hint}: ${text} was acknowledged`).toBe(true)
      else if (code !== 'OUTCOME_UNKNOWN' && code !== undefined) {
        expect(texts.has(text), `${hint}: ${text} was refused with ${code}`).toBe(false)
      }
    }
    const told = codes.filter((code) => code !== null)
    part.count(`real ${how}`)
    for (const code of told) part.count(code)
    expect(
      new Set([...told, 'OUTCOME_UNKNOWN', 'STORE_FAILED', 'STORE_FULL', 'EIO', 'ENOSPC']).size,
      `${hint}: ${told.join()}`,
    ).toBe(5)
    // Nothing is acknowledged behind a flush that failed: the page cache would show bytes that the disk does not have.
    const unknownAt = codes.indexOf('OUTCOME_UNKNOWN')
    if (unknownAt !== -1) {
      const later = [...outcomes.values()].slice([...outcomes.values()].lastIndexOf('OUTCOME_UNKNOWN') + 1)
      expect(
        later.filter((code) => code === null),
        hint,
      ).toEqual([])
    }
    rmSync(dir, { recursive: true })
  }
})
