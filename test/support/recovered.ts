/** Everything a store holds, read change by change and compared with what it says about itself. */
import { isDeepStrictEqual } from 'node:util'
import type { Change, StoredState } from '../../src/store/change.ts'
import { fold } from '../../src/store/change.ts'
import type { SessionStore } from '../../src/store/store.ts'
import type { RecoveredChange } from './ledger.ts'

/** What was found: the history of every living session, and what does not fit together. */
export interface Recovered {
  readonly histories: ReadonlyMap<string, readonly RecoveredChange[]>
  readonly states: ReadonlyMap<string, StoredState>
  readonly faults: readonly string[]
}

/** A change as a ledger compares it. */
function recoveredChange({
  revision,
  operation,
  event,
  entries,
  findings,
  summary,
}: Change): RecoveredChange {
  return {
    revision,
    operationId: operation?.id ?? null,
    event: event.type,
    contents: entries.map(({ content }) => JSON.stringify(content)),
    isLimit: findings !== undefined && summary?.status !== undefined,
  }
}

/** Reads an open store: page by page, folding as it goes; the fold must be the state the store gives. */
export async function readStore(store: SessionStore): Promise<Recovered> {
  const histories = new Map<string, readonly RecoveredChange[]>()
  const states = new Map<string, StoredState>()
  const faults = store.stats().damage.map((damage) => `damage: ${JSON.stringify(damage)}`)
  for (const { sessionId, revision } of store.heads()) {
    const history: RecoveredChange[] = []
    let folded: StoredState | undefined
    for (;;) {
      const from = (history.at(-1)?.revision ?? 0) + 1
      const page = await store.changes(sessionId, { from, limit: 100 })
      for (const change of page) {
        folded = fold(folded, change)
        history.push(recoveredChange(change))
      }
      if (page.length < 100) break
    }
    const state = await store.state(sessionId)
    if (folded?.revision !== revision) {
      faults.push(`${sessionId}: its head says ${revision}, its history ${folded?.revision}`)
    }
    if (!isDeepStrictEqual(plain(folded), plain(state))) {
      faults.push(`${sessionId}: its changes do not fold to its state`)
    }
    histories.set(sessionId, history)
    if (state !== undefined) states.set(sessionId, state)
  }
  return { histories, states, faults }
}

function plain(state: StoredState | undefined): unknown {
  return state === undefined ? undefined : JSON.parse(JSON.stringify(state))
}
