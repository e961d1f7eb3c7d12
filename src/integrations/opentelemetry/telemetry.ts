/**
 * Sessions in OpenTelemetry (`@opentelemetry/api`, an optional peer): spans of turns, model and tool calls, and metrics.
 *   OT1  Only acknowledged changes are told: telemetry never knows more than the journal.
 *   OT2  Watching writes nothing. One call writes, `resume`: it keeps where the trace is in the session's metadata, so
 *        that the next process can link to it.
 *   OT3  Every span has the session's id; nothing has words of the conversation unless `content` is true.
 */
import type { Attributes, MeterProvider, Span, TracerProvider } from '@opentelemetry/api'
import { systemClock, type Clock, type Observation, type Runtime, type Session } from '../../index.ts'
import { loadPeer } from '../peer.ts'
import { ATTRIBUTES, METRICS, OPERATIONS, SPANS } from './conventions.ts'
import { parseTraceParent, printTraceParent, TRACE_PARENT } from './trace-parent.ts'
import { sessionAttributes, timeOf, TurnSpans } from './turn-spans.ts'

/** How to tell. */
export interface TelemetryOptions {
  /** The ones registered globally by default. */
  readonly tracerProvider?: TracerProvider
  readonly meterProvider?: MeterProvider
  /** Name of the agent that the turns invoke. */
  readonly agentName?: string
  /** Also the words of users and assistants; false by default. */
  readonly content?: boolean
  readonly clock?: Clock
}

/** A model that is called. */
export interface ModelCall<Answer> {
  /** `openai`, `anthropic` … */
  readonly provider: string
  readonly model: string
  /** Tokens of an answer, when it says. */
  readonly usageOf?: (answer: Answer) => { readonly inputTokens?: number; readonly outputTokens?: number }
}

/** A tool that is called. */
export interface ToolCall {
  readonly name: string
  readonly callId?: string
}

/** Telemetry of a runtime. */
export interface Telemetry {
  /**
   * Begins the trace of a session in this process: a span that links to where the trace was in the process before. Writes
   * where it is under the metadata key `traceparent`, unless the session has ended (OT2).
   */
  resume(session: Session): Promise<void>
  /** A model call as a span of the session's turn; what it answers and throws is passed on. */
  modelCall<Answer>(session: Session, about: ModelCall<Answer>, call: () => Promise<Answer>): Promise<Answer>
  /** A tool call as a span of the session's turn; what it answers and throws is passed on. */
  toolCall<Answer>(session: Session, about: ToolCall, call: () => Promise<Answer>): Promise<Answer>
  /** Stops watching and ends the spans of open turns. Safe to call twice. */
  stop(): void
}

/**
 * Starts to tell OpenTelemetry of every change acknowledged from here on.
 *
 * @throws PEER_MISSING - `@opentelemetry/api` is not installed.
 */
