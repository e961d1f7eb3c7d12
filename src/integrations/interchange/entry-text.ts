/**
 * What an entry says, as one text, whatever its content looks like.
 */
import { isJsonObject, type Json } from '../../json.ts'

/**
 * The text of content: a string, `{text}`, `{content}`, or the text parts of either; other content as JSON.
 */
export function textOf(content: Json): string {
  return textIn(content) ?? JSON.stringify(content)
}

function textIn(content: Json): string | undefined {
  if (typeof content === 'string') return content
  if (Array.isArray(content)) {
    const parts = content.filter((part: Json) => isJsonObject(part) && part['type'] === 'text')
    return parts.length === 0 ? undefined : parts.map((part: Json) => textIn(part) ?? '').join('')
  }
  if (!isJsonObject(content)) return undefined
  return textIn(content['text'] ?? content['content'] ?? null)
}

/** Whether the result of a tool is one: not marked as an error, and no text that starts with `Error`. */
export function toolSucceeded(content: Json | undefined, isError: boolean): boolean {
  return !isError && !(textIn(content ?? null) ?? '').startsWith('Error')
}
