/**
 * The transcript as a conversation. Everything a model or a tool wrote is text here, and never anything else.
 */
import { useCallback, useEffect, useRef, useState, type ReactNode } from 'react'
import { read, sessionPath, type EntryLine, type Json } from './api.ts'
import { bytes, clock, count, visible, words } from './format.ts'
import { Calm, JsonText, RefusalNote, word } from './parts.tsx'

const PAGE = 100
const SHOWN_CHARACTERS = 4000

interface Props {
  readonly id: string
  readonly revision: number
  readonly isPast: boolean
}

/** The transcript of a session as it was at a revision. */
export function Transcript({ id, revision, isPast }: Props): ReactNode {
  const [entries, setEntries] = useState<readonly EntryLine[] | undefined>()
  const [total, setTotal] = useState(0)
  const [error, setError] = useState<Error | undefined>()
  const loading = useRef(false)

  const at = isPast ? `&rev=${revision}` : ''
  const load = useCallback(
    (
      query: string,
      place: (before: readonly EntryLine[], items: readonly EntryLine[]) => readonly EntryLine[],
    ) => {
      if (loading.current) return
      loading.current = true
      read<{ items: readonly EntryLine[]; total: number }>(sessionPath(id, `/entries?limit=${PAGE}${query}`))
        .then((page) => {
          setEntries((before) => place(before ?? [], page.items))
          setTotal(page.total)
          setError(undefined)
        }, setError)
        .finally(() => {
          loading.current = false
        })
    },
    [id],
  )
  useEffect(() => {
    load(`&last=${PAGE}${at}`, (before, items) => {
      const first = items[0]?.position ?? 0
      const last = items.at(-1)?.position ?? -1
      return [...before.filter(({ position }) => position < first), ...items].filter(
        ({ position }) => position <= last,
      )
    })
  }, [load, revision, at])

  if (error !== undefined) return <RefusalNote error={error} />
  if (entries === undefined) return <Calm title="Reading the transcript…" />
  if (total === 0)
    return (
      <Calm title="Nothing was said yet">
        <p>Messages, tool calls and evaluations appear here as they are kept.</p>
      </Calm>
    )
  const first = entries[0]?.position ?? 0
  return (
    <div className="panel">
      <ol className="entries" aria-label="Transcript">
        {first > 0 && (
          <li>
            <button
              type="button"
              onClick={() =>
                load(
                  `&before=${first}&last=${PAGE}&rev=${entries[0]?.revision ?? revision}`,
                  (before, items) => [...items, ...before],
                )
              }
            >
              Show {count(Math.min(PAGE, first))} earlier of {count(first)}
            </button>
          </li>
        )}
        {entries.map((entry) => (
          <li key={entry.position}>
            <EntryBox id={id} entry={entry} />
          </li>
        ))}
      </ol>
    </div>
  )
}

function EntryBox({ id, entry }: { readonly id: string; readonly entry: EntryLine }): ReactNode {
  const isTool = entry.type === 'tool_call' || entry.type === 'skill_execution'
  const text = textOf(entry.content)
  return (
    <article className={`entry ${entry.type}`} data-entry={entry.position}>
      <header>
        <b>{roleOf(entry)}</b>
        {entry.success === false && <span className="tag bad">failed</span>}
        {entry.score !== undefined && <span>score {entry.score}</span>}
        <time title={new Date(entry.at).toISOString()}>{clock(entry.at)}</time>
        <span className="quiet">#{entry.position}</span>
      </header>
      <div className="said">
        {isCut(entry.content) ? (
          <CutContent id={id} entry={entry} cut={entry.content} />
        ) : isTool ? (
          <details>
            <summary className="cut">{visible(firstLine(text ?? JSON.stringify(entry.content)))}</summary>
            {text === undefined ? <JsonText value={entry.content} /> : <LongText text={text} />}
          </details>
        ) : text === undefined ? (
          <JsonText value={entry.content} />
        ) : (
          <LongText text={text} />
        )}
        {callsOf(entry.content).map((call, index) => (
          <details key={index}>
            <summary>
              calls <code>{visible(call.name)}</code>
            </summary>
            <JsonText value={call.args} />
          </details>
        ))}
        {entry.metrics !== undefined && <JsonText value={entry.metrics} />}
      </div>
    </article>
  )
}

