/**
 * Query strings of the API, parsed.
 *   QS1  What is not valid is refused with its name; what is unknown is ignored.
 */
import type { EntryTag, ListQuery, SessionKind, Status } from '../index.ts'
import type { ChangePageQuery } from './change-view.ts'
import type { EntryPageQuery } from './entry-view.ts'
import { invalidRequest } from './refusals.ts'

const MOST_CHANGES = 1000
const MOST_ENTRIES = 500
const WHOLE = /^\d{1,15}$/

/** The listing a query string asks for; the runtime checks the rest. @throws COMMAND_INVALID */
export function listQuery(query: URLSearchParams): ListQuery {
  const result: Record<string, unknown> = {}
  const statuses = query.getAll('status') as Status[]
  if (statuses.length > 0) result['status'] = statuses
  for (const name of [
    'kind',
    'tag',
    'tenantId',
    'userId',
    'parentId',
    'nameContains',
    'order',
    'cursor',
  ] as const) {
    const value = query.get(name)
    if (value !== null && value !== '') result[name] = value as SessionKind['type'] | EntryTag
  }
  for (const name of ['createdBefore', 'createdAfter', 'updatedBefore', 'updatedAfter', 'limit'] as const) {
    const value = whole(query, name)
    if (value !== undefined) result[name] = value
  }
  return result as ListQuery
}

/** The page of changes a query string asks for. @throws COMMAND_INVALID */
export function changeQuery(query: URLSearchParams): ChangePageQuery {
  const order = query.get('order') ?? 'asc'
  if (order !== 'asc' && order !== 'desc')
    throw invalidRequest('changes', ['order'], 'expected "asc" or "desc"')
  return {
    from: whole(query, 'from'),
    to: whole(query, 'to'),
    order,
    limit: limit(query, 200, MOST_CHANGES),
  }
}

/** The page of entries a query string asks for; `last` is a limit without `after`. @throws COMMAND_INVALID */
export function entryQuery(query: URLSearchParams): EntryPageQuery {
  const after = query.get('after') === '-1' ? -1 : whole(query, 'after')
  const last = whole(query, 'last')
  return {
    after: last === undefined ? after : undefined,
    before: whole(query, 'before'),
    limit: last === undefined ? limit(query, 100, MOST_ENTRIES) : Math.min(Math.max(last, 1), MOST_ENTRIES),
    rev: whole(query, 'rev'),
    hint: whole(query, 'hint'),
  }
}

/** A whole number of a query string; undefined when it is not there. @throws COMMAND_INVALID */
export function whole(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  return text === null || text === '' ? undefined : wholeOf(text, name)
}

/** A whole number. @throws COMMAND_INVALID */
export function wholeOf(text: string, name: string): number {
  if (!WHOLE.test(text)) throw invalidRequest('query', [name], 'expected a whole number')
  return Number(text)
}

function limit(query: URLSearchParams, usual: number, most: number): number {
  return Math.min(Math.max(whole(query, 'limit') ?? usual, 1), most)
}
