/** A process that may own a store: what it is told, and what it said. */
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { bundledProgram, COMPILED_START } from './program-bundle.ts'

/** What became of every text, told by all starters together. */
export class Texts {
  /** With what the texts begin that were asked for: a killed process takes with it what it had not told. */
  readonly names: Set<string>
  readonly acknowledged: Set<string>
  /** The code of each refusal. */
  readonly refused: Map<string, string>

  constructor(
    names: Iterable<string> = [],
    acknowledged: Iterable<string> = [],
    refused = new Map<string, string>(),
  ) {
    this.names = new Set(names)
    this.acknowledged = new Set(acknowledged)
    this.refused = new Map(refused)
  }

  /** What was told so far; what is told later is not in it. */
  copy(): Texts {
    return new Texts(this.names, this.acknowledged, this.refused)
  }

  /** What is wrong with the texts a store holds, in words. */
  faults(found: readonly string[]): string[] {
    const held = new Set(found)
    const isThere = (text: string): boolean => held.has(text)
    const sure = [...this.refused].filter(([, code]) => code !== 'OUTCOME_UNKNOWN').map(([text]) => text)
    return [
      ...[...this.acknowledged].filter((text) => !isThere(text)).map((text) => `${text} is lost`),
      ...sure.filter(isThere).map((text) => `${text} was refused, and is there`),
      ...found
        .filter((text) => !this.names.has(text.split('-')[0] ?? ''))
        .map((text) => `${text} was never sent`),
      ...(held.size === found.length ? [] : [`${found.length - held.size} texts are there twice`]),
    ]
  }
}

/** What a starter answers. */
export interface Answer {
  readonly epoch?: number
  readonly code?: string
  readonly pid?: number
  readonly texts?: readonly string[]
}

/** One process; it does nothing until told. */
export class Starter {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, (answer: never) => void>()
  readonly #ready: Promise<unknown>
  readonly #texts: Texts
  #number = 0

  /** @param program - as `starterProgram` made it. */
  constructor(program: string, dir: string, texts: Texts, env: NodeJS.ProcessEnv = {}) {
    this.#child = fork(COMPILED_START, [program, dir], { env: { ...process.env, ...env } })
    this.#texts = texts
    this.#ready = once(this.#child, 'message')
    this.#child.on('message', (line: { [key: string]: never }) => {
      if (line['acknowledged'] !== undefined) texts.acknowledged.add(line['acknowledged'])
      else if (line['refused'] !== undefined) texts.refused.set(line['refused'], line['code'] as never)
      else if (line['number'] !== undefined) this.#waiting.get(line['number'])?.(line['answer'] as never)
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Tells it to do something; resolves with its answer. */
  async tell<T = Answer>(what: string, more: object = {}): Promise<T> {
    await this.#ready
    const number = (this.#number += 1)
    return new Promise((resolve) => {
      this.#waiting.set(number, resolve as (answer: never) => void)
      this.#child.send({ do: what, number, ...more })
    })
  }

  /** Lets it append without end; the texts begin with `name`, which holds no dash. */
  async flow(name: string): Promise<void> {
    this.#texts.names.add(name)
    await this.tell('flow', { name })
  }

  /** Stops it where it stands, or lets it go on. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(name)
  }

  /** Lets it end by itself; resolves once it has. */
  async end(): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.disconnect()
    await exited
  }

  /** Kills it; resolves once it is gone and everything it said was heard. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const closed = once(this.#child, 'close')
    this.#child.kill('SIGKILL')
    await closed
  }
}

/** Bundles what starters run, and lets one live to its end: what was compiled for it is kept for the others. */
export async function starterProgram(folder: string): Promise<string> {
  const program = await bundledProgram('owners-child', folder)
  const dir = join(folder, 'warm')
  mkdirSync(dir, { mode: 0o700 })
  const first = new Starter(program, dir, new Texts())
  await first.tell('take')
  await first.flow('warm')
  await first.tell('texts')
  await first.tell('close')
  await first.end()
  return program
}
