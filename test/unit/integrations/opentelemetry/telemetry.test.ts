/** What a tracing backend gets to see of sessions: turns, calls, links to the trace of the process before. */
import { createNoopMeter, type MeterProvider } from '@opentelemetry/api'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base'
import { describe, expect, test } from 'vitest'
import {
  assistantMessage,
  createMemoryStore,
  openRuntime,
  toolCall,
  userMessage,
  type SessionStore,
} from 'sessionwright'
import * as conventions from '../../../../src/integrations/opentelemetry/conventions.ts'
import {
  sessionTelemetry,
  type TelemetryOptions,
} from '../../../../src/integrations/opentelemetry/telemetry.ts'
import {
  parseTraceParent,
  printTraceParent,
} from '../../../../src/integrations/opentelemetry/trace-parent.ts'
import { ManualClock } from '../../../../src/testing/manual-clock.ts'

interface Measured {
  readonly name: string
  readonly value: number
  readonly attributes: Readonly<Record<string, unknown>>
}

/** A meter that writes down what it is told. */
function measuring(): { meterProvider: MeterProvider; measured: Measured[] } {
  const measured: Measured[] = []
  const write =
    (name: string) =>
    (value: number, attributes = {}) =>
      measured.push({ name, value, attributes })
  const meter = Object.assign(createNoopMeter(), {
    createCounter: (name: string) => ({ add: write(name) }),
    createHistogram: (name: string) => ({ record: write(name) }),
  })
  return { meterProvider: { getMeter: () => meter }, measured }
}

async function opened(options: TelemetryOptions = {}, store: SessionStore = createMemoryStore()) {
  const exporter = new InMemorySpanExporter()
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  const clock = new ManualClock(1_700_000_000_000)
  const { meterProvider, measured } = measuring()
  const runtime = await openRuntime({ store, clock })
  const telemetry = await sessionTelemetry(runtime, { tracerProvider, meterProvider, clock, ...options })
  return { runtime, telemetry, clock, measured, spans: () => exporter.getFinishedSpans() }
}

const msOf = ([seconds, nanos]: readonly [number, number]): number => seconds * 1000 + nanos / 1e6
const parentOf = (span: ReadableSpan | undefined): string | undefined => span?.parentSpanContext?.spanId
const named = (spans: readonly ReadableSpan[], name: string): ReadableSpan | undefined =>
  spans.find((span) => span.name === name)

describe('turns', () => {
  test('[TS1] [OT1] a turn is a span from its user message to its answer, with what happened between', async () => {
    const { runtime, clock, spans, measured } = await opened({ agentName: 'desk' })
    const session = await (
      await runtime.create({ id: 's', limits: { maxTurns: 0, action: 'ignore' } })
    ).activate()

    await session.append(userMessage('secret question'))
    clock.advance(250)
    await session.append(toolCall('look_up', false, 'secret result'))
    clock.advance(250)
    await session.append(assistantMessage('secret answer'))
    await session.append(assistantMessage('and more'))

    const [turn, ...more] = spans()
    expect(more).toEqual([])
    expect(turn).toMatchObject({
      name: 'invoke_agent desk',
      attributes: {
        'gen_ai.operation.name': 'invoke_agent',
        'gen_ai.agent.name': 'desk',
        'gen_ai.conversation.id': 's',
        'session.id': 's',
      },
    })
    expect(msOf(turn!.endTime) - msOf(turn!.startTime)).toBe(500)
    expect(turn!.events.map(({ name }) => name)).toEqual(['sessionwright.limit', 'sessionwright.tool_call'])
    expect(JSON.stringify([turn!.attributes, turn!.events, measured])).not.toContain('secret')
    expect(measured.filter(({ name }) => name === 'sessionwright.entries')).toHaveLength(4)
    await runtime.close()
  })

  test('[TS3] [OT3] words are told when they are asked for', async () => {
    const { runtime, spans } = await opened({ content: true })
    const session = await (await runtime.create()).activate()

    await session.append(userMessage('question'))
    await session.append(assistantMessage('answer'))

    expect(spans()[0]?.attributes).toMatchObject({
      'gen_ai.input.messages': '[{"role":"user","parts":[{"type":"text","content":"question"}]}]',
      'gen_ai.output.messages': '[{"role":"assistant","parts":[{"type":"text","content":"answer"}]}]',
    })
    await runtime.close()
  })

  test('[TS1] a turn ends with its session, and says how', async () => {
    const { runtime, spans } = await opened()
    const failing = await (await runtime.create()).activate()
    const pausing = await (await runtime.create()).activate()
    const deleted = await (await runtime.create()).activate()

    for (const session of [failing, pausing, deleted]) await session.append(userMessage('?'))
    await failing.fail({ code: 'TOOL_BROKE', message: 'secret' })
    await pausing.pause()
    await runtime.delete(deleted.id, { force: true })

    expect(spans().map(({ attributes }) => attributes['sessionwright.status'])).toEqual([
      'failed',
      'paused',
      'deleted',
    ])
    expect(spans()[0]).toMatchObject({ status: { code: 2 }, attributes: { 'error.type': 'TOOL_BROKE' } })
    await runtime.close()
  })

  test('[OT2] watching writes nothing, and after stop nothing is told', async () => {
    const { runtime, telemetry, spans, measured } = await opened()
    const session = await (await runtime.create()).activate()
    await session.append(userMessage('?'))

    telemetry.stop()
    telemetry.stop()
    const told = measured.length
    await session.append(assistantMessage('!'))

    expect(session.revision).toBe(4)
    expect(spans()).toHaveLength(1)
    expect(measured).toHaveLength(told)
    await runtime.close()
  })
})

