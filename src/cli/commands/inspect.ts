/**
 * `sessionwright inspect`: the inspector on any store, also on one that another process owns.
 *   NS1  Beside an owner, and with `--read-only`, the store is only read: no lock, no deadline fires, no commands.
 *   NS2  Otherwise this process owns the store as long as it runs, and the page offers commands.
 */
import type { Command } from 'commander'
import type { Runtime } from '../../index.ts'
import { isSessionError, openRuntime, sessionError } from '../../index.ts'
import { holdsStore } from '../files.ts'
import { interruption } from '../interruption.ts'
import type { StoreOptions } from '../options.ts'
import { parseCount, withStore } from '../options.ts'
import { printNote, printResult } from '../output.ts'
import { keepAlive } from '../wait.ts'

interface Options extends StoreOptions {
  readonly port?: number
  readonly readOnly?: boolean
}

/** Adds `inspect` to the program. */
export function addInspect(program: Command): void {
  const command = program
    .command('inspect')
    .description('watch the sessions of a store in the browser')
    .option('--port <n>', 'port on 127.0.0.1 (default: a free one)', parseCount)
    .option('--read-only', 'only look, also when no process owns the store')
  withStore(command).action(inspect)
}

async function inspect(options: Options): Promise<void> {
  const signal = interruption()
  // Only this command needs the server.
  const { startInspector } = await import('../../inspector/start-inspector.ts')
  const runtime = await openForInspection(options)
  const letGo = keepAlive()
  try {
    const inspector = await startInspector(runtime, options.port === undefined ? {} : { port: options.port })
    const { url, port } = inspector
    const mode = runtime.stats().readOnly ? 'reader' : 'owner'
    await printResult(options, { url, port, mode, store: options.store }, () => [url])
    const what = mode === 'owner' ? 'this process owns the store' : 'reading only'
    printNote(options, `${what}; the address works once, on this machine. Ctrl-C ends.`)
    if (!signal.aborted) {
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
    }
    await inspector.close()
  } finally {
    letGo()
    await runtime.close()
  }
}

/** The runtime to inspect (NS1, NS2). */
async function openForInspection({ store: dir, readOnly }: Options): Promise<Runtime> {
  if (!(await holdsStore(dir))) throw sessionError('STORE_NOT_FOUND', { place: dir })
  if (readOnly === true) return openRuntime({ dir, readOnly })
  try {
    return await openRuntime({ dir })
  } catch (error) {
    if (!isSessionError(error, 'STORE_LOCKED')) throw error
    return openRuntime({ dir, readOnly: true })
  }
}
