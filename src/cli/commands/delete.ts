/**
 * `sessionwright delete`: a tombstone for a session; its bytes go with the next compaction.
 */
import type { Command } from 'commander'
import { Option } from 'commander'
import { writeStore } from '../open-store.ts'
import type { PrincipalOptions, StoreOptions, WriterOptions } from '../options.ts'
import { commandOf, principalOf, withPrincipal, withStore, withWriter } from '../options.ts'
import { printResult } from '../output.ts'

interface Options extends StoreOptions, WriterOptions, PrincipalOptions {
  readonly force?: boolean
  readonly children?: 'detach' | 'delete'
}

/** Adds `delete` to the program. */
export function addDelete(program: Command): void {
  const command = program
    .command('delete')
    .argument('<id>', 'the session')
    .description('delete a session')
    .option('--force', 'also one that has not ended')
    .addOption(new Option('--children <what>', 'what happens to its children').choices(['detach', 'delete']))
  withStore(withWriter(withPrincipal(command))).action(async (id: string, options: Options) => {
    const principal = principalOf(options)
    await writeStore(options, async (runtime) => {
      const deleted = await runtime.delete(id, {
        ...commandOf(options),
        ...(principal === undefined ? {} : { principal }),
        ...(options.force === true ? { force: true } : {}),
        ...(options.children === undefined ? {} : { children: options.children }),
      })
      await printResult(options, { id, deleted }, () => [
        deleted ? `deleted ${id}` : `there was no session ${id}`,
      ])
    })
  })
}
