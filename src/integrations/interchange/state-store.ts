/**
 * The session files of the state store: user messages and agent responses in two lists, times in RFC 3339.
 *   - The two lists become one transcript in the order of their times; each list keeps its own order. At one instant the
 *     n-th user message stands before the n-th response.
 *   - A message is `{text}`; a response keeps its other keys beside it. The text of a time finer than a millisecond is
 *     kept there as well.
 *   - The id is any text there; here it is one that can be a session id. A session comes in as active.
 *   - No place there: entries other than user and assistant messages, status, limits, provider, tags, context.
 */
import { z } from 'zod'
import { isSessionError } from '../../errors.ts'
import { getOwn, isJsonObject, setOwn, type Json, type JsonObject } from '../../json.ts'
import {
  interchangeError,
  jsonMapSchema,
  parseId,
  parseInterchange,
  sessionDocument,
  type Entry,
  type SessionDocument,
} from '../../index.ts'
import { keepDifferences, ownMetadata, restoreDifferences, withoutReserved } from './differences.ts'
import { textOf } from './entry-text.ts'
import { readJson, type DocumentFormat } from './format.ts'
import { millisOf, parseInstant, printTime, timeSchema } from './rfc3339.ts'
import { uuidOfName } from './uuid-text.ts'

const FORMAT = 'state-store'

const idSchema = z.string().superRefine((value, context) => {
  try {
    parseId(value)
  } catch (error) {
    if (!isSessionError(error, 'ID_INVALID')) throw error
    context.addIssue({ code: 'custom', message: error.details.reason })
  }
})

const userMessageSchema = z.object({ content: z.string(), timestamp: timeSchema })

/** The keys of a response beside its text and time, in the order the state store writes them. */
const responseKeys = {
  session_id: z.string().nullish(),
  seed_id: z.string().nullish(),
  phase_reached: z.string().nullish(),
  evaluation_passed: z.boolean().nullish(),
}

const responseSchema = userMessageSchema.extend(responseKeys)

const sessionSchema = z.object({
  id: idSchema,
  user_id: z.string().min(1).max(256),
  user_messages: z.array(userMessageSchema).optional(),
  agent_responses: z.array(responseSchema).optional(),
  active_seed_id: z.string().nullish(),
  active_persona_id: z.string().nullish(),
  created_at: timeSchema,
  updated_at: timeSchema,
  metadata: jsonMapSchema.optional(),
})

type StateStoreSession = z.infer<typeof sessionSchema>

function fromStateStore(session: StateStoreSession): SessionDocument {
  const { id } = session
  const users = (session.user_messages ?? []).map((message, index) =>
    toEntry('user_message', message, id, index),
  )
  const agents = (session.agent_responses ?? []).map((response, index) =>
    toEntry('assistant_message', response, id, index),
  )
  return sessionDocument({
    id,
    status: 'active',
    record: {
      userId: session.user_id,
      activeSeedId: session.active_seed_id ?? null,
      activePersonaId: session.active_persona_id ?? null,
      metadata: withoutReserved(session.metadata ?? {}),
    },
    createdAt: millisOf(session.created_at),
    updatedAt: millisOf(session.updated_at),
    entries: merge(users, agents),
  })
}

interface Timed {
  readonly entry: Entry
  readonly timestamp: string
}

function toEntry(
  type: 'user_message' | 'assistant_message',
  message: z.infer<typeof responseSchema>,
  sessionId: string,
  index: number,
): Timed {
  const { content: text, timestamp, ...rest } = message
  const at = millisOf(timestamp)
  const isFiner = printTime(at, FORMAT, []) !== timestamp
  const content = { text, ...rest, ...(isFiner && { timestamp }) } as JsonObject
  return {
    entry: { id: uuidOfName(`${FORMAT} ${sessionId} ${type} ${index}`), at, type, content },
    timestamp,
  }
}

/** Both lists as one, by time; neither list is reordered. */
function merge(users: readonly Timed[], agents: readonly Timed[]): Entry[] {
  const merged: Entry[] = []
  let [user, agent] = [0, 0]
  while (user < users.length || agent < agents.length) {
    const [nextUser, nextAgent] = [users[user], agents[agent]]
    if (
      nextUser !== undefined &&
      (nextAgent === undefined || comesFirst(nextUser, nextAgent, user <= agent))
    ) {
      merged.push(nextUser.entry)
      user += 1
    } else if (nextAgent !== undefined) {
      merged.push(nextAgent.entry)
      agent += 1
    }
  }
  return merged
}

function comesFirst(a: Timed, b: Timed, atTie: boolean): boolean {
  const [first, second] = [parseInstant(a.timestamp), parseInstant(b.timestamp)]
  const order = (first?.ms ?? 0) - (second?.ms ?? 0) || (first?.nanos ?? 0) - (second?.nanos ?? 0)
  return order === 0 ? atTie : order < 0
}

function toStateStore(document: SessionDocument): JsonObject {
  const { record, entries } = document
  if (record.userId === null)
    throw interchangeError({ format: FORMAT }, ['record', 'userId'], 'user_id is required')
  return {
    id: document.id,
    user_id: record.userId,
    user_messages: messagesOf(entries, 'user_message', []),
    agent_responses: messagesOf(entries, 'assistant_message', Object.keys(responseKeys)),
    ...(record.activeSeedId !== null && { active_seed_id: record.activeSeedId }),
    ...(record.activePersonaId !== null && { active_persona_id: record.activePersonaId }),
    created_at: printTime(document.createdAt, FORMAT, ['createdAt']),
    updated_at: printTime(document.updatedAt, FORMAT, ['updatedAt']),
    metadata: ownMetadata(document),
  }
}

function messagesOf(entries: readonly Entry[], type: Entry['type'], keys: readonly string[]): JsonObject[] {
  return entries.flatMap(({ type: found, at, content }, index) => {
    if (found !== type) return []
    const kept = responseSchema.partial().safeParse(content).data ?? {}
    const message: Record<string, Json> = { content: textOf(content) }
    for (const key of keys) setOwn(message, key, getOwn(kept as JsonObject, key) ?? null)
    const { timestamp } = kept
    message['timestamp'] =
      isJsonObject(content) && timestamp !== undefined && millisOf(timestamp) === at
        ? timestamp
        : printTime(at, FORMAT, ['entries', index, 'at'])
    return [message]
  })
}

/** Session files of the state store. */
export const stateStore: DocumentFormat = {
  kind: 'document',
  parse(input, options = {}) {
    const source = { format: FORMAT, line: options.line }
    const session = parseInterchange(sessionSchema, readJson(input, source), source)
    return keepDifferences(fromStateStore(session), FORMAT, session as unknown as JsonObject, toStateStore)
  },
  print: (document) => restoreDifferences(document, FORMAT, toStateStore(document)),
}
