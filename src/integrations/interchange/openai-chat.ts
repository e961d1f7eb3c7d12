/**
 * Conversations in the shape of OpenAI's chat messages, one JSON line each: `{messages: […], …}`.
 *   - One message is one entry, kept whole as its content; nothing is dropped. Other keys of the line are kept in the
 *     metadata under `source`.
 *   - `developer` messages are system messages, `function` messages are tool calls; any other role is refused.
 *   - A tool call succeeded unless the message says `is_error: true` or its text starts with `Error`; its name is that
 *     of the message, or of the call it answers.
 *   - A line is no session document: its messages are to be lived through, limits included, so entries are drafts.
 *   - No place there: skill executions, evaluations and system events.
 */
import { z } from 'zod'
import { getOwn, isJsonObject, setOwn, type Json, type JsonObject } from '../../json.ts'
import {
  parseInterchange,
  type Entry,
  type EntryDraft,
  type EntryType,
  type SessionDocument,
} from '../../index.ts'
import { textOf, toolSucceeded } from './entry-text.ts'
import { quote, readJson, type InterchangeOptions } from './format.ts'

const FORMAT = 'openai-chat'

/** A conversation to live through: what a session is created with, and its entries in order. */
export interface Conversation {
  readonly record: { readonly metadata: JsonObject }
  readonly drafts: readonly EntryDraft[]
}

/** A format whose lines become live sessions. */
export interface ConversationFormat {
  readonly kind: 'conversation'
  /** A conversation out of a line of JSON or a parsed value. @throws INTERCHANGE_INVALID */
  parse(input: unknown, options?: InterchangeOptions): Conversation
  /** The line: its other keys and its messages in order. */
  print(document: SessionDocument): JsonObject
}

const ENTRY_TYPES = {
  system: 'system_message',
  developer: 'system_message',
  user: 'user_message',
  assistant: 'assistant_message',
  tool: 'tool_call',
  function: 'tool_call',
} as const satisfies Record<string, Entry['type']>

type Role = keyof typeof ENTRY_TYPES

function isRole(word: string): word is Role {
  return Object.hasOwn(ENTRY_TYPES, word)
}

const roleSchema = z.string().transform((word, context): Role => {
  if (isRole(word)) return word
  const message = `unknown role ${quote(word)}, expected one of ${Object.keys(ENTRY_TYPES).join(', ')}`
  context.addIssue({ code: 'custom', message })
  return z.NEVER
})

const text = z.string().optional().catch(undefined)
const called = z.object({ name: text }).optional().catch(undefined)
const calls = z.array(z.object({ id: text, function: called, custom: called }).catch({})).catch([])

/** Only the role must be right; what else a message says is read where it is there. */
const messageSchema = z.object({
  role: roleSchema,
  name: text,
  tool_call_id: text,
  is_error: z.unknown().optional(),
  content: z.unknown().optional(),
  tool_calls: calls,
})

const lineSchema = z.object({ messages: z.array(messageSchema) })

/** The type of the entry a message becomes; the names of the tools called so far are learnt on the way. */
function typeOf(message: z.infer<typeof messageSchema>, toolNames: Map<string, string>): EntryType {
  for (const { id, function: fn, custom } of message.tool_calls) {
    const name = fn?.name ?? custom?.name
    if (id !== undefined && name !== undefined) toolNames.set(id, name)
  }
  const type = ENTRY_TYPES[message.role]
  if (type !== 'tool_call') return { type }
  const toolName = message.name ?? toolNames.get(message.tool_call_id ?? '') ?? ''
  return {
    type,
    toolName,
    success: toolSucceeded(message.content as Json | undefined, message.is_error === true),
  }
}

/** Conversations of OpenAI chat messages. */
export const openaiChat: ConversationFormat = {
  kind: 'conversation',
  parse(input, options = {}) {
    const source = { format: FORMAT, line: options.line }
    const line = readJson(input, source)
    const { messages } = parseInterchange(lineSchema, line, source)
    const { messages: originals, ...others } = line as { readonly messages: readonly unknown[] } & JsonObject
    const toolNames = new Map<string, string>()
    const drafts = messages.map((message, index) => ({
      ...typeOf(message, toolNames),
      content: originals[index],
    }))
    return { record: { metadata: Object.keys(others).length === 0 ? {} : { source: others } }, drafts }
  },
  print({ record, entries }) {
    const line: Record<string, Json> = {}
    const source = getOwn(record.metadata, 'source')
    if (isJsonObject(source)) for (const [key, value] of Object.entries(source)) setOwn(line, key, value)
    line['messages'] = entries.map(toMessage).filter((message) => message !== undefined)
    return line
  },
}

const ROLES: Partial<Record<Entry['type'], Role>> = {
  system_message: 'system',
  user_message: 'user',
  assistant_message: 'assistant',
  tool_call: 'tool',
}

function toMessage(entry: Entry): JsonObject | undefined {
  const { type, content } = entry
  if (isJsonObject(content)) {
    const { role } = content
    if (typeof role === 'string' && isRole(role) && ENTRY_TYPES[role] === type) return content
  }
  const role = ROLES[type]
  if (role === undefined) return undefined
  const message = { role, content: textOf(content) }
  if (entry.type !== 'tool_call') return message
  return { ...message, name: entry.toolName, ...(!entry.success && { is_error: true }) }
}
