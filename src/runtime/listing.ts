/**
 * Listing sessions: filters on heads first, on records only for sessions that passed those.
 *   G1  A page holds each matching session once, newest change first unless asked otherwise; equal times by id.
 *   G2  One unreadable session never hides the others; it is named with its code.
 *   G3  A cursor names the last line shown; sessions changed meanwhile move as their new time says.
 *   G4  Where records decide a few are looked at, then all others in the order in which they lie in the store: what is rare
 *       costs one pass over the store, and what matches beyond a page is not held.
 *   G5  Where heads decide, the pass over them holds no more of them than are asked for.
 */
import { z } from 'zod'
import { isSessionError, sessionError } from '../errors.ts'
import { STATUSES } from '../machines/lifecycle.ts'
import type { StoredState } from '../store/change.ts'
import type { Head, SessionStore, StateVisitor } from '../store/store.ts'
import { parseWith } from './commands.ts'
import { contextOf, recordOf, statusOf } from './resident.ts'
import type { ListQuery, SessionPage, SessionSummary } from './runtime.ts'

const time = z.number().int()
const kinds = z.enum(['conversation', 'agent', 'teacher_demo', 'evaluation', 'refinement'])

const querySchema = z.strictObject({
  tenantId: z.string().nullish(),
  userId: z.string().nullish(),
  status: z.union([z.enum(STATUSES), z.array(z.enum(STATUSES))]).optional(),
  kind: kinds.optional(),
  tag: z.string().optional(),
  parentId: z.string().nullable().optional(),
  nameContains: z.string().optional(),
  createdBefore: time.optional(),
  createdAfter: time.optional(),
  updatedBefore: time.optional(),
  updatedAfter: time.optional(),
  order: z.enum(['updated', 'created', 'updated-asc', 'created-asc']).optional(),
  limit: z.number().int().min(1).max(1000).optional(),
  cursor: z.string().optional(),
})

type Query = z.infer<typeof querySchema>

/** Sessions looked at first when records decide: a page of what is frequent is among them. So many are read at once. */
const FEW = 64

/** What a listing reads from. */
export interface ListingSource {
  readonly store: SessionStore
  readonly now: number
  /** The state of a session, when it is in memory. */
  readonly atHand?: (sessionId: string) => StoredState | undefined
}

/** A session that could not be read (G2). */
interface Unreadable {
  readonly id: string
  readonly code: string
}

/** What is shown of a session, and where it belongs. */
interface Line {
  readonly key: Key
  readonly shown: SessionSummary | Unreadable
}

/** Lines that follow each other in the order asked for. */
interface Lines {
  readonly lines: readonly Line[]
  /** Behind it there may be more; undefined when there are none. */
  readonly end: Key | undefined
}

/** One page of sessions. @throws COMMAND_INVALID, CURSOR_INVALID */
export async function listSessions(source: ListingSource, options: ListQuery): Promise<SessionPage> {
  const query = parseWith(querySchema, options, 'list')
  const limit = query.limit ?? 50
  const byRecord = looksAtRecords(query)
  const items: SessionSummary[] = []
  const unreadable: Unreadable[] = []
  let after = query.cursor === undefined ? undefined : parseCursor(query.cursor, query)
  for (let look = 0; ; look += 1) {
    // One more than a page tells whether there is another.
    const { lines, end } =
      byRecord && look > 0
        ? await linesOfPass(source, query, after, limit - items.length + 1)
        : await linesOfFew(source, query, after, byRecord ? FEW : limit + 1)
    for (const [index, { key, shown }] of lines.entries()) {
      if ('code' in shown) {
        unreadable.push(shown)
        continue
      }
      items.push(shown)
      const isLast = index === lines.length - 1 && end === undefined
      if (items.length === limit && !isLast) return { items, nextCursor: cursorAt(key, query), unreadable }
    }
    if (end === undefined) return { items, nextCursor: null, unreadable }
    after = end
  }
}

/** What becomes of the first so many sessions whose heads match. */
async function linesOfFew(
  source: ListingSource,
  query: Query,
  after: Key | undefined,
  count: number,
): Promise<Lines> {
  const heads = first(count, source.store, query, after)
  const found = new Map<string, Line['shown']>()
  await visitEach(
    source,
    heads.map(({ sessionId }) => sessionId),
    {
      state(state) {
        const shown = shownOf(state, query, source.now)
        if (shown !== undefined) found.set(state.sessionId, shown)
      },
      fault: (sessionId, error) => found.set(sessionId, unreadableOf(sessionId, error)),
    },
  )
  const lines = heads.flatMap((head) => {
    const shown = found.get(head.sessionId)
    return shown === undefined ? [] : [{ key: head, shown }]
  })
  return { lines, end: heads.length < count ? undefined : heads.at(-1) }
}

