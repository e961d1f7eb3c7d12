/**
 * What commands print: the payload on stdout, everything else on stderr.
 *   OP1  With `--json`: one JSON document, or for streams one JSON value per line, and nothing else on stdout.
 *   OP2  A reader that goes away (`| head`) ends the command quietly.
 *   OP3  A slow reader slows the command; nothing is piled up in memory.
 */
import { once } from 'node:events'
import { isSessionError } from '../index.ts'
import { EXIT } from './exit-codes.ts'

/** The option every command has. */
export interface JsonOption {
  readonly json?: boolean
}

/** Prints the one result of a command: the value with `--json`, the lines without (OP1). */
export async function printResult(
  options: JsonOption,
  value: unknown,
  lines: () => readonly string[],
): Promise<void> {
  if (options.json === true) await writeOut(`${JSON.stringify(value)}\n`)
  else
    await writeOut(
      lines()
        .map((line) => `${line}\n`)
        .join(''),
    )
}

/** Prints one item of a stream (OP1). */
export async function printItem(options: JsonOption, value: unknown, line: () => string): Promise<void> {
  await writeOut(`${options.json === true ? JSON.stringify(value) : line()}\n`)
}

/** Writes to stdout and waits while its reader is behind (OP3). */
export async function writeOut(text: string): Promise<void> {
  if (text.length > 0 && !process.stdout.write(text)) await once(process.stdout, 'drain')
}

/** Says something on stderr to whoever watches; silent with `--json`. */
export function printNote(options: JsonOption, text: string): void {
  if (options.json !== true) process.stderr.write(`${text}\n`)
}

/** Prints an error: `{error: {code, message, details}}` with `--json`, two readable lines without. Always on stderr. */
export function printError(options: JsonOption, error: unknown): void {
  const { code, message, details, remedy } = parts(error)
  if (options.json === true)
    process.stderr.write(`${JSON.stringify({ error: { code, message, details } })}\n`)
  else process.stderr.write(`sessionwright: ${message} [${code}]\n${remedy === '' ? '' : `  ${remedy}\n`}`)
}

/** Ends the process quietly when the reader of stdout has gone (OP2). */
export function endWhenReaderLeaves(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.internal)
    })
  }
}

/** Text in bold on a terminal that wants colours (`NO_COLOR` is respected), plain elsewhere. */
export function bold(text: string): string {
  const plain =
    process.stdout.isTTY !== true || (process.env['NO_COLOR'] ?? '') !== '' || process.env['TERM'] === 'dumb'
  return plain ? text : `\u001b[1m${text}\u001b[22m`
}

/** The parts of an error that are shown; what is not an error of ours is a defect of code `INTERNAL`. */
export function parts(error: unknown): { code: string; message: string; details: unknown; remedy: string } {
  if (isSessionError(error)) {
    const { code, message, details, remedy } = error
    return { code, message, details, remedy }
  }
  const message = error instanceof Error ? error.message : String(error)
  return {
    code: 'INTERNAL',
    message,
    details: {},
    remedy: 'Please report this with the command that led here.',
  }
}
