/**
 * From what a caller hands over to what the machines and the record understand. Everything is `unknown` until parsed
 * here; a refusal names the command and the path and leaves no trace.
 */
import { z } from 'zod'
import { sessionError } from '../errors.ts'
import {
  MAX_DEPTH,
  plainJson,
  plainJsonText,
  quoted,
  type Json,
  type JsonObject,
  type JsonWithText,
} from '../json.ts'
import { DOORS, LIMIT_ACTIONS, LIMITS, type Door, type Limits } from '../machines/events.ts'
import type { RecordEdit } from '../store/change.ts'
import { entryDraftSchema, type Entry, type EntryDraft } from './entries.ts'
import { parseId, type Ids } from './ids.ts'
import { kindSchema, type SessionRecord } from './record.ts'
import type { CreateOptions } from './runtime.ts'
import type { CommandOptions, RecordChanges } from './session.ts'

/** Sizes a command must stay under, in bytes of UTF-8 JSON. */
export interface Bounds {
  readonly maxEntryBytes: number
  readonly maxChangeBytes: number
}

const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER)
const maximum = count.nullish()
const action = z.enum(LIMIT_ACTIONS)
const principalId = z.string().min(1).max(256)

const limitsSchema = z.strictObject({
  maxTurns: maximum,
  maxEntries: maximum,
  maxToolCalls: maximum,
  maxTokens: maximum,
  maxDurationMs: maximum,
  maxIdleMs: maximum,
  action: action.optional(),
  actions: z.partialRecord(z.enum(LIMITS), action).optional(),
})

const createSchema = z.strictObject({
  id: z.unknown().optional(),
  name: z.string().optional(),
  kind: kindSchema.optional(),
  provider: z.strictObject({ id: z.string(), model: z.string() }).nullish(),
  tenantId: principalId.nullish(),
  userId: principalId.nullish(),
  parentId: z.unknown().optional(),
  tags: z.array(z.string()).optional(),
  metadata: z.unknown().optional(),
  context: z.unknown().optional(),
  systemMessage: z.string().nullish(),
  activeSeedId: z.string().nullish(),
  activePersonaId: z.string().nullish(),
  initialTokenCount: count.optional(),
  ttlMs: count.nullish(),
  limits: z.unknown().optional(),
})

const editSchema = z.strictObject({
  name: z.string().optional(),
  systemMessage: z.string().nullable().optional(),
  activeSeedId: z.string().nullable().optional(),
  activePersonaId: z.string().nullable().optional(),
  parentId: z.unknown().optional(),
  tags: z.array(z.string()).optional(),
  metadata: z.unknown().optional(),
  context: z.unknown().optional(),
})

const failSchema = z.strictObject({ code: z.string().min(1).max(256), message: z.string().max(65_536) })

/** The value as the schema wants it. @throws COMMAND_INVALID with the path of the first thing wrong. */
export function parseWith<T>(schema: z.ZodType<T>, value: unknown, command: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw sessionError('COMMAND_INVALID', {
    command,
    path: (issue?.path ?? []).map((key) => (typeof key === 'symbol' ? String(key) : key)),
    reason: issue?.message ?? 'it has the wrong shape',
  })
}

/** No limits at all: what a session has when none are given. */
export const UNLIMITED: Limits = Object.freeze({
  maxTurns: null,
  maxEntries: null,
  maxToolCalls: null,
  maxTokens: null,
  maxDurationMs: null,
  maxIdleMs: null,
  action: 'error',
  actions: Object.freeze({}),
})

/** Limits with the given keys replaced; keys left out stay as in `base`. */
export function parseLimits(options: unknown, base: Limits, command: string): Limits {
  if (options === undefined) return base
  const given = parseWith(limitsSchema, options ?? {}, command)
  const known = Object.entries(given).filter(([, value]) => value !== undefined)
  const actions = { ...base.actions, ...given.actions }
  return Object.freeze({
    ...base,
    ...(Object.fromEntries(known) as Partial<Limits>),
    actions: Object.freeze(actions),
  })
}

/** A session about to be made. */
export interface Creation {
  readonly id: string | null
  readonly record: SessionRecord
  readonly initialTokenCount: number
  readonly ttlMs: number | null
  readonly limits: Limits
}

