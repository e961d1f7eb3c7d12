/**
 * What survives JSON, its bounds, and its text.
 *   JS1  `plainJson` returns a frozen copy that equals `JSON.parse(JSON.stringify(value))`, or refuses with the path.
 *   JS2  Each property is read once; what was checked is what is kept, whatever a Proxy or another holder does later.
 *   JS3  `__proto__`, `constructor` and friends are data; no prototype is ever touched.
 *   JS4  Depth and size are checked while walking, before any large string is built.
 *   JS5  `quoted` and `jsonText` give what `JSON.stringify` gives, to the byte.
 *   JS6  `jsonCopy` gives what `JSON.parse(JSON.stringify(value))` gives.
 */
import { sessionError } from './errors.ts'

/** Any value that JSON carries unchanged. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject

/** A plain JSON object. */
export interface JsonObject {
  readonly [key: string]: Json
}

/** Where a value sits inside a document, outermost key first. */
export type JsonPath = readonly (string | number)[]

/** The deepest nesting content may have. */
export const MAX_DEPTH = 64

/** Bounds for one piece of content. */
export interface JsonBounds {
  /** UTF-8 bytes of the JSON text, to the byte. */
  readonly maxBytes: number
  /** Levels of nesting; `MAX_DEPTH` unless given. A wrapper of ours around content adds its own levels here. */
  readonly maxDepth?: number
}

interface Walk {
  readonly maxBytes: number
  readonly maxDepth: number
  bytes: number
  readonly path: (string | number)[]
  readonly ancestors: object[]
}

/**
 * A frozen plain-JSON copy of `value` (JS1). Own keys whose value is `undefined` are dropped, as JSON does.
 *
 * @throws CONTENT_INVALID with the path of the first value JSON would change or refuse.
 * @throws CONTENT_TOO_DEEP past 64 levels.
 * @throws ENTRY_TOO_LARGE when the text must be longer than `bounds.maxBytes`.
 */
export function plainJson(value: unknown, bounds: JsonBounds = { maxBytes: Infinity }): Json {
  const walk = walkOf(bounds)
  const result = copy(value, walk)
  if (isNear(walk)) checkBytes(Buffer.byteLength(jsonText(result)), bounds)
  return result
}

/** A plain value and its JSON text. */
export interface JsonWithText {
  readonly json: Json
  readonly text: string
}

/** A copy as `plainJson` makes it and the JSON text of it, which is built once. @throws as `plainJson` does */
export function plainJsonText(value: unknown, bounds: JsonBounds): JsonWithText {
  const walk = walkOf(bounds)
  const json = copy(value, walk)
  const text = jsonText(json)
  if (isNear(walk)) checkBytes(Buffer.byteLength(text), bounds)
  return { json, text }
}

function walkOf({ maxBytes, maxDepth = MAX_DEPTH }: JsonBounds): Walk {
  return { maxBytes, maxDepth, bytes: 0, path: [], ancestors: [] }
}

/** What was counted as one byte takes at most so many: a character six, when it is escaped, and a number 24. */
const MOST_BYTES = 24

/** Only content that may be over the bound is measured exactly. */
function isNear({ bytes, maxBytes }: Walk): boolean {
  return bytes * MOST_BYTES > maxBytes
}

/** @throws ENTRY_TOO_LARGE when more bytes than the bounds allow */
export function checkBytes(bytes: number, { maxBytes }: JsonBounds): void {
  if (bytes > maxBytes) throw sessionError('ENTRY_TOO_LARGE', { bytes, maxBytes })
}

function refuse(walk: Walk, reason: string): never {
  throw sessionError('CONTENT_INVALID', { path: [...walk.path], reason })
}

function count(walk: Walk, bytes: number): void {
  walk.bytes += bytes
  if (walk.bytes > walk.maxBytes) {
    throw sessionError('ENTRY_TOO_LARGE', { bytes: walk.bytes, maxBytes: walk.maxBytes })
  }
}

function copy(value: unknown, walk: Walk): Json {
  switch (typeof value) {
    case 'string':
      count(walk, value.length + 2)
      return value
    case 'number':
      if (!Number.isFinite(value)) refuse(walk, 'NaN and Infinity become null')
      if (Object.is(value, -0)) refuse(walk, '-0 becomes 0')
      count(walk, 1)
      return value
    case 'boolean':
      count(walk, 4)
      return value
    case 'object':
      return value === null ? (count(walk, 4), null) : container(value, walk)
    case 'undefined':
      return refuse(walk, 'undefined has no JSON form here')
    default:
      return refuse(walk, `a ${typeof value} has no JSON form`)
  }
}

