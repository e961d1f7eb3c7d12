/**
 * One session: its head, its tabs, and the scrubber that looks at any revision without changing anything.
 */
import { lazy, Suspense, useCallback, useMemo, type ReactNode } from 'react'
import { sessionPath, type ChangeLine, type Detail, type Info } from './api.ts'
import type { ChartState } from './chart-view.tsx'
import { Commands } from './commands.tsx'
import { DiffView } from './diff-view.tsx'
import { ago, clock, visible } from './format.ts'
import { useNews, type News } from './live.ts'
import { Overview } from './overview.tsx'
import { Calm, RefusalNote, Status, useNow, useReading, word } from './parts.tsx'
import { go, sessionHash } from './route.ts'
import { Timeline } from './timeline.tsx'
import { Transcript } from './transcript.tsx'

/** The chart with its library: half of the script, and not needed before a session is looked at. */
const ChartView = lazy(async () => ({ default: (await import('./chart-view.tsx')).ChartView }))

/** The tabs, in the order of their number keys. */
export const TABS = ['chart', 'timeline', 'transcript', 'gauges', 'diff'] as const

interface Props {
  readonly id: string
  readonly query: URLSearchParams
  readonly info: Info
}

/** One session. */
export function SessionView({ id, query, info }: Props): ReactNode {
  const live = useReading<Detail>(sessionPath(id))
  const newest = live.data?.revision ?? 0
  const wanted = Number(query.get('rev') ?? 0)
  const isPast = wanted >= 1 && wanted < newest
  const revision = isPast ? wanted : newest
  const past = useReading<Detail>(isPast ? sessionPath(id, `/at/${wanted}`) : null)
  const detail = isPast ? past.data : live.data
  const { reload } = live
  const onNews = useCallback(
    (news: readonly News[]) => {
      if (news.some(({ sessionId }) => sessionId === id)) reload()
    },
    [id, reload],
  )
  useNews(onNews, reload)

  const tab = TABS.find((name) => name === query.get('tab')) ?? 'chart'
  if (live.error !== undefined && live.data === undefined) {
    return (
      <main className="main">
        <Calm title="This session cannot be shown">
          <RefusalNote error={live.error} />
          <p>
            It may have been deleted, or belong to a store other than this one.{' '}
            <a href="#/">Back to the list</a>
          </p>
        </Calm>
      </main>
    )
  }
  if (detail === undefined || detail.id !== id)
    return (
      <main className="main">
        <Calm title="Reading the session…" />
      </main>
    )
  const look = (to: number): void =>
    go(sessionHash(id, { rev: to >= newest ? null : String(to) }, query), true)
  return (
    <main className="main" data-view="session" data-revision={revision}>
      <Head detail={detail} info={info} isPast={isPast} onDone={reload} />
      <div className="head" style={{ paddingTop: 0 }}>
        <div className="tabs" role="tablist" aria-label="Views">
          {TABS.map((name, index) => (
            <a
              key={name}
              role="tab"
              id={`tab-${name}`}
              aria-selected={name === tab}
              href={sessionHash(id, { tab: name === 'chart' ? null : name }, query)}
              title={`${index + 1}`}
            >
              {name}
            </a>
          ))}
        </div>
      </div>
      {isPast && (
        <div className="past" role="status">
          <span className="grow">
            You look at the past: revision {revision} of {newest}, {clock(detail.updatedAt)}. Looking changes
            nothing.
          </span>
          <button type="button" onClick={() => look(newest)}>
            Back to now
          </button>
        </div>
      )}
      <div
        className="panel"
        style={{ display: 'flex', flexDirection: 'column', overflow: 'hidden' }}
        role="tabpanel"
        aria-labelledby={`tab-${tab}`}
      >
        {tab === 'chart' && <Charts detail={detail} isPast={isPast} revision={revision} query={query} />}
        {tab === 'timeline' && <Timeline id={id} newest={newest} revision={revision} query={query} />}
        {tab === 'transcript' && <Transcript key={id} id={id} revision={revision} isPast={isPast} />}
        {tab === 'gauges' && <Overview detail={detail} isPast={isPast} />}
        {tab === 'diff' && <DiffView id={id} revision={revision} newest={newest} query={query} />}
      </div>
      <div className="scrubber">
        <button
          type="button"
          aria-label="One revision back"
          disabled={revision <= 1}
          onClick={() => look(revision - 1)}
        >
          ←
        </button>
        <input
          type="range"
          aria-label="Revision"
          min={1}
          max={Math.max(newest, 1)}
          value={revision}
          onChange={(event) => look(Number(event.target.value))}
        />
        <button
          type="button"
          aria-label="One revision forward"
          disabled={revision >= newest}
          onClick={() => look(revision + 1)}
        >
          →
        </button>
        <output>
          revision {revision} of {newest}
        </output>
      </div>
    </main>
  )
}

