/**
 * Real processes, really killed. The callers live here and are never killed; the agent is, at a moment nobody planned. They
 * note a command before it leaves and its outcome when they hear it; unknown ones are sent again, with the same operation
 * id, to the next agent. After each life a copy of the folder is opened and compared with their notes.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/runtime/clock.ts'
import { systemIds } from '../../src/runtime/ids.ts'
import { openRuntime } from '../../src/runtime/open-runtime.ts'
import { openJsonStore } from '../../src/store/json-store/json-store.ts'
import { seededRandom, type SeededRandom } from '../../src/testing/seeded-random.ts'
import { Ledger } from '../support/ledger.ts'
import { readStore } from '../support/recovered.ts'
import type { Command, NumberedAnswer, Writer } from './agent-process.ts'
import { AgentProcess } from './agent-process.ts'
import type { Wish } from './caller.ts'
import { Caller } from './caller.ts'
import { readJournalFiles } from './journal-reader.ts'
import { bundledProgram } from './program-bundle.ts'

const SEED = Number(process.env['SESSIONWRIGHT_CRASH_SEED'] ?? Date.now() % 1_000_000)
const MINUTES = Number(process.env['SESSIONWRIGHT_CRASH_MINUTES'] ?? 0)
const KILLS = Number(process.env['SESSIONWRIGHT_CRASH_KILLS'] ?? (MINUTES > 0 ? Infinity : 500))
/** Stores that are killed at the same time, each by itself: one for a core. */
const LANES = 2
/** So many lives has a store; all of it is read after each, so a longer one would take longer every time. */
const LIVES = 25
const IN_FLIGHT = 16
const DEAD_WITHIN_MS = 10_000
const WARM_ANSWERS = 60
/** Copies that are only looked at need no disk. */
const COPIES = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
/** So many erased sessions are looked for after each life; at the end all are. */
const NEWEST_ERASED = 20

/** What happens to one store. */
class Run {
  readonly dir: string
  readonly random: SeededRandom
  /** Who writes the journal of this store in every life. */
  readonly writer: Writer
  readonly ledger = new Ledger()
  readonly caller: Caller
  readonly inFlight = new Map<number, Command>()
  /** Sessions of which not a byte may be left. */
  readonly erased = new Set<string>()
  readonly unanswered = new Map<string, Command>()
  readonly reached = {
    lives: 0,
    killedWhileOpening: 0,
    acknowledged: 0,
    refused: 0,
    retriedUnknown: 0,
    retriedApplied: 0,
    retriedKnown: 0,
    deleted: 0,
    erased: 0,
    compacted: 0,
    checkpoints: 0,
    tornTails: 0,
    droppedSnapshots: 0,
    droppedIndexes: 0,
    segments: 0,
    checkedChanges: 0,
  }
  readonly #wishes = new Map<string, { readonly command: Command; readonly event: string }>()
  #number = 0
  #last: Command | undefined

  constructor(dir: string, random: SeededRandom) {
    this.dir = dir
    this.random = random
    this.writer = random.chance(0.5) ? 'thread' : 'in-process'
    this.caller = new Caller(random)
  }

  /** Sends again what has no answer, then keeps sixteen commands on their way. */
  begin(agent: AgentProcess): void {
    this.reached.retriedApplied += this.ledger.unknownAndThere
    for (const { operationId } of this.ledger.unknown()) {
      const known = this.#wishes.get(operationId)
      if (known === undefined) continue
      this.reached.retriedUnknown += 1
      this.#send(agent, known.command)
    }
    for (const command of this.unanswered.values()) this.#send(agent, command)
    this.unanswered.clear()
    this.#askMore(agent)
  }

