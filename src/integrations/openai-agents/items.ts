/**
 * How the items of an OpenAI Agents history stand in a transcript.
 *   IT1  One item is one entry. Its content is the item, kept whole, with a mark beside its keys.
 *   IT2  Only marked entries are items: what others append to the session stays out of the history.
 *   IT3  Messages count as messages. A tool that has answered is a tool call; what merely asks for one, reasoning and
 *        the like are system events, so one call is counted once.
 */
import { getOwn, type JsonObject } from '../../json.ts'
import type { EntryDraft, EntryType } from '../../index.ts'
import { marked, unmarked } from '../marked-content.ts'

/** The key of the mark. */
export const MARK = 'openaiAgents'

const ITEM = { key: MARK, word: 'item' }

const MESSAGES: { readonly [role: string]: EntryType } = {
  user: { type: 'user_message' },
  assistant: { type: 'assistant_message' },
  system: { type: 'system_message' },
  developer: { type: 'system_message' },
}

/** Answers of tools that carry no name of their own. */
const TOOLS: { readonly [itemType: string]: string } = {
  computer_call_result: 'computer',
  shell_call_output: 'shell',
  apply_patch_call_output: 'apply_patch',
  program_output: 'program',
  tool_search_output: 'tool_search',
}

/** The entry an item becomes (IT1). */
export function entryOf(item: JsonObject): EntryDraft {
  return { ...typeOf(item), content: marked(ITEM, item) }
}

/** The item inside the content of a marked entry; undefined when it holds none (IT2). */
export function itemIn(content: JsonObject): JsonObject | undefined {
  return unmarked(ITEM, content)
}

/** Whether a run that has begun goes on behind this item: anything but a message is followed by more. */
export function isUnfinished(item: JsonObject): boolean {
  return wordOf(item, 'role') === undefined
}

function typeOf(item: JsonObject): EntryType {
  const type = wordOf(item, 'type') ?? 'message'
  const role = wordOf(item, 'role')
  const message = type === 'message' && role !== undefined ? getOwn(MESSAGES, role) : undefined
  if (message !== undefined) return message
  const toolName =
    type === 'function_call_result' || type === 'hosted_tool_call'
      ? (wordOf(item, 'name') ?? type)
      : getOwn(TOOLS, type)
  if (toolName === undefined) return { type: 'system_event', event: type }
  const status = wordOf(item, 'status')
  return { type: 'tool_call', toolName, success: status !== 'incomplete' && status !== 'failed' }
}

function wordOf(item: JsonObject, key: string): string | undefined {
  const value = getOwn(item, key)
  return typeof value === 'string' ? value : undefined
}
