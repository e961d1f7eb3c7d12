/**
 * A span for each turn, made from acknowledged changes alone.
 *   TS1  A turn's span starts with its user message and ends with its answer, or with the pause or end of the session.
 *   TS2  Its parent is where the session's trace began in this process, never what happens to run when a change is
 *        acknowledged.
 *   TS3  Words of the conversation are in it only when asked for.
 */
import type { Context, Span, SpanContext, Tracer } from '@opentelemetry/api'
import type { Entry, Observation } from '../../index.ts'
import { textOf } from '../interchange/entry-text.ts'
import { ATTRIBUTES, EVENTS, OPERATIONS } from './conventions.ts'

type Api = typeof import('@opentelemetry/api')

/** How turns are told. */
export interface TurnOptions {
  readonly agentName?: string | undefined
  readonly content: boolean
}

/** Turns open at once that are told; the longest open one ends when there are more. */
const MAX_OPEN = 10_000

/** Sessions whose beginning of a trace is known. */
const MAX_HOMES = 10_000

interface Turn {
  readonly span: Span
  readonly said: Message[]
  readonly answered: Message[]
}

interface Message {
  readonly role: string
  readonly parts: readonly { readonly type: 'text'; readonly content: string }[]
}

/** The turns of all sessions. */
export class TurnSpans {
  readonly #api: Api
  readonly #tracer: Tracer
  readonly #options: TurnOptions
  readonly #turns = new Map<string, Turn>()
  readonly #homes = new Map<string, SpanContext>()

  constructor(api: Api, tracer: Tracer, options: TurnOptions) {
    this.#api = api
    this.#tracer = tracer
    this.#options = options
  }

  /** From here on the session's turns belong to this trace (TS2). */
  settle(sessionId: string, home: SpanContext): void {
    this.#homes.delete(sessionId)
    this.#homes.set(sessionId, home)
    dropOldest(this.#homes, MAX_HOMES)
  }

  /** The context of the open turn, or of where the session's trace began; undefined when neither is known. */
  contextOf(sessionId: string): Context | undefined {
    const { ROOT_CONTEXT, trace } = this.#api
    const spanContext = this.#turns.get(sessionId)?.span.spanContext() ?? this.#homes.get(sessionId)
    return spanContext === undefined ? undefined : trace.setSpanContext(ROOT_CONTEXT, spanContext)
  }

  /** Takes in an acknowledged change. */
  hear({ change, facts }: Observation): void {
    const { sessionId, at } = change
    for (const entry of change.entries) {
      if (entry.type === 'user_message') this.open(sessionId, at)
      this.#tell(sessionId, entry, at)
      if (entry.type === 'assistant_message') this.#end(sessionId, at)
    }
    const turn = this.#turns.get(sessionId)
    if (turn === undefined) return
    for (const { limit, current, max, action } of change.findings) {
      turn.span.addEvent(
        EVENTS.limit,
        {
          [ATTRIBUTES.limit]: limit,
          [ATTRIBUTES.limitCurrent]: current,
          [ATTRIBUTES.limitMax]: max,
          [ATTRIBUTES.limitAction]: action,
        },
        timeOf(at),
      )
    }
    if (change.status === 'active' && facts !== null) return
    turn.span.setAttribute(ATTRIBUTES.status, change.status)
    if (change.status === 'failed') this.#fail(turn.span, facts?.context.end?.code ?? 'failed')
    this.#end(sessionId, at)
  }

  /** Opens the span of a turn; nothing when it is open (several user messages open one turn). */
  open(sessionId: string, at: number): void {
    if (this.#turns.has(sessionId)) return
    const { agentName } = this.#options
    const span = this.#tracer.startSpan(
      agentName === undefined ? OPERATIONS.turn : `${OPERATIONS.turn} ${agentName}`,
      {
        kind: this.#api.SpanKind.INTERNAL,
        startTime: timeOf(at),
        attributes: {
          [ATTRIBUTES.operation]: OPERATIONS.turn,
          ...sessionAttributes(sessionId),
          ...(agentName === undefined ? {} : { [ATTRIBUTES.agent]: agentName }),
        },
      },
      this.contextOf(sessionId) ?? this.#api.ROOT_CONTEXT,
    )
    this.#turns.set(sessionId, { span, said: [], answered: [] })
    const dropped = dropOldest(this.#turns, MAX_OPEN)
    dropped?.span.end(timeOf(at))
  }

  /** Ends every open span, as at a given time. */
  stop(at: number): void {
    for (const sessionId of [...this.#turns.keys()]) this.#end(sessionId, at)
  }

  #tell(sessionId: string, entry: Entry, at: number): void {
    const turn = this.#turns.get(sessionId)
    if (turn === undefined) return
    if (entry.type === 'tool_call') {
      turn.span.addEvent(
        EVENTS.tool,
        { [ATTRIBUTES.tool]: entry.toolName, [ATTRIBUTES.success]: entry.success },
        timeOf(at),
      )
    }
    if (!this.#options.content) return // TS3
    if (entry.type === 'user_message') turn.said.push(messageOf('user', entry))
    if (entry.type === 'assistant_message') turn.answered.push(messageOf('assistant', entry))
  }

  #fail(span: Span, type: string): void {
    span.setStatus({ code: this.#api.SpanStatusCode.ERROR })
    span.setAttribute(ATTRIBUTES.errorType, type)
  }

  #end(sessionId: string, at: number): void {
    const turn = this.#turns.get(sessionId)
    if (turn === undefined) return
    this.#turns.delete(sessionId)
    const { span, said, answered } = turn
    if (said.length > 0) span.setAttribute(ATTRIBUTES.inputMessages, JSON.stringify(said))
    if (answered.length > 0) span.setAttribute(ATTRIBUTES.outputMessages, JSON.stringify(answered))
    span.end(timeOf(at))
  }
}

/** What every span of a session says. */
export function sessionAttributes(sessionId: string): Record<string, string> {
  return { [ATTRIBUTES.conversation]: sessionId, [ATTRIBUTES.session]: sessionId }
}

/** Epoch milliseconds as OpenTelemetry takes them without guessing. */
export function timeOf(at: number): [number, number] {
  return [Math.floor(at / 1000), Math.round((at % 1000) * 1_000_000)]
}

function messageOf(role: string, { content }: Entry): Message {
  return { role, parts: [{ type: 'text', content: textOf(content) }] }
}

function dropOldest<Value>(map: Map<string, Value>, max: number): Value | undefined {
  if (map.size <= max) return undefined
  const [oldest] = map
  if (oldest === undefined) return undefined
  map.delete(oldest[0])
  return oldest[1]
}
