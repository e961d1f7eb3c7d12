/**
 * Session documents from outside: their schema, and how to build one from part of its data.
 *   DC3  A document that contradicts itself is refused with the path: an `active` session without `activatedAt`, an
 *       ended one without `endedAt` and `end`, an open one with either.
 *   DC4  Unknown keys are refused: nothing of a document is dropped in silence.
 */
import { z } from 'zod'
import { isSessionError } from '../errors.ts'
import { plainJson, type JsonObject } from '../json.ts'
import { LIMIT_ACTIONS, LIMITS, type LimitFinding, type Limits, type SessionEnd } from '../machines/events.ts'
import { END_STATUSES, isEnd, STATUSES, type Status } from '../machines/lifecycle.ts'
import { UNLIMITED } from './commands.ts'
import { DOCUMENT_FORMAT, type SessionDocument } from './document.ts'
import { ENTRY_TAGS, entryDraftSchema, type Entry } from './entries.ts'
import { parseId } from './ids.ts'
import { jsonMapSchema, jsonSchema, parseInterchange } from './interchange-schema.ts'
import { kindSchema, type SessionRecord } from './record.ts'

const count = z.int().nonnegative()
const time = count
const action = z.enum(LIMIT_ACTIONS)
const principalId = z.string().min(1).max(256)

const id = z.string().superRefine((value, context) => {
  try {
    parseId(value)
  } catch (error) {
    if (!isSessionError(error, 'ID_INVALID')) throw error
    context.addIssue({ code: 'custom', message: error.details.reason })
  }
})

const limitsSchema = z
  .strictObject({
    maxTurns: count.nullable(),
    maxEntries: count.nullable(),
    maxToolCalls: count.nullable(),
    maxTokens: count.nullable(),
    maxDurationMs: count.nullable(),
    maxIdleMs: count.nullable(),
    action,
    actions: z.partialRecord(z.enum(LIMITS), action),
  })
  .transform((limits) => limits as Limits)

const findingSchema: z.ZodType<LimitFinding> = z.strictObject({
  limit: z.enum(LIMITS),
  current: z.number(),
  max: z.number(),
  action,
})

const endSchema: z.ZodType<SessionEnd> = z.strictObject({
  status: z.enum(END_STATUSES),
  code: z.string().nullable(),
  message: z.string().nullable(),
  findings: z.array(findingSchema),
})

const recordSchema: z.ZodType<SessionRecord> = z.strictObject({
  name: z.string(),
  kind: kindSchema,
  provider: z.strictObject({ id: z.string(), model: z.string() }).nullable(),
  tenantId: principalId.nullable(),
  userId: principalId.nullable(),
  parentId: id.nullable(),
  tags: z.array(z.string()),
  metadata: jsonMapSchema,
  context: jsonMapSchema,
  systemMessage: z.string().nullable(),
  activeSeedId: z.string().nullable(),
  activePersonaId: z.string().nullable(),
})

const placeSchema = z.object({ id: z.string().min(1).max(128), at: time, content: jsonSchema })

const entrySchema = z.unknown().transform((value, context): Entry => {
  const [draft, place] = [entryDraftSchema.safeParse(value), placeSchema.safeParse(value)]
  if (draft.success && place.success) {
    const { id, at, content } = place.data
    const { id: _id, at: _at, ...typed } = draft.data
    return Object.freeze({ id, at, ...typed, content }) as Entry
  }
  for (const { path, message } of [...(draft.error?.issues ?? []), ...(place.error?.issues ?? [])]) {
    context.addIssue({ code: 'custom', path, message })
  }
  return z.NEVER
})

/** Schema of a session document (DC3, DC4). */
export const sessionDocumentSchema: z.ZodType<SessionDocument> = z
  .strictObject({
    format: z.literal(DOCUMENT_FORMAT),
    id,
    status: z.enum(STATUSES),
    record: recordSchema,
    limits: limitsSchema,
    initialTokenCount: count,
    deltaTokenCount: count,
    roundCount: count,
    createdAt: time,
    activatedAt: time.nullable(),
    pausedAt: time.nullable(),
    endedAt: time.nullable(),
    updatedAt: time,
    expiresAt: time.nullable(),
    end: endSchema.nullable(),
    entries: z.array(entrySchema),
  })
  .superRefine((document, context) => {
    for (const [key, message] of contradictions(document)) {
      context.addIssue({ code: 'custom', path: [key], message })
    }
  })