function Head({
  detail,
  info,
  isPast,
  onDone,
}: {
  readonly detail: Detail
  readonly info: Info
  readonly isPast: boolean
  readonly onDone: () => void
}): ReactNode {
  const now = useNow()
  const { record } = detail
  const provider = record['provider'] as { readonly id: string; readonly model: string } | null
  const owner = [record['tenantId'], record['userId']].filter((part) => typeof part === 'string').join(' / ')
  return (
    <header className="head" style={{ borderBottom: 0 }}>
      <div className="spread">
        <div className="row grow">
          <a className="only-narrow" href="#/" aria-label="Back to the list">
            ←
          </a>
          <span className="title cut">{visible(word(record['name'])) || 'unnamed'}</span>
          <Status status={detail.status} />
          {detail.quarantine !== null && (
            <span className="tag bad">quarantined: {detail.quarantine.code}</span>
          )}
        </div>
        <a href={`api/${sessionPath(detail.id, '/export')}`} download>
          Export
        </a>
      </div>
      <div className="facts">
        <span className="mono">{detail.id}</span>
        {provider !== null && <span>{visible(`${provider.id} ${provider.model}`)}</span>}
        {owner !== '' && <span>{visible(owner)}</span>}
        <span>created {ago(detail.createdAt, now)}</span>
        <span>changed {ago(detail.updatedAt, now)}</span>
      </div>
      {info.commands && !isPast && (
        <div style={{ marginTop: 10 }}>
          <Commands detail={detail} onDone={onDone} />
        </div>
      )}
    </header>
  )
}

const CHARTS = ['session', 'limitPolicy', 'supervisor'] as const
const LABELS = { session: 'Session', limitPolicy: 'Limit policy', supervisor: 'Supervisor' } as const

function Charts({
  detail,
  isPast,
  revision,
  query,
}: {
  readonly detail: Detail
  readonly isPast: boolean
  readonly revision: number
  readonly query: URLSearchParams
}): ReactNode {
  const name = CHARTS.find((one) => one === query.get('machine')) ?? 'session'
  const last = useReading<{ items: readonly ChangeLine[] }>(
    sessionPath(detail.id, `/changes?from=${revision}&to=${revision}`),
  )
  const stats = useReading<{ status: string }>(name === 'supervisor' ? 'store' : null)
  const line = last.data?.items[0]
  const state = useMemo((): ChartState => {
    if (name === 'supervisor') return { value: stats.data?.status ?? null }
    if (name === 'limitPolicy') return { value: detail.policy }
    const next = isPast ? [] : detail.commands
    return {
      value: detail.value,
      next,
      ...(line === undefined || line.revision !== revision
        ? {}
        : { last: { event: line.event.type, from: line.statusBefore, revision } }),
    }
  }, [name, detail, isPast, line, revision, stats.data])
  return (
    <div style={{ position: 'relative', flex: 1, minHeight: 0 }}>
      <div className="chart-bar" role="group" aria-label="Machine">
        {CHARTS.map((one) => (
          <button
            key={one}
            type="button"
            className="chip"
            aria-pressed={one === name}
            onClick={() =>
              go(sessionHash(detail.id, { machine: one === 'session' ? null : one }, query), true)
            }
          >
            {LABELS[one]}
          </button>
        ))}
      </div>
      <Suspense fallback={<Calm title="Laying out the chart…" />}>
        <ChartView name={name} state={state} />
      </Suspense>
    </div>
  )
}