  hear(agent: AgentProcess, answer: NumberedAnswer, isDying: boolean): void {
    const command = this.inFlight.get(answer.number)
    this.inFlight.delete(answer.number)
    if (command === undefined) return
    if ('code' in answer) this.#refused(command, answer)
    else this.#accepted(command, answer.answer)
    if (isDying) return
    if (this.random.chance(0.05) && this.#last !== undefined) {
      // An impatient caller asks a second time for what was answered already.
      this.reached.retriedKnown += 1
      this.#send(agent, this.#last)
    }
    this.#askMore(agent)
  }

  /** The agent is dead: what it did not answer is unknown. */
  end(): void {
    for (const command of this.inFlight.values()) {
      if (command.name === 'erase') this.unanswered.set(command.sessionId ?? '', command)
    }
    this.inFlight.clear()
    this.#last = undefined
  }

  #askMore(agent: AgentProcess): void {
    while (this.inFlight.size < IN_FLIGHT) {
      const busy = new Set([...this.inFlight.values()].map(({ sessionId }) => sessionId))
      const wish = this.caller.next((id) => busy.has(id))
      if (wish === undefined) return
      this.#ask(agent, wish)
    }
  }

  #ask(agent: AgentProcess, { event, contents, ...wish }: Wish): void {
    const number = (this.#number += 1)
    if (event === null || wish.sessionId === undefined) {
      this.#send(agent, { ...wish, number })
      return
    }
    const operationId = `op-${number}`
    const command: Command = { ...wish, number, operationId }
    this.#wishes.set(operationId, { command, event })
    const { sessionId } = wish
    this.ledger.send({ operationId, sessionId, event, contents, mayLeaveNoChange: event === 'admit' })
    this.#send(agent, command)
  }

  #send(agent: AgentProcess, command: Command): void {
    const number = this.inFlight.has(command.number) ? (this.#number += 1) : command.number
    if (command.name === 'erase') this.ledger.erasing(command.sessionId ?? '')
    // Of a session that goes nobody asks again: it may be unknown by then.
    const isGoing = command.name === 'erase' || command.name === 'delete'
    if (isGoing && this.#last?.sessionId === command.sessionId) this.#last = undefined
    this.inFlight.set(number, command)
    agent.send({ ...command, number })
  }

  #accepted(command: Command, answer: { readonly revision?: number | null; readonly status?: string }): void {
    const { name, operationId, sessionId = '' } = command
    this.caller.answered(command, answer)
    if (name === 'erase') {
      // A retry finds nothing any more when the first attempt was the one that did it.
      this.ledger.erased(sessionId, true)
      this.erased.add(sessionId)
      this.reached.erased += 1
    }
    if (name === 'compact') this.reached.compacted += 1
    if (name === 'checkpoint') this.reached.checkpoints += 1
    if (operationId === undefined) return
    if (name === 'delete') this.reached.deleted += 1
    this.reached.acknowledged += 1
    this.ledger.acknowledge(operationId, answer.revision ?? null)
    if (name === 'append') this.#last = command
  }

  #refused(
    command: Command,
    { code, message, actual }: Extract<NumberedAnswer, { readonly code: string }>,
  ): void {
    const { operationId, name } = command
    expect(['WRONG_STATE', 'LIMIT_REACHED', 'NOT_FOUND'], `${name}: ${message}`).toContain(code)
    this.reached.refused += 1
    this.caller.refused(command, actual)
    if (operationId !== undefined) this.ledger.refuse(operationId)
  }
}

