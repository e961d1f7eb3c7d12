/**
 * What one case of the store contract is, and the few assertions that all of them share.
 */
import assert from 'node:assert/strict'
import type { ErrorCode } from '../../errors.ts'
import { isSessionError } from '../../errors.ts'
import type { Change, PlacedChange, SessionStore } from '../../index.ts'

/** What a case is given: an empty store that is open, and ways to another one at the same place. */
export interface Arena {
  readonly store: SessionStore
  /** Closes the owner and opens the place again. */
  reopen(readOnly?: boolean): Promise<SessionStore>
  /** A second store at the place, opened read-only while the owner has it. */
  beside(): Promise<SessionStore>
  /** Kills the owner and opens what is left. */
  crash(): Promise<SessionStore>
}

/** One rule of the contract as a test. */
export interface ContractCase {
  /** The rule and the sentence it keeps. */
  readonly name: string
  /** What the store must be for the case to make sense; without it every store must pass. */
  readonly needs?: 'durable' | 'readWhileOwned' | 'crash'
  readonly run: (arena: Arena) => Promise<void>
}

/** Fails unless the call rejects with this code. */
export async function rejectsWith(code: ErrorCode, call: () => Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(isSessionError(error), `${code} was expected, not ${String(error)}`)
    assert.equal(error.code, code)
    return true
  })
}

/**
 * Fails unless both are the same history. Patches are compared by where they lead, elsewhere: a store may keep a whole
 * copy in place of a patch now and then.
 */
export function assertSameChanges(found: readonly Change[], expected: readonly Change[]): void {
  assert.deepEqual(found.map(withoutPatch), expected.map(withoutPatch))
}

function withoutPatch({ patch: _, summary: __, ...rest }: Change): Omit<Change, 'patch' | 'summary'> {
  return rest
}

/** The whole feed after a cursor, page by page. */
export async function feedOf(store: SessionStore, after?: string, limit = 100): Promise<PlacedChange[]> {
  const found: PlacedChange[] = []
  for (let cursor = after; ; cursor = found.at(-1)?.cursor) {
    const page = await store.feed(cursor, limit)
    assert.ok(page.length <= limit, `a page of ${page.length} changes, not ${limit} at most`)
    if (page.length === 0) return found
    found.push(...page)
  }
}

/** Each change as `session@revision`. */
export function marksOf(changes: readonly PlacedChange[]): string[] {
  return changes.map(({ change }) => `${change.sessionId}@${change.revision}`)
}

/** The ids of all living sessions, sorted. */
export function livingIn(store: SessionStore): string[] {
  return [...store.heads()].map(({ sessionId }) => sessionId).sort()
}
