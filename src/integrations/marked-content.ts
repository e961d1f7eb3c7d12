/**
 * How an integration keeps a value of its framework in an entry and finds it again: the value itself is the content, with
 * a mark beside its keys. Entries without the mark are somebody else's.
 */
import { isJsonObject, setOwn, type Json, type JsonObject } from '../json.ts'

/** A kind of value: the key of the mark, and the word that stands there. */
export interface Mark {
  readonly key: string
  readonly word: string
}

/** The content that holds a value. */
export function marked({ key, word }: Mark, value: JsonObject): JsonObject {
  // A value that has the key itself is kept inside.
  return Object.hasOwn(value, key) ? { [key]: `${word} inside`, value } : { [key]: word, ...value }
}

/** The value inside content; undefined when it holds none of this mark. */
export function unmarked({ key, word }: Mark, content: JsonObject): JsonObject | undefined {
  if (content[key] === `${word} inside`) return isJsonObject(content['value']) ? content['value'] : undefined
  if (content[key] !== word) return undefined
  const value: Record<string, Json> = {}
  for (const [name, member] of Object.entries(content)) if (name !== key) setOwn(value, name, member)
  return Object.freeze(value)
}
