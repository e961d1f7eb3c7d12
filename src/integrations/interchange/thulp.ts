/**
 * The sessions of thulp: `{metadata, entries, context}`, times in epoch milliseconds, tagged unions for the kind of a
 * session and the type of an entry.
 *   - `tags`, `context` and `parent_session` may be missing; the statuses `active`, `completed`, `failed`, `cancelled`
 *     and `paused` exist, in lower case only. A session there is active from its creation.
 *   - The score of an evaluation lies from 0 to 1; thulp says so and does not check it, here it is refused.
 *   - Counters and durations that JavaScript cannot hold exactly are refused.
 *   - No place there: provider, tenant, user, metadata, system message, limits, token counters, deadlines.
 */
import { z } from 'zod'
import type { JsonObject } from '../../json.ts'
import {
  interchangeError,
  jsonMapSchema,
  jsonSchema,
  mapSchema,
  parseInterchange,
  sessionDocument,
  type SessionDocument,
} from '../../index.ts'
import { keepDifferences, restoreDifferences } from './differences.ts'
import { quote, readJson, type DocumentFormat } from './format.ts'
import { camelKeys, snakeKeys } from './key-case.ts'
import { canonicalUuid, parseUuid, uuidSchema } from './uuid-text.ts'

const FORMAT = 'thulp'

const STATUSES = ['active', 'completed', 'failed', 'cancelled', 'paused'] as const

type ThulpStatus = (typeof STATUSES)[number]

function isThulpStatus(word: string): word is ThulpStatus {
  return (STATUSES as readonly string[]).includes(word)
}

const statusSchema = z.string().transform((word, context): ThulpStatus => {
  if (isThulpStatus(word)) return word
  const message = `invalid SessionStatus: ${quote(word)}, expected one of ${STATUSES.join(', ')}`
  context.addIssue({ code: 'custom', message })
  return z.NEVER
})

const u64 = z.int().nonnegative()

const sessionTypeSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('teacher_demo'), task: z.string(), model: z.string() }),
  z.object({ type: z.literal('evaluation'), skill_name: z.string(), test_cases: u64 }),
  z.object({ type: z.literal('refinement'), skill_name: z.string(), iteration: u64 }),
  z.object({ type: z.literal('conversation'), purpose: z.string() }),
  z.object({ type: z.literal('agent'), agent_name: z.string() }),
])

const entryTypeSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('user_message') }),
  z.object({ type: z.literal('assistant_message') }),
  z.object({ type: z.literal('system_message') }),
  z.object({ type: z.literal('tool_call'), tool_name: z.string(), success: z.boolean() }),
  z.object({ type: z.literal('skill_execution'), skill_name: z.string(), success: z.boolean() }),
  z.object({
    type: z.literal('evaluation_result'),
    score: z.number().min(0).max(1),
    metrics: mapSchema(z.number()),
  }),
  z.object({ type: z.literal('system_event'), event: z.string() }),
])

const sessionSchema = z.object({
  metadata: z.object({
    id: uuidSchema,
    name: z.string(),
    session_type: sessionTypeSchema,
    created_at: u64,
    updated_at: u64,
    status: statusSchema,
    tags: z.array(z.string()).optional(),
    parent_session: uuidSchema.nullish(),
  }),
  entries: z.array(
    z.object({ id: uuidSchema, timestamp: u64, entry_type: entryTypeSchema, content: jsonSchema }),
  ),
  context: jsonMapSchema.optional(),
})

type ThulpSession = z.infer<typeof sessionSchema>

function fromThulp({ metadata, entries, context }: ThulpSession): SessionDocument {
  const { parent_session: parent } = metadata
  return sessionDocument({
    id: canonicalUuid(metadata.id),
    status: metadata.status,
    record: {
      name: metadata.name,
      kind: camelKeys(metadata.session_type),
      tags: metadata.tags ?? [],
      parentId: parent == null ? null : canonicalUuid(parent),
      context: context ?? {},
    },
    createdAt: metadata.created_at,
    updatedAt: metadata.updated_at,
    entries: entries.map(({ id, timestamp, entry_type, content }) => ({
      id: canonicalUuid(id),
      at: timestamp,
      ...camelKeys(entry_type),
      content,
    })),
  })
}

function toThulp(document: SessionDocument): JsonObject {
  const { record, status } = document
  if (!isThulpStatus(status)) {
    const known = STATUSES.join(', ')
    throw interchangeError({ format: FORMAT }, ['status'], `SessionStatus has no "${status}", only ${known}`)
  }
  return {
    metadata: {
      id: uuidAt(document.id, ['id']),
      name: record.name,
      session_type: snakeKeys(record.kind),
      created_at: document.createdAt,
      updated_at: document.updatedAt,
      status,
      tags: record.tags,
      parent_session: record.parentId === null ? null : uuidAt(record.parentId, ['record', 'parentId']),
    },
    entries: document.entries.map(({ id, at, content, ...type }, index) => ({
      id: uuidAt(id, ['entries', index, 'id']),
      timestamp: at,
      entry_type: snakeKeys(type),
      content,
    })),
    context: record.context,
  }
}

function uuidAt(id: string, path: readonly (string | number)[]): string {
  const uuid = parseUuid(id)
  if (uuid === undefined) throw interchangeError({ format: FORMAT }, path, 'an id is a UUID')
  return uuid
}

/** Sessions of thulp. */
export const thulp: DocumentFormat = {
  kind: 'document',
  parse(input, options = {}) {
    const source = { format: FORMAT, line: options.line }
    const session = parseInterchange(sessionSchema, readJson(input, source), source)
    return keepDifferences(fromThulp(session), FORMAT, session as unknown as JsonObject, toThulp)
  },
  print: (document) => restoreDifferences(document, FORMAT, toThulp(document)),
}