function container(value: object, walk: Walk): Json {
  if (walk.ancestors.length >= walk.maxDepth) {
    throw sessionError('CONTENT_TOO_DEEP', { path: [...walk.path], maxDepth: walk.maxDepth })
  }
  if (walk.ancestors.includes(value)) refuse(walk, 'the value contains itself')
  walk.ancestors.push(value)
  count(walk, 2)
  const result = Array.isArray(value) ? array(value, walk) : object(value, walk)
  walk.ancestors.pop()
  return result
}

function array(value: readonly unknown[], walk: Walk): Json {
  if (Object.getPrototypeOf(value) !== Array.prototype)
    refuse(walk, 'an array subclass becomes a plain array')
  const keys = Object.keys(value)
  if (keys.length < value.length) refuse(walk, 'a sparse array is filled with null')
  if (keys.length > value.length) refuse(walk, 'an array with extra properties loses them')
  const result: Json[] = []
  for (let index = 0; index < keys.length; index += 1) {
    if (index > 0) count(walk, 1)
    walk.path.push(index)
    result.push(copy(own(value, String(index), walk), walk))
    walk.path.pop()
  }
  return Object.freeze(result)
}

function object(value: object, walk: Walk): Json {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) refuse(walk, 'a class instance loses its class')
  if (Object.getOwnPropertySymbols(value).length > 0) refuse(walk, 'symbol keys are lost')
  const result: Record<string, Json> = {}
  let comma = 0
  for (const key of Object.keys(value)) {
    walk.path.push(key)
    const member = own(value, key, walk)
    if (key === 'toJSON' && typeof member === 'function') refuse(walk, 'toJSON would replace the value')
    if (member !== undefined) {
      count(walk, key.length + 3 + comma)
      comma = 1
      setOwn(result, key, copy(member, walk))
    }
    walk.path.pop()
  }
  return Object.freeze(result)
}

function own(value: object, key: string, walk: Walk): unknown {
  const property = Object.getOwnPropertyDescriptor(value, key)
  if (property === undefined || property.get !== undefined || property.set !== undefined) {
    refuse(walk, 'a getter is not data')
  }
  return property.value
}

/** A copy as JSON carries it (JS6): plain data member by member, in a fifth of the time, all else through its text. */
export function jsonCopy<T>(value: T): T {
  return copied(value) as T
}

/** What becomes of a member: undefined when JSON leaves it out. */
function copied(value: unknown): Json | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : null // -0 becomes 0.
  if (typeof value !== 'object') return typeof value === 'boolean' ? value : throughText(value)
  if (value === null) return null
  const isArray = Array.isArray(value)
  if (Object.getPrototypeOf(value) !== (isArray ? Array.prototype : Object.prototype))
    return throughText(value)
  return isArray ? copiedArray(value) : copiedObject(value as Record<string, unknown>)
}

function copiedArray(value: readonly unknown[]): Json {
  const copy: Json[] = []
  for (let index = 0; index < value.length; index += 1) copy.push(copied(value[index]) ?? null)
  return copy
}

function copiedObject(value: Readonly<Record<string, unknown>>): Json | undefined {
  const copy: Record<string, Json> = {}
  for (const key in value) {
    if (key === '__proto__' || key === 'toJSON') return throughText(value)
    const member = value[key]
    // Each kind has its own store, so that each meets few shapes.
    if (typeof member === 'string') copy[key] = member
    else if (typeof member === 'object' && member !== null) {
      const kept = copied(member)
      if (kept !== undefined) copy[key] = kept
    } else {
      const kept = copied(member)
      if (kept !== undefined) copy[key] = kept
    }
  }
  return copy
}

function throughText(value: unknown): Json | undefined {
  const text = JSON.stringify(value) as string | undefined
  return text === undefined ? undefined : (JSON.parse(text) as Json)
}

/** Sets an own property even when the key is `__proto__` (JS3). */
export function setOwn<T>(target: Record<string, T>, key: string, value: T): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true })
  } else {
    target[key] = value
  }
}

/** Characters that stand for themselves in JSON text. */
const PLAIN = /^[ !#-[\]-~]*$/

/** The JSON text of a string: what `JSON.stringify` gives, in a third of the time for plain prose, ids and words. */
export function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text)
}

/** The JSON text of a plain value: what `JSON.stringify` gives, sooner for prose and for an object whose bulk is prose. */
export function jsonText(value: Json): string {
  if (typeof value === 'string') return quoted(value)
  if (!isJsonObject(value)) return JSON.stringify(value)
  let text = ''
  for (const key of Object.keys(value)) {
    const member = value[key] as Json
    text += text === '' ? '{' : ','
    text += `${quoted(key)}:${typeof member === 'string' ? quoted(member) : JSON.stringify(member)}`
  }
  return text === '' ? '{}' : `${text}}`
}

/** Reads an own property; inherited names such as `constructor` are absent (JS3). */
export function getOwn<T>(target: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(target, key) ? target[key] : undefined
}

/** Whether a value is a JSON object, not an array or null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
