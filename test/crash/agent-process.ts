/** A child process that runs `agent.mjs`, and the three things it can do: answer, die, and come up again. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { COMPILED_START } from './program-bundle.ts'

/** A command on its way to the agent. */
export interface Command {
  readonly number: number
  readonly name: string
  readonly sessionId?: string
  readonly operationId?: string
  readonly args?: readonly unknown[]
}

/** What the agent says. */
export type Answer =
  | { readonly is: 'loaded' | 'opening' }
  | {
      readonly is: 'ready'
      readonly tornBytes: number
      readonly damage: readonly unknown[]
      readonly sessions: number
    }
  | { readonly is: 'broken'; readonly error: string }
  | NumberedAnswer

/** What the agent says of one command. */
export type NumberedAnswer =
  | { readonly number: number; readonly answer: AnswerBody }
  | { readonly number: number; readonly code: string; readonly message: string; readonly actual?: string }

/** What a command was answered with. */
export interface AnswerBody {
  readonly revision?: number | null
  readonly status?: string
  readonly kept?: boolean
  readonly outcome?: string
  readonly deleted?: boolean
}

/** Segments and checkpoints so small that every life meets several of each. */
const SIZES = { segmentBytes: 24 * 1024, checkpointBytes: 64 * 1024, idleMarkMs: 5 }

/** Who writes the journal of an agent's store. */
export type Writer = 'thread' | 'in-process'

/** One agent. It loads at once and opens the store when told to. */
export class AgentProcess {
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  #hear: (answer: Answer) => void = () => undefined
  #errors = ''

  /** @param program - the agent as `bundledProgram` made it. */
  constructor(program: string, dir: string, writer: Writer) {
    const options = JSON.stringify({ ...SIZES, writer })
    this.#child = spawn(process.execPath, [COMPILED_START, program, dir, options], {
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    })
    this.#child.stdin?.on('error', () => undefined)
    this.#child.stderr?.on('data', (bytes: Buffer) => (this.#errors += bytes.toString()))
    createInterface({ input: this.#child.stdio[3] as Readable }).on('line', (line) => {
      this.#hear(JSON.parse(line) as Answer)
    })
    this.#ended = new Promise((resolve) => this.#child.on('close', () => resolve()))
  }

  /** Hears every answer from here on. */
  listen(hear: (answer: Answer) => void): void {
    this.#hear = hear
  }

  /** Opens the store. */
  open(): void {
    this.#write({ name: 'open' })
  }

  /** Sends a command. */
  send(command: Command): void {
    this.#write(command)
  }

  /** Tells it that nothing more comes: it closes its store and ends. */
  end(): void {
    this.#child.stdin?.end()
  }

  /** Kills it where it stands; resolves when every answer it gave was heard. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }

  /** Resolves when the process has ended, however. */
  get ended(): Promise<void> {
    return this.#ended
  }

  /** What it wrote on standard error: nothing, unless something is wrong. */
  get errors(): string {
    return this.#errors
  }

  #write(message: object): void {
    this.#child.stdin?.write(`${JSON.stringify(message)}\n`)
  }
}
