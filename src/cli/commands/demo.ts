/**
 * `sessionwright demo`: kill it, run it again, count.
 */
import type { Command } from 'commander'
import { systemClock } from '../../index.ts'
import { RECORDINGS } from '../demo/recordings.ts'
import { runDemo } from '../demo/run-demo.ts'
import { EXIT } from '../exit-codes.ts'
import { temporaryFolder } from '../files.ts'
import type { JsonOption } from '../output.ts'
import { bold, printNote, printResult, writeOut } from '../output.ts'
import { parseCount, parsePositive } from '../options.ts'

interface Options extends JsonOption {
  readonly store?: string
  readonly conversations: number
  readonly seed?: number
}

/** Adds `demo` to the program. */
export function addDemo(program: Command): void {
  program
    .command('demo')
    .description('kill an agent process in the middle of its work, start it again, count what was lost')
    .option('--store <dir>', 'folder of the store (default: a new temporary folder)')
    .option('--conversations <n>', 'how many to play', parsePositive, RECORDINGS.length)
    .option('--seed <n>', 'decides when the process is killed (default: the time)', parseCount)
    .option('--json', 'print only the result, as JSON; errors as JSON on stderr')
    .action(async (options: Options) => {
      const isQuiet = options.json === true
      const store = options.store ?? (await temporaryFolder('sessionwright-demo-'))
      const report = await runDemo({
        store,
        conversations: options.conversations,
        seed: options.seed ?? systemClock.now(),
        say: (line, isLoud = false) => {
          if (!isQuiet) void writeOut(`${isLoud ? bold(line) : line}\n`)
        },
      })
      const { sessions, killedAtChange, resumedMs, lost, repeated, acknowledged, seed } = report
      if (!isQuiet) {
        await writeOut(
          `\n${acknowledged} changes were acknowledged in all; the store is ${store} (seed ${seed})\n` +
            `look at it: npx sessionwright inspect --store ${store}\n`,
        )
      }
      await printResult(options, report, () => [
        `demo: ${sessions} sessions, killed at change ${killedAtChange}, resumed in ${resumedMs} ms, ${lost} lost, ${repeated} repeated`,
      ])
      if (lost > 0 || repeated > 0) {
        printNote(options, 'this must not happen: please report it with the seed and the store')
        process.exitCode = EXIT.internal
      }
    })
}