/** What `create` was given, checked, with every default filled in. */
export function parseCreate(options: CreateOptions, bounds: Bounds): Creation {
  const given = parseWith(createSchema, options, 'create')
  const record: SessionRecord = {
    name: given.name ?? '',
    kind: given.kind ?? { type: 'conversation', purpose: '' },
    provider: given.provider ?? null,
    tenantId: given.tenantId ?? null,
    userId: given.userId ?? null,
    parentId: given.parentId == null ? null : parseId(given.parentId, 'parent id'),
    tags: given.tags ?? [],
    metadata: parseMap(given.metadata, 'metadata', 'create', bounds),
    context: parseMap(given.context, 'context', 'create', bounds),
    systemMessage: given.systemMessage ?? null,
    activeSeedId: given.activeSeedId ?? null,
    activePersonaId: given.activePersonaId ?? null,
  }
  return {
    id: given.id === undefined ? null : parseId(given.id),
    record: plainJson(record, {
      maxBytes: bounds.maxChangeBytes,
      maxDepth: MAX_DEPTH + 1,
    }) as unknown as SessionRecord,
    initialTokenCount: given.initialTokenCount ?? 0,
    ttlMs: given.ttlMs ?? null,
    limits: parseLimits(given.limits, UNLIMITED, 'create'),
  }
}

function parseMap(value: unknown, key: string, command: string, bounds: Bounds): JsonObject {
  if (value === undefined) return {}
  let plain: Json
  try {
    plain = plainJson(value, { maxBytes: bounds.maxChangeBytes })
  } catch (error) {
    throw withPrefix(error, [key])
  }
  if (typeof plain === 'object' && plain !== null && !Array.isArray(plain)) return plain as JsonObject
  throw sessionError('COMMAND_INVALID', { command, path: [key], reason: 'expected an object' })
}

/** The edits a change of the record stands for. Values undefined inside `metadata` and `context` remove their key. */
export function parseEdit(
  changes: RecordChanges,
  bounds: Bounds,
): { edits: RecordEdit[]; parentId: string | null | undefined } {
  const given = parseWith(editSchema, changes, 'edit')
  const edits: RecordEdit[] = []
  for (const key of ['name', 'systemMessage', 'activeSeedId', 'activePersonaId', 'tags'] as const) {
    const value = given[key]
    if (value !== undefined) edits.push([[key], value])
  }
  for (const key of ['metadata', 'context'] as const) {
    const map = given[key]
    if (map === undefined) continue
    const kept = parseMap(map, key, 'edit', bounds)
    for (const name of Object.keys(map as object)) {
      edits.push(Object.hasOwn(kept, name) ? [[key, name], kept[name] as Json] : [[key, name]])
    }
  }
  const parentId =
    given.parentId === undefined
      ? undefined
      : given.parentId === null
        ? null
        : parseId(given.parentId, 'parent id')
  if (parentId !== undefined) edits.push([['parentId'], parentId])
  return { edits, parentId }
}

/** A parsed entry that still lacks its id and time. */
export interface ParsedEntry {
  readonly draft: JsonObject & { readonly type: string }
  /** The draft as JSON text; like that of the content made once, for the digest of a retry and for the journal. */
  readonly draftText: string
  readonly content: Json
  readonly contentText: string
  readonly id: string | undefined
  readonly at: number | undefined
}

type Draft = Pick<ParsedEntry, 'draft' | 'draftText' | 'id' | 'at'>

/** What the schema makes of a message that has no keys of its own. */
const MESSAGES: ReadonlyMap<unknown, Pick<Draft, 'draft' | 'draftText'>> = new Map(
  (['user_message', 'assistant_message', 'system_message'] as const).map((type) => {
    const draft = Object.freeze({ type })
    return [type, { draft, draftText: JSON.stringify(draft) }]
  }),
)

const MESSAGE_KEYS: ReadonlySet<string> = new Set(['type', 'content', 'id', 'at'])
const TOOL_CALL_KEYS: ReadonlySet<string> = new Set([...MESSAGE_KEYS, 'toolName', 'success'])

/** A sound tool call, without the schema; undefined for everything else, sound or not. */
function toolCallDraft(entry: object): Draft | undefined {
  for (const key of Object.keys(entry)) if (!TOOL_CALL_KEYS.has(key)) return undefined
  const { type, toolName, success, id, at } = entry as { readonly [key: string]: unknown }
  if (type !== 'tool_call' || typeof toolName !== 'string' || typeof success !== 'boolean') return undefined
  if (!isEntryId(id) || !isEntryTime(at)) return undefined
  const draftText = `{"type":"tool_call","toolName":${quoted(toolName)},"success":${success}}`
  return { draft: Object.freeze({ type, toolName, success }), draftText, id, at }
}

/** A sound message or tool call, at a tenth of the schema's price; undefined for everything else, sound or not. */
function plainDraft(entry: unknown): Draft | undefined {
  if (typeof entry !== 'object' || entry === null || Object.getPrototypeOf(entry) !== Object.prototype)
    return undefined
  if ((entry as { readonly type?: unknown }).type === 'tool_call') return toolCallDraft(entry)
  for (const key of Object.keys(entry)) if (!MESSAGE_KEYS.has(key)) return undefined
  const { type, id, at } = entry as { readonly type?: unknown; readonly id?: unknown; readonly at?: unknown }
  const message = MESSAGES.get(type)
  if (message === undefined || !isEntryId(id) || !isEntryTime(at)) return undefined
  return { draft: message.draft, draftText: message.draftText, id, at }
}

