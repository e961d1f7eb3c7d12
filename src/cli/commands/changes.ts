/**
 * `sessionwright changes`: what happened to a session, one line per change, and with `--follow` what happens next.
 */
import type { Command } from 'commander'
import type { SessionChange } from '../../index.ts'
import { findSession } from '../describe-session.ts'
import { followChanges } from '../follow.ts'
import { readStore } from '../open-store.ts'
import type { PrincipalOptions, StoreOptions } from '../options.ts'
import { parsePositive, withPrincipal, withStore } from '../options.ts'
import { printItem } from '../output.ts'
import { oneLine, timeText } from '../table.ts'

interface Options extends StoreOptions, PrincipalOptions {
  readonly from?: number
  readonly follow?: boolean
}

/** Adds `changes` to the program. */
export function addChanges(program: Command): void {
  const command = program
    .command('changes')
    .argument('<id>', 'the session')
    .description('show the changes of a session')
    .option('--from <revision>', 'first revision (default: 1)', parsePositive)
    .option('--follow', 'go on as changes are made, until the session ends or SIGINT')
  withStore(withPrincipal(command)).action(async (id: string, options: Options) => {
    const from = options.from ?? 1
    if (options.follow === true) {
      await followChanges(id, from, options, (change) => printChange(options, change))
      return
    }
    await readStore(options, async (runtime) => {
      const session = await findSession(runtime, id, options)
      for await (const change of session.changes({ from, live: false })) await printChange(options, change)
    })
  })
}

async function printChange(options: StoreOptions, change: SessionChange): Promise<void> {
  await printItem(options, change, () => {
    const { revision, at, event, status, entries, findings, operationId } = change
    const kept = entries.map(({ type }) => type).join(' ')
    const met = findings
      .map(({ limit, current, max, action }) => `${limit} ${current}/${max} ${action}`)
      .join(', ')
    const parts = [String(revision), timeText(at), event.type, status, kept, met, operationId ?? '']
    return oneLine(parts.filter((part) => part !== '').join('  '), 240)
  })
}
