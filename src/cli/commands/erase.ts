/**
 * `sessionwright erase`: a session, or all of a user, gone from every file of the store.
 */
import type { Command } from 'commander'
import { Option } from 'commander'
import { writeStore } from '../open-store.ts'
import type { PrincipalOptions, StoreOptions } from '../options.ts'
import { principalOf, withPrincipal, withStore } from '../options.ts'
import { printResult } from '../output.ts'

interface Options extends StoreOptions, PrincipalOptions {
  readonly force?: boolean
  readonly children?: 'detach' | 'delete'
}

/** Adds `erase` to the program. */
export function addErase(program: Command): void {
  const command = program
    .command('erase')
    .argument('[id]', 'the session; without it, all sessions of --user')
    .description('remove every trace of a session, or of all sessions of a user')
    .option('--force', 'also sessions that have not ended')
    .addOption(new Option('--children <what>', 'what happens to children').choices(['detach', 'delete']))
  withStore(withPrincipal(command)).action(
    async (id: string | undefined, options: Options, self: Command) => {
      const how = {
        ...(options.force === true ? { force: true } : {}),
        ...(options.children === undefined ? {} : { children: options.children }),
      }
      const { tenant, user } = options
      if (id === undefined && user === undefined) self.error('error: name a session or a --user')
      const principal = principalOf(options)
      await writeStore(options, async (runtime) => {
        const report =
          id === undefined
            ? await runtime.erase(
                { userId: user ?? '', ...(tenant === undefined ? {} : { tenantId: tenant }) },
                how,
              )
            : await runtime.erase(
                { sessionId: id },
                { ...how, ...(principal === undefined ? {} : { principal }) },
              )
        await printResult(options, report, () => report.erased.map((erased) => `erased ${erased}`))
      })
    },
  )
}
