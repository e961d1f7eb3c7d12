/**
 * A place in a trace as text, in the form of W3C Trace Context: what one process leaves for the next.
 */
import type { SpanContext } from '@opentelemetry/api'

/** The metadata key under which a session keeps where its trace was. */
export const TRACE_PARENT = 'traceparent'

/** The text of a span context. */
export function printTraceParent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, '0')}`
}

/** The span context of a text; undefined when it is none. */
export function parseTraceParent(text: unknown): SpanContext | undefined {
  if (typeof text !== 'string') return undefined
  const [, traceId, spanId, flags] = /^00-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/.exec(text) ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
}
