/**
 * The sessions that match the filters of the address: the first page at once, more as one scrolls, news where they belong.
 */
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { read, type Page, type Summary } from './api.ts'
import { useNews, type News } from './live.ts'

const FILTERS = ['status', 'kind', 'tag', 'tenantId', 'userId', 'nameContains'] as const
/** Rows that are read first, and again after news; and those of each page behind them. */
const FIRST = 100
const PAGE = 500
/** One reload for a burst of news: a busy store must not keep the page busy. */
const RELOAD_MS = 1000
/** The first news after a quiet time is shown at once. */
const SOON_MS = 100

/** The rows that are here, and where the next ones begin. */
export interface Listing {
  readonly items: readonly Summary[]
  /** Null when all that match are here. */
  readonly cursor: string | null
  /** All sessions of the store, matching or not. */
  readonly total: number
}

/** A listing that follows the address and the news. */
export interface LiveListing {
  readonly listing: Listing | undefined
  readonly error: Error | undefined
  /** Whether only some sessions are asked for. */
  readonly isFiltered: boolean
  readonly more: () => void
}

/** The listing of a query, live. */
export function useListing(query: URLSearchParams): LiveListing {
  const { filter, statuses, isFiltered } = useMemo(() => filterOf(query), [query])
  const [state, setState] = useState<{ filter: string; listing: Listing } | undefined>()
  const [error, setError] = useState<Error | undefined>()
  const [turn, setTurn] = useState(0)
  const isLoading = useRef(false)
  const listing = state?.listing

  useEffect(() => {
    const controller = new AbortController()
    read<Page<Summary>>(`sessions?limit=${FIRST}&${filter}`, controller.signal).then(
      (page) => {
        setState((before) => ({
          filter,
          listing: before?.filter === filter ? renewed(before.listing, page) : listingOf(page),
        }))
        setError(undefined)
      },
      (reason: Error) => !controller.signal.aborted && setError(reason),
    )
    return () => controller.abort()
  }, [filter, turn])

  const cursor = listing?.cursor ?? null
  const more = useCallback(() => {
    if (isLoading.current || cursor === null) return
    isLoading.current = true
    read<Page<Summary>>(`sessions?limit=${PAGE}&cursor=${encodeURIComponent(cursor)}&${filter}`)
      .then((page) => {
        // The answer may be to filters that are gone, or behind rows that were read anew.
        setState((before) =>
          before?.filter === filter && before.listing.cursor === cursor
            ? { filter, listing: extended(before.listing, page) }
            : before,
        )
      }, setError)
      .finally(() => {
        isLoading.current = false
      })
  }, [filter, cursor])

  const due = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  const renewedAt = useRef(0)
  const soon = useCallback(() => {
    due.current ??= setTimeout(
      () => {
        due.current = undefined
        renewedAt.current = Date.now()
        setTurn((value) => value + 1)
      },
      Math.max(SOON_MS, renewedAt.current + RELOAD_MS - Date.now()),
    )
  }, [])
  useEffect(() => () => clearTimeout(due.current), [])

  const onNews = useCallback(
    (news: readonly News[]) => {
      setState((before) => before && { ...before, listing: told(before.listing, news, statuses) })
      soon()
    },
    [soon, statuses],
  )
  useNews(onNews, soon)
  return { listing, error, isFiltered, more }
}

function filterOf(query: URLSearchParams): {
  filter: string
  statuses: readonly string[]
  isFiltered: boolean
} {
  const wanted = new URLSearchParams()
  for (const key of FILTERS) for (const value of query.getAll(key)) wanted.append(key, value)
  const isFiltered = wanted.size > 0
  const order = query.get('order')
  if (order !== null) wanted.set('order', order)
  return { filter: wanted.toString(), statuses: wanted.getAll('status'), isFiltered }
}

function listingOf({ items, nextCursor, total }: Page<Summary>): Listing {
  return { items, cursor: nextCursor, total }
}

/** The rows with a page behind them. */
function extended(before: Listing, { items, nextCursor, total }: Page<Summary>): Listing {
  const known = new Set(before.items.map(({ id }) => id))
  return { items: [...before.items, ...items.filter(({ id }) => !known.has(id))], cursor: nextCursor, total }
}

/** The rows with their first page read anew: behind its last row that was here before, all stays as it was. */
function renewed(before: Listing, page: Page<Summary>): Listing {
  const places = new Map(before.items.map(({ id }, index) => [id, index]))
  const joint = page.items.findLast(({ id }) => places.has(id))
  if (page.nextCursor === null || joint === undefined) return listingOf(page)
  const fresh = new Set(page.items.map(({ id }) => id))
  const behind = before.items.slice((places.get(joint.id) ?? 0) + 1).filter(({ id }) => !fresh.has(id))
  if (behind.length === 0) return listingOf(page)
  return { items: [...page.items, ...behind], cursor: before.cursor, total: page.total }
}

/** The rows with what the news says of them; who no longer matches is gone. */
function told(before: Listing, news: readonly News[], statuses: readonly string[]): Listing {
  const newest = new Map(news.map((one) => [one.sessionId, one]))
  const items = before.items.flatMap((row) => {
    const one = newest.get(row.id)
    if (one === undefined) return [row]
    if (one.status === 'deleted' || (statuses.length > 0 && !statuses.includes(one.status))) return []
    return [one.summary ?? { ...row, status: one.status, revision: one.revision, updatedAt: one.at }]
  })
  return { ...before, items }
}