/** One life of an agent, from its start to its death; the faults of it. */
async function live(agent: AgentProcess, run: Run): Promise<void> {
  const { random } = run
  const from = random.chance(0.1) ? 'opening' : random.chance(0.1) ? 'ready' : 'answer'
  // Counted in answers, a life is as long on a busy machine as on an idle one; the rest of a moment is left to chance.
  let answers = random.chance(0.1) ? 20 + random.below(200) : 1 + random.below(50)
  const delayMs = random.next() * (from === 'opening' ? 25 : 5)
  const death = new Promise<void>((resolve, reject) => {
    let [isDoomed, isDying, stage] = [false, false, 'loading']
    const fail = (why: unknown): void => reject(why instanceof Error ? why : new TypeError(String(why)))
    const watchdog = setTimeout(() => {
      fail(`${stage}, ${run.inFlight.size} commands on their way, and not dead within ${DEAD_WITHIN_MS} ms`)
    }, DEAD_WITHIN_MS)
    const dieSoon = (): void => {
      if (isDoomed) return
      isDoomed = true
      setTimeout(() => {
        isDying = true
        void agent.kill()
      }, delayMs)
    }
    agent.listen((answer) => {
      try {
        stage = 'number' in answer ? 'answering' : answer.is
        if ('number' in answer) {
          answers -= 1
          if (from === 'answer' && answers === 0) dieSoon()
          run.hear(agent, answer, isDying)
        } else if (answer.is === 'broken') fail(answer.error)
        else if (answer.is === 'opening' && from === 'opening') dieSoon()
        else if (answer.is === 'ready') {
          expect(answer.damage).toEqual([])
          if (answer.tornBytes > 0) run.reached.tornTails += 1
          if (from === 'ready') dieSoon()
          run.begin(agent)
        }
      } catch (error) {
        fail(error)
      }
    })
    void agent.ended.then(() => {
      clearTimeout(watchdog)
      if (isDying) resolve()
      else fail(`the agent ended by itself: ${agent.errors}`)
    })
    agent.open()
  })
  try {
    await death
  } finally {
    await agent.kill()
  }
  if (agent.errors !== '') throw new TypeError(agent.errors)
  if (from === 'opening') run.reached.killedWhileOpening += 1
  run.reached.lives += 1
  run.end()
}

/** Opens a copy, so that the next agent still meets the folder as the dead one left it. */
async function check(run: Run, erased: readonly string[]): Promise<readonly string[]> {
  const { dir } = run
  const copy = mkdtempSync(join(COPIES, 'sessionwright-copy-'))
  const files = readJournalFiles(dir)
  cpSync(dir, copy, { recursive: true })
  const store = openJsonStore({
    dir: copy,
    clock: systemClock,
    unique: () => systemIds.session(),
    writer: 'in-process',
  })
  await store.open({ readOnly: false })
  const { histories, states, faults } = await readStore(store)
  await store.close()
  rmSync(copy, { recursive: true })
  for (const id of run.caller.sessionIds) run.caller.recall(id, states.get(id)?.summary.status)
  run.reached.segments = Math.max(run.reached.segments, files.segments)
  const found = [...faults, ...files.faults, ...run.ledger.check(histories)]
  for (const [id, history] of histories) {
    run.reached.checkedChanges += history.length
    const lines = history.map(({ revision, operationId }) => `${revision} ${operationId}`)
    if (lines.join() !== files.sessions.get(id)?.join()) found.push(`${id}: store and second reader disagree`)
  }
  if (files.sessions.size !== histories.size) {
    found.push(`the second reader sees ${files.sessions.size} sessions, the store ${histories.size}`)
  }
  return [...found, ...traces(dir, erased)]
}

/** Files that still hold something of an erased session. */
function traces(dir: string, erased: readonly string[]): string[] {
  const found: string[] = []
  for (const { name, parentPath } of readdirSync(dir, { recursive: true, withFileTypes: true }).filter(
    (one) => one.isFile(),
  )) {
    const text = readFileSync(join(parentPath, name), 'latin1')
    for (const id of erased) {
      if (text.includes(`"${id}"`) || text.includes(`secret-of-${id}"`))
        found.push(`${name} still names ${id}`)
    }
  }
  return found
}

/** Index and snapshots are a checkpoint, never the only copy. */
function dropCheckpoint({ dir, random, reached }: Run): void {
  if (random.chance(0.2)) {
    rmSync(join(dir, 'snapshots'), { recursive: true, force: true })
    reached.droppedSnapshots += 1
  }
  if (random.chance(0.2)) {
    for (const name of readdirSync(dir).filter((one) => one.startsWith('index-'))) rmSync(join(dir, name))
    reached.droppedIndexes += 1
  }
}

