/**
 * Power cuts of real file systems under a real process: what was acknowledged is there after the restart, and what earlier
 * lives left is still whole. The control, whose flushes are lies, must lose. Six cuts in CI; the long form cuts until its
 * minutes are over. Needs root, loop devices, mkfs and python3; what is missing is said aloud.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openRuntime } from '../../src/runtime/open-runtime.ts'
import { Starter, starterProgram, Texts } from './owners-starter.ts'
import { crashPart } from './part-report.ts'
import { KINDS, PowerDisk } from './power-disk.ts'

const part = crashPart('power')
const { random } = part
const CUTS = 6
const CONTROL_CUTS = 2
const until = performance.now() + (part.minutes ?? 0) * 60_000

let folder: string
let program: string
const disks: PowerDisk[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sessionwright-power-'))
  program = await starterProgram(join(folder, 'program'))
  for (const kind of KINDS) {
    try {
      disks.push(new PowerDisk(folder, kind))
      part.count(kind)
    } catch (error) {
      skip(kind, (error as Error).message)
    }
  }
})
afterAll(() => {
  for (const disk of disks) disk.dispose()
  rmSync(folder, { recursive: true, force: true })
})

function skip(what: string, why: string): void {
  console.log(`SKIPPED: power cuts, ${what}: ${why}`)
  part.reached[`skipped ${what}`] = why
}

/**
 * A life on a disk until its power is cut; what its callers heard before. With a real cut the process is gone too: what this
 * one still says afterwards, nobody would have heard.
 */
async function lifeUntilCut(disk: PowerDisk, dir: string, env: NodeJS.ProcessEnv = {}): Promise<Texts> {
  const texts = new Texts()
  const starter = new Starter(program, dir, texts, env)
  await starter.tell('take')
  await starter.flow('power')
  await sleep(100 + random.below(500))
  const heard = texts.copy()
  disk.cut()
  await starter.kill()
  disk.restart()
  return heard
}

async function textsIn(dir: string): Promise<string[]> {
  const runtime = await openRuntime({ dir })
  const found: string[] = []
  if (runtime.has('shared')) {
    for await (const { content } of (await runtime.get('shared')).entries()) found.push(content as string)
  }
  expect(runtime.stats().store.damage).toEqual([])
  await runtime.close()
  return found
}

test('[S1, JN8, RC5] what was acknowledged survives a power cut, and so does what earlier lives left', async () => {
  const lives = new Map<string, { readonly texts: Texts; readonly found: readonly string[] }>()
  for (let cut = 1; disks.length > 0 && (cut <= CUTS || performance.now() < until); cut += 1) {
    const disk = disks[cut % disks.length] as PowerDisk
    const dir = join(disk.folder, `store-${cut}`)
    const texts = await lifeUntilCut(disk, dir)
    const found = await textsIn(dir)
    expect(texts.faults(found), `cut ${cut}, ${dir}`).toEqual([])
    expect(texts.acknowledged.size).toBeGreaterThan(0)
    lives.set(dir, { texts, found })
    part.count('cuts')
    part.count('acknowledged', texts.acknowledged.size)
    // The newest store and one of the others: all would take longer with every cut.
    const earlier = [...lives.keys()][random.below(lives.size)] as string
    expect(await textsIn(earlier), `${earlier} after cut ${cut}`).toEqual(lives.get(earlier)?.found)
  }
})

test('the control, whose flushes are lies, loses what it acknowledged', async () => {
  if (disks.length === 0) return
  const source = fileURLToPath(new URL('./power-lies.c', import.meta.url))
  const library = join(folder, 'power-lies.so')
  const compiled = ['gcc', 'cc', 'clang'].some(
    (compiler) =>
      spawnSync(compiler, ['-O2', '-shared', '-fPIC', '-o', library, source, '-ldl']).status === 0,
  )
  if (!compiled) return skip('control', 'there is no C compiler')
  let lost = 0
  for (const [number, disk] of disks.entries()) {
    for (let cut = 1; cut <= CONTROL_CUTS; cut += 1) {
      const dir = join(disk.folder, `control-${number}-${cut}`)
      const texts = await lifeUntilCut(disk, dir, { LD_PRELOAD: library })
      const found = new Set(await textsIn(dir).catch((): string[] => []))
      lost += [...texts.acknowledged].filter((text) => !found.has(text)).length
    }
  }
  part.reached['lost by the control'] = lost
  expect(lost).toBeGreaterThan(0)
})