/** Long text, cut with a way to see the rest. */
function LongText({ text }: { readonly text: string }): ReactNode {
  const [shown, setShown] = useState(SHOWN_CHARACTERS)
  return (
    <>
      {visible(text.slice(0, shown))}
      {text.length > shown && (
        <p>
          <button type="button" className="link" onClick={() => setShown((value) => value * 4)}>
            Show more ({count(text.length - shown)} characters)
          </button>
        </p>
      )}
    </>
  )
}

interface Cut {
  readonly cut: true
  readonly bytes: number
  readonly head: string
}

const SLICE = 65_536

interface Slice {
  readonly text: string
  readonly nextOffset: number | null
}

interface CutProps {
  readonly id: string
  readonly entry: EntryLine
  readonly cut: Cut
}

/** Content too long to be sent at once: read in slices, as its JSON text. */
function CutContent({ id, entry, cut }: CutProps): ReactNode {
  const [text, setText] = useState(cut.head)
  const [next, setNext] = useState<number | null>(0)
  const [error, setError] = useState<Error | undefined>()
  const more = (): void => {
    const place = `/entries/${entry.position}?offset=${next ?? 0}&length=${SLICE}&hint=${entry.revision}`
    read<Slice>(sessionPath(id, place)).then((slice) => {
      setText((before) => (next === 0 ? slice.text : before + slice.text))
      setNext(slice.nextOffset)
    }, setError)
  }
  return (
    <>
      <span className="mono">{visible(text)}</span>
      {error !== undefined && <RefusalNote error={error} />}
      {next !== null && (
        <p>
          <button type="button" className="link" onClick={more}>
            Show more ({bytes(cut.bytes)} in all)
          </button>
        </p>
      )}
    </>
  )
}

function isCut(content: Json): content is Cut & { readonly [key: string]: Json } {
  return (
    typeof content === 'object' &&
    content !== null &&
    'cut' in content &&
    content['cut'] === true &&
    'head' in content
  )
}

/** The words of an entry, in the shapes entries come in; undefined when it is data. */
function textOf(content: Json): string | undefined {
  if (typeof content === 'string') return content
  if (content === null || typeof content !== 'object' || Array.isArray(content)) return undefined
  const { text, content: inner } = content as { readonly text?: Json; readonly content?: Json }
  if (typeof text === 'string') return text
  if (typeof inner === 'string') return inner
  if (inner === null && 'tool_calls' in content) return ''
  return undefined
}

function callsOf(content: Json): readonly { readonly name: string; readonly args: Json }[] {
  if (content === null || typeof content !== 'object' || Array.isArray(content)) return []
  const { tool_calls: calls } = content as { readonly tool_calls?: Json }
  if (!Array.isArray(calls)) return []
  return calls.map((call: Json) => {
    const { function: callee } = (call ?? {}) as {
      readonly function?: { readonly name?: Json; readonly arguments?: Json }
    }
    return { name: word(callee?.name ?? '?'), args: parsed(callee?.arguments ?? null) }
  })
}

function parsed(value: Json): Json {
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value) as Json
  } catch {
    return value
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]?.slice(0, 160) ?? ''
}

function roleOf(entry: EntryLine): string {
  switch (entry.type) {
    case 'user_message':
      return 'User'
    case 'assistant_message':
      return 'Assistant'
    case 'system_message':
      return 'System'
    case 'tool_call':
      return `Tool ${visible(entry.toolName ?? '')}`
    case 'skill_execution':
      return `Skill ${visible(entry.skillName ?? '')}`
    case 'evaluation_result':
      return 'Evaluation'
    default:
      return visible(entry.event ?? words(entry.type))
  }
}
