/**
 * The page: signs in with the token of its address, then shows sessions, one session, or the store.
 */
import { StrictMode, useEffect, useRef, useState, type ReactNode } from 'react'
import { createRoot } from 'react-dom/client'
import { read, send, type Info } from './api.ts'
import { connect, useConnection } from './live.ts'
import { Calm, RefusalNote } from './parts.tsx'
import { go, listHash, sessionHash, useRoute, type Route } from './route.ts'
import { SessionsList } from './sessions-list.tsx'
import { SessionView, TABS } from './session-view.tsx'
import { StoreView } from './store-view.tsx'
import './style.css'

const KEYS = [
  ['/', 'filter by name'],
  ['j  k', 'next, previous session'],
  ['←  →', 'one revision back, forward'],
  ['Home  End', 'first revision, now'],
  ['1 – 5', 'chart, timeline, transcript, gauges, diff'],
  ['s', 'the store'],
  ['Esc', 'back to the list'],
  ['?', 'this sheet'],
] as const

function App({ info }: { readonly info: Info }): ReactNode {
  const route = useRoute()
  const help = useRef<HTMLDialogElement>(null)
  useKeys(route, () => help.current?.showModal())
  const { sessionId, view, query } = route
  return (
    <div className={`frame${sessionId !== null || view === 'store' ? ' has-session' : ''}`}>
      <header className="top">
        <h1>sessionwright</h1>
        <nav aria-label="Pages">
          <a
            href={sessionId === null ? listHash({}, query) : sessionHash(sessionId, {}, query)}
            aria-current={view === 'sessions' ? 'page' : undefined}
          >
            Sessions
          </a>
          <a href="#/store" aria-current={view === 'store' ? 'page' : undefined}>
            Store
          </a>
        </nav>
        <span className="place mono cut grow">{info.place}</span>
        <Link info={info} />
        <button type="button" aria-label="Keys" onClick={() => help.current?.showModal()}>
          ?
        </button>
      </header>
      <SessionsList route={route} />
      {view === 'store' ? (
        <StoreView />
      ) : sessionId === null ? (
        <main className="main">
          <Calm title="Choose a session">
            <p>
              Its chart, its history and its transcript appear here. Press <kbd>?</kbd> for the keys.
            </p>
          </Calm>
        </main>
      ) : (
        <SessionView key={sessionId} id={sessionId} query={query} info={info} />
      )}
      <dialog ref={help} aria-label="Keys">
        <h2>Keys</h2>
        <dl className="keys">
          {KEYS.map(([key, what]) => (
            <div key={key} style={{ display: 'contents' }}>
              <dt>
                {key.split('  ').map((one) => (
                  <kbd key={one}>{one}</kbd>
                ))}
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
        <form method="dialog">
          <button type="submit">Close</button>
        </form>
      </dialog>
    </div>
  )
}

function Link({ info }: { readonly info: Info }): ReactNode {
  const connection = useConnection()
  const words = {
    live: 'live',
    connecting: 'connecting…',
    lost: 'connection lost',
    closed: 'the runtime was closed',
  }[connection]
  return (
    <span className="row quiet" role="status">
      <span className={`dot ${connection}`} />
      <span className="only-wide">{words}</span>
      {info.mode === 'reader' && <span className="only-wide">read-only</span>}
    </span>
  )
}

function useKeys(route: Route, showHelp: () => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      const target = event.target as HTMLElement
      if (event.metaKey || event.ctrlKey || event.altKey || target.closest('dialog[open]')) return
      if (
        /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName) &&
        !(target as HTMLInputElement).matches('[type=range]')
      ) {
        if (event.key === 'Escape') target.blur()
        return
      }
      if (act(event.key, route, showHelp)) event.preventDefault()
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [route, showHelp])
}

/** What a key does; false when it is none of ours. */
function act(key: string, { sessionId, query }: Route, showHelp: () => void): boolean {
  if (key === '?') showHelp()
  else if (key === '/') document.querySelector<HTMLInputElement>('#search')?.focus()
  else if (key === 's') go('#/store')
  else if (key === 'Escape') go(listHash({ rev: null, tab: null, from: null, machine: null }, query))
  else if (key === 'j' || key === 'k') step(key === 'j' ? 1 : -1)
  else if (sessionId === null) return false
  else if (/^[1-5]$/.test(key)) {
    const tab = TABS[Number(key) - 1] ?? 'chart'
    go(sessionHash(sessionId, { tab: tab === 'chart' ? null : tab }, query), true)
  } else if (key === 'ArrowLeft') press('One revision back')
  else if (key === 'ArrowRight') press('One revision forward')
  else if (key === 'Home') go(sessionHash(sessionId, { rev: '1' }, query), true)
  else if (key === 'End') go(sessionHash(sessionId, { rev: null }, query), true)
  else return false
  return true
}

function press(label: string): void {
  document.querySelector<HTMLButtonElement>(`[aria-label="${label}"]`)?.click()
}

/** Goes to the next or previous row of the list. */
function step(by: number): void {
  const rows = [...document.querySelectorAll<HTMLAnchorElement>('.session-row')]
  const here = rows.findIndex((row) => row.hasAttribute('aria-current'))
  const row = rows[here === -1 ? 0 : here + by]
  row?.focus()
  row?.click()
}

/** Exchanges the one-time token of the address for a cookie, and takes it out of the address. */
async function signIn(): Promise<void> {
  const [, token] = /[#&]token=([A-Za-z0-9_-]+)/.exec(location.hash) ?? []
  if (token === undefined) return
  const [, to = '/'] = /[#&]to=([^&]+)/.exec(location.hash) ?? []
  history.replaceState(null, '', `#${decodeURIComponent(to)}`)
  dispatchEvent(new HashChangeEvent('hashchange'))
  await send('login', { token })
}

function Start(): ReactNode {
  const [info, setInfo] = useState<Info | undefined>()
  const [error, setError] = useState<Error | undefined>()
  useEffect(() => {
    void started.then(
      (value) => {
        setInfo(value)
        connect()
      },
      (reason: Error) => setError(reason),
    )
  }, [])
  if (error !== undefined) {
    return (
      <Calm title="Not signed in">
        <RefusalNote error={error} />
        <p>
          Each address works once and ends with the process that printed it. Start the inspector again and
          open the address it prints.
        </p>
      </Calm>
    )
  }
  return info === undefined ? <Calm title="Opening the inspector…" /> : <App info={info} />
}

const started = signIn().then(
  () => read<Info>('info'),
  // A token used before: the cookie of its first use may still be good.
  (error: Error) => read<Info>('info').catch(() => Promise.reject(error)),
)
const root = document.querySelector('#root')
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <Start />
    </StrictMode>,
  )
}
