/**
 * `sessionwright compact`: gives back the room of dead changes.
 */
import type { Command } from 'commander'
import { writeStore } from '../open-store.ts'
import type { StoreOptions } from '../options.ts'
import { withStore } from '../options.ts'
import { printResult } from '../output.ts'

/** Adds `compact` to the program. */
export function addCompact(program: Command): void {
  const command = program.command('compact').description('give back the room of deleted sessions')
  withStore(command).action(async (options: StoreOptions) => {
    await writeStore(options, async (runtime) => {
      const { freedBytes } = await runtime.compact()
      await printResult(options, { freedBytes }, () => [`freed ${freedBytes} bytes`])
    })
  })
}