/** Where a document says two things at once, key by key (DC3). */
function* contradictions(document: SessionDocument): Iterable<[keyof SessionDocument, string]> {
  const { status, end } = document
  const mustHave: Partial<Record<Status, (keyof SessionDocument)[]>> = {
    active: ['activatedAt'],
    paused: ['activatedAt', 'pausedAt'],
  }
  for (const key of isEnd(status) ? (['endedAt', 'end'] as const) : (mustHave[status] ?? [])) {
    if (document[key] === null) yield [key, `a session that is ${status} must have ${key}`]
  }
  if (end !== null && isEnd(status) && end.status !== status) {
    yield ['end', `a session that is ${status} cannot have ended as ${end.status}`]
  }
  if (isEnd(status)) return
  for (const key of status === 'created'
    ? (['activatedAt', 'endedAt', 'end'] as const)
    : (['endedAt', 'end'] as const)) {
    if (document[key] !== null) yield [key, `a session that is ${status} cannot have ${key}`]
  }
}

/** A session document out of anything. @throws INTERCHANGE_INVALID with the path of the first thing wrong. */
export function parseSessionDocument(value: unknown): SessionDocument {
  return parseInterchange(sessionDocumentSchema, value, { format: 'sessionwright' })
}

/** The shape of a session document as a JSON Schema (draft 2020-12), for API descriptions; what DC3 says is not in it. */
export function sessionDocumentJsonSchema(): JsonObject {
  const shape = z.toJSONSchema(sessionDocumentSchema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema !== (entrySchema.in as unknown)) return
      const required = ['id', 'at', 'type', 'content']
      const properties = { id: { type: 'string' }, at: { type: 'integer' }, type: { enum: [...ENTRY_TAGS] } }
      Object.assign(jsonSchema, { type: 'object', required, properties: { ...properties, content: {} } })
    },
  })
  return plainJson(shape) as JsonObject
}

/** What a document cannot do without; the rest has a default. */
export interface DocumentParts extends Partial<Omit<SessionDocument, 'format' | 'record' | 'limits'>> {
  readonly id: string
  readonly status: Status
  readonly createdAt: number
  readonly record?: Partial<SessionRecord>
  readonly limits?: Partial<Limits>
}

/**
 * A session document from its parts: the record empty, no limits, no entries unless given.
 *
 * Times that a status implies and that are not given are those known next: a session was active since it was created,
 * paused or ended when it was last updated, and last updated when it last did anything.
 */
export function sessionDocument(parts: DocumentParts): SessionDocument {
  const { status, createdAt, record, limits, ...rest } = parts
  const updatedAt = parts.updatedAt ?? Math.max(createdAt, parts.activatedAt ?? 0, parts.endedAt ?? 0)
  return {
    format: DOCUMENT_FORMAT,
    status,
    createdAt,
    record: { ...EMPTY_RECORD, ...record },
    limits: { ...UNLIMITED, ...limits },
    initialTokenCount: 0,
    deltaTokenCount: 0,
    roundCount: 0,
    activatedAt: status === 'created' ? null : createdAt,
    pausedAt: status === 'paused' ? updatedAt : null,
    endedAt: isEnd(status) ? updatedAt : null,
    updatedAt,
    expiresAt: null,
    end: isEnd(status) ? { status, code: null, message: null, findings: [] } : null,
    entries: [],
    ...rest,
  }
}

const EMPTY_RECORD: SessionRecord = {
  name: '',
  kind: { type: 'conversation', purpose: '' },
  provider: null,
  tenantId: null,
  userId: null,
  parentId: null,
  tags: [],
  metadata: {},
  context: {},
  systemMessage: null,
  activeSeedId: null,
  activePersonaId: null,
}
