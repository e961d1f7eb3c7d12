/**
 * `sessionwright export`: one session, or all, in a format other systems read; one JSON document per line.
 */
import type { Command } from 'commander'
import { Option } from 'commander'
import type { Runtime } from '../../index.ts'
import { isSessionError } from '../../index.ts'
import { INTERCHANGE_FORMATS, type InterchangeFormatName } from '../../integrations/interchange/formats.ts'
import { EXIT } from '../exit-codes.ts'
import { inOrderMade } from '../export-order.ts'
import { concernsOneSession } from '../import-session.ts'
import { readStore } from '../open-store.ts'
import type { StoreOptions } from '../options.ts'
import { principalOf, withStore } from '../options.ts'
import { printError, writeOut } from '../output.ts'
import { filterOf, withFilters, type FilterOptions } from './ls.ts'

interface Options extends StoreOptions, FilterOptions {
  readonly all?: boolean
  readonly format: InterchangeFormatName
}

/** Adds `export` to the program. */
export function addExport(program: Command): void {
  const names = Object.keys(INTERCHANGE_FORMATS)
  const command = program
    .command('export')
    .argument('[id]', 'the session')
    .description('print sessions as JSON lines, in the order they were made')
    .option('--all', 'all sessions that match the filters')
    .addOption(new Option('--format <format>', 'how to print them').choices(names).default('sessionwright'))
  withStore(withFilters(command)).action(async (id: string | undefined, options: Options, self: Command) => {
    if ((id === undefined) === (options.all !== true)) self.error('error: name a session, or give --all')
    await readStore(options, async (runtime) => {
      if (id === undefined) await exportAll(runtime, options)
      else await writeOut(await lineOf(runtime, id, options))
    })
  })
}

async function exportAll(runtime: Runtime, options: Options): Promise<void> {
  const unreadable: string[] = []
  for await (const { id } of inOrderMade(runtime, filterOf(options), unreadable))
    await exportOne(runtime, id, options)
  // Asked for by name, each says where it is damaged.
  for (const id of unreadable) await exportOne(runtime, id, options)
}

async function exportOne(runtime: Runtime, id: string, options: Options): Promise<void> {
  let line: string
  try {
    line = await lineOf(runtime, id, options)
  } catch (error) {
    // Deleted since the page was read: that is no failure.
    if (isSessionError(error, 'NOT_FOUND')) return
    if (!concernsOneSession(error)) throw error
    printError(options, error)
    process.exitCode = EXIT.partly
    return
  }
  await writeOut(line)
}

async function lineOf(runtime: Runtime, id: string, options: Options): Promise<string> {
  const document = await runtime.export(id, principalOf(options))
  const printed = INTERCHANGE_FORMATS[options.format].print(document)
  // A fluers envelope does not hold its own key; readers there ignore what they do not know.
  const line = options.format === 'fluers' ? { session_id: id, ...printed } : printed
  return `${JSON.stringify(line)}\n`
}
