/**
 * The session envelopes of fluers: schema version 1, the model, the messages; the id is the key they are stored under.
 *   - The shape is looked at first, then the version; any version but 1 is refused, older or newer.
 *   - `model` empty and `max_turns` 0 mean "unspecified". fluers keeps `max_turns` and never looks at it; here it is a
 *     limit with the action `error`.
 *   - A message is kept whole as the content of its entry; a `signal` becomes a system event.
 *   - No status and no times there: a session comes in as active, at the instant given beside it.
 *   - No place there: everything of the record but the system message and the metadata; entries that are no message.
 *     Metadata values that are no text are printed as JSON text.
 */
import { z } from 'zod'
import { isSessionError } from '../../errors.ts'
import { isJsonObject, setOwn, type Json, type JsonObject } from '../../json.ts'
import {
  interchangeError,
  jsonSchema,
  mapSchema,
  parseInterchange,
  sessionDocument,
  type Entry,
  type EntryType,
  type InterchangeSource,
  type SessionDocument,
} from '../../index.ts'
import { keepDifferences, ownMetadata, restoreDifferences, withoutReserved } from './differences.ts'
import { textOf, toolSucceeded } from './entry-text.ts'
import { quote, readJson, type DocumentFormat } from './format.ts'
import { parseUuid, uuidOfName } from './uuid-text.ts'

const FORMAT = 'fluers'

/** The one version of the envelope there is. */
export const FLUERS_SCHEMA_VERSION = 1

const base64 = z
  .string()
  .refine((text) => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text), 'not base64')

const blockSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('image'), image: z.object({ media_type: z.string(), data: base64 }) }),
  z.object({ type: z.literal('tool_use'), id: z.string(), name: z.string(), input: jsonSchema }),
  z.object({ type: z.literal('tool_result'), tool_use_id: z.string(), content: jsonSchema }),
])

const messageSchema = z.object({
  role: z.enum(['system', 'user', 'assistant', 'tool', 'signal']),
  content: z.array(blockSchema).optional(),
})

type Message = z.infer<typeof messageSchema>

const envelopeSchema = z.object({
  schema_version: z.int().min(0).max(0xffff_ffff),
  model: z.string(),
  max_turns: z.int().nonnegative(),
  system_message: z.string().nullish(),
  messages: z.array(messageSchema),
  metadata: mapSchema(z.string()),
})

type Envelope = z.infer<typeof envelopeSchema>

function parseEnvelope(input: unknown, id: string, source: InterchangeSource): Envelope {
  let envelope: Envelope
  try {
    envelope = parseInterchange(envelopeSchema, readJson(input, source), source)
  } catch (error) {
    if (!isSessionError(error, 'INTERCHANGE_INVALID')) throw error
    const { path, reason } = error.details
    throw interchangeError(source, path, `failed to deserialize session \`${id}\`: ${reason}`, error)
  }
  const { schema_version: version } = envelope
  if (version === FLUERS_SCHEMA_VERSION) return envelope
  const reason = `unsupported session schema version ${version} for \`${id}\` (expected ${FLUERS_SCHEMA_VERSION})`
  throw interchangeError(source, ['schema_version'], reason)
}

function parseKey(raw: string | undefined, source: InterchangeSource): string {
  if (raw === undefined)
    throw interchangeError(source, [], 'the envelope holds no id; give its key beside it')
  const id = parseUuid(raw)
  if (id !== undefined) return id
  const shown = quote(raw).slice(1, -1)
  throw interchangeError(source, [], `invalid persisted session id \`${shown}\`: it is not a UUID`)
}

function fromEnvelope(id: string, envelope: Envelope, at: number): SessionDocument {
  const toolNames = new Map<string, string>()
  return sessionDocument({
    id,
    status: 'active',
    record: {
      provider: envelope.model === '' ? null : { id: '', model: envelope.model },
      systemMessage: envelope.system_message ?? null,
      metadata: withoutReserved(envelope.metadata),
    },
    limits: { maxTurns: envelope.max_turns === 0 ? null : envelope.max_turns },
    createdAt: at,
    entries: envelope.messages.map((message, index) => ({
      id: uuidOfName(`${FORMAT} ${id} ${index}`),
      at,
      ...typeOf(message, toolNames),
      content: message as unknown as Json,
    })),
  })
}

/** The type of the entry a message becomes; the names of the tools called so far are learnt on the way. */
function typeOf({ role, content = [] }: Message, toolNames: Map<string, string>): EntryType {
  for (const block of content) if (block.type === 'tool_use') toolNames.set(block.id, block.name)
  if (role === 'signal') return { type: 'system_event', event: 'signal' }
  if (role !== 'tool') return { type: `${role}_message` }
  const result = content.find((block) => block.type === 'tool_result')
  const toolName = toolNames.get(result?.tool_use_id ?? '') ?? ''
  return { type: 'tool_call', toolName, success: toolSucceeded(result?.content, false) }
}

const ROLES: Partial<Record<Entry['type'], Message['role']>> = {
  system_message: 'system',
  user_message: 'user',
  assistant_message: 'assistant',
  tool_call: 'tool',
  system_event: 'signal',
}

function toMessage(entry: Entry): JsonObject | undefined {
  const role = ROLES[entry.type]
  const kept = messageSchema.safeParse(entry.content).data
  if (kept !== undefined && kept.role === role) return kept as unknown as JsonObject
  // Only a signal that came from fluers goes back; our own events are no messages.
  if (role === undefined || role === 'signal') return undefined
  const text = textOf(entry.content)
  if (role !== 'tool') return { role, content: [{ type: 'text', text }] }
  return { role, content: [{ type: 'tool_result', tool_use_id: '', content: entry.content }] }
}

function toEnvelope(document: SessionDocument): JsonObject {
  const { record, limits } = document
  if (limits.maxTurns === 0) {
    const reason = `failed to serialize session \`${document.id}\`: 0 turns would mean "unspecified"`
    throw interchangeError({ format: FORMAT }, ['limits', 'maxTurns'], reason)
  }
  const metadata: Record<string, Json> = {}
  for (const [key, value] of Object.entries(ownMetadata(document))) {
    setOwn(metadata, key, typeof value === 'string' ? value : JSON.stringify(value))
  }
  return {
    schema_version: FLUERS_SCHEMA_VERSION,
    model: record.provider?.model ?? '',
    max_turns: limits.maxTurns ?? 0,
    system_message: record.systemMessage,
    messages: document.entries.map(toMessage).filter((message) => isJsonObject(message)),
    metadata,
  }
}

/** Session envelopes of fluers. */
export const fluers: DocumentFormat = {
  kind: 'document',
  parse(input, options = {}) {
    const source = { format: FORMAT, line: options.line }
    const id = parseKey(options.id, source)
    const envelope = parseEnvelope(input, id, source)
    const document = fromEnvelope(id, envelope, options.at ?? 0)
    return keepDifferences(document, FORMAT, envelope as unknown as JsonObject, toEnvelope)
  },
  print: (document) => restoreDifferences(document, FORMAT, toEnvelope(document)),
}
