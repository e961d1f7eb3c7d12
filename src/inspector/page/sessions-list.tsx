/**
 * All sessions as a virtual list: filters in the URL, pages loaded as one scrolls, news arriving by themselves.
 */
import { useVirtualizer } from '@tanstack/react-virtual'
import { useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import { read, type Page, type Summary } from './api.ts'
import { ago, count, visible } from './format.ts'
import { useNews, type News } from './live.ts'
import { RefusalNote, Status, useNow, word } from './parts.tsx'
import { go, listHash, sessionHash, type Route } from './route.ts'

const STATUSES = ['created', 'active', 'paused', 'closed', 'completed', 'failed', 'cancelled', 'expired']
const FILTERS = ['status', 'kind', 'tag', 'tenantId', 'userId', 'nameContains', 'order'] as const
const PAGE = 500

interface Listing {
  readonly items: Summary[]
  readonly cursor: string | null
  readonly total: number
}

function useListing(query: URLSearchParams) {
  const filter = useMemo(() => {
    const wanted = new URLSearchParams()
    for (const key of FILTERS) for (const value of query.getAll(key)) wanted.append(key, value)
    return wanted.toString()
  }, [query])
  const [listing, setListing] = useState<Listing | undefined>()
  const [error, setError] = useState<Error | undefined>()
  const [turn, setTurn] = useState(0)
  const loading = useRef(false)

  useEffect(() => {
    const controller = new AbortController()
    read<Page<Summary>>(`sessions?limit=${PAGE}&${filter}`, controller.signal).then(
      ({ items, nextCursor, total }) => {
        setListing({ items: [...items], cursor: nextCursor, total })
        setError(undefined)
      },
      (reason: Error) => !controller.signal.aborted && setError(reason),
    )
    return () => controller.abort()
  }, [filter, turn])

  const more = useCallback(() => {
    if (loading.current || listing?.cursor == null) return
    loading.current = true
    read<Page<Summary>>(`sessions?limit=${PAGE}&cursor=${encodeURIComponent(listing.cursor)}&${filter}`)
      .then(({ items, nextCursor, total }) => {
        setListing((before) => {
          const known = new Set(before?.items.map(({ id }) => id))
          return {
            items: [...(before?.items ?? []), ...items.filter(({ id }) => !known.has(id))],
            cursor: nextCursor,
            total,
          }
        })
      }, setError)
      .finally(() => {
        loading.current = false
      })
  }, [filter, listing?.cursor])

  // One reload for a burst of news, at most twice a second: a busy store must not keep the page busy.
  const due = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const soon = useCallback(() => {
    due.current ??= setTimeout(() => {
      due.current = undefined
      setTurn((value) => value + 1)
    }, 500)
  }, [])
  useEffect(() => () => clearTimeout(due.current), [])

  const onNews = useCallback(
    (news: News) => {
      setListing((before) => {
        const index = before?.items.findIndex(({ id }) => id === news.sessionId) ?? -1
        const known = before?.items[index]
        if (before === undefined || known === undefined) return before
        const items = [...before.items]
        items[index] = news.summary ?? {
          ...known,
          status: news.status,
          revision: news.revision,
          updatedAt: news.at,
        }
        return { ...before, items }
      })
      soon()
    },
    [soon],
  )
  useNews(onNews, soon)
  return { listing, error, more }
}

/** The list with its filters. */
export function SessionsList({ route }: { readonly route: Route }): ReactNode {
  const { query, sessionId } = route
  const { listing, error, more } = useListing(query)
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
      <div className="list" ref={scroller} tabIndex={-1} role="list" aria-label="Matching sessions">
        <div style={{ height: rows.getTotalSize(), position: 'relative' }}>
          {shown.map((row) => {
            const session = items[row.index]
            if (session === undefined) return null
            return (
              <SessionRow
                key={`${session.id}:${session.revision}`}
                session={session}
                now={now}
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
              {[...query.keys()].length > 0
                ? 'Nothing matches these filters.'
                : 'This store is empty. Sessions appear here as soon as they are created.'}
            </p>
          </div>
        )}
      </div>
      <div className="list-count" aria-live="polite">
        {listing === undefined
          ? 'Reading…'
          : `${count(listing.total)} ${listing.total === 1 ? 'session' : 'sessions'}`}
      </div>
    </aside>
  )
}

interface RowProps {
  readonly session: Summary
  readonly now: number
  readonly isHere: boolean
  readonly isFirst: boolean
  readonly href: string
  readonly top: number
}

function SessionRow({ session, now, isHere, isFirst, href, top }: RowProps): ReactNode {
  const owner = [session.tenantId, session.userId].filter((part) => part !== null).join(' / ')
  const kind = session.kind.type === 'agent' ? word(session.kind['agentName']) : session.kind.type
  const fresh = now - session.updatedAt < 1500
  return (
    <a
      className={`session-row${fresh ? ' fresh' : ''}`}
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
