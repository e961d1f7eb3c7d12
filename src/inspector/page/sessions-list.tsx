/**
 * All sessions as a virtual list: filters in the URL, pages loaded as one scrolls, news arriving by themselves.
 */
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useRef, type ReactNode } from 'react'
import type { Summary } from './api.ts'
import { ago, count, visible } from './format.ts'
import { useListing } from './listing.ts'
import { RefusalNote, Status, useNow, word } from './parts.tsx'
import { go, listHash, sessionHash, type Route } from './route.ts'

const STATUSES = ['created', 'active', 'paused', 'closed', 'completed', 'failed', 'cancelled', 'expired']
/** With more rows than these new at once, a row is marked and does not fade. */
const MOST_FADING = 3
const FRESH_MS = 1500

/** The list with its filters. */
export function SessionsList({ route }: { readonly route: Route }): ReactNode {
  const { query, sessionId } = route
  const { listing, error, isFiltered, more } = useListing(query)
  const scroller = useRef<HTMLDivElement>(null)
  const now = useNow()
  const items = listing?.items ?? []
  const rows = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 56,
    overscan: 12,
  })
  const shown = rows.getVirtualItems()
  const lastShown = shown.at(-1)?.index ?? 0
  const isFresh = (session: Summary): boolean => now - session.updatedAt < FRESH_MS
  const isBusy =
    shown.filter(({ index }) => items[index] !== undefined && isFresh(items[index])).length > MOST_FADING
  useEffect(() => {
    if (lastShown > items.length - 60) more()
  }, [lastShown, items.length, more])

  const set = (changes: Record<string, string | null>): void =>
    go(sessionId === null ? listHash(changes, query) : sessionHash(sessionId, changes, query), true)
  const statuses = query.getAll('status')
  const toggle = (status: string): void => {
    const next = new URLSearchParams(query)
    next.delete('status')
    const wanted = statuses.includes(status)
      ? statuses.filter((one) => one !== status)
      : [...statuses, status]
    for (const one of wanted) next.append('status', one)
    go(sessionId === null ? listHash({}, next) : sessionHash(sessionId, {}, next), true)
  }

  return (
    <aside className="side" aria-label="Sessions">
      <div className="filters">
        <input
          id="search"
          type="search"
          placeholder="Name contains…   /"
          aria-label="Filter by name"
          value={query.get('nameContains') ?? ''}
          onChange={(event) => set({ nameContains: event.target.value })}
        />
        <select
          aria-label="Order"
          value={query.get('order') ?? 'updated'}
          onChange={(event) => set({ order: event.target.value === 'updated' ? null : event.target.value })}
        >
          <option value="updated">last change</option>
          <option value="created">newest</option>
          <option value="updated-asc">longest idle</option>
          <option value="created-asc">oldest</option>
        </select>
        <div className="statuses" role="group" aria-label="Filter by status">
          {STATUSES.map((status) => (
            <button
              key={status}
              type="button"
              className="chip"
              aria-pressed={statuses.includes(status)}
              onClick={() => toggle(status)}
            >
              {status}
            </button>
          ))}
        </div>
      </div>
      {error !== undefined && <RefusalNote error={error} />}
      <div
        className={`list${isBusy ? ' busy' : ''}`}
        ref={scroller}
        tabIndex={-1}
        role="list"
        aria-label="Matching sessions"
      >
        <div style={{ height: rows.getTotalSize(), position: 'relative' }}>
          {shown.map((row) => {
            const session = items[row.index]
            if (session === undefined) return null
            return (
              <SessionRow
                key={session.id}
                session={session}
                now={now}
                isFresh={isFresh(session)}
                isHere={session.id === sessionId}
                href={sessionHash(session.id, { rev: null }, query)}
                top={row.start}
                isFirst={row.index === 0}
              />
            )
          })}
        </div>
        {listing !== undefined && items.length === 0 && (
          <div className="calm">
            <h2>No sessions</h2>
            <p>
              {isFiltered
                ? 'Nothing matches these filters.'
                : 'This store is empty. Sessions appear here as soon as they are created.'}
            </p>
          </div>
        )}
      </div>
      <div className="list-count" aria-live="polite">
        {listing === undefined
          ? 'Reading…'
          : `${isFiltered ? `${count(items.length)}${listing.cursor === null ? '' : '+'} of ` : ''}${count(listing.total)} ${listing.total === 1 ? 'session' : 'sessions'}`}
      </div>
    </aside>
  )
}

interface RowProps {
  readonly session: Summary
  readonly now: number
  readonly isFresh: boolean
  readonly isHere: boolean
  readonly isFirst: boolean
  readonly href: string
  readonly top: number
}

function SessionRow({ session, now, isFresh, isHere, isFirst, href, top }: RowProps): ReactNode {
  const owner = [session.tenantId, session.userId].filter((part) => part !== null).join(' / ')
  const kind = session.kind.type === 'agent' ? word(session.kind['agentName']) : session.kind.type
  // Two names of one animation: the next change of a row begins it anew.
  const fresh = isFresh ? ` fresh ${session.revision % 2 === 0 ? 'even' : 'odd'}` : ''
  return (
    <a
      className={`session-row${fresh}`}
      href={href}
      role="listitem"
      data-session={session.id}
      aria-current={isHere || undefined}
      tabIndex={isHere || isFirst ? 0 : -1}
      style={{ transform: `translateY(${top}px)` }}
    >
      <span className="title cut">{visible(session.name) || <span className="mono">{session.id}</span>}</span>
      <Status status={session.status} />
      <span className="second cut">
        {[kind, session.model, owner]
          .filter(Boolean)
          .map((part) => visible(String(part)))
          .join(' · ')}
        {session.quarantined && ' · quarantined'}
      </span>
      <time className="second" title={new Date(session.createdAt).toLocaleString()}>
        {count(session.turnCount)} {session.turnCount === 1 ? 'turn' : 'turns'} ·{' '}
        {ago(session.updatedAt, now)}
      </time>
    </a>
  )
}
