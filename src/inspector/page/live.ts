/**
 * News from the server: one stream for the whole page, with a picture of the connection.
 */
import { useEffect, useSyncExternalStore } from 'react'
import type { Json, Summary } from './api.ts'

/** A change that was acknowledged. */
export interface News {
  readonly sessionId: string
  readonly revision: number
  readonly at: number
  readonly event: { readonly type: string; readonly [key: string]: Json }
  readonly statusBefore?: string
  readonly status: string
  readonly summary?: Summary
}

/** How the stream to the server is. */
export type Connection = 'connecting' | 'live' | 'lost' | 'closed'

const listeners = new Set<(news: readonly News[]) => void>()
const resets = new Set<() => void>()
const watchers = new Set<() => void>()
let connection: Connection = 'connecting'

/** How long news waits for more of it, so that the page draws once for all that came together. */
const GATHER_MS = 40
/** While news keeps coming the page draws so often, and no more. */
const PACE_MS = 300
let waiting: News[] = []
let toldAt = 0

function tell(news: News): void {
  if (waiting.push(news) > 1) return
  setTimeout(
    () => {
      const told = waiting
      if (told.length === 0) return
      waiting = []
      toldAt = Date.now()
      for (const listener of listeners) listener(told)
    },
    Math.max(GATHER_MS, toldAt + PACE_MS - Date.now()),
  )
}

function set(state: Connection): void {
  connection = state
  for (const watcher of watchers) watcher()
}

/** Opens the stream; the browser resumes it by itself with the last event id. */
export function connect(): void {
  const stream = new EventSource('api/events')
  stream.addEventListener('open', () => set('live'))
  stream.addEventListener('error', () =>
    set(stream.readyState === EventSource.CLOSED ? 'lost' : 'connecting'),
  )
  // The stream jumped over changes, or starts over: what is shown is read again, and then it is as new as it can be.
  stream.addEventListener('reset', () => {
    waiting.length = 0
    for (const reset of resets) reset()
  })
  stream.addEventListener('closed', () => {
    stream.close()
    set('closed')
  })
  stream.addEventListener('change', (message) => {
    set('live')
    tell(JSON.parse((message as MessageEvent<string>).data) as News)
  })
}

/** Calls back on news that came together, and when so much is new that it must be read again. */
export function useNews(listener: (news: readonly News[]) => void, onReset: () => void): void {
  useEffect(() => {
    listeners.add(listener)
    resets.add(onReset)
    return () => {
      listeners.delete(listener)
      resets.delete(onReset)
    }
  }, [listener, onReset])
}

/** How the stream is. */
export function useConnection(): Connection {
  return useSyncExternalStore(watch, () => connection)
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher)
  return () => void watchers.delete(watcher)
}
