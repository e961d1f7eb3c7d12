/** Calls on OpenAI Agents sessions, what they answer, and items to call them with. */
import type { AgentInputItem, MemorySession } from '@openai/agents'
import fc from 'fast-check'
import type { AgentsSession } from '../../src/integrations/openai-agents/session.ts'
import { anyPlainJson } from './plain-json.ts'

/** One call; `end` names how many of the newest items a transaction expects. */
export type Call =
  | { readonly do: 'getItems'; readonly limit: number | undefined }
  | { readonly do: 'addItems'; readonly items: readonly AgentInputItem[] }
  | { readonly do: 'popItem' | 'clearSession' | 'getSessionId' }
  | { readonly do: 'compact'; readonly items: readonly AgentInputItem[] }
  | { readonly do: 'mutate'; readonly callIds: readonly string[]; readonly arguments: string }
  | { readonly do: 'append'; readonly operationId: string; readonly items: readonly AgentInputItem[] }
  | {
      readonly do: 'replace'
      readonly operationId: string
      readonly end: number
      /** Replaces one expected item by another, so that the end does not fit. */
      readonly stranger: boolean
      readonly items: readonly AgentInputItem[]
    }

const anyText = fc.oneof(fc.string({ maxLength: 8, unit: 'binary' }), fc.constant('\u2028"\\'))
const callId = fc.constantFrom('c1', 'c2')
const extra = fc.dictionary(fc.string({ maxLength: 4 }), anyPlainJson({ maxDepth: 2 }), { maxKeys: 2 })

const anyItem: fc.Arbitrary<AgentInputItem> = fc.oneof(
  fc.record({ role: fc.constant('user'), content: anyText }),
  fc.record({ type: fc.constant('message'), role: fc.constantFrom('user', 'system'), content: anyText }),
  fc.record({
    role: fc.constant('assistant'),
    status: fc.constant('completed'),
    content: fc.array(fc.record({ type: fc.constant('output_text'), text: anyText }), { maxLength: 2 }),
    providerData: extra,
  }),
  fc.record({ type: fc.constant('function_call'), callId, name: anyText, arguments: anyText }),
  fc.record({
    type: fc.constant('function_call_result'),
    callId,
    name: anyText,
    status: fc.constantFrom('completed', 'incomplete'),
    output: anyText,
  }),
  fc.record({
    type: fc.constant('reasoning'),
    content: fc.constant([]),
    providerData: extra,
  }),
  fc.record({ type: fc.constantFrom('unknown', 'bogus'), providerData: extra }),
  // Keys of the mark, and an item that the framework's schema does not know.
  fc.record({ role: fc.constant('user'), content: anyText, openaiAgents: fc.constantFrom('item', 'popped') }),
) as fc.Arbitrary<AgentInputItem>

const items = fc.array(anyItem, { maxLength: 3 })
const operationId = fc.constantFrom('o1', 'o2', ' ')

export const anyCall: fc.Arbitrary<Call> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('getItems' as const),
      limit: fc.option(fc.integer({ min: -1, max: 5 }), { nil: undefined }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('addItems' as const), items }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('popItem' as const, 'getSessionId' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clearSession' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('compact' as const), items }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('mutate' as const),
      callIds: fc.array(callId, { maxLength: 2 }),
      arguments: anyText,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('append' as const), operationId, items }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('replace' as const),
      operationId,
      end: fc.nat({ max: 3 }),
      stranger: fc.boolean(),
      items,
    }),
  },
)

/** What a call answered: its value as text, or that it was refused. */
export type Answer = string | { readonly refused: unknown }

/** Makes a call. A transaction's expected end is read from `newest`, the history before the call. */
export async function make(
  call: Call,
  session: MemorySession | AgentsSession,
  newest: readonly AgentInputItem[],
): Promise<Answer> {
  try {
    return JSON.stringify((await perform(call, session, newest)) ?? null)
  } catch (error) {
    return { refused: (error as { code?: unknown }).code }
  }
}

async function perform(
  call: Call,
  session: MemorySession | AgentsSession,
  newest: readonly AgentInputItem[],
): Promise<unknown> {
  switch (call.do) {
    case 'getItems':
      return session.getItems(call.limit)
    case 'addItems':
      return session.addItems([...call.items])
    case 'compact': {
      if ('replaceHistoryWithCompaction' in session)
        return session.replaceHistoryWithCompaction([...call.items])
      // The framework's own way leaves the transactions known only when it is one call.
      ;(session as unknown as { items: unknown[] }).items = []
      return session.addItems([...call.items])
    }
    case 'mutate':
      return session.applyHistoryMutations({
        mutations: call.callIds.map((callId) => ({
          type: 'replace_function_call',
          callId,
          replacement: { type: 'function_call', callId, name: 'new', arguments: call.arguments },
        })),
      })
    case 'append':
      return session.applyHistoryTransaction({
        operationId: call.operationId,
        transaction: { type: 'append_items', items: [...call.items] },
      })
    case 'replace': {
      const end = call.end === 0 ? [] : newest.slice(-call.end)
      const stranger = { role: 'user', content: 'somebody else' } as AgentInputItem
      return session.applyHistoryTransaction({
        operationId: call.operationId,
        transaction: {
          type: 'replace_suffix',
          expectedSuffix: call.stranger ? [...end.slice(1), stranger] : end,
          replacement: [...call.items],
        },
      })
    }
    default:
      return session[call.do]()
  }
}
