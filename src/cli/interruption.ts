/**
 * SIGINT: commands that can stop cleanly are told, the others end at once; the store survives either.
 *   CI1  The second SIGINT ends the process whatever it is doing.
 */
import { EXIT } from './exit-codes.ts'

let asked: AbortController | undefined

/** Ends the process with 130 on SIGINT, unless a command asked to be told. */
export function listenForInterruption(): void {
  process.on('SIGINT', () => {
    if (asked === undefined || asked.signal.aborted) process.exit(EXIT.interrupted) // CI1
    asked.abort()
  })
}

/** A signal that aborts at the first SIGINT, for a command that stops cleanly by itself. */
export function interruption(): AbortSignal {
  asked ??= new AbortController()
  return asked.signal
}
