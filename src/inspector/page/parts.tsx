/**
 * Small parts that every view uses: statuses, refusals, calm states, JSON as text, and reading with reload.
 */
import { useCallback, useEffect, useRef, useState, useSyncExternalStore, type ReactNode } from 'react'
import { Refusal, read, type Json } from './api.ts'
import { visible, words } from './format.ts'

/** A status as a word with a mark. */
export function Status({ status }: { readonly status: string }): ReactNode {
  return <span className={`status ${status}`}>{status}</span>
}

/** A refusal: code, what happened, what to do. */
export function RefusalNote({ error }: { readonly error: Error }): ReactNode {
  const refusal = error instanceof Refusal ? error : undefined
  return (
    <div className="refusal" role="alert">
      <code>{refusal?.code ?? error.name}</code>
      <span>{visible(error.message)}</span>
      {refusal !== undefined && refusal.remedy !== '' && <span className="quiet">{refusal.remedy}</span>}
    </div>
  )
}

/** A view with nothing to show, saying why and what to do. */
export function Calm({
  title,
  children,
}: {
  readonly title: string
  readonly children?: ReactNode
}): ReactNode {
  return (
    <div className="calm">
      <h2>{title}</h2>
      {children}
    </div>
  )
}

/** A value as indented JSON, every character visible. */
export function JsonText({ value }: { readonly value: Json | undefined }): ReactNode {
  return <pre className="mono">{value === undefined ? '–' : visible(JSON.stringify(value, null, 2))}</pre>
}

/** A JSON value as a word: text as it is, anything else as JSON. */
export function word(value: Json | undefined): string {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? '' : JSON.stringify(value)
}

/** Names and values in two columns. */
export function Pairs({ pairs }: { readonly pairs: readonly (readonly [string, ReactNode])[] }): ReactNode {
  return (
    <dl className="pairs">
      {pairs.map(([name, value]) => (
        <div key={name} style={{ display: 'contents' }}>
          <dt>{words(name)}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

/** What was read, while it is read, and why it could not be. */
export interface Reading<T> {
  readonly data: T | undefined
  readonly error: Error | undefined
  readonly reload: () => void
}

/**
 * Reads a path, again when it changes or on `reload`; the last data stays while new data is on its way. However often it is
 * told to reload, one read is on its way at a time, and one more follows it.
 */
export function useReading<T>(path: string | null): Reading<T> {
  const [state, setState] = useState<{ path: string | null; data?: T; error?: Error }>({ path: null })
  const [turn, setTurn] = useState(0)
  const flight = useRef<{ isStale: boolean } | undefined>(undefined)
  useEffect(() => {
    if (path === null) return
    const controller = new AbortController()
    const mine = { isStale: false }
    flight.current = mine
    const landed = (): void => {
      if (flight.current !== mine) return
      flight.current = undefined
      if (mine.isStale) setTurn((value) => value + 1)
    }
    read<T>(path, controller.signal).then(
      (data) => {
        setState({ path, data })
        landed()
      },
      (error: Error) => {
        if (!controller.signal.aborted)
          setState((before) => ({
            path,
            error,
            ...(before.path === path && before.data !== undefined ? { data: before.data } : {}),
          }))
        landed()
      },
    )
    return () => controller.abort()
  }, [path, turn])
  const reload = useCallback(() => {
    if (flight.current === undefined) setTurn((value) => value + 1)
    else flight.current.isStale = true
  }, [])
  return { data: state.data, error: state.error, reload }
}

const narrow = matchMedia('(max-width: 760px)')

/** Whether the page is as narrow as a phone, live; the style sheet has the same bound. */
export function useIsNarrow(): boolean {
  return useSyncExternalStore(
    (changed) => {
      narrow.addEventListener('change', changed)
      return () => narrow.removeEventListener('change', changed)
    },
    () => narrow.matches,
  )
}

/** The time, once a second, for ages and countdowns. */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  return now
}
