/**
 * Two owners: races over a killed one, one that is stopped and goes on, forks and threads. A live owner is never succeeded,
 * however long it stands still; whoever holds a stopped one for dead all the same (a process in another container would) takes
 * the store, and the stopped one finds out before it acknowledges anything more.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { openRuntime } from '../../src/runtime/open-runtime.ts'
import type { Answer } from './owners-starter.ts'
import { Starter, starterProgram, Texts } from './owners-starter.ts'
import { crashPart } from './part-report.ts'

const part = crashPart('owners')
const { random } = part
const RACES = 60
const until = performance.now() + (part.minutes ?? 0) * 60_000

let folder: string
let program: string
let dir: string
let texts: Texts
let starters: Starter[]

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sessionwright-owners-program-'))
  program = await starterProgram(folder)
})
afterAll(() => rmSync(folder, { recursive: true }))

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sessionwright-owners-'))
  texts = new Texts()
  starters = []
})
afterEach(async () => {
  await Promise.all(starters.map((starter) => starter.kill()))
  rmSync(dir, { recursive: true })
})

function starter(): Starter {
  const one = new Starter(program, dir, texts)
  starters.push(one)
  return one
}

/** The texts in the store, read by this process after every other one is gone. */
async function held(): Promise<string[]> {
  await Promise.all(starters.map((one) => one.kill()))
  const runtime = await openRuntime({ dir })
  const found: string[] = []
  for await (const { content } of (await runtime.get('shared')).entries()) found.push(content as string)
  expect(runtime.stats().store.damage).toEqual([])
  await runtime.close()
  return found
}

test(`[JN13, OW1, OW3] of three starters over a killed owner one wins, ${RACES} times, and everything acknowledged is kept`, async () => {
  let owner = starter()
  let { epoch = 0 } = await owner.tell('take')
  let others = [starter(), starter()]
  for (let race = 1; race <= RACES || performance.now() < until; race += 1) {
    await owner.flow(`r${race}`)
    await sleep(1 + random.below(15))
    await owner.kill()
    const racers = [...others, starter()]
    const answers = await Promise.all(
      racers.map(async (racer) => {
        await sleep(random.below(3))
        return racer.tell('take')
      }),
    )
    const winners = racers.filter((_, index) => answers[index]?.epoch !== undefined)
    expect(winners).toHaveLength(1)
    const [winner] = winners as [Starter]
    const won = answers.find((answer) => answer.epoch !== undefined)?.epoch ?? 0
    expect(won).toBeGreaterThan(epoch)
    const refusals = answers.filter((answer) => answer.epoch === undefined)
    expect(refusals).toEqual([1, 2].map(() => ({ code: 'STORE_LOCKED', pid: winner.pid })))
    const seen = await winner.tell('texts')
    expect(texts.faults(seen.texts ?? []), `race ${race}`).toEqual([])
    epoch = won
    owner = winner
    others = racers.filter((racer) => racer !== winner)
    part.count('races')
  }
  expect(texts.faults(await held())).toEqual([])
  part.count('acknowledged', texts.acknowledged.size)
  expect(texts.acknowledged.size).toBeGreaterThan(RACES)
})

test('[JN13] an owner that stands still is not succeeded, however long, and goes on as if nothing had been', async () => {
  const owner = starter()
  await owner.tell('take')
  const others = [starter(), starter(), starter()]
  await owner.flow('still')
  await sleep(50)
  owner.signal('SIGSTOP')
  const answers: Answer[] = []
  for (let turn = 0; turn < 3; turn += 1) {
    answers.push(...(await Promise.all(others.map((other) => other.tell('take')))))
    await sleep(200)
  }
  const before = texts.acknowledged.size
  owner.signal('SIGCONT')
  await sleep(50)
  const seen = await owner.tell('texts')

  expect(answers).toEqual(answers.map(() => ({ code: 'STORE_LOCKED', pid: owner.pid })))
  expect(texts.acknowledged.size).toBeGreaterThan(before)
  expect([...texts.refused]).toEqual([])
  expect(texts.faults(seen.texts ?? [])).toEqual([])
  expect(texts.faults(await held())).toEqual([])
  part.count('refused while stopped', answers.length)
})

test('[JN14, RC6, JC4] an owner that was stopped past a takeover acknowledges nothing more, and what it writes is not read', async () => {
  const takeovers = part.minutes === undefined ? 4 : 20
  for (let turn = 1; turn <= takeovers; turn += 1) {
    const owner = starter()
    await owner.tell('take', { blind: true })
    const successor = starter()
    await owner.flow(`stopped${turn}`)
    await sleep(20 + random.below(20))
    owner.signal('SIGSTOP')
    await sleep(10)
    const { epoch } = await successor.tell('take', { blind: true })
    await successor.flow(`after${turn}`)
    await sleep(20)
    owner.signal('SIGCONT')
    // Whatever it still says, it says now.
    const last = await owner.tell('texts')
    await sleep(50)
    const seen = await successor.tell('texts')

    expect(epoch).toBeGreaterThan(0)
    expect(last).toBeDefined()
    const codes = [...texts.refused]
      .filter(([text]) => text.startsWith(`stopped${turn}-`))
      .map(([, code]) => code)
    expect(codes.length).toBeGreaterThan(0)
    expect(codes.filter((code) => code !== 'STORE_FENCED' && code !== 'OUTCOME_UNKNOWN')).toEqual([])
    expect(texts.faults(seen.texts ?? [])).toEqual([])
    for (const code of codes) part.count(code)
    await successor.tell('close')
    await Promise.all([owner.kill(), successor.kill()])
    part.count('takeovers')
  }
  expect(texts.faults(await held())).toEqual([])
  expect(part.reached['STORE_FENCED']).toBeGreaterThan(0)
})

test('[JN13, OW3] a fork and threads of the process that holds a store do not get it; of threads that race one does', async () => {
  const owner = starter()
  const { epoch } = await owner.tell('take')
  const forked = await owner.tell('fork')
  const threads = await owner.tell<Answer[]>('threads', { threads: 2 })
  await owner.tell('close')
  const racing = await owner.tell<Answer[]>('threads', { threads: 3 })

  expect(epoch).toBe(1)
  const locked = { code: 'STORE_LOCKED', pid: owner.pid }
  expect([forked, ...threads]).toEqual([locked, locked, locked])
  const won = racing.filter((answer) => answer.epoch !== undefined)
  expect(won).toHaveLength(1)
  expect(racing.filter((answer) => answer.epoch === undefined)).toEqual([locked, locked])
  part.count('forks and threads refused', 5)
})
