/**
 * Real processes, really killed. The callers live here and are never killed; the agent is, at a moment nobody planned. They
 * note a command before it leaves and its outcome when they hear it; unknown ones are sent again, with the same operation
 * id, to the next agent. After each life a copy of the folder is opened and compared with their notes.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/runtime/clock.ts'
import { systemIds } from '../../src/runtime/ids.ts'
import { openRuntime } from '../../src/runtime/open-runtime.ts'
import { openJsonStore } from '../../src/store/json-store/json-store.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { Ledger } from '../support/ledger.ts'
import { readStore } from '../support/recovered.ts'
import type { Command, NumberedAnswer } from './agent-process.ts'
import { AgentProcess } from './agent-process.ts'
import type { Wish } from './caller.ts'
import { Caller } from './caller.ts'
import { readJournalFiles } from './journal-reader.ts'

const KILLS = Number(process.env['SESSIONWRIGHT_CRASH_KILLS'] ?? 100)
const SEED = Number(process.env['SESSIONWRIGHT_CRASH_SEED'] ?? Date.now() % 1_000_000)
const IN_FLIGHT = 16
const ANSWER_WITHIN_MS = 10_000

const random = seededRandom(SEED)

class Run {
  readonly ledger = new Ledger()
  readonly caller = new Caller(random)
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
    if (random.chance(0.01) && this.#last !== undefined) {
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
  const from = random.chance(0.1) ? 'opening' : random.chance(0.3) ? 'ready' : 'first answer'
  const longestMs = from === 'opening' ? 25 : random.chance(0.15) ? 400 : 60
  const delayMs = 1 + random.next() * (longestMs - 1)
  const death = new Promise<void>((resolve, reject) => {
    let [isDoomed, isDying] = [false, false]
    const fail = (why: unknown): void => reject(why instanceof Error ? why : new TypeError(String(why)))
    const watchdog = setTimeout(() => fail(`no answer within ${ANSWER_WITHIN_MS} ms`), ANSWER_WITHIN_MS)
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
        if ('number' in answer) {
          if (from === 'first answer') dieSoon()
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
async function check(dir: string, run: Run): Promise<readonly string[]> {
  const copy = `${dir}-copy`
  const files = readJournalFiles(dir)
  cpSync(dir, copy, { recursive: true })
  const store = openJsonStore({ dir: copy, clock: systemClock, unique: () => systemIds.session() })
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
  return [...found, ...traces(dir, run.erased)]
}

/** Files that still hold something of an erased session. */
function traces(dir: string, erased: ReadonlySet<string>): string[] {
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
function dropCheckpoint(dir: string, run: Run): void {
  if (random.chance(0.2)) {
    rmSync(join(dir, 'snapshots'), { recursive: true, force: true })
    run.reached.droppedSnapshots += 1
  }
  if (random.chance(0.2)) {
    for (const name of readdirSync(dir).filter((one) => one.startsWith('index-'))) rmSync(join(dir, name))
    run.reached.droppedIndexes += 1
  }
}

test(`[S1, S2, JN8, RC1] ${KILLS} kills: nothing acknowledged is lost, nothing is applied twice`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sessionwright-crash-'))
  const dir = join(folder, 'store')
  const run = new Run()
  const started = performance.now()
  try {
    let agent = new AgentProcess(dir)
    for (let kill = 1; kill <= KILLS; kill += 1) {
      run.ledger.nextLife()
      await live(agent, run)
      if (kill < KILLS) agent = new AgentProcess(dir)
      const faults = await check(dir, run)
      expect(faults, `after life ${kill}`).toEqual([])
      dropCheckpoint(dir, run)
    }

    const runtime = await openRuntime({ dir })
    const { items } = await runtime.list({ limit: 1000 })
    for (const { id, entryCount } of items) {
      let entries = 0
      for await (const _ of (await runtime.get(id)).entries()) entries += 1
      expect(entries, id).toBe(entryCount)
    }
    await runtime.close()
    expect(await check(dir, run), 'after a clean close').toEqual([])
  } catch (error) {
    console.log(`kept: ${folder}\nREPRO: npm run test:crash -- --seed ${SEED} --kills ${KILLS}`)
    throw error
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`seed ${SEED}, ${seconds} s: 0 lost, 0 repeated; reached ${JSON.stringify(run.reached)}`)
  rmSync(folder, { recursive: true })

  expect(run.reached.acknowledged).toBeGreaterThan(KILLS)
})
