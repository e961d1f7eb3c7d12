/**
 * The one door for ids and randomness, and what a valid id is.
 */
import { randomBytes, randomFillSync } from 'node:crypto'
import { v5, v7 } from 'uuid'
import { sessionError } from '../errors.ts'
import { systemClock } from './clock.ts'

/** Where ids come from; tests give their own. */
export interface Ids {
  /** A fresh session id. */
  session(): string
  /** A fresh entry id. */
  entry(): string
}

/** Random bytes are drawn a page at a time: one call for 256 ids instead of one for each. */
const pool = new Uint8Array(4096)
let drawn = pool.length

function sixteenBytes(): Uint8Array {
  if (drawn === pool.length) {
    randomFillSync(pool)
    drawn = 0
  }
  drawn += 16
  return pool.subarray(drawn - 16, drawn)
}

let newest = -Infinity
let sequence = 0

/** The next UUIDv7: within one millisecond, and when the clock stands or goes back, the sequence goes on. */
function uuid(): string {
  const random = sixteenBytes()
  const now = systemClock.now()
  if (now > newest) {
    newest = now
    sequence = ((random[0] as number) << 16) | ((random[1] as number) << 8) | (random[2] as number)
  } else {
    sequence += 1
  }
  return v7({ random, msecs: newest, seq: sequence })
}

/** UUIDv7: unique, and in the order made. */
export const systemIds: Ids = { session: uuid, entry: uuid }

/** 32 random bytes as text of 43 characters of `A-Z a-z 0-9 _ -`: nobody guesses it. */
export function randomSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** Namespace of the ids that are made from names. */
const NAMESPACE = '6f2b1a9c-3a51-5e0f-9d0b-5c1a7e5d4b21'

/** The one id that a name stands for: the same name gives the same UUID (version 5), anywhere and always. */
export function idNamedBy(name: string): string {
  return v5(name, NAMESPACE)
}

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
