/**
 * The one door for ids and randomness, and what a valid id is.
 */
import { v7 } from 'uuid'
import { sessionError } from '../errors.ts'

/** Where ids come from; tests give their own. */
export interface Ids {
  /** A fresh session id. */
  session(): string
  /** A fresh entry id. */
  entry(): string
}

/** UUIDv7: unique, and in the order made. */
export const systemIds: Ids = { session: () => v7(), entry: () => v7() }

const ID = /^[A-Za-z0-9][A-Za-z0-9._:@+=~-]{0,127}$/

/** The id, checked. @throws ID_INVALID */
export function parseId(id: unknown, what = 'session id'): string {
  if (typeof id !== 'string')
    throw sessionError('ID_INVALID', { what, reason: `it is ${typeof id}, not a string` })
  if (!ID.test(id) || id.includes('..')) {
    const reason =
      id.length === 0
        ? 'it is empty'
        : id.length > 128
          ? `it has ${id.length} characters, more than 128`
          : 'it holds a character or sequence that ids may not have'
    throw sessionError('ID_INVALID', { what, reason })
  }
  return id
}
