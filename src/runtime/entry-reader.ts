/**
 * Reading a transcript: entries by position, forwards page by page, or the newest few from the end.
 *   ER1  Positions count the entries of a session from 0, in the order they were kept.
 *   ER2  Bounds by revision bound what is read, not only what is given.
 */
import { sessionError } from '../errors.ts'
import { isEntryTag } from './entries.ts'
import type { Entry, EntryTag } from './entries.ts'
import type { Change } from '../store/change.ts'
import type { SessionStore } from '../store/store.ts'
import type { EntryQuery, PlacedEntry } from './session.ts'

const PAGE = 256

/** The entries a query asks for, oldest first. @throws COMMAND_INVALID when the query is not valid */
export async function* readEntries(
  store: SessionStore,
  sessionId: string,
  query: EntryQuery,
): AsyncGenerator<PlacedEntry, void, undefined> {
  checkQuery(query)
  const wanted = (entry: PlacedEntry): boolean =>
    (query.after === undefined || entry.position > query.after) &&
    (query.before === undefined || entry.position < query.before) &&
    (query.types === undefined || query.types.includes(entry.type))
  if (query.last !== undefined) {
    yield* await newest(store, sessionId, query, query.last, wanted)
    return
  }
  let from = query.fromRevision ?? 1
  const to = query.toRevision === undefined ? {} : { to: query.toRevision }
  for (;;) {
    const page = await store.changes(sessionId, { from, ...to, limit: PAGE })
    for (const change of page) {
      let position = firstPosition(change) ?? 0
      for (const entry of change.entries) {
        if (query.signal?.aborted === true || (query.before !== undefined && position >= query.before)) return
        const placed = place(entry as unknown as Entry, position, change.revision)
        position += 1
        if (wanted(placed)) yield placed
      }
      from = change.revision + 1
    }
    if (page.length < PAGE) return
  }
}

async function newest(
  store: SessionStore,
  sessionId: string,
  query: EntryQuery,
  last: number,
  wanted: (entry: PlacedEntry) => boolean,
): Promise<PlacedEntry[]> {
  const found: PlacedEntry[] = []
  let to = query.toRevision
  const from = query.fromRevision ?? 1
  while (found.length < last && query.signal?.aborted !== true) {
    const page: readonly Change[] = await store.changes(sessionId, {
      from,
      ...(to === undefined ? {} : { to }),
      limit: PAGE,
      order: 'desc',
    })
    for (const change of page) {
      const first = firstPosition(change)
      if (first === undefined) continue
      for (let index = change.entries.length - 1; index >= 0 && found.length < last; index -= 1) {
        const position = first + index
        const placed = place(change.entries[index] as unknown as Entry, position, change.revision)
        if (query.after !== undefined && position <= query.after) return found.reverse()
        if (wanted(placed)) found.push(placed)
      }
    }
    const oldest = page.at(-1)
    if (oldest === undefined || oldest.revision <= from || page.length < PAGE) break
    to = oldest.revision - 1
  }
  return found.reverse()
}

/** The position of a change's first entry: a change with entries says how many there are after it. */
function firstPosition({ entries, patch }: Change): number | undefined {
  const count = patch.context?.['entryCount']
  return typeof count === 'number' ? count - entries.length : undefined
}

function place(entry: Entry, position: number, revision: number): PlacedEntry {
  return { ...entry, position, revision }
}

function checkQuery(query: EntryQuery): void {
  for (const key of ['after', 'before', 'fromRevision', 'toRevision', 'last'] as const) {
    const value = query[key]
    if (value !== undefined && (!Number.isInteger(value) || value < (key === 'after' ? -1 : 0))) {
      throw sessionError('COMMAND_INVALID', {
        command: 'entries',
        path: [key],
        reason: 'expected a whole number, 0 or more',
      })
    }
  }
  const unknown = query.types?.find((type: EntryTag) => !isEntryTag(type))
  if (unknown !== undefined) {
    throw sessionError('COMMAND_INVALID', {
      command: 'entries',
      path: ['types'],
      reason: `there is no entry type "${String(unknown)}"`,
    })
  }
}
