/**
 * Files of conversations, one per line, into sessions: many at once, the messages of one in order.
 *   CW1  A file is streamed; what is held is the lines in work, and one short key per line seen.
 *   CW2  The id is a hash of the line and of how often it occurred before, or the value of `--id-field`: the same file
 *       gives the same ids, so importing twice changes nothing.
 *   CW3  A line that cannot go in is reported with its number, and the others go in.
 *   CW4  Sessions are made in the order of the lines, and remember their line: export gives that order back. None
 *       waits until the one before it is on the disk.
 */
import { hash } from 'node:crypto'
import type { CreateOptions, Json, JsonObject, Principal, Runtime, Session, SessionError } from '../index.ts'
import { getOwn, isJsonObject, isSessionError, plainJson, sessionError } from '../index.ts'
import { openaiChat } from '../integrations/interchange/openai-chat.ts'
import { readPieces, sizeOf } from './files.ts'
import type { Conversation } from './import-session.ts'
import { concernsOneSession, createSession, fillSession, importedState } from './import-session.ts'
import type { ImportReport, LinePlace } from './import-report.ts'
import { ImportTally } from './import-report.ts'
import { parseJson, readLines } from './lines.ts'
import type { Progress } from './progress.ts'

const FORMAT = 'openai-chat'

/** Levels of nesting that are looked through quickly; deeper content is left to `plainJson`, which knows the bound. */
const QUICK_LEVELS = 32

/** Conversations in work at once; each has at most one command on its way, and they are begun in order. */
const IN_WORK = 64

/** How files of conversations are imported. */
export interface ImportConversationsOptions {
  readonly idField: string | undefined
  readonly principal: Principal | undefined
  readonly create: CreateOptions
  readonly complete: boolean
  readonly oneByOne: boolean
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
  const pool = new Pool(IN_WORK)
  const filled: Filled[] = []
  const isTimed = hasTimeLimit(options.create)
  const fill = async ({ conversation, place }: Read): Promise<void> => {
    const messages = conversation.entries.length
    const imported = await counted(tally, place, messages, async () =>
      fillSession(runtime, conversation, await createSession(runtime, conversation), options),
    )
    if (imported === undefined) return
    tally.addSession(imported, messages)
    if (imported.failure !== undefined) tally.addError(place, imported.failure)
    if (isTimed) filled.push({ id: conversation.id, place })
    else await addState(tally, place, async () => imported.session)
  }
  try {
    for await (const read of readConversations(files, tally, options)) {
      if (pool.hasFailed) break
      await pool.add(() => fill(read))
    }
  } finally {
    await pool.finish()
  }
  // A deadline may have ended or paused a session after its last message: then only the end of the run is the truth.
  for (const { id, place } of filled) await addState(tally, place, () => runtime.get(id))
  return tally.report(options.signal.aborted)
}

interface Filled {
  readonly id: string
  readonly place: LinePlace
}

async function addState(tally: ImportTally, place: LinePlace, get: () => Promise<Session>): Promise<void> {
  const state = await counted(tally, place, 0, async () => importedState(await get()))
  if (state !== undefined) tally.addState(state)
}

/** A conversation of a line. */
interface Read {
  readonly conversation: Conversation
  readonly place: LinePlace
}

/** The conversations of the files, in order; a line that is none is counted and left out. */
async function* readConversations(
  files: readonly string[],
  tally: ImportTally,
  options: ImportConversationsOptions,
): AsyncGenerator<Read> {
  const naming = new Naming(options.idField)
  let order = 0
  for (const file of files) {
    const total = await sizeOf(file)
    for await (const line of readLines(readPieces(file, options.signal))) {
      if (options.signal.aborted) return
      order += 1
      const place = { file, line: line.number }
      const read = 'text' in line ? parseJson(line.text) : { reason: line.unreadable }
      const metadata = { import: { format: FORMAT, order } }
      const conversation = await counted(tally, place, messagesIn(read), async () => {
        if ('reason' in read) throw invalid(place, [], read.reason)
        const { drafts, record } = openaiChat.parse(read.value, { line: line.number })
        for (const [index, { content }] of drafts.entries()) checkPlain(content, index)
        const id = naming.idOf('text' in line ? line.text : '', read.value, place)
        const create = { ...options.create, metadata: { ...record.metadata, ...metadata } }
        return { id, entries: drafts, create }
      })
      if (conversation !== undefined) yield { conversation, place }
      options.progress.show(line.endByte, total, `${tally.sessions} sessions`)
    }
  }
}

