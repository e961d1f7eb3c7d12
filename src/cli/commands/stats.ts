/**
 * `sessionwright stats`: how a store is.
 */
import type { Command } from 'commander'
import { readStore } from '../open-store.ts'
import type { StoreOptions } from '../options.ts'
import { withStore } from '../options.ts'
import { printResult } from '../output.ts'
import { fieldLines } from '../table.ts'

/** Adds `stats` to the program. */
export function addStats(program: Command): void {
  const command = program.command('stats').description('show how the store is')
  withStore(command).action(async (options: StoreOptions) => {
    await readStore(options, async (runtime) => {
      const stats = runtime.stats()
      await printResult(options, stats, () => fieldLines({ ...stats.store, quarantined: stats.quarantined }))
    })
  })
}
