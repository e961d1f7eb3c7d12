/** A logger that writes down what it is told: level, details, message. */
import type { Logger } from '../../src/runtime/runtime.ts'

/** One line of the log. */
export type LogLine = readonly [level: string, details: object, message: string]

/** A logger and the lines it has heard. */
export function listeningLogger(): { readonly logger: Logger; readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = []
  const at = (level: string) => (details: object, message: string) =>
    void lines.push([level, details, message])
  return { logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }, lines }
}