function isEntryId(id: unknown): id is string | undefined {
  return id === undefined || (typeof id === 'string' && id.length > 0 && id.length <= 128)
}

function isEntryTime(at: unknown): at is number | undefined {
  return at === undefined || (Number.isSafeInteger(at) && (at as number) >= 0)
}

function parsedDraft(entry: unknown): Draft {
  const { id, at, ...rest } = parseWith(entryDraftSchema, entry, 'append')
  const draft = plainJson(rest) as ParsedEntry['draft']
  return { draft, draftText: JSON.stringify(draft), id, at }
}

/** One entry, checked and copied: later changes by the caller do not reach it. */
export function parseEntry(
  entry: EntryDraft,
  bounds: Bounds,
  path: readonly (string | number)[],
): ParsedEntry {
  const { draft, draftText, id, at } = plainDraft(entry) ?? parsedDraft(entry)
  const given = (entry as { readonly content?: unknown }).content
  const { json: content, text: contentText } =
    given === undefined ? NO_CONTENT : parseContent(given, bounds, path)
  return { draft, draftText, content, contentText, id, at }
}

const NO_CONTENT: JsonWithText = { json: null, text: 'null' }

function parseContent(content: unknown, bounds: Bounds, path: readonly (string | number)[]): JsonWithText {
  try {
    return plainJsonText(content, { maxBytes: bounds.maxEntryBytes })
  } catch (error) {
    throw withPrefix(error, [...path, 'content'])
  }
}

/** What a retry of these entries is compared by: all that the caller said, nothing that the runtime adds. */
export function contentOf(parsed: readonly ParsedEntry[]): string {
  let content = ''
  for (const { draftText, contentText, id = '', at = '' } of parsed) {
    if (content !== '') content += '\0'
    content += `${draftText}${contentText}${id}\0${at}`
  }
  return content
}

/** Entries with their ids and times, as values and as JSON text. */
export interface CompletedEntries {
  readonly entries: readonly Entry[]
  /** The JSON text of `entries`. */
  readonly text: string
}

/** The entries with their ids and times. */
export function completeEntries(parsed: readonly ParsedEntry[], ids: Ids, now: number): CompletedEntries {
  const entries: Entry[] = []
  let text = '['
  for (const { draft, draftText, content, contentText, id = ids.entry(), at = now } of parsed) {
    entries.push(Object.freeze({ id, at, ...draft, content }) as unknown as Entry)
    if (text.length > 1) text += ','
    text += `{"id":${quoted(id)},"at":${at},${draftText.slice(1, -1)},"content":${contentText}}`
  }
  return { entries, text: `${text}]` }
}

function withPrefix(error: unknown, prefix: readonly (string | number)[]): unknown {
  const { code, details } = error as { code?: string; details?: { path?: readonly (string | number)[] } }
  if (details?.path === undefined || (code !== 'CONTENT_INVALID' && code !== 'CONTENT_TOO_DEEP')) return error
  return sessionError(code, { ...details, path: [...prefix, ...details.path] } as never)
}

/** Tokens of a delta. */
export function parseTokens(tokens: unknown): number {
  return parseWith(count, tokens, 'recordDelta')
}

/** Which door `admit` asks about. */
export function parseDoor(door: unknown): Door {
  return parseWith(z.enum(DOORS), door, 'admit')
}

/** The error a session fails with. */
export function parseFailure(error: unknown): { readonly code: string; readonly message: string } {
  return parseWith(failSchema, error, 'fail')
}

const OPERATION_ID = z.string().min(1).max(256)

/** What the schema says, at a tenth of the price: nearly every command has one. */
function isOperationId(value: unknown): boolean {
  return typeof value === 'string' && value.length > 0 && value.length <= 256
}

/** The options of a command, checked; the signal is looked at here for the last time before deciding. */
export function parseCommandOptions(options: CommandOptions | undefined, command: string): CommandOptions {
  if (options === undefined) return NO_OPTIONS
  const { operationId } = options
  if (operationId !== undefined && !isOperationId(operationId)) parseWith(OPERATION_ID, operationId, command)
  if (options.expectedRevision !== undefined) parseWith(count, options.expectedRevision, command)
  if (options.signal?.aborted === true) throw sessionError('ABORTED', { command }, options.signal.reason)
  return options
}

const NO_OPTIONS: CommandOptions = Object.freeze({})
