/**
 * What the framework hands over, checked and copied before anything is looked at or written.
 */
import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { sessionError } from '../../errors.ts'
import { isJsonObject, MAX_DEPTH, plainJson, type Json, type JsonObject } from '../../json.ts'
import type { Mutation } from './history.ts'

/** Says whether a value is an item of the framework; its own schema does. */
export type ItemCheck = (item: unknown) => boolean

/** A history transaction: what the end of the history must be, and what takes its place. */
export interface Transaction {
  readonly operationId: string
  /** Short name of the content: equal transactions have an equal one. */
  readonly digest: string
  readonly expectedSuffix: readonly JsonObject[]
  readonly items: readonly JsonObject[]
}

const items = z.array(z.custom<JsonObject>((value) => isJsonObject(value as Json), 'expected an object'))

const transactionSchema = z.object({
  operationId: z.string().refine((id) => id.trim() !== '', 'expected some text'),
  transaction: z.discriminatedUnion('type', [
    z.strictObject({ type: z.literal('append_items'), items }),
    z.strictObject({ type: z.literal('replace_suffix'), expectedSuffix: items, replacement: items }),
  ]),
})

const mutationsSchema = z.object({
  mutations: z.array(z.looseObject({ type: z.string(), callId: z.unknown(), replacement: z.unknown() })),
})

/** Items, copied. @throws COMMAND_INVALID @throws CONTENT_INVALID */
export function parseItems(value: unknown, command: string): readonly JsonObject[] {
  return parse(items, copyOf(value, 1), command)
}

/** A transaction, copied; its items must be items of the framework. @throws COMMAND_INVALID @throws CONTENT_INVALID */
export function parseTransaction(value: unknown, isItem: ItemCheck): Transaction {
  const command = 'applyHistoryTransaction'
  const { operationId, transaction } = parse(transactionSchema, copyOf(value, 3), command)
  const expectedSuffix = transaction.type === 'replace_suffix' ? transaction.expectedSuffix : []
  const added = transaction.type === 'replace_suffix' ? transaction.replacement : transaction.items
  const bad = [...expectedSuffix, ...added].find((item) => !isItem(item))
  if (bad !== undefined) {
    const reason = 'an item is none of the framework’s'
    throw sessionError('COMMAND_INVALID', { command, path: ['transaction'], reason })
  }
  return { operationId, digest: digestOf(transaction as unknown as Json), expectedSuffix, items: added }
}

/** The replacements of function calls among mutations, copied; kinds that are not known do nothing, as in the framework. */
export function parseMutations(value: unknown): Mutation[] {
  const { mutations } = parse(mutationsSchema, copyOf(value, 3), 'applyHistoryMutations')
  return mutations.flatMap(({ type, callId, replacement }) => {
    if (type !== 'replace_function_call' || !isJsonObject(replacement as Json)) return []
    return [{ callId: (callId ?? null) as Json, replacement: replacement as JsonObject }]
  })
}

/** Whether a history ends with these items; the order of their keys does not matter. */
export function endsWith(history: readonly JsonObject[], suffix: readonly JsonObject[]): boolean {
  if (suffix.length === 0) return true
  return history.length >= suffix.length && isDeepStrictEqual(history.slice(-suffix.length), [...suffix])
}

/** What surrounds an item takes levels of its own; what an item may be is checked where it becomes an entry. */
function copyOf(value: unknown, levelsAround: number): Json {
  return plainJson(value, { maxBytes: Infinity, maxDepth: MAX_DEPTH + levelsAround })
}

function parse<T>(schema: z.ZodType<T>, value: unknown, command: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const path = (issue?.path ?? []).map((key) => (typeof key === 'number' ? key : String(key)))
  throw sessionError('COMMAND_INVALID', { command, path, reason: issue?.message ?? 'it has the wrong shape' })
}

function digestOf(value: Json): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(value)))
    .digest('base64url')
}

/** The same value with keys in one order. */
function sorted(value: Json): unknown {
  if (Array.isArray(value)) return value.map((one: Json) => sorted(one))
  if (!isJsonObject(value)) return value
  return Object.keys(value)
    .sort()
    .map((key) => [key, sorted(value[key] as Json)])
}