/** Does the work; when it fails for this line alone, the line is reported and its messages are not kept (CW3). */
async function counted<T>(
  tally: ImportTally,
  place: LinePlace,
  messages: number,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (!concernsOneSession(error)) throw error
    tally.addRefused(messages)
    tally.addError(place, error)
    return undefined
  }
}

/** Names sessions (CW2). */
class Naming {
  readonly #idField: string | undefined
  /** How often each line occurred, by the id of the first. */
  readonly #occurrences = new Map<string, number>()
  /** Where each `--id-field` value was seen first. */
  readonly #seen = new Map<string, LinePlace>()

  constructor(idField: string | undefined) {
    this.#idField = idField
  }

  idOf(text: string, value: unknown, place: LinePlace): string {
    if (this.#idField === undefined) {
      const first = idOfLine(text, 0)
      const occurrence = this.#occurrences.get(first) ?? 0
      this.#occurrences.set(first, occurrence + 1)
      return occurrence === 0 ? first : idOfLine(text, occurrence)
    }
    const named = ownValue(value, this.#idField)
    if (typeof named !== 'string' && typeof named !== 'number' && typeof named !== 'boolean') {
      throw invalid(
        place,
        [this.#idField],
        'it is to be the session id and has to be a string, a number or a boolean',
      )
    }
    const id = String(named)
    const first = this.#seen.get(id)
    if (first !== undefined) {
      const where = first.file === place.file ? `line ${first.line}` : `line ${first.line} of ${first.file}`
      throw invalid(place, [this.#idField], `its value is the session id, and the same as on ${where}`)
    }
    this.#seen.set(id, place)
    return id
  }
}

function idOfLine(text: string, occurrence: number): string {
  return hash('sha256', `${occurrence}\n${text}`, 'hex').slice(0, 32)
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

/** JSON text can hold what JSON does not keep (-0, 1e999): looked for in all messages before the first is written. */
function checkPlain(message: unknown, index: number): void {
  if (isPlain(message, QUICK_LEVELS)) return
  try {
    plainJson(message)
  } catch (error) {
    if (!isSessionError(error, 'CONTENT_INVALID') && !isSessionError(error, 'CONTENT_TOO_DEEP')) throw error
    const { details } = error
    throw sessionError(error.code, { ...details, path: ['messages', index, ...details.path] } as never)
  }
}

/** Whether a value out of JSON text is certain to pass `plainJson`; without a copy, in a fifth of the time. */
function isPlain(value: unknown, levels: number): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0)
  if (typeof value !== 'object' || value === null) return true
  if (levels === 0) return false
  if (Array.isArray(value)) return value.every((item) => isPlain(item, levels - 1))
  for (const key of Object.keys(value)) {
    if (!isPlain((value as Readonly<Record<string, unknown>>)[key], levels - 1)) return false
  }
  return true
}

function messagesIn(read: object): number {
  const messages = 'value' in read ? ownValue(read.value, 'messages') : undefined
  return Array.isArray(messages) ? messages.length : 0
}

function ownValue(value: unknown, key: string): unknown {
  return isJsonObject(value as Json) ? getOwn(value as JsonObject, key) : undefined
}

function invalid({ line }: LinePlace, path: readonly (string | number)[], reason: string): SessionError {
  return sessionError('INTERCHANGE_INVALID', { format: FORMAT, line, path, reason })
}
