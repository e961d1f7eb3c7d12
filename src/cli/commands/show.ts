/**
 * `sessionwright show`: one session without its entries.
 */
import type { Command } from 'commander'
import { findSession, printSession } from '../describe-session.ts'
import { readStore } from '../open-store.ts'
import type { PrincipalOptions, StoreOptions } from '../options.ts'
import { withPrincipal, withStore } from '../options.ts'

/** Adds `show` to the program. */
export function addShow(program: Command): void {
  const command = program.command('show').argument('<id>', 'the session').description('show a session')
  withStore(withPrincipal(command)).action(async (id: string, options: StoreOptions & PrincipalOptions) => {
    await readStore(options, async (runtime) =>
      printSession(options, await findSession(runtime, id, options)),
    )
  })
}
