/**
 * The stored sessions of cellstate: `{data, status}`, a record in snake_case with its status beside it.
 *   - Status words are read in any case and written in lower case; `created`, `active`, `closed` and `expired` exist.
 *   - `closed_at` is the end of closed and expired sessions alike. A session whose status needs a time it lacks is
 *     refused here; cellstate loads it and fails on access.
 *   - `ttl_secs` becomes `expiresAt`, and is enforced from then on. Times keep milliseconds; finer digits, and metadata
 *     that is no object, are kept as differences.
 *   - No place there: name, kind, user, parent, tags, context, limits, transcript.
 */
import { z } from 'zod'
import { isJsonObject, type JsonObject } from '../../json.ts'
import {
  interchangeError,
  jsonSchema,
  parseInterchange,
  sessionDocument,
  type SessionDocument,
} from '../../index.ts'
import { keepDifferences, ownMetadata, restoreDifferences, withoutReserved } from './differences.ts'
import { quote, readJson, type DocumentFormat } from './format.ts'
import { millisOf, printTime, timeSchema } from './rfc3339.ts'
import { canonicalUuid, parseUuid, uuidSchema } from './uuid-text.ts'

const FORMAT = 'cellstate'

const STATUSES = ['created', 'active', 'closed', 'expired'] as const

type StoredStatus = (typeof STATUSES)[number]

function isStored(word: string): word is StoredStatus {
  return (STATUSES as readonly string[]).includes(word)
}

const statusSchema = z.string().transform((word, context): StoredStatus => {
  const lower = word.toLowerCase()
  if (isStored(lower)) return lower
  context.addIssue({ code: 'custom', message: `invalid SessionStatus: ${quote(word)}` })
  return z.NEVER
})

const u64 = z.int().nonnegative()

const storedSchema = z
  .object({
    data: z.object({
      session_id: uuidSchema,
      tenant_id: uuidSchema,
      provider_id: z.string(),
      model: z.string(),
      created_at: timeSchema,
      activated_at: timeSchema.nullish(),
      closed_at: timeSchema.nullish(),
      ttl_secs: u64,
      round_count: u64,
      initial_token_count: u64,
      delta_token_count: u64,
      metadata: jsonSchema.optional(),
    }),
    status: statusSchema,
  })
  .superRefine(({ data, status }, context) => {
    const needed = {
      created: undefined,
      active: 'activated_at',
      closed: 'closed_at',
      expired: 'closed_at',
    } as const
    const key = needed[status]
    if (key !== undefined && data[key] == null) {
      const name = status.charAt(0).toUpperCase() + status.slice(1)
      context.addIssue({ code: 'custom', path: ['data', key], message: `${name} session must have ${key}` })
    }
    if (!Number.isSafeInteger(millisOf(data.created_at) + data.ttl_secs * 1000)) {
      const message = 'the session would expire later than an exact number of milliseconds can say'
      context.addIssue({ code: 'custom', path: ['data', 'ttl_secs'], message })
    }
  })

type Stored = z.infer<typeof storedSchema>

function fromStored({ data, status }: Stored): SessionDocument {
  const createdAt = millisOf(data.created_at)
  const activatedAt = data.activated_at == null || status === 'created' ? null : millisOf(data.activated_at)
  const ended = status === 'closed' || status === 'expired'
  const endedAt = ended && data.closed_at != null ? millisOf(data.closed_at) : null
  return sessionDocument({
    id: canonicalUuid(data.session_id),
    status,
    record: {
      provider: { id: data.provider_id, model: data.model },
      tenantId: canonicalUuid(data.tenant_id),
      metadata: isJsonObject(data.metadata) ? withoutReserved(data.metadata) : {},
    },
    createdAt,
    activatedAt,
    endedAt,
    expiresAt: createdAt + data.ttl_secs * 1000,
    roundCount: data.round_count,
    initialTokenCount: data.initial_token_count,
    deltaTokenCount: data.delta_token_count,
  })
}

function toStored(document: SessionDocument): JsonObject {
  const { record, status, createdAt, activatedAt, endedAt } = document
  if (!isStored(status)) {
    const known = STATUSES.join(', ')
    throw interchangeError({ format: FORMAT }, ['status'], `SessionStatus has no "${status}", only ${known}`)
  }
  const provider = required(record.provider, ['record', 'provider'], 'provider_id and model are required')
  const expiresAt = required(
    document.expiresAt,
    ['expiresAt'],
    'ttl_secs is required, and the session does not expire',
  )
  return {
    data: {
      session_id: required(parseUuid(document.id), ['id'], 'a session id is a UUID'),
      tenant_id: required(parseUuid(record.tenantId ?? ''), ['record', 'tenantId'], 'a tenant id is a UUID'),
      provider_id: provider.id,
      model: provider.model,
      created_at: printTime(createdAt, FORMAT, ['createdAt']),
      activated_at: activatedAt === null ? null : printTime(activatedAt, FORMAT, ['activatedAt']),
      closed_at: endedAt === null ? null : printTime(endedAt, FORMAT, ['endedAt']),
      ttl_secs: Math.max(0, Math.ceil((expiresAt - createdAt) / 1000)),
      round_count: document.roundCount,
      initial_token_count: document.initialTokenCount,
      delta_token_count: document.deltaTokenCount,
      metadata: ownMetadata(document),
    },
    status,
  }
}

function required<T>(value: T | null | undefined, path: readonly string[], reason: string): T {
  if (value == null) throw interchangeError({ format: FORMAT }, path, reason)
  return value
}

/** Stored sessions of cellstate. */
export const cellstate: DocumentFormat = {
  kind: 'document',
  parse(input, options = {}) {
    const source = { format: FORMAT, line: options.line }
    const stored = parseInterchange(storedSchema, readJson(input, source), source)
    return keepDifferences(fromStored(stored), FORMAT, stored as unknown as JsonObject, toStored)
  },
  print: (document) => restoreDifferences(document, FORMAT, toStored(document)),
}
