/**
 * Every name that telemetry uses, in one place. The `gen_ai.*` names are not stable: they are copied from the revision
 * below and change only together with it.
 */

/** The revision of the OpenTelemetry semantic conventions that the `gen_ai.*` names are taken from. */
export const CONVENTIONS_REVISION = '1.41.0'

/** Attributes of spans and metrics. */
export const ATTRIBUTES = {
  operation: 'gen_ai.operation.name',
  conversation: 'gen_ai.conversation.id',
  session: 'session.id',
  agent: 'gen_ai.agent.name',
  provider: 'gen_ai.provider.name',
  model: 'gen_ai.request.model',
  tool: 'gen_ai.tool.name',
  toolCall: 'gen_ai.tool.call.id',
  inputTokens: 'gen_ai.usage.input_tokens',
  outputTokens: 'gen_ai.usage.output_tokens',
  tokenType: 'gen_ai.token.type',
  inputMessages: 'gen_ai.input.messages',
  outputMessages: 'gen_ai.output.messages',
  errorType: 'error.type',
  event: 'sessionwright.event',
  status: 'sessionwright.status',
  revision: 'sessionwright.revision',
  entry: 'sessionwright.entry.type',
  success: 'sessionwright.tool.success',
  limit: 'sessionwright.limit.name',
  limitCurrent: 'sessionwright.limit.current',
  limitMax: 'sessionwright.limit.max',
  limitAction: 'sessionwright.limit.action',
} as const

/** Operations; a span is named by its operation and what it works on. */
export const OPERATIONS = {
  turn: 'invoke_agent',
  modelCall: 'chat',
  toolCall: 'execute_tool',
} as const

/** Spans of our own: where the trace of a session begins in a process. */
export const SPANS = { start: 'session.start', resume: 'session.resume' } as const

/** Events inside the span of a turn. */
export const EVENTS = { tool: 'sessionwright.tool_call', limit: 'sessionwright.limit' } as const

/** Metrics with their units. */
export const METRICS = {
  operationDuration: { name: 'gen_ai.client.operation.duration', unit: 's' },
  tokenUsage: { name: 'gen_ai.client.token.usage', unit: '{token}' },
  changes: { name: 'sessionwright.changes', unit: '{change}' },
  entries: { name: 'sessionwright.entries', unit: '{entry}' },
  limits: { name: 'sessionwright.limits', unit: '{finding}' },
} as const
