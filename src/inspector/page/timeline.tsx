/**
 * Every change of a session, newest first, as a virtual list over all its revisions; what comes into view is read. Choosing
 * one looks at the session as it was then.
 */
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useLayoutEffect, useRef, type ReactNode } from 'react'
import type { ChangeLine } from './api.ts'
import { useChangeLines } from './change-lines.ts'
import { clock, visible, words } from './format.ts'
import { Calm, RefusalNote, Status, useIsNarrow, word } from './parts.tsx'
import { sessionHash } from './route.ts'

/** Heights of `.timeline a`: one line, or two on a narrow page. */
const ROW = 36
const NARROW_ROW = 56

interface Props {
  readonly id: string
  readonly newest: number
  readonly revision: number
  readonly query: URLSearchParams
}

/** The timeline of a session. */
export function Timeline({ id, newest, revision, query }: Props): ReactNode {
  const panel = useRef<HTMLDivElement>(null)
  const seen = useRef(newest)
  const height = useIsNarrow() ? NARROW_ROW : ROW
  const rows = useVirtualizer({
    count: newest,
    getScrollElement: () => panel.current,
    estimateSize: () => height,
    getItemKey: (index) => newest - index,
    overscan: 10,
  })
  useEffect(() => rows.measure(), [rows, height])
  // Live, the list stays where it is scrolled to; a revision of the past is brought into view when it is chosen.
  const chosen = revision === newest ? undefined : revision
  useEffect(
    () => rows.scrollToIndex(chosen === undefined ? 0 : seen.current - chosen, { align: 'auto' }),
    [rows, chosen],
  )

  // Who reads further down keeps the line under the eye while new ones come in above it.
  useLayoutEffect(() => {
    const added = newest - seen.current
    seen.current = newest
    if (panel.current !== null && panel.current.scrollTop > height) panel.current.scrollTop += added * height
  }, [newest, height])

  const shown = rows.getVirtualItems()
  const { lines, error } = useChangeLines(
    id,
    newest - (shown.at(-1)?.index ?? 0),
    newest - (shown[0]?.index ?? 0),
  )
  return (
    <div className="panel" ref={panel}>
      {error !== undefined && <RefusalNote error={error} />}
      {error === undefined && lines.size === 0 && <Calm title="Reading the timeline…" />}
      <ol className="timeline" aria-label="Changes, newest first" style={{ height: rows.getTotalSize() }}>
        {shown.map(({ index, start }) => {
          const at = newest - index
          const place = { height, transform: `translateY(${start}px)` }
          const line = lines.get(at)
          return (
            <li key={at} style={place} aria-setsize={newest} aria-posinset={index + 1}>
              {line === undefined || line === null ? (
                <span className="line quiet">
                  <span className="rev">{at}</span>
                  <span>{line === null ? 'no longer kept' : '…'}</span>
                </span>
              ) : (
                <a
                  className="line"
                  href={sessionHash(id, { rev: at === newest ? null : String(at) }, query)}
                  aria-current={at === revision || undefined}
                  data-revision={at}
                >
                  <Line line={line} />
                </a>
              )}
            </li>
          )
        })}
      </ol>
    </div>
  )
}

function Line({ line }: { readonly line: ChangeLine }): ReactNode {
  return (
    <>
      <span className="rev">{line.revision}</span>
      <time className="quiet" title={new Date(line.at).toISOString()}>
        {clock(line.at)}
      </time>
      <span className="event cut">{describe(line)}</span>
      <span className="led-to">
        {line.statusBefore !== line.status && line.revision > 1 ? (
          <span className="quiet">{line.statusBefore} → </span>
        ) : null}
        <Status status={line.status} />
      </span>
      <span className="said cut quiet">
        {line.entries.map((entry) => visible(entry.preview)).join('  ·  ')}
        {line.findings.map((finding) => (
          <span key={finding.limit} className="tag">
            {finding.limit} {finding.current} / {finding.max} {words(finding.action)}
          </span>
        ))}
        {line.operationId !== null && <span className="who mono"> {visible(line.operationId)}</span>}
      </span>
    </>
  )
}

function describe(line: ChangeLine): string {
  const { type } = line.event
  const [entry] = line.entries
  if (type === 'append' && entry !== undefined) {
    return line.entries.length === 1 ? words(entry.type) : `${line.entries.length} entries`
  }
  if (type === 'deadline') return `deadline: ${word(line.event['kind'])}`
  if (type === 'recordDelta') return `delta: ${word(line.event['tokens'])} tokens`
  if (type === 'admit') return `admit: ${word(line.event['door'])}`
  return type
}
