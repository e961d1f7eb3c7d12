/**
 * What a session document cannot hold of a foreign one, so that parse → print gives the input back.
 *   DF2  After parsing, the document is printed once; where that differs from the input, the difference is kept in the
 *       metadata under the reserved key `interchange`. Nothing is kept when nothing differs.
 *   DF3  A difference is put back only where what is printed is still what it replaced: the live session wins.
 * Unknown keys are no difference: the four systems ignore them, and so do we.
 */
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { getOwn, isJsonObject, setOwn, type Json, type JsonObject } from '../../json.ts'
import type { SessionDocument } from '../../index.ts'

/** The key of the metadata that belongs to interchange. */
export const RESERVED_KEY = 'interchange'

/** One place where a printed document is not the original; a side that is absent has no key. */
interface Difference {
  readonly path: readonly (string | number)[]
  readonly printed?: Json
  readonly original?: Json
}

const noteSchema = z.object({
  format: z.string(),
  differences: z.array(
    z.object({
      path: z.array(z.union([z.string(), z.number()])).min(1),
      printed: z.custom<Json>().optional(),
      original: z.custom<Json>().optional(),
    }),
  ),
})

/** The document with a note of how `original` differs from what `print` makes of it (DF2). */
export function keepDifferences(
  document: SessionDocument,
  format: string,
  original: JsonObject,
  print: (document: SessionDocument) => JsonObject,
): SessionDocument {
  const differences: Difference[] = []
  collect(print(document), original, [], differences)
  if (differences.length === 0) return document
  const metadata = { ...document.record.metadata, [RESERVED_KEY]: { format, differences } as unknown as Json }
  return { ...document, record: { ...document.record, metadata } }
}

/** The printed document with the kept differences of its format put back (DF3). */
export function restoreDifferences(
  document: SessionDocument,
  format: string,
  printed: JsonObject,
): JsonObject {
  const note = noteOf(document)
  if (note?.format !== format) return printed
  const result = structuredClone(printed)
  for (const difference of note.differences) putBack(result, difference)
  return result
}

/** The caller's own metadata: without our note. */
export function ownMetadata(document: SessionDocument): JsonObject {
  const { metadata } = document.record
  return noteOf(document) === undefined ? metadata : withoutReserved(metadata)
}

/** A map from outside as metadata: what stands under the reserved key there comes back as a difference. */
export function withoutReserved(map: JsonObject): JsonObject {
  const result: Record<string, Json> = {}
  for (const [key, value] of Object.entries(map)) if (key !== RESERVED_KEY) setOwn(result, key, value)
  return result
}

function noteOf(document: SessionDocument): z.infer<typeof noteSchema> | undefined {
  return noteSchema.safeParse(getOwn(document.record.metadata, RESERVED_KEY)).data
}

function collect(
  printed: Json,
  original: Json,
  path: readonly (string | number)[],
  found: Difference[],
): void {
  if (isJsonObject(printed) && isJsonObject(original)) {
    for (const key of new Set([...Object.keys(printed), ...Object.keys(original)])) {
      const [before, after] = [getOwn(printed, key), getOwn(original, key)]
      if (before !== undefined && after !== undefined) collect(before, after, [...path, key], found)
      else found.push(difference([...path, key], before, after))
    }
  } else if (Array.isArray(printed) && Array.isArray(original) && printed.length === original.length) {
    printed.forEach((item: Json, index) => collect(item, original[index] as Json, [...path, index], found))
  } else if (!isDeepStrictEqual(printed, original)) {
    found.push(difference(path, printed, original))
  }
}

function difference(
  path: Difference['path'],
  printed: Json | undefined,
  original: Json | undefined,
): Difference {
  return { path, ...(printed !== undefined && { printed }), ...(original !== undefined && { original }) }
}

function putBack(
  root: JsonObject,
  { path, printed, original }: z.infer<typeof noteSchema>['differences'][number],
): void {
  let holder: Json | undefined = root
  for (const key of path.slice(0, -1)) holder = memberOf(holder, key)
  const last = path.at(-1)
  if (last === undefined || !isDeepStrictEqual(memberOf(holder, last), printed)) return
  if (Array.isArray(holder)) {
    if (original !== undefined) holder[Number(last)] = original
  } else if (isJsonObject(holder)) {
    if (original === undefined) delete (holder as Record<string, Json>)[last]
    else setOwn(holder as Record<string, Json>, String(last), original)
  }
}

function memberOf(holder: Json | undefined, key: string | number): Json | undefined {
  if (Array.isArray(holder)) return holder[Number(key)] as Json | undefined
  return isJsonObject(holder) ? getOwn(holder, String(key)) : undefined
}
