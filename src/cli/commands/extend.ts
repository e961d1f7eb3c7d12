/**
 * `sessionwright extend`: new limits for a session that has not ended; those left out stay.
 */
import type { Command } from 'commander'
import { commandsOf, findSession, printSession } from '../describe-session.ts'
import { writeStore } from '../open-store.ts'
import type { LimitFlags, PrincipalOptions, StoreOptions, WriterOptions } from '../options.ts'
import { commandOf, limitsOf, withLimits, withPrincipal, withStore, withWriter } from '../options.ts'

type Options = StoreOptions & WriterOptions & PrincipalOptions & LimitFlags

/** Adds `extend` to the program. */
export function addExtend(program: Command): void {
  const command = program
    .command('extend')
    .argument('<id>', 'the session')
    .description('change the limits of a session')
  withStore(withWriter(withPrincipal(withLimits(command)))).action(
    async (id: string, options: Options, self: Command) => {
      const limits = limitsOf(options) ?? self.error('error: name at least one limit')
      await writeStore(options, async (runtime) => {
        const session = await findSession(runtime, id, options)
        await commandsOf(session).extendLimits(limits, commandOf(options))
        await printSession(options, await findSession(runtime, id, options))
      })
    },
  )
}
