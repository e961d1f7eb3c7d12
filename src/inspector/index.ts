/**
 * `sessionwright/inspector`: the inspector, started or mounted.
 */
export { inspectorHandler } from './handler.ts'
export type { InspectorHandler, InspectorHandlerOptions, InspectorOptions } from './handler.ts'
export type { Address } from './listener.ts'
export type { Redact, RedactionOptions, RedactionPlace } from './redaction.ts'
export { startInspector } from './start-inspector.ts'
export type { Inspector, StartInspectorOptions } from './start-inspector.ts'
export { chartOf } from './chart.ts'
export type { Chart, ChartEdge, ChartNode } from './chart.ts'
