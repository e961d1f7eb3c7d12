/**
 * `sessionwright prune`: deletes old and surplus sessions.
 */
import type { Command } from 'commander'
import { EXIT } from '../exit-codes.ts'
import { readStore, writeStore } from '../open-store.ts'
import type { PrincipalOptions, StoreOptions } from '../options.ts'
import { parseCount, principalOf, withPrincipal, withStore } from '../options.ts'
import { printNote, printResult } from '../output.ts'

interface Options extends StoreOptions, PrincipalOptions {
  readonly olderThanMs?: number
  readonly maxSessions?: number
  readonly includeOpen?: boolean
  readonly dryRun?: boolean
}

/** Adds `prune` to the program. */
export function addPrune(program: Command): void {
  const command = program
    .command('prune')
    .description('delete old and surplus sessions that have ended')
    .option(
      '--older-than-ms <n>',
      'last change longer ago; 0: whatever the age (default: 168 hours)',
      parseCount,
    )
    .option('--max-sessions <n>', 'keep at most so many; 0: any number (default: 100)', parseCount)
    .option('--include-open', 'also sessions that have not ended')
    .option('--dry-run', 'say what would go and delete nothing')
  withStore(withPrincipal(command)).action(async (options: Options) => {
    const principal = principalOf(options)
    const { olderThanMs, maxSessions, includeOpen, dryRun } = options
    const open = dryRun === true ? readStore : writeStore
    await open(options, async (runtime) => {
      const report = await runtime.prune({
        ...(olderThanMs === undefined ? {} : { olderThanMs }),
        ...(maxSessions === undefined ? {} : { maxSessions }),
        ...(includeOpen === true ? { includeOpen } : {}),
        ...(dryRun === true ? { dryRun } : {}),
        ...(principal === undefined ? {} : { principal }),
      })
      const verb = report.dryRun ? 'would delete' : 'deleted'
      await printResult(options, report, () => [
        ...report.deleted.map((id) => `${verb} ${id}`),
        `${verb} ${report.deleted.length} sessions`,
      ])
      for (const { id, code } of report.failed) printNote(options, `could not delete ${id} (${code})`)
      if (report.failed.length > 0) process.exitCode = EXIT.partly
    })
  })
}
