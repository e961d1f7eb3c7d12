/**
 * The changes of a session as the page gets them: one line for each, with the status before and after.
 */
import type { Entry, Json, SessionChange } from '../index.ts'
import { bounded, clipped } from './bounds.ts'
import type { ViewSource } from './session-view.ts'

/** Which changes to show. */
export interface ChangePageQuery {
  /** First revision, inclusive. */
  readonly from?: number | undefined
  /** Last revision, inclusive. */
  readonly to?: number | undefined
  /** `asc` starts at `from`, `desc` at `to`. */
  readonly order: 'asc' | 'desc'
  readonly limit: number
}

/** One change of a session. */
export interface ChangeView {
  readonly revision: number
  readonly at: number
  readonly event: Json
  readonly operationId: string | null
  /** Null for the first change there is. */
  readonly statusBefore: string | null
  readonly status: string
  readonly findings: SessionChange['findings']
  readonly entries: readonly { readonly id: string; readonly type: string; readonly preview: string }[]
}

/** A page of changes; `total` is the newest revision. */
export interface ChangePage {
  readonly items: readonly ChangeView[]
  readonly total: number
}

const EVENT_BYTES = 4 * 1024
const PREVIEW_CHARACTERS = 200
/** More entries of one change than these are counted, not listed. */
const MOST_ENTRIES = 50

/** A page of the history of a session. @throws NOT_FOUND */
export async function changePage(
  source: ViewSource,
  sessionId: string,
  query: ChangePageQuery,
): Promise<ChangePage> {
  const session = await source.runtime.get(sessionId)
  const { limit, order } = query
  const newest = session.revision
  const from = Math.max(query.from ?? 1, 1)
  const to = Math.min(query.to ?? newest, newest)
  const [first, last] =
    order === 'asc' ? [from, Math.min(to, from + limit - 1)] : [Math.max(from, to - limit + 1), to]
  const items: ChangeView[] = []
  let statusBefore: string | null = null
  if (first <= last) {
    // One earlier than asked, for the status before the first.
    for await (const change of session.changes({ from: Math.max(first - 1, 1), live: false })) {
      if (change.revision > last) break
      if (change.revision >= first) items.push(changeView(source, change, statusBefore))
      statusBefore = change.status
      if (change.revision === last) break
    }
  }
  return { items: order === 'asc' ? items : items.reverse(), total: newest }
}

/** The event of a change, bounded and redacted. */
export function shownEvent({ redact }: ViewSource, { sessionId, event }: SessionChange): Json {
  return bounded(redact(event as Json, { sessionId, part: 'event' }), EVENT_BYTES)
}

function changeView(source: ViewSource, change: SessionChange, statusBefore: string | null): ChangeView {
  const { sessionId, revision, at, operationId, status, findings, entries } = change
  return {
    revision,
    at,
    event: shownEvent(source, change),
    operationId: operationId === null ? null : clipped(operationId, 256),
    statusBefore,
    status,
    findings,
    entries: entries.slice(0, MOST_ENTRIES).map((entry) => ({
      id: entry.id,
      type: entry.type,
      preview: previewOf(source.redact(entry as unknown as Json, { sessionId, part: 'entry' }), entry),
    })),
  }
}

/** The first words of an entry: its text when it has one, else its JSON. */
function previewOf(shown: Json, { type }: Entry): string {
  const { content, ...own } = (typeof shown === 'object' && shown !== null ? shown : {}) as {
    [key: string]: Json
  }
  const name = own['toolName'] ?? own['skillName'] ?? own['event']
  const text = textOf(content ?? null) ?? JSON.stringify(content ?? null)
  const isNamed = typeof name === 'string' && type !== 'user_message'
  return clipped(isNamed ? `${clipped(name, 80)}: ${text}` : text, PREVIEW_CHARACTERS)
}

function textOf(content: Json): string | undefined {
  if (typeof content === 'string') return content
  if (typeof content !== 'object' || content === null || Array.isArray(content)) return undefined
  const { text, content: inner } = content as { readonly [key: string]: Json }
  if (typeof text === 'string') return text
  return typeof inner === 'string' ? inner : undefined
}
