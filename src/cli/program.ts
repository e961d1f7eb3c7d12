/**
 * The commander program: every command, its options, its help.
 */
import { createRequire } from 'node:module'
import { Command } from 'commander'
import { z } from 'zod'
import { addAppend } from './commands/append.ts'
import { addChanges } from './commands/changes.ts'
import { addCompact } from './commands/compact.ts'
import { addCreate } from './commands/create.ts'
import { addDelete } from './commands/delete.ts'
import { addDemo } from './commands/demo.ts'
import { addDoctor } from './commands/doctor.ts'
import { addEntries } from './commands/entries.ts'
import { addErase } from './commands/erase.ts'
import { addExport } from './commands/export.ts'
import { addExtend } from './commands/extend.ts'
import { addImport } from './commands/import.ts'
import { addInspect } from './commands/inspect.ts'
import { addLs } from './commands/ls.ts'
import { addPrune } from './commands/prune.ts'
import { addShow } from './commands/show.ts'
import { addStats } from './commands/stats.ts'
import { addTransitions } from './commands/transitions.ts'

/** The program, ready to parse; it throws commander's errors instead of ending the process. */
export function buildProgram(): Command {
  const program = new Command('sessionwright')
  // Subcommands take these settings over, so they come first.
  program
    .description('Agent sessions that survive the process.')
    .version(packageVersion())
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .addHelpText('after', HELP)
  addDemo(program)
  addImport(program)
  addExport(program)
  addCreate(program)
  addLs(program)
  addShow(program)
  addEntries(program)
  addChanges(program)
  addInspect(program)
  addAppend(program)
  addTransitions(program)
  addExtend(program)
  addDelete(program)
  addErase(program)
  addPrune(program)
  addDoctor(program)
  addCompact(program)
  addStats(program)
  return program
}

const HELP = `
The store is the folder of --store, else of $SESSIONWRIGHT_STORE, else ./.sessions.
Exit codes: 0 done, 1 internal error, 2 usage, 3 refused, 4 store locked, 5 damage, 6 partly done.`

function packageVersion(): string {
  const found: unknown = createRequire(import.meta.url)('../../package.json')
  return z.object({ version: z.string() }).parse(found).version
}
