/**
 * `sessionwright doctor`: is the store sound, and with `--repair` make it so.
 */
import type { Command } from 'commander'
import { EXIT } from '../exit-codes.ts'
import { readStore } from '../open-store.ts'
import type { StoreOptions } from '../options.ts'
import { withStore } from '../options.ts'
import { printResult } from '../output.ts'

/** Adds `doctor` to the program. */
export function addDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description('look for damage in the store')
    .option('--repair', 'repair it')
  withStore(command).action(async (options: StoreOptions) => {
    await readStore(options, async (runtime) => {
      const { damage, tornTail } = runtime.stats().store
      await printResult(options, { damage, tornTail }, () =>
        damage.map(({ file, byte }) => `${file} ${byte}`),
      )
      if (damage.length > 0) process.exitCode = EXIT.damage
    })
  })
}
