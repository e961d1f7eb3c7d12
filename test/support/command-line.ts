/**
 * Runs the built program as a user does: a process of its own, on a folder of its own.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openRuntime } from 'sessionwright'

/** What a run of the program left behind. */
export interface Run {
  /** The exit code; null when a signal ended the process. */
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

/** A run whose stdout is one JSON document. */
export interface JsonRun<T> extends Run {
  readonly value: T
}

const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** Starts the program; the caller talks to it. */
export function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcessWithoutNullStreams {
  const { SESSIONWRIGHT_STORE: _, ...inherited } = process.env
  return spawn(process.execPath, [PROGRAM, ...args], { env: { ...inherited, ...env }, stdio: 'pipe' })
}

/** Waits until a started program has ended. */
export async function finish(child: ChildProcessWithoutNullStreams): Promise<Run> {
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on('data', (piece: Buffer) => out.push(piece))
  child.stderr.on('data', (piece: Buffer) => err.push(piece))
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.once('close', (...end) => resolve(end))
  })
  return { code, signal, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }
}

/** Runs the program to its end. */
export async function run(
  args: readonly string[],
  { input, env = {} }: { readonly input?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Run> {
  const child = start(args, env)
  // A program that ends before it has read everything closes the pipe; its exit code is what counts.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input ?? '')
  return finish(child)
}

/** Runs the program with `--json` and parses what it prints. */
export async function runJson<T = Record<string, unknown>>(
  args: readonly string[],
  options: Parameters<typeof run>[1] = {},
): Promise<JsonRun<T>> {
  const result = await run([...args, '--json'], options)
  return { ...result, value: (result.stdout === '' ? undefined : JSON.parse(result.stdout)) as T }
}

/** The error a run printed on stderr as JSON. */
export function errorOf(result: Run): { code: string; message: string; details: Record<string, unknown> } {
  const parsed = JSON.parse(result.stderr) as { error: ReturnType<typeof errorOf> }
  return parsed.error
}

/** The values of a stream, one per line. */
export function linesOf<T = Record<string, unknown>>(text: string): T[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T)
}

/** New empty folders, removed by `clean`. */
export function temporaryFolders(): { make: () => string; clean: () => void } {
  const made: string[] = []
  return {
    make() {
      const folder = mkdtempSync(join(tmpdir(), 'sessionwright-cli-'))
      made.push(folder)
      return folder
    },
    clean() {
      for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** How many entries the sessions of a store hold, as another process sees it; 0 before there is a store. */
export async function entriesIn(dir: string): Promise<number> {
  try {
    await using runtime = await openRuntime({ dir, readOnly: true })
    const { items } = await runtime.list({ limit: 1000 })
    return items.reduce((sum, { entryCount }) => sum + entryCount, 0)
  } catch {
    // Not made yet.
    return 0
  }
}
