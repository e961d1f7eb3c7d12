/**
 * News from the server: one stream for the whole page, with a picture of the connection.
 */
import { useEffect, useState } from 'react'
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
export type Connection = 'connecting' | 'live' | 'lost'

const listeners = new Set<(news: News) => void>()
const watchers = new Set<(state: Connection) => void>()
let connection: Connection = 'connecting'

function set(state: Connection): void {
  connection = state
  for (const watcher of watchers) watcher(state)
}

/** Opens the stream; the browser resumes it by itself with the last event id. */
export function connect(): void {
  const stream = new EventSource('/api/events')
  stream.addEventListener('open', () => set('live'))
  stream.addEventListener('error', () =>
    set(stream.readyState === EventSource.CLOSED ? 'lost' : 'connecting'),
  )
  stream.addEventListener('change', (message) => {
    set('live')
    const news = JSON.parse((message as MessageEvent<string>).data) as News
    for (const listener of listeners) listener(news)
  })
}

/** Calls back on news. */
export function useNews(listener: (news: News) => void): void {
  useEffect(() => {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }, [listener])
}

/** How the stream is. */
export function useConnection(): Connection {
  const [state, setState] = useState(connection)
  useEffect(() => {
    watchers.add(setState)
    return () => void watchers.delete(setState)
  }, [])
  return state
}
