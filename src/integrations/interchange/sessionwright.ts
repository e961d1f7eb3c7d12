/**
 * The own documents of sessionwright: what `runtime.export` gives. Nothing is lost and nothing unknown is let in.
 */
import { isSessionError } from '../../errors.ts'
import type { JsonObject } from '../../json.ts'
import { interchangeError, parseSessionDocument } from '../../index.ts'
import { readJson, type DocumentFormat } from './format.ts'

const FORMAT = 'sessionwright'

/** Session documents of sessionwright itself. */
export const sessionwright: DocumentFormat = {
  kind: 'document',
  parse(input, options = {}) {
    const source = { format: FORMAT, line: options.line }
    try {
      return parseSessionDocument(readJson(input, source))
    } catch (error) {
      if (source.line === undefined || !isSessionError(error, 'INTERCHANGE_INVALID')) throw error
      throw interchangeError(source, error.details.path, error.details.reason, error)
    }
  },
  print: (document) => document as unknown as JsonObject,
}
