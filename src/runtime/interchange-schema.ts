/**
 * Schemas for data that comes from outside as a document, and the refusal that names the place.
 *   IS1  A refusal is INTERCHANGE_INVALID with the path of the first thing wrong, in the words of the input.
 *   IS2  Free JSON is copied and frozen by `plainJson`; no key is lost, `__proto__` included.
 */
import { z } from 'zod'
import { isSessionError, sessionError } from '../errors.ts'
import { isJsonObject, plainJson, setOwn, type Json, type JsonPath } from '../json.ts'

/** Schema of any plain JSON; gives a frozen copy. */
export const jsonSchema = z.unknown().transform((value, context) => toPlain(value, context))

/** Schema of a JSON object whose values have a schema of their own; gives a frozen copy with every key (IS2). */
export function mapSchema<Value extends Json>(valueSchema: z.ZodType<Value>) {
  return z.unknown().transform((value, context): { readonly [key: string]: Value } => {
    const plain = toPlain(value, context)
    if (plain === z.NEVER) return z.NEVER
    if (!isJsonObject(plain)) return refuseHere(context, [], 'expected an object')
    const result: Record<string, Value> = {}
    for (const [key, member] of Object.entries(plain)) {
      const parsed = valueSchema.safeParse(member)
      if (!parsed.success) return refuseHere(context, [key], reasonOf(parsed.error))
      setOwn(result, key, parsed.data)
    }
    return Object.freeze(result)
  })
}

/** Schema of a JSON object with anything in it. */
export const jsonMapSchema = mapSchema(z.custom<Json>())

function toPlain(value: unknown, context: z.RefinementCtx): Json {
  if (value === undefined) return refuseHere(context, [], MISSING)
  try {
    return plainJson(value)
  } catch (error) {
    if (isSessionError(error, 'CONTENT_INVALID')) {
      return refuseHere(context, error.details.path, error.details.reason)
    }
    if (isSessionError(error, 'CONTENT_TOO_DEEP')) {
      return refuseHere(context, error.details.path, `nested deeper than ${error.details.maxDepth} levels`)
    }
    throw error
  }
}

function refuseHere(context: z.RefinementCtx, path: JsonPath, message: string): never {
  context.addIssue({ code: 'custom', path: [...path], message })
  return z.NEVER
}

const MISSING = 'received undefined'

function reasonOf(error: z.ZodError): string {
  const [issue] = error.issues
  if (issue === undefined) return 'it has the wrong shape'
  const key = issue.path.at(-1)
  return issue.message.endsWith(MISSING) && key !== undefined
    ? `missing field \`${String(key)}\``
    : issue.message
}

/** What a format calls itself, and the line of the file a document stands on. */
export interface InterchangeSource {
  readonly format: string
  readonly line?: number | undefined
}

/** The error of a document that is not one of its format (IS1). */
export function interchangeError(source: InterchangeSource, path: JsonPath, reason: string, cause?: unknown) {
  const { format, line } = source
  return sessionError(
    'INTERCHANGE_INVALID',
    { format, path, reason, ...(line !== undefined && { line }) },
    cause,
  )
}

/** The value as the schema wants it. @throws INTERCHANGE_INVALID with the path of the first thing wrong (IS1). */
export function parseInterchange<T>(schema: z.ZodType<T>, value: unknown, source: InterchangeSource): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const path = (result.error.issues[0]?.path ?? []).map((key) =>
    typeof key === 'symbol' ? String(key) : key,
  )
  throw interchangeError(source, path, reasonOf(result.error))
}
