/**
 * The store: what it holds, who owns it, what is on its way, what is damaged.
 */
import { useEffect, type ReactNode } from 'react'
import { bytes, count, visible } from './format.ts'
import { Calm, Pairs, RefusalNote, useReading } from './parts.tsx'

interface Stats {
  readonly status: string
  readonly readOnly: boolean
  readonly residentSessions: number
  readonly liveActors: number
  readonly pendingCommands: number
  readonly deadlines: number
  readonly restarts: number
  readonly quarantined: number
  readonly store: {
    readonly kind: string
    readonly place: string
    readonly sessions: number
    readonly pendingChanges: number
    readonly journalBytes: number
    readonly deadBytes: number
    readonly segments: number
    readonly snapshotSessions: number
    readonly epoch: number
    readonly damage: readonly {
      readonly file: string
      readonly byte: number
      readonly bytes: number
      readonly reason: string
      readonly sessionIds: readonly string[]
    }[]
    readonly tornTail: { readonly file: string; readonly byte: number; readonly bytes: number } | null
  }
}

/** The store's page. */
export function StoreView(): ReactNode {
  const { data, error, reload } = useReading<Stats>('store')
  useEffect(() => {
    const timer = setInterval(reload, 2000)
    return () => clearInterval(timer)
  }, [reload])
  if (data === undefined)
    return (
      <main className="main">
        {error === undefined ? <Calm title="Reading the store…" /> : <RefusalNote error={error} />}
      </main>
    )
  const { store } = data
  const card = (title: string, value: string, note: string): ReactNode => (
    <div className="card">
      <span className="quiet">{title}</span>
      <span className="big">{value}</span>
      <span className="quiet">{note}</span>
    </div>
  )
  return (
    <main className="main" data-view="store">
      <div className="panel padded" style={{ display: 'grid', gap: 20, alignContent: 'start' }}>
        <h2 className="mono">{visible(store.place)}</h2>
        <div className="cards">
          {card('Sessions', count(store.sessions), `${count(store.snapshotSessions)} in snapshots`)}
          {card(
            'Journal',
            bytes(store.journalBytes),
            `${count(store.segments)} ${store.segments === 1 ? 'segment' : 'segments'}, ${bytes(store.deadBytes)} dead`,
          )}
          {card('On their way', count(store.pendingChanges), 'changes not acknowledged yet')}
          {card('Live actors', count(data.liveActors), `${count(data.residentSessions)} sessions in memory`)}
          {card('Deadlines', count(data.deadlines), 'sessions wait for the clock')}
          {card('Faults', count(data.restarts), `actor restarts, ${count(data.quarantined)} quarantined`)}
        </div>
        <section style={{ display: 'grid', gap: 8 }}>
          <h3>Owner</h3>
          <Pairs
            pairs={[
              ['runtime', data.status],
              ['this inspector', data.readOnly ? 'only reads; commands are off' : 'runs inside the owner'],
              ['epoch', count(store.epoch)],
              ['kind', store.kind],
            ]}
          />
        </section>
        <section style={{ display: 'grid', gap: 8 }}>
          <h3>Damage</h3>
          {store.tornTail !== null && (
            <p>
              A torn end of {bytes(store.tornTail.bytes)} was cut from <code>{store.tornTail.file}</code> at
              byte {count(store.tornTail.byte)}; no acknowledgement ever covered it.
            </p>
          )}
          {store.damage.length === 0 ? (
            <p className="quiet">None known.</p>
          ) : (
            store.damage.map((place) => (
              <div className="refusal" key={`${place.file}:${place.byte}`}>
                <code>
                  {place.file} at byte {count(place.byte)}
                </code>
                <span>
                  {visible(place.reason)};{' '}
                  {place.sessionIds.length === 0
                    ? 'the sessions could not be told'
                    : `sessions ${place.sessionIds.map(visible).join(', ')}`}
                </span>
                <span className="quiet">Run `sessionwright doctor --repair` when nobody owns the store.</span>
              </div>
            ))
          )}
        </section>
      </div>
    </main>
  )
}
