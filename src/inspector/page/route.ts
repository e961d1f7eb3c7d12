/**
 * Where the page is, kept in the URL's fragment: `#/s/<id>?tab=chart&rev=7`, `#/?status=active`, `#/store`.
 */
import { useSyncExternalStore } from 'react'

/** A place in the page. */
export interface Route {
  readonly view: 'sessions' | 'store'
  readonly sessionId: string | null
  readonly query: URLSearchParams
}

function parse(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#/, '').split('?')
  const query = new URLSearchParams(search)
  const [, head, id] = path.split('/')
  if (head === 'store') return { view: 'store', sessionId: null, query }
  return { view: 'sessions', sessionId: head === 's' && id ? decodeURIComponent(id) : null, query }
}

let current = parse(location.hash)
const listeners = new Set<() => void>()
addEventListener('hashchange', () => {
  current = parse(location.hash)
  for (const listener of listeners) listener()
})

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

/** The place the page is at, live. */
export function useRoute(): Route {
  return useSyncExternalStore(subscribe, () => current)
}

/** The fragment of a session's page; parts of the query that are null go away. */
export function sessionHash(
  id: string,
  changes: Record<string, string | null> = {},
  base?: URLSearchParams,
): string {
  return withQuery(`#/s/${encodeURIComponent(id)}`, changes, base)
}

/** The fragment of the list with other filters. */
export function listHash(changes: Record<string, string | null>, base: URLSearchParams): string {
  return withQuery('#/', changes, base)
}

function withQuery(path: string, changes: Record<string, string | null>, base?: URLSearchParams): string {
  const query = new URLSearchParams(base)
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === '') query.delete(key)
    else query.set(key, value)
  }
  const text = query.toString()
  return text === '' ? path : `${path}?${text}`
}

/** Goes somewhere; `replace` leaves no step behind in the history. */
export function go(hash: string, replace = false): void {
  if (location.hash === hash) return
  if (replace) {
    history.replaceState(null, '', hash)
    dispatchEvent(new HashChangeEvent('hashchange'))
  } else {
    location.hash = hash
  }
}
