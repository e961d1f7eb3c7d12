/**
 * Entries: the lines of a transcript, and how to make them.
 *   N1  The seven types of the seeds; their tags are stored in snake_case, their own keys in camelCase.
 *   N2  `content` is the caller's plain JSON, kept whole.
 */
import { z } from 'zod'
import { isJsonObject, type Json } from '../json.ts'

const count = z.number().int().nonnegative()

/** Named figures; checked in place, because a copy made key by key would lose one called `__proto__`. */
const metrics = z.custom<Record<string, number>>(
  (value) => isJsonObject(value) && Object.values(value).every((figure) => Number.isFinite(figure)),
  'expected an object of finite numbers',
)

const typed = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('user_message') }),
  z.strictObject({ type: z.literal('assistant_message') }),
  z.strictObject({ type: z.literal('system_message') }),
  z.strictObject({ type: z.literal('tool_call'), toolName: z.string(), success: z.boolean() }),
  z.strictObject({ type: z.literal('skill_execution'), skillName: z.string(), success: z.boolean() }),
  z.strictObject({
    type: z.literal('evaluation_result'),
    score: z.number().min(0).max(1),
    metrics,
  }),
  z.strictObject({ type: z.literal('system_event'), event: z.string() }),
])

/** The type of an entry with the keys that belong to it. */
export type EntryType = z.infer<typeof typed>

/** The tag of an entry's type. */
export type EntryTag = EntryType['type']

/** The seven tags. */
export const ENTRY_TAGS: readonly EntryTag[] = [
  'user_message',
  'assistant_message',
  'system_message',
  'tool_call',
  'skill_execution',
  'evaluation_result',
  'system_event',
]

/** Whether a word is one of the seven tags. */
export function isEntryTag(word: unknown): word is EntryTag {
  return ENTRY_TAGS.some((tag) => tag === word)
}

/**
 * What a caller hands to `append`: a type, its keys and `content`.
 *
 * `id` and `at` (epoch ms) are made by the runtime unless given; given ones are kept as they are.
 */
export type EntryDraft = EntryType & {
  readonly content?: unknown
  readonly id?: string
  readonly at?: number
}

/** A stored entry: the draft with its id and time; frozen. */
export type Entry = Readonly<EntryType> & { readonly id: string; readonly at: number; readonly content: Json }

/** Schema of a draft's own keys; `content` is checked by `plainJson`, which names the path inside it. */
export const entryDraftSchema = z
  .looseObject({ type: z.string(), id: z.string().min(1).max(128).optional(), at: count.optional() })
  .transform(({ content: _, id, at, ...rest }, context) => {
    const result = typed.safeParse(rest)
    if (result.success) return { ...result.data, id, at }
    for (const issue of result.error.issues)
      context.addIssue({ code: 'custom', path: issue.path, message: issue.message })
    return z.NEVER
  })

/** A user message: opens a turn. */
export function userMessage(text: string): EntryDraft {
  return { type: 'user_message', content: { text } }
}

/** An assistant message: closes the open turn. */
export function assistantMessage(text: string): EntryDraft {
  return { type: 'assistant_message', content: { text } }
}

/** A system message in the transcript; the instructions of the session live in its record instead. */
export function systemMessage(text: string): EntryDraft {
  return { type: 'system_message', content: { text } }
}

/** A finished tool call; `result` becomes the content, unchanged. */
export function toolCall(toolName: string, success: boolean, result: unknown): EntryDraft {
  return { type: 'tool_call', toolName, success, content: result }
}

/** A finished skill execution; `result` becomes the content, unchanged. */
export function skillExecution(skillName: string, success: boolean, result: unknown): EntryDraft {
  return { type: 'skill_execution', skillName, success, content: result }
}

/** An evaluation: a score from 0 to 1 and named figures. */
export function evaluationResult(
  score: number,
  metrics: Record<string, number>,
  content: unknown = null,
): EntryDraft {
  return { type: 'evaluation_result', score, metrics, content }
}

/** Something worth a line that nobody said. */
export function systemEvent(event: string, content: unknown = null): EntryDraft {
  return { type: 'system_event', event, content }
}