describe('calls', () => {
  test('[OT3] model and tool calls are spans of their turn, with durations, tokens and errors', async () => {
    const { runtime, telemetry, clock, spans, measured } = await opened()
    const session = await (await runtime.create({ id: 's' })).activate()
    await session.append(userMessage('?'))

    const answer = await telemetry.modelCall(
      session,
      {
        provider: 'acme',
        model: 'm-1',
        usageOf: (said: { tokens: number }) => ({ inputTokens: said.tokens, outputTokens: 2 }),
      },
      async () => {
        clock.advance(1500)
        return { tokens: 7 }
      },
    )
    const broken = telemetry.toolCall(session, { name: 'pay', callId: 'c' }, () =>
      Promise.reject(Object.assign(new Error('secret'), { code: 'DECLINED' })),
    )

    await expect(broken).rejects.toThrow('secret')
    await session.append(assistantMessage('!'))
    expect(answer).toEqual({ tokens: 7 })
    const [chat, tool, turn] = ['chat m-1', 'execute_tool pay', 'invoke_agent'].map((name) =>
      named(spans(), name),
    )
    expect([parentOf(chat), parentOf(tool)]).toEqual([turn?.spanContext().spanId, turn?.spanContext().spanId])
    expect(chat).toMatchObject({
      kind: 2,
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'acme',
        'gen_ai.request.model': 'm-1',
        'gen_ai.conversation.id': 's',
        'gen_ai.usage.input_tokens': 7,
        'gen_ai.usage.output_tokens': 2,
      },
    })
    expect(tool).toMatchObject({
      status: { code: 2 },
      attributes: { 'gen_ai.tool.call.id': 'c', 'error.type': 'DECLINED', 'gen_ai.conversation.id': 's' },
    })
    expect(JSON.stringify([tool?.attributes, tool?.events, tool?.status])).not.toContain('secret')
    expect(measured.filter(({ name }) => name.startsWith('gen_ai.'))).toMatchObject([
      { name: 'gen_ai.client.operation.duration', value: 1.5 },
      { name: 'gen_ai.client.token.usage', value: 7, attributes: { 'gen_ai.token.type': 'input' } },
      { name: 'gen_ai.client.token.usage', value: 2, attributes: { 'gen_ai.token.type': 'output' } },
    ])
    await runtime.close()
  })

  test('an answer whose usage cannot be read is passed on all the same', async () => {
    const { runtime, telemetry, spans } = await opened()
    const session = await (await runtime.create()).activate()
    const usageOf = (): never => {
      throw new Error('unreadable')
    }

    const answer = await telemetry.modelCall(
      session,
      { provider: 'p', model: 'm', usageOf },
      async () => 'fine',
    )

    expect(answer).toBe('fine')
    expect(spans()[0]?.status.code).toBe(0)
    await runtime.close()
  })
})

describe('resuming', () => {
  test('[OT2] [TS2] a resumed session links to its trace in the process before, and its open turn goes on', async () => {
    const store: SessionStore = { ...createMemoryStore(), close: async () => undefined }
    const first = await opened({}, store)
    const session = await (await first.runtime.create({ id: 's' })).activate()
    await first.telemetry.resume(session)
    await session.append(userMessage('?'))
    await first.runtime.close()

    const second = await opened({}, store)
    const again = (await second.runtime.get('s')).as('active')
    await second.telemetry.resume(again)
    await again.append(assistantMessage('!'))

    const start = named(first.spans(), 'session.start')
    const resume = named(second.spans(), 'session.resume')
    const turn = named(second.spans(), 'invoke_agent')
    expect(start?.links).toEqual([])
    expect(resume?.links.map(({ context }) => [context.traceId, context.spanId])).toEqual([
      [start?.spanContext().traceId, start?.spanContext().spanId],
    ])
    expect(resume?.attributes).toMatchObject({ 'gen_ai.conversation.id': 's' })
    expect(turn?.spanContext().traceId).toBe(resume?.spanContext().traceId)
    expect(parentOf(turn)).toBe(resume?.spanContext().spanId)
    expect(again.getMetadata('traceparent')).toBe(printTraceParent(resume!.spanContext()))
    await second.runtime.close()
  })

  test('[OT2] a session that has ended is linked and not written', async () => {
    const { runtime, telemetry, spans } = await opened()
    const session = await (await (await runtime.create()).activate()).close()
    const { revision } = session

    await telemetry.resume(session)

    expect(spans().map(({ name }) => name)).toEqual(['session.start'])
    expect(session.revision).toBe(revision)
    await runtime.close()
  })

  test('without a tracer nothing is written either', async () => {
    const runtime = await openRuntime({ store: createMemoryStore() })
    const telemetry = await sessionTelemetry(runtime)
    const session = await runtime.create()

    await telemetry.resume(session)

    expect([session.revision, session.getMetadata('traceparent')]).toEqual([1, undefined])
    telemetry.stop()
    await runtime.close()
  })

  test('a place in a trace survives as text, and other texts are none', () => {
    const context = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 }

    expect(parseTraceParent(printTraceParent(context))).toEqual({ ...context, isRemote: true })
    for (const text of [7, '', 'x', `00-${'0'.repeat(32)}-${'2'.repeat(16)}-01`, `01-${'1'.repeat(32)}`]) {
      expect(parseTraceParent(text)).toBeUndefined()
    }
  })
})

test('names are in one place and say their revision', () => {
  expect(conventions.CONVENTIONS_REVISION).toMatch(/^\d+\.\d+\.\d+$/)
  expect(new Set(Object.values(conventions.ATTRIBUTES)).size).toBe(Object.keys(conventions.ATTRIBUTES).length)
})
