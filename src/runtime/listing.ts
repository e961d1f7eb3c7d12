/**
 * Listing sessions: filters on heads first, on records only for sessions that passed those.
 *   G1  A page holds each matching session once, newest change first unless asked otherwise; equal times by id.
 *   G2  One unreadable session never hides the others; it is named with its code.
 *   G3  A cursor names the last line shown; sessions changed meanwhile move as their new time says.
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

/** What a listing reads from. */
export interface ListingSource {
  readonly store: SessionStore
  readonly now: number
  /** The state of a session, from memory when it is there. */
  readonly stateOf: (sessionId: string) => Promise<StoredState | undefined>
}

/** One page of sessions. @throws COMMAND_INVALID, CURSOR_INVALID */
export async function listSessions(source: ListingSource, options: ListQuery): Promise<SessionPage> {
  const query = parseWith(querySchema, options, 'list')
  const limit = query.limit ?? 50
  const sorted = ordered(source.store.heads(), query)
  const items: SessionSummary[] = []
  const unreadable: { id: string; code: string }[] = []
  for (let start = 0; start < sorted.length; start += AT_ONCE) {
    const heads = sorted.slice(start, start + AT_ONCE)
    const states = await Promise.all(heads.map((head) => read(source, head, unreadable)))
    for (const [index, state] of states.entries()) {
      const head = heads[index]
      if (head === undefined || state === undefined || !recordMatches(state, query)) continue
      items.push(summaryOf(state, source.now))
      if (items.length === limit && start + index < sorted.length - 1) {
        return { items, nextCursor: cursorAt(head, query), unreadable }
      }
    }
  }
  return { items, nextCursor: null, unreadable }
}

async function read(
  source: ListingSource,
  head: Head,
  unreadable: { id: string; code: string }[],
): Promise<StoredState | undefined> {
  try {
    return await source.stateOf(head.sessionId)
  } catch (error) {
    unreadable.push({ id: head.sessionId, code: isSessionError(error) ? error.code : 'INTERNAL' }) // G2
    return undefined
  }
}

function ordered(heads: Iterable<Head>, query: Query): Head[] {
  const compare = comparison(query)
  const start = query.cursor === undefined ? undefined : parseCursor(query.cursor, query)
  const result: Head[] = []
  for (const head of heads) {
    if (headMatches(head, query) && (start === undefined || compare(head, start) > 0)) result.push(head)
  }
  return result.sort(compare)
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
    kind: record.kind,
    tenantId: record.tenantId,
    userId: record.userId,
    parentId: record.parentId,
    tags: record.tags,
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
