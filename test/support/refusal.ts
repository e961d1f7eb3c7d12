/** What a refused conversion says. */
import { isSessionError } from '../../src/errors.ts'
import type { ErrorDetails } from '../../src/errors.ts'

/** The details of the INTERCHANGE_INVALID that `work` throws; anything else is rethrown, or undefined for no error. */
export function refusalOf(work: () => unknown): ErrorDetails<'INTERCHANGE_INVALID'> | undefined {
  try {
    work()
  } catch (error) {
    if (isSessionError(error, 'INTERCHANGE_INVALID')) return error.details
    throw error
  }
  return undefined
}
