/**
 * Every change of a session, newest first, loaded as one scrolls; choosing one looks at the session as it was then.
 */
import { useCallback, useEffect, useRef, useState, type ReactNode } from 'react'
import { read, sessionPath, type ChangeLine } from './api.ts'
import { clock, visible, words } from './format.ts'
import { Calm, RefusalNote, Status, word } from './parts.tsx'
import { sessionHash } from './route.ts'

const PAGE = 200

interface Props {
  readonly id: string
  readonly newest: number
  readonly revision: number
  readonly query: URLSearchParams
}

/** The timeline of a session. */
export function Timeline({ id, newest, revision, query }: Props): ReactNode {
  const [lines, setLines] = useState<readonly ChangeLine[]>([])
  const [error, setError] = useState<Error | undefined>()
  const loading = useRef(false)

  const load = useCallback(
    (to: number, replace: boolean) => {
      if (loading.current || to < 1) return
      loading.current = true
      read<{ items: readonly ChangeLine[] }>(sessionPath(id, `/changes?to=${to}&order=desc&limit=${PAGE}`))
        .then(({ items }) => {
          setLines((before) => (replace ? merge(items, before) : [...before, ...items]))
          setError(undefined)
        }, setError)
        .finally(() => {
          loading.current = false
        })
    },
    [id],
  )
  useEffect(() => setLines([]), [id])
  useEffect(() => load(newest, true), [load, newest])

  const oldest = lines.at(-1)?.revision ?? 1
  const here = useRef<HTMLAnchorElement>(null)
  useEffect(() => here.current?.scrollIntoView({ block: 'nearest' }), [revision])

  if (error !== undefined) return <RefusalNote error={error} />
  if (lines.length === 0) return <Calm title="Reading the timeline…" />
  return (
    <div
      className="panel"
      onScroll={(event) => nearEnd(event.currentTarget) && oldest > 1 && load(oldest - 1, false)}
    >
      <ol className="timeline" aria-label="Changes, newest first">
        {lines.map((line) => (
          <li key={line.revision}>
            <a
              href={sessionHash(id, { rev: line.revision === newest ? null : String(line.revision) }, query)}
              aria-current={line.revision === revision || undefined}
              data-revision={line.revision}
              ref={line.revision === revision ? here : null}
            >
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
            </a>
          </li>
        ))}
      </ol>
      {oldest > 1 && <p className="padded quiet">Reading earlier changes…</p>}
    </div>
  )
}

function merge(items: readonly ChangeLine[], before: readonly ChangeLine[]): readonly ChangeLine[] {
  const last = items.at(-1)?.revision ?? 0
  return [...items, ...before.filter(({ revision }) => revision < last)]
}

function nearEnd(panel: HTMLElement): boolean {
  return panel.scrollHeight - panel.scrollTop - panel.clientHeight < 600
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
