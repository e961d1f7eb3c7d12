/**
 * Gauges and facts: each limit with its use and action, deadlines counting down, tokens, the record.
 */
import type { ReactNode } from 'react'
import type { Detail, JsonMap } from './api.ts'
import { clock, count, span, visible, words } from './format.ts'
import { JsonText, Pairs, useNow, word } from './parts.tsx'

interface Gauge {
  readonly name: string
  readonly used: number
  readonly max: number | null
  readonly action: string
  readonly isTime: boolean
}

function gaugesOf(detail: Detail, now: number): Gauge[] {
  const context = detail.context as unknown as Record<string, number | null>
  const limits = (detail.context['limits'] ?? {}) as JsonMap
  const actions = (limits['actions'] ?? {}) as JsonMap
  const end = context['endedAt'] ?? now
  const rows = [
    ['turns', context['turnCount'], limits['maxTurns'], false],
    ['entries', context['entryCount'], limits['maxEntries'], false],
    ['toolCalls', context['toolCallCount'], limits['maxToolCalls'], false],
    [
      'tokens',
      (context['initialTokenCount'] ?? 0) + (context['deltaTokenCount'] ?? 0),
      limits['maxTokens'],
      false,
    ],
    ['duration', end - detail.createdAt, limits['maxDurationMs'], true],
    ['idle', context['idleSince'] == null ? 0 : now - context['idleSince'], limits['maxIdleMs'], true],
  ] as const
  return rows.map(([name, used, max, isTime]) => ({
    name,
    used: used ?? 0,
    max: typeof max === 'number' ? max : null,
    action: word(actions[name] ?? limits['action']),
    isTime,
  }))
}

/** The gauges of a session as it is, or was. */
export function Overview({
  detail,
  isPast,
}: {
  readonly detail: Detail
  readonly isPast: boolean
}): ReactNode {
  const present = useNow()
  const now = isPast ? detail.updatedAt : present
  const { usage, record } = detail
  return (
    <div className="panel padded" style={{ display: 'grid', gap: 20, alignContent: 'start' }}>
      <section style={{ display: 'grid', gap: 8 }}>
        <h3>Limits</h3>
        <div className="cards">
          {gaugesOf(detail, now).map((gauge) => (
            <GaugeCard key={gauge.name} gauge={gauge} />
          ))}
        </div>
      </section>
      <section style={{ display: 'grid', gap: 8 }}>
        <h3>Deadlines and tokens</h3>
        <div className="cards">
          {detail.deadlines.map((deadline) => (
            <div className="card" key={deadline.kind}>
              <div className="spread">
                <span>{deadline.kind === 'ttl' ? 'time to live' : deadline.kind}</span>
                <time className="quiet">{clock(deadline.dueAt)}</time>
              </div>
              <div className="big">{deadline.dueAt <= now ? 'overdue' : span(deadline.dueAt - now)}</div>
            </div>
          ))}
          {detail.deadlines.length === 0 && (
            <div className="card">
              <span>Deadlines</span>
              <span className="quiet">Nothing will happen by itself.</span>
            </div>
          )}
          <div className="card">
            <div className="spread">
              <span>Tokens sent</span>
              <span className="quiet">{count(usage['roundCount'] ?? 0)} rounds</span>
            </div>
            <div className="big">
              {count((usage['initialTokenCount'] ?? 0) + (usage['deltaTokenCount'] ?? 0))}
            </div>
            <span className="quiet">
              {count(usage['tokensSaved'] ?? 0)} saved by sending only what is new
            </span>
          </div>
        </div>
      </section>
      <section style={{ display: 'grid', gap: 8 }}>
        <h3>Record</h3>
        <Pairs
          pairs={Object.entries(record)
            .filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0))
            .map(([name, value]) => [
              name,
              typeof value === 'string' ? visible(value) : <JsonText key={name} value={value} />,
            ])}
        />
      </section>
      <section style={{ display: 'grid', gap: 8 }}>
        <h3>Machine context</h3>
        <JsonText value={detail.context} />
      </section>
    </div>
  )
}

function GaugeCard({ gauge }: { readonly gauge: Gauge }): ReactNode {
  const { name, used, max, action, isTime } = gauge
  const show = (value: number): string => (isTime ? span(value) : count(value))
  return (
    <div className="card" data-gauge={name}>
      <div className="spread">
        <span>{name === 'toolCalls' ? 'tool calls' : name}</span>
        {max === null ? (
          <span className="quiet">unlimited</span>
        ) : (
          <span className="tag">{words(action)}</span>
        )}
      </div>
      <div>
        <span className="big">{show(used)}</span>
        {max !== null && <span className="quiet"> of {show(max)}</span>}
      </div>
      {max !== null && (
        <meter
          min={0}
          max={Math.max(max, 1)}
          low={max * 0.8}
          high={max * 0.999}
          optimum={0}
          value={Math.min(used, max)}
          aria-label={`${name}: ${show(used)} of ${show(max)}`}
        />
      )}
    </div>
  )
}
