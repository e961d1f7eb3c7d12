/**
 * Listing sessions: filters on heads first, on records only for sessions that passed those.
 *   G1  A page holds each matching session once, newest change first unless asked otherwise; equal times by id.
 *   G2  One unreadable session never hides the others; it is named with its code.
 *   G3  A cursor names the last line shown; sessions changed meanwhile move as their new time says.
 *   G4  Where records decide, sessions that lie together are read together: what is rare costs about one pass over the
 *       store.
 *   G5  A pass over the heads holds no more of them than are asked for.
 */
import { z } from 'zod'
import { isSessionError, sessionError } from '../errors.ts'
import { STATUSES } from '../machines/lifecycle.ts'
import type { StoredState } from '../store/change.ts'
import type { Head, SessionStore } from '../store/store.ts'
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

/** Sessions read at once: enough to keep a disk busy, few enough to hold. */
const AT_ONCE = 64

/** Sessions looked at in one step when records decide: a page of what is frequent soon, then one pass for what is rare. */
const STEPS = [AT_ONCE, 1024, Infinity] as const

/** What a listing reads from. */
export interface ListingSource {
  readonly store: SessionStore
  readonly now: number
  /** The state of a session, from memory when it is there; when it is one of many, it need not stay there. */
  readonly stateOf: (sessionId: string, isOneOfMany: boolean) => Promise<StoredState | undefined>
}

/** One page of sessions. @throws COMMAND_INVALID, CURSOR_INVALID */
export async function listSessions(source: ListingSource, options: ListQuery): Promise<SessionPage> {
  const query = parseWith(querySchema, options, 'list')
  const limit = query.limit ?? 50
  const items: SessionSummary[] = []
  const unreadable: Unreadable[] = []
  // Where only heads decide, one more than a page tells whether there is another.
  const steps = looksAtRecords(query) ? STEPS : [limit + 1]
  let after = query.cursor === undefined ? undefined : parseCursor(query.cursor, query)
  for (let step = 0; ; step += 1) {
    const count = steps[Math.min(step, steps.length - 1)] as number
    const heads = first(count, source.store, query, after)
    const found = await look(source, heads, query)
    for (const [index, head] of heads.entries()) {
      const line = found.get(head.sessionId)
      if (line === undefined) continue
      if ('code' in line) unreadable.push(line)
      else items.push(line)
      const isLast = index === heads.length - 1 && heads.length < count
      if (items.length === limit && !isLast) return { items, nextCursor: cursorAt(head, query), unreadable }
    }
    after = heads.at(-1)
    if (after === undefined || heads.length < count) return { items, nextCursor: null, unreadable }
  }
}

/** A session that could not be read (G2). */
interface Unreadable {
  readonly id: string
  readonly code: string
}

/** What there is to say of these sessions, read in the order in which they lie in the store (G4). */
async function look(
  source: ListingSource,
  heads: readonly Head[],
  query: Query,
): Promise<ReadonlyMap<string, SessionSummary | Unreadable>> {
  const isMany = heads.length > AT_ONCE
  const asTheyLie = isMany ? grouped(heads, source.store) : heads
  const found = new Map<string, SessionSummary | Unreadable>()
  for (let start = 0; start < asTheyLie.length; start += AT_ONCE) {
    const some = asTheyLie.slice(start, start + AT_ONCE)
    const lines = await Promise.all(some.map((head) => lineOf(source, head, query, isMany)))
    for (const line of lines) if (line !== undefined) found.set(line.id, line)
  }
  return found
}

/** Heads in the order in which their sessions lie in the store. */
function grouped(heads: readonly Head[], store: SessionStore): Head[] {
  const groups = new Map<number, Head[]>()
  for (const head of heads) {
    const group = store.groupOf?.(head.sessionId) ?? 0
    const others = groups.get(group)
    if (others === undefined) groups.set(group, [head])
    else others.push(head)
  }
  return [...groups.values()].flat()
}

async function lineOf(
  { stateOf, now }: ListingSource,
  { sessionId }: Head,
  query: Query,
  isOneOfMany: boolean,
): Promise<SessionSummary | Unreadable | undefined> {
  try {
    const state = await stateOf(sessionId, isOneOfMany)
    return state !== undefined && recordMatches(state, query) ? summaryOf(state, now) : undefined
  } catch (error) {
    return { id: sessionId, code: isSessionError(error) ? error.code : 'INTERNAL' }
  }
}

/** The first so many heads behind `after` that match, in the order asked for: one pass, holding no more than these (G5). */
function first(count: number, store: SessionStore, query: Query, after: Key | undefined): Head[] {
  const compare = comparison(query)
  const result: Head[] = []
  const isSorted = count < Infinity
  const accept = (head: Head): boolean => {
    if (!headMatches(head, query) || (after !== undefined && compare(head, after) <= 0)) return false
    return result.length < count || compare(head, result.at(-1) as Head) < 0
  }
  for (const head of store.heads(accept)) {
    if (!accept(head)) continue // A store of your own may give all.
    if (isSorted) result.splice(rankOf(head, result, compare), 0, head)
    else result.push(head)
    if (result.length > count) result.pop()
  }
  return isSorted ? result : result.sort(compare)
}

/** Where a head belongs in a sorted list. */
function rankOf(head: Head, sorted: readonly Head[], compare: (a: Key, b: Key) => number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compare(sorted[middle] as Head, head) < 0) low = middle + 1
    else high = middle
  }
  return low
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

function cursorAt(head: Head, query: Query): string {
  const order = query.order ?? 'updated'
  const value = order.startsWith('created') ? head.summary.createdAt : head.summary.updatedAt
  return Buffer.from(JSON.stringify(['list', order, value, head.sessionId])).toString('base64url')
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
