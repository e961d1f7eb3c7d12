/**
 * Traces of a session whose process dies in the middle of a model call.
 *
 *   node examples/opentelemetry.mjs     asks, and is killed with SIGKILL while the model answers
 *   node examples/opentelemetry.mjs     another process: a trace of its own, linked to the one before, and the turn ends
 *
 * The folder is `.sessions/opentelemetry`, or the first argument. Spans go to the console; give the
 * provider an exporter of your own to see them elsewhere.
 */
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base'
import { assistantMessage, openRuntime, userMessage } from 'sessionwright'
import { sessionTelemetry } from 'sessionwright/opentelemetry'

/** Prints a line per finished span. */
const printer = {
  onStart: () => undefined,
  onEnd(span) {
    const linked = span.links.map(({ context }) => ` linked to ${context.traceId}`).join('')
    const of = span.attributes['gen_ai.conversation.id']
    console.log(`span: ${span.name} of ${of} in trace ${span.spanContext().traceId}${linked}`)
  },
  forceFlush: () => Promise.resolve(),
  shutdown: () => Promise.resolve(),
}

const runtime = await openRuntime({ dir: process.argv[2] ?? '.sessions/opentelemetry' })
const tracerProvider = new BasicTracerProvider({ spanProcessors: [printer] })
const telemetry = await sessionTelemetry(runtime, { agentName: 'desk', tracerProvider })

const opened = await runtime.getOrCreate('ticket-42')
const isFirst = opened.state === 'created'
const session = isFirst ? await opened.activate() : opened.as('active')
await telemetry.resume(session)
await session.append(userMessage('Where is my order?'), { operationId: 'question-1' })

const answer = await telemetry.modelCall(session, { provider: 'recorded', model: 'large' }, () => {
  if (isFirst) {
    console.log('the model is asked, and the process is killed now')
    process.kill(process.pid, 'SIGKILL')
  }
  return Promise.resolve('It was shipped this morning.')
})
await session.append(assistantMessage(answer), { operationId: 'answer-1' })

telemetry.stop()
await runtime.close()
