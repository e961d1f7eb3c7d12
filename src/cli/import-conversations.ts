/**
 * Files of conversations, one per line, into sessions: many at once, the messages of one in order.
 *   CW1  A file is streamed; what is held is the lines in work, and one short key per line seen.
 *   CW2  The id is a hash of the line and of how often it occurred before, or the value of `--id-field`: the same file
 *       gives the same ids, so importing twice changes nothing.
 *   CW3  A line that cannot go in is reported with its number, and the others go in.
 *   CW4  Sessions are made in the order of the lines, and remember their line: export gives that order back.
 */
import { createHash } from 'node:crypto'
import type { CreateOptions, Json, JsonObject, Principal, Runtime, SessionError } from '../index.ts'
import { getOwn, isJsonObject, isSessionError, plainJson, sessionError } from '../index.ts'
import { openaiChat } from '../integrations/interchange/openai-chat.ts'
import { readPieces, sizeOf } from './files.ts'
import type { Conversation } from './import-session.ts'
import { concernsOneSession, importedState, importSession } from './import-session.ts'
import type { ImportReport } from './import-report.ts'
import { ImportTally } from './import-report.ts'
import type { Line } from './lines.ts'
import { parseJson, readLines } from './lines.ts'
import type { Progress } from './progress.ts'

const FORMAT = 'openai-chat'

/** Conversations in work at once; each has at most one command on its way. */
const IN_WORK = 64

/** How files of conversations are imported. */
export interface ImportConversationsOptions {
  readonly idField: string | undefined
  readonly principal: Principal | undefined
  readonly create: CreateOptions
  readonly complete: boolean
  readonly signal: AbortSignal
  readonly progress: Progress
}

/** Imports files of conversations (CW1–CW4). */
export async function importConversations(
  runtime: Runtime,
  files: readonly string[],
  options: ImportConversationsOptions,
): Promise<ImportReport> {
  const tally = new ImportTally()
  const naming = new Naming(options.idField)
  const pool = new Pool(IN_WORK)
  const settleLater = hasTimeLimit(options.create)
  const settled: string[] = []
  let order = 0
  for (const file of files) {
    const total = await sizeOf(file)
    for await (const line of readLines(readPieces(file, options.signal))) {
      if (options.signal.aborted || pool.hasFailed) break
      order += 1
      const place = order
      // `add` returns once there is room; the work has begun by then, so sessions are made in the order of lines (CW4).
      await pool.add(async () => {
        const id = await importLine(runtime, file, line, place, naming, tally, options)
        if (id === undefined) return
        if (settleLater) settled.push(id)
        else tally.addState(await importedState(runtime, id))
      })
      options.progress.show(line.endByte, total, `${tally.sessions} sessions`)
    }
  }
  await pool.finish()
  // A deadline may have ended or paused a session after its last message: then only the end of the run is the truth.
  for (const id of settled) tally.addState(await importedState(runtime, id))
  return tally.report(options.signal.aborted)
}

async function importLine(
  runtime: Runtime,
  file: string,
  line: Line,
  order: number,
  naming: Naming,
  tally: ImportTally,
  options: ImportConversationsOptions,
): Promise<string | undefined> {
  let messages = 0
  try {
    const value = valueOf(line)
    messages = messagesIn(value)
    const { drafts, record } = openaiChat.parse(value, { line: line.number })
    for (const [index, { content }] of drafts.entries()) checkPlain(content, index)
    const conversation: Conversation = {
      id: naming.idOf(textOf(line), value, file, line.number),
      entries: drafts,
      create: { ...options.create, metadata: { ...record.metadata, import: { format: FORMAT, order } } },
    }
    const imported = await importSession(runtime, conversation, options)
    tally.addSession(imported, messages)
    if (imported.failure !== undefined) tally.addError(file, line.number, imported.failure)
    return imported.id
  } catch (error) {
    if (!concernsOneSession(error)) throw error
    tally.addRefused(messages)
    tally.addError(file, line.number, error)
    return undefined
  }
}

/** Names sessions (CW2). */
class Naming {
  readonly #idField: string | undefined
  /** How often each line occurred, by a short hash. */
  readonly #occurrences = new Map<string, number>()
  /** Where each `--id-field` value was seen first. */
  readonly #seen = new Map<string, { readonly file: string; readonly line: number }>()

  constructor(idField: string | undefined) {
    this.#idField = idField
  }

  idOf(text: string, value: unknown, file: string, line: number): string {
    if (this.#idField === undefined) {
      const key = createHash('sha256').update(text).digest('base64url')
      const occurrence = this.#occurrences.get(key) ?? 0
      this.#occurrences.set(key, occurrence + 1)
      return createHash('sha256').update(`${occurrence}\n${text}`).digest('hex').slice(0, 32)
    }
    const named = ownValue(value, this.#idField)
    if (typeof named !== 'string' && typeof named !== 'number' && typeof named !== 'boolean') {
      throw invalid(
        line,
        [this.#idField],
        'it is to be the session id and has to be a string, a number or a boolean',
      )
    }
    const id = String(named)
    const first = this.#seen.get(id)
    if (first !== undefined) {
      const where = first.file === file ? `line ${first.line}` : `line ${first.line} of ${first.file}`
      throw invalid(line, [this.#idField], `its value is the session id, and the same as on ${where}`)
    }
    this.#seen.set(id, { file, line })
    return id
  }
}

/** Runs so many pieces of work at once; a failure stops it. */
class Pool {
  readonly #size: number
  readonly #running = new Set<Promise<void>>()
  #failure: { readonly error: unknown } | undefined

  constructor(size: number) {
    this.#size = size
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined
  }

  /** Begins the work as soon as there is room for it. */
  async add(work: () => Promise<void>): Promise<void> {
    while (this.#running.size >= this.#size) await Promise.race(this.#running)
    const running: Promise<void> = work()
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  /** Resolves when all work is done. @throws what the first piece failed with */
  async finish(): Promise<void> {
    await Promise.all(this.#running)
    if (this.#failure !== undefined) throw this.#failure.error
  }
}

function hasTimeLimit({ limits }: CreateOptions): boolean {
  return limits?.maxDurationMs != null || limits?.maxIdleMs != null
}

/** What a line holds. */
function valueOf(line: Line): unknown {
  const parsed = 'text' in line ? parseJson(line.text) : { reason: line.unreadable }
  if ('reason' in parsed) throw invalid(line.number, [], parsed.reason)
  return parsed.value
}

function textOf(line: Line): string {
  return 'text' in line ? line.text : ''
}

/** JSON text can hold what JSON does not keep (-0, 1e999): looked for in all messages before the first is written. */
function checkPlain(message: unknown, index: number): void {
  try {
    plainJson(message)
  } catch (error) {
    if (!isSessionError(error, 'CONTENT_INVALID') && !isSessionError(error, 'CONTENT_TOO_DEEP')) throw error
    const { details } = error
    throw sessionError(error.code, { ...details, path: ['messages', index, ...details.path] } as never)
  }
}

function messagesIn(value: unknown): number {
  const messages = ownValue(value, 'messages')
  return Array.isArray(messages) ? messages.length : 0
}

function ownValue(value: unknown, key: string): unknown {
  return isJsonObject(value as Json) ? getOwn(value as JsonObject, key) : undefined
}

function invalid(line: number, path: readonly (string | number)[], reason: string): SessionError {
  return sessionError('INTERCHANGE_INVALID', { format: FORMAT, line, path, reason })
}
