/**
 * How the messages of an AI SDK chat stand in a transcript.
 *   MS1  One message is one entry, kept whole. A tool call of a message counts once, when it has its result.
 *   MS2  The transcript only grows: messages that are replaced or taken back leave an entry that says so.
 *   MS3  What is stored already is not written again.
 */
import { isDeepStrictEqual } from 'node:util'
import { getOwn, isJsonObject, type Json, type JsonObject } from '../../json.ts'
import type { EntryDraft } from '../../index.ts'
import type { Fold } from '../folded-session.ts'
import { marked, unmarked } from '../marked-content.ts'

const MARK = 'aiSdk'
const MESSAGE = { key: MARK, word: 'message' }

const ENTRY_TYPES = {
  user: 'user_message',
  assistant: 'assistant_message',
  system: 'system_message',
} as const

/** A message as it is stored. */
export interface StoredMessage extends JsonObject {
  readonly id: string
  readonly role: keyof typeof ENTRY_TYPES
  readonly parts: readonly JsonObject[]
}

/** The chat at a revision. */
export interface Chat {
  messages: StoredMessage[]
  /** Tool calls that are counted already. */
  readonly toolCalls: Set<string>
}

/** How entries become a chat; those of others are passed over. */
export const chatFold: Fold<Chat> = {
  empty: () => ({ messages: [], toolCalls: new Set() }),
  take(chat, contents) {
    for (const content of contents as readonly Json[]) {
      if (!isJsonObject(content)) continue
      const message = unmarked(MESSAGE, content)
      if (message !== undefined) chat.messages.push(message as StoredMessage)
      else if (content[MARK] === 'removal') chat.messages.length -= content['removed'] as number
      else if (content[MARK] === 'tool') chat.toolCalls.add(content['toolCallId'] as string)
    }
  },
  size: ({ messages }) => messages.length,
}

/** The entries that make the stored messages these ones: nothing when they are (MS3). */
export function differenceTo(chat: Chat, messages: readonly StoredMessage[]): EntryDraft[] {
  let same = 0
  while (same < messages.length && isDeepStrictEqual(chat.messages[same], messages[same])) same += 1
  const removed = chat.messages.length - same
  const counted = new Set(chat.toolCalls)
  const added = messages
    .slice(same)
    .flatMap((message) => [...toolCallsOf(message, counted), entryOf(message)])
  return removed === 0 ? added : [removal(removed), ...added]
}

/** The entries that take in one message: behind the others, or in the place of an earlier version and all after it. */
export function differenceWith(chat: Chat, message: StoredMessage): EntryDraft[] {
  const index = chat.messages.findIndex(({ id }) => id === message.id)
  if (index < 0) return differenceTo(chat, [...chat.messages, message])
  if (isDeepStrictEqual(chat.messages[index], message)) return []
  return differenceTo(chat, [...chat.messages.slice(0, index), message])
}

function entryOf(message: StoredMessage): EntryDraft {
  return { type: ENTRY_TYPES[message.role], content: marked(MESSAGE, message) }
}

function removal(removed: number): EntryDraft {
  return { type: 'system_event', event: 'messages_removed', content: { [MARK]: 'removal', removed } }
}

/** Tool calls of a message that have their result and are not counted yet (MS1). */
function toolCallsOf({ role, parts }: StoredMessage, counted: Set<string>): EntryDraft[] {
  if (role !== 'assistant') return []
  return parts.flatMap((part) => {
    const [type, state, toolCallId] = ['type', 'state', 'toolCallId'].map((key) => getOwn(part, key))
    if (typeof type !== 'string' || typeof toolCallId !== 'string' || counted.has(toolCallId)) return []
    const toolName = type === 'dynamic-tool' ? getOwn(part, 'toolName') : /^tool-(.+)$/s.exec(type)?.[1]
    if (typeof toolName !== 'string' || typeof state !== 'string' || !state.startsWith('output-')) return []
    counted.add(toolCallId)
    const content = { [MARK]: 'tool', toolCallId }
    return [{ type: 'tool_call' as const, toolName, success: state === 'output-available', content }]
  })
}