/** The first so many sessions whose records match, and all before them that cannot be read: one pass over the store (G4). */
async function linesOfPass(
  source: ListingSource,
  query: Query,
  after: Key | undefined,
  count: number,
): Promise<Lines> {
  const compare = comparison(query)
  const matching: Line[] = []
  const faults: Line[] = []
  const having = [query.kind, query.tag].filter((text) => text !== undefined)
  await visitMany(source, idsBehind(source.store, query, after), having, {
    state(state) {
      const { sessionId, summary } = state
      const key = { sessionId, summary }
      const last = matching.length < count ? undefined : matching.at(-1)
      if (last !== undefined && compare(key, last.key) > 0) return
      // It changed while the others were looked at, and belongs to a page before this one (G3).
      if (after !== undefined && compare(key, after) <= 0) return
      const shown = shownOf(state, query, source.now)
      if (shown === undefined) return
      if ('code' in shown) faults.push({ key, shown })
      else insert({ key, shown }, matching, count, (a, b) => compare(a.key, b.key))
    },
    fault(sessionId, error) {
      const key = source.store.head(sessionId)
      if (key !== undefined) faults.push({ key, shown: unreadableOf(sessionId, error) })
    },
  })
  const lines = [...matching, ...faults].sort((a, b) => compare(a.key, b.key))
  return { lines, end: undefined }
}

/** Shows the states of many sessions, in the order in which they lie in the store where it has one (G4). */
async function visitMany(
  source: ListingSource,
  sessionIds: readonly string[],
  having: readonly string[],
  visitor: StateVisitor,
): Promise<void> {
  const { store, atHand } = source
  if (store.visit === undefined) return visitEach(source, sessionIds, visitor)
  const others: string[] = []
  for (const sessionId of sessionIds) {
    const state = atHand?.(sessionId)
    if (state === undefined) others.push(sessionId)
    else visitor.state(state)
  }
  return store.visit(others, visitor, having)
}

/** Shows the states of sessions, a few at a time. */
async function visitEach(
  { store, atHand }: ListingSource,
  sessionIds: readonly string[],
  visitor: StateVisitor,
): Promise<void> {
  const visitOne = async (sessionId: string): Promise<void> => {
    let state: StoredState | undefined
    try {
      state = atHand?.(sessionId) ?? (await store.state(sessionId))
    } catch (error) {
      visitor.fault(sessionId, error)
      return
    }
    if (state !== undefined) visitor.state(state)
  }
  for (let start = 0; start < sessionIds.length; start += FEW) {
    await Promise.all(sessionIds.slice(start, start + FEW).map(visitOne))
  }
}

/** What is shown of a state; undefined when its record does not match. */
function shownOf(state: StoredState, query: Query, now: number): Line['shown'] | undefined {
  try {
    return recordMatches(state, query) ? summaryOf(state, now) : undefined
  } catch (error) {
    return unreadableOf(state.sessionId, error)
  }
}

function unreadableOf(sessionId: string, error: unknown): Unreadable {
  return { id: sessionId, code: isSessionError(error) ? error.code : 'INTERNAL' }
}

/** The sessions behind `after` whose heads match, in no order. Each head is looked at and none is taken. */
function idsBehind(store: SessionStore, query: Query, after: Key | undefined): string[] {
  const accepts = acceptance(query, after)
  const result: string[] = []
  const look = (head: Head): false => {
    if (accepts(head)) result.push(head.sessionId)
    return false
  }
  // A store of your own may give all.
  for (const head of store.heads(look)) look(head)
  return result
}

/** The first so many heads behind `after` that match, in the order asked for: one pass, holding no more than these (G5). */
function first(count: number, store: SessionStore, query: Query, after: Key | undefined): Head[] {
  const compare = comparison(query)
  const matches = acceptance(query, after)
  const result: Head[] = []
  const accept = (head: Head): boolean =>
    matches(head) && (result.length < count || compare(head, result.at(-1) as Head) < 0)
  for (const head of store.heads(accept)) if (accept(head)) insert(head, result, count, compare)
  return result
}

