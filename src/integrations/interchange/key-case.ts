/**
 * The own keys of an object between the snake_case of the Rust systems and the camelCase of sessionwright. Values, and
 * the keys inside them, stay.
 */
import { setOwn, type Json, type JsonObject } from '../../json.ts'

type Camel<Key extends string> = Key extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Key

/** An object type with its own keys in camelCase. */
export type CamelKeys<T> = { [Key in keyof T as Camel<Key & string>]: T[Key] }

/** The object with its own keys in camelCase. */
export function camelKeys<T extends object>(object: T): CamelKeys<T> {
  return renameKeys(object, (key) =>
    key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
  ) as CamelKeys<T>
}

/** The object with its own keys in snake_case. */
export function snakeKeys(object: object): JsonObject {
  return renameKeys(object, (key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`))
}

function renameKeys(object: object, rename: (key: string) => string): JsonObject {
  const result: Record<string, Json> = {}
  for (const [key, value] of Object.entries(object)) setOwn(result, rename(key), value as Json)
  return result
}
