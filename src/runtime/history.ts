/**
 * How a session was: its state at any revision, folded from the nearest whole patch before it.
 */
import { sessionError } from '../errors.ts'
import { fold, type Change, type StoredState } from '../store/change.ts'
import type { SessionStore } from '../store/store.ts'

const PAGE = 64

/** The state at a revision of the living session. @throws NOT_FOUND when the session has no such revision. */
export async function stateAt(
  store: SessionStore,
  sessionId: string,
  revision: number,
): Promise<StoredState> {
  const tail: Change[] = []
  let to = revision
  while (tail.at(-1)?.patch.whole !== true) {
    const page = await store.changes(sessionId, { to, limit: PAGE, order: 'desc' })
    for (const change of page) {
      tail.push(change)
      if (change.patch.whole === true) break
    }
    const oldest = page.at(-1)
    if (oldest === undefined) break
    to = oldest.revision - 1
  }
  let state: StoredState | undefined
  for (const change of tail.reverse()) state = fold(state, change)
  if (state?.revision !== revision) throw sessionError('NOT_FOUND', { sessionId })
  return state
}
