#!/usr/bin/env node
/**
 * The `sessionwright` program: parse, run, say how it ended.
 */
import { CommanderError } from 'commander'
import { EXIT, exitCodeOf } from './exit-codes.ts'
import { listenForInterruption } from './interruption.ts'
import { endWhenReaderLeaves, printError } from './output.ts'
import { buildProgram } from './program.ts'

endWhenReaderLeaves()
listenForInterruption()
const args = process.argv.slice(2)
const options = { json: args.includes('--json') }
try {
  const program = buildProgram()
  if (args.length === 0) program.help({ error: true })
  await program.parseAsync(args, { from: 'user' })
} catch (error) {
  if (!(error instanceof CommanderError)) {
    printError(options, error)
    process.exitCode = exitCodeOf(error)
  } else if (error.exitCode !== 0) {
    const message = error.message.replace(/^error: /, '')
    if (options.json)
      process.stderr.write(`${JSON.stringify({ error: { code: 'USAGE', message, details: {} } })}\n`)
    else
      process.stderr.write(
        `sessionwright: ${message}\n  Run \`sessionwright --help\` or \`sessionwright <command> --help\`.\n`,
      )
    process.exitCode = EXIT.usage
  }
}