/** One agent that is not killed: what was compiled for its life is kept for those that are. */
async function warmUp(program: string, dir: string): Promise<void> {
  mkdirSync(dir, { mode: 0o700 })
  const run = new Run(dir, seededRandom(1))
  const agent = new AgentProcess(program, dir, 'thread')
  let answers = 0
  agent.listen((answer) => {
    if ('is' in answer) {
      if (answer.is === 'ready') run.begin(agent)
      if (answer.is === 'broken') agent.end()
    } else if (answers < WARM_ANSWERS) {
      run.hear(agent, answer, false)
      answers += 1
      if (answers === WARM_ANSWERS) agent.end()
    }
  })
  agent.open()
  await agent.ended
  expect(agent.errors).toBe('')
  expect(answers).toBe(WARM_ANSWERS)
}

/** Kills the agents of one store, one after the other; each is loaded while the one before it still lives. */
async function kill(run: Run, program: string, isEnough: () => boolean): Promise<void> {
  mkdirSync(run.dir, { mode: 0o700 })
  const start = (): AgentProcess => new AgentProcess(program, run.dir, run.writer)
  let next: AgentProcess | undefined
  try {
    while (run.reached.lives < LIVES && !isEnough()) {
      const agent = next ?? start()
      run.ledger.nextLife()
      const life = live(agent, run)
      next = run.reached.lives + 1 < LIVES ? start() : undefined
      await life
      const newest = [...run.erased].slice(-NEWEST_ERASED)
      expect(await check(run, newest), `after life ${run.reached.lives}`).toEqual([])
      dropCheckpoint(run)
    }
  } finally {
    await next?.kill()
  }
}

/** Opens the store as a program does, reads all of it, closes it, and compares for the last time. */
async function finish(run: Run): Promise<void> {
  const runtime = await openRuntime({ dir: run.dir })
  const { items } = await runtime.list({ limit: 1000 })
  for (const { id, entryCount } of items) {
    let entries = 0
    for await (const _ of (await runtime.get(id)).entries()) entries += 1
    expect(entries, id).toBe(entryCount)
  }
  await runtime.close()
  expect(await check(run, [...run.erased]), 'after a clean close').toEqual([])
}

const MANY = KILLS === Infinity ? `${MINUTES} minutes of` : String(KILLS)

test(`[S1, S2, JN8, RC1] ${MANY} kills: nothing acknowledged is lost, nothing is applied twice`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sessionwright-crash-'))
  const program = await bundledProgram('agent', join(folder, 'agent'))
  await warmUp(program, join(folder, 'warm'))
  const runs: Run[] = []
  const started = performance.now()
  let begun = 0
  const isTimeUp = (): boolean => MINUTES > 0 && performance.now() - started > MINUTES * 60_000
  const isEnough = (): boolean => isTimeUp() || (begun += 1) > KILLS
  const lane = async (): Promise<void> => {
    while (begun < KILLS && !isTimeUp()) {
      const run = new Run(join(folder, `store-${runs.length}`), seededRandom(SEED + runs.length))
      runs.push(run)
      await kill(run, program, isEnough)
      await finish(run)
      rmSync(run.dir, { recursive: true })
    }
  }
  try {
    await Promise.all(Array.from({ length: LANES }, lane))
  } catch (error) {
    console.log(`kept: ${folder}\nREPRO: npm run test:crash:long -- --part kills --seed ${SEED}`)
    throw error
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const reached: Record<string, number> = {}
  for (const run of runs) {
    for (const [what, count] of Object.entries(run.reached)) reached[what] = (reached[what] ?? 0) + count
  }
  console.log(`kills: seed ${SEED}, ${seconds} s: 0 lost, 0 repeated; reached ${JSON.stringify(reached)}`)
  rmSync(folder, { recursive: true })

  expect(reached['acknowledged']).toBeGreaterThan(reached['lives'] ?? 0)
})