/** Whether a head matches and comes behind `after`. */
function acceptance(query: Query, after: Key | undefined): (head: Head) => boolean {
  const compare = comparison(query)
  return (head) => headMatches(head, query) && (after === undefined || compare(head, after) > 0)
}

/** Puts an item where it belongs in a sorted list that keeps so many. */
function insert<T>(item: T, sorted: T[], count: number, compare: (a: T, b: T) => number): void {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compare(sorted[middle] as T, item) < 0) low = middle + 1
    else high = middle
  }
  sorted.splice(low, 0, item)
  if (sorted.length > count) sorted.pop()
}

type Key = Pick<Head, 'sessionId'> & { readonly summary: Pick<Head['summary'], 'createdAt' | 'updatedAt'> }

function comparison(query: Query): (a: Key, b: Key) => number {
  const order = query.order ?? 'updated'
  const key = order.startsWith('created') ? 'createdAt' : 'updatedAt'
  const sign = order.endsWith('-asc') ? 1 : -1
  return (a, b) => {
    const difference = a.summary[key] - b.summary[key]
    if (difference !== 0) return sign * difference
    return a.sessionId < b.sessionId ? -sign : a.sessionId > b.sessionId ? sign : 0
  }
}

function headMatches({ summary }: Head, query: Query): boolean {
  const { status } = query
  return (
    (query.tenantId === undefined || query.tenantId === summary.tenantId) &&
    (query.userId === undefined || query.userId === summary.userId) &&
    (query.parentId === undefined || query.parentId === summary.parentId) &&
    (status === undefined ||
      (Array.isArray(status) ? (status as string[]).includes(summary.status) : status === summary.status)) &&
    (query.createdBefore === undefined || summary.createdAt < query.createdBefore) &&
    (query.createdAfter === undefined || summary.createdAt > query.createdAfter) &&
    (query.updatedBefore === undefined || summary.updatedAt < query.updatedBefore) &&
    (query.updatedAfter === undefined || summary.updatedAt > query.updatedAfter)
  )
}

function looksAtRecords({ kind, tag, nameContains }: Query): boolean {
  return kind !== undefined || tag !== undefined || nameContains !== undefined
}

function recordMatches(state: StoredState, query: Query): boolean {
  const record = recordOf(state)
  return (
    (query.kind === undefined || record.kind.type === query.kind) &&
    (query.tag === undefined || record.tags.includes(query.tag)) &&
    (query.nameContains === undefined || record.name.toLowerCase().includes(query.nameContains.toLowerCase()))
  )
}

const cursorSchema = z.tuple([z.literal('list'), z.string(), z.number(), z.string()])

function cursorAt({ sessionId, summary }: Key, query: Query): string {
  const order = query.order ?? 'updated'
  const value = order.startsWith('created') ? summary.createdAt : summary.updatedAt
  return Buffer.from(JSON.stringify(['list', order, value, sessionId])).toString('base64url')
}

function parseCursor(cursor: string, query: Query): Key {
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(cursor, 'base64url').toString())
  } catch {
    throw sessionError('CURSOR_INVALID', { reason: 'it cannot be read' })
  }
  const result = cursorSchema.safeParse(parsed)
  if (!result.success) throw sessionError('CURSOR_INVALID', { reason: 'it is not a listing cursor' })
  const [, order, value, sessionId] = result.data
  if (order !== (query.order ?? 'updated'))
    throw sessionError('CURSOR_INVALID', { reason: 'it belongs to another order' })
  return { sessionId, summary: { createdAt: value, updatedAt: value } }
}

/** One line of a listing from a state. */
export function summaryOf(state: StoredState, now: number): SessionSummary {
  const record = recordOf(state)
  const context = contextOf(state)
  const project = record.metadata['project_ids']
  const { dueAt } = state.summary
  return {
    id: state.sessionId,
    status: statusOf(state),
    revision: state.revision,
    name: record.name,
    // The state may be shared; what is given away may be altered.
    kind: { ...record.kind },
    tenantId: record.tenantId,
    userId: record.userId,
    parentId: record.parentId,
    tags: [...record.tags],
    model: record.provider?.model ?? null,
    turnCount: context.turnCount,
    entryCount: context.entryCount,
    userMessageCount: context.userMessageCount,
    activeSeedId: record.activeSeedId,
    projectId: typeof project === 'string' ? project : null,
    createdAt: context.createdAt,
    updatedAt: state.summary.updatedAt,
    expiresAt: context.expiresAt,
    overdue: dueAt !== null && dueAt <= now,
    quarantined: state.facts.quarantine !== null,
  }
}