export async function sessionTelemetry(runtime: Runtime, options: TelemetryOptions = {}): Promise<Telemetry> {
  const api = await loadPeer('@opentelemetry/api', () => import('@opentelemetry/api'))
  const { agentName, content = false, clock = systemClock } = options
  const tracer = (options.tracerProvider ?? api.trace).getTracer('sessionwright')
  const meter = (options.meterProvider ?? api.metrics).getMeter('sessionwright')
  const turns = new TurnSpans(api, tracer, { agentName, content })
  const counterOf = ({ name, unit }: { name: string; unit: string }) => meter.createCounter(name, { unit })
  const [changes, entries, limits] = [METRICS.changes, METRICS.entries, METRICS.limits].map(counterOf)
  const durations = meter.createHistogram(METRICS.operationDuration.name, METRICS.operationDuration)
  const tokens = meter.createHistogram(METRICS.tokenUsage.name, METRICS.tokenUsage)

  const stopObserving = runtime.observe((observation: Observation) => {
    const { change } = observation
    turns.hear(observation)
    changes?.add(1, { [ATTRIBUTES.event]: change.event.type, [ATTRIBUTES.status]: change.status })
    for (const { type } of change.entries) entries?.add(1, { [ATTRIBUTES.entry]: type })
    for (const { limit, action } of change.findings)
      limits?.add(1, { [ATTRIBUTES.limit]: limit, [ATTRIBUTES.limitAction]: action })
  })

  /** Runs a call inside a span of its own, which ends with it. */
  const within = async <Answer>(
    session: Session,
    name: string,
    attributes: Attributes,
    call: () => Promise<Answer>,
    settled: (span: Span, answer: { readonly value?: Answer; readonly errorType?: string }) => void,
  ): Promise<Answer> => {
    const parent = turns.contextOf(session.id) ?? api.context.active()
    const kind = attributes[ATTRIBUTES.operation] === OPERATIONS.modelCall ? 'CLIENT' : 'INTERNAL'
    const span = tracer.startSpan(
      name,
      {
        kind: api.SpanKind[kind],
        startTime: timeOf(clock.now()),
        attributes: { ...attributes, ...sessionAttributes(session.id) },
      },
      parent,
    )
    try {
      const value = await api.context.with(api.trace.setSpan(parent, span), call)
      settled(span, { value })
      return value
    } catch (error) {
      const errorType = typeOf(error)
      span.setStatus({ code: api.SpanStatusCode.ERROR })
      span.setAttribute(ATTRIBUTES.errorType, errorType)
      settled(span, { errorType })
      throw error
    } finally {
      span.end(timeOf(clock.now()))
    }
  }

  /** What an answer says of its tokens; an answer that cannot be read is one that says nothing. */
  const usageIn = <Answer>(usageOf: ModelCall<Answer>['usageOf'], answer: Answer) => {
    try {
      return usageOf?.(answer) ?? {}
    } catch (error) {
      api.diag.warn('sessionwright: usageOf failed', typeOf(error))
      return {}
    }
  }

  let stopped = false
  return {
    async resume(session) {
      const before = parseTraceParent(session.getMetadata(TRACE_PARENT))
      const span = tracer.startSpan(
        before === undefined ? SPANS.start : SPANS.resume,
        {
          startTime: timeOf(clock.now()),
          attributes: { ...sessionAttributes(session.id), [ATTRIBUTES.revision]: session.revision },
          links: before === undefined ? [] : [{ context: before }],
        },
        api.context.active(),
      )
      const home = span.spanContext()
      span.end(timeOf(clock.now()))
      if (!api.isSpanContextValid(home)) return
      turns.settle(session.id, home)
      const { facts } = await runtime.stateAt(session.id)
      if (facts.context['awaitingReply'] === true) turns.open(session.id, clock.now())
      const open = openOf(session)
      await open?.setMetadata(TRACE_PARENT, printTraceParent(home))
    },
    async modelCall(session, { provider, model, usageOf }, call) {
      const startedAt = clock.now()
      const shared = {
        [ATTRIBUTES.operation]: OPERATIONS.modelCall,
        [ATTRIBUTES.provider]: provider,
        [ATTRIBUTES.model]: model,
      }
      return within(
        session,
        `${OPERATIONS.modelCall} ${model}`,
        shared,
        call,
        (span, { value, errorType }) => {
          const failed = errorType === undefined ? {} : { [ATTRIBUTES.errorType]: errorType }
          durations.record((clock.now() - startedAt) / 1000, { ...shared, ...failed })
          if (errorType !== undefined) return
          const usage = usageIn(usageOf, value as Awaited<ReturnType<typeof call>>)
          for (const [type, attribute, count] of [
            ['input', ATTRIBUTES.inputTokens, usage.inputTokens],
            ['output', ATTRIBUTES.outputTokens, usage.outputTokens],
          ] as const) {
            if (count === undefined) continue
            span.setAttribute(attribute, count)
            tokens.record(count, { ...shared, [ATTRIBUTES.tokenType]: type })
          }
        },
      )
    },
    async toolCall(session, { name, callId }, call) {
      const attributes = {
        [ATTRIBUTES.operation]: OPERATIONS.toolCall,
        [ATTRIBUTES.tool]: name,
        ...(callId === undefined ? {} : { [ATTRIBUTES.toolCall]: callId }),
      }
      return within(session, `${OPERATIONS.toolCall} ${name}`, attributes, call, () => undefined)
    },
    stop() {
      if (stopped) return
      stopped = true
      stopObserving()
      turns.stop(clock.now())
    },
  }
}

/** The session with commands that edit it; undefined once it has ended. */
function openOf(session: Session): Session<'created' | 'active' | 'paused'> | undefined {
  const { status } = session
  return status === 'created' || status === 'active' || status === 'paused' ? session.as(status) : undefined
}

/** A short name of an error: its code or class, never its words. */
function typeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown }
  if (typeof code === 'string') return code
  return typeof name === 'string' ? name : '_OTHER'
}
