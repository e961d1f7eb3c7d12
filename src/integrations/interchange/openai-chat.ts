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

/** What a line must be, in the words of a refusal. Only the role must be right; the rest is read where it is there. */
const lineSchema = z.object({ messages: z.array(z.object({ role: roleSchema })) })

interface Line {
  readonly messages: readonly Message[]
}

/** A message of which only the role is known to be right. */
interface Message {
  readonly role: Role
  readonly [key: string]: unknown
}

/** Whether `lineSchema` accepts it, at a quarter of the price: a file has many messages and few refusals. */
function isLine(value: unknown): value is Line {
  return isObject(value) && Array.isArray(value['messages']) && value['messages'].every(isMessage)
}

function isMessage(value: unknown): value is Message {
  return isObject(value) && typeof value['role'] === 'string' && isRole(value['role'])
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The type of the entry a message becomes; the names of the tools called so far are learnt on the way. */
function typeOf(message: Message, toolNames: Map<string, string>): EntryType {
  const { tool_calls: calls } = message
  if (Array.isArray(calls)) for (const call of calls as readonly unknown[]) learnName(call, toolNames)
  const type = ENTRY_TYPES[message.role]
  if (type !== 'tool_call') return { type }
  const { name, tool_call_id: callId, content, is_error: isError } = message
  const toolName = textOr(name, undefined) ?? toolNames.get(textOr(callId, '')) ?? ''
  return { type, toolName, success: toolSucceeded(content as Json | undefined, isError === true) }
}

function learnName(call: unknown, toolNames: Map<string, string>): void {
  if (!isObject(call) || typeof call['id'] !== 'string') return
  const name = nameOf(call['function']) ?? nameOf(call['custom'])
  if (name !== undefined) toolNames.set(call['id'], name)
}

function nameOf(tool: unknown): string | undefined {
  return isObject(tool) ? textOr(tool['name'], undefined) : undefined
}

function textOr<T>(value: unknown, other: T): string | T {
  return typeof value === 'string' ? value : other
}

/** Conversations of OpenAI chat messages. */
export const openaiChat: ConversationFormat = {
  kind: 'conversation',
  parse(input, options = {}) {
    const source = { format: FORMAT, line: options.line }
    const line = readJson(input, source)
    if (!isLine(line)) parseInterchange(lineSchema, line, source)
    const { messages, ...others } = line as Line & JsonObject
    const toolNames = new Map<string, string>()
    const drafts = messages.map((message) => ({ ...typeOf(message, toolNames), content: message }))
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
