/**
 * The history of a session as its entries tell it: a fold, so it is the same after a restart.
 *   HI1  The transcript only grows. What takes items away is an entry of its own, so the timeline shows it.
 *   HI2  Transactions are known by their id for as long as the history is not cleared, however long ago they were.
 */
import { isJsonObject, type Json, type JsonObject } from '../../json.ts'
import type { EntryDraft } from '../../index.ts'
import type { Fold } from '../folded-session.ts'
import { entryOf, itemIn, MARK } from './items.ts'

/** What takes items away, and the word its entry has as `event`. */
export const REMOVALS = {
  popped: 'history_item_removed',
  cleared: 'history_cleared',
  replaced: 'history_replaced',
  mutated: 'history_mutated',
  transaction: 'history_transaction',
} as const

type Removal = keyof typeof REMOVALS

/** What the framework sees of a session. */
export interface History {
  items: JsonObject[]
  /** Digest of each transaction since the history was last cleared (HI2). */
  transactions: Map<string, string>
}

/** A replacement of a function call, as the framework asks for it. */
export interface Mutation {
  readonly callId: Json
  readonly replacement: JsonObject
}

/** How entries become a history; those of others are passed over. */
export const historyFold: Fold<History> = {
  empty: () => ({ items: [], transactions: new Map() }),
  take(history, contents) {
    for (const content of contents as readonly Json[]) {
      if (!isJsonObject(content)) continue
      const item = itemIn(content)
      if (item === undefined) fold(history, content)
      else history.items.push(item)
    }
  },
  size: ({ items, transactions }) => items.length + transactions.size,
}

function fold(history: History, told: JsonObject): void {
  switch (told[MARK] as Removal | undefined) {
    case undefined:
      return
    case 'popped':
      history.items.pop()
      return
    case 'cleared':
      history.transactions.clear()
      history.items = []
      return
    case 'replaced':
      history.items = []
      return
    case 'mutated':
      history.items = mutate(history.items, told['mutations'] as unknown as readonly Mutation[])
      return
    case 'transaction':
      history.transactions.set(told['operationId'] as string, told['digest'] as string)
      history.items.length -= told['removed'] as number
  }
}

/** The items with function calls replaced: the first call of an id by its replacement, later ones by nothing. */
export function mutate(items: readonly JsonObject[], mutations: readonly Mutation[]): JsonObject[] {
  let result = [...items]
  for (const { callId, replacement } of mutations) {
    let isReplaced = false
    result = result.flatMap((item) => {
      if (item['type'] !== 'function_call' || item['callId'] !== callId) return [item]
      const kept = isReplaced ? [] : [replacement]
      isReplaced = true
      return kept
    })
  }
  return result
}

/** The entry that says what is taken away (HI1). */
export function removal(kind: Removal, details: JsonObject = {}): EntryDraft {
  return { type: 'system_event', event: REMOVALS[kind], content: { [MARK]: kind, ...details } }
}

/** The entries of items, in order. */
export function additions(items: readonly JsonObject[]): EntryDraft[] {
  return items.map(entryOf)
}
