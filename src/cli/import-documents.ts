/**
 * Files of whole sessions into the store: one JSON document per file, or one per line.
 *   CW5  A document goes in as one change, or not at all; one that is in already is not made again.
 *   CW6  A document that cannot go in is reported with its line, and the others go in.
 */
import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Runtime, SessionDocument } from '../index.ts'
import { isJsonObject, sessionError, systemClock } from '../index.ts'
import { INTERCHANGE_FORMATS, type InterchangeFormatName } from '../integrations/interchange/formats.ts'
import { readPieces, sizeOf } from './files.ts'
import { concernsOneSession, importedState } from './import-session.ts'
import type { ImportReport } from './import-report.ts'
import { ImportTally } from './import-report.ts'
import type { Line } from './lines.ts'
import { parseJson, readLines } from './lines.ts'
import type { Progress } from './progress.ts'

/** The formats whose documents are whole sessions. */
export type DocumentFormatName = Exclude<InterchangeFormatName, 'openai-chat'>

/** How files of documents are imported. */
export interface ImportDocumentsOptions {
  readonly signal: AbortSignal
  readonly progress: Progress
}

interface Piece {
  readonly file: string
  readonly line: number
  readonly value: unknown
}

/** Imports files of session documents (CW5, CW6). */
export async function importDocuments(
  runtime: Runtime,
  files: readonly string[],
  format: DocumentFormatName,
  options: ImportDocumentsOptions,
): Promise<ImportReport> {
  const tally = new ImportTally()
  for (const file of files) {
    const total = await sizeOf(file)
    for await (const line of documentLines(readLines(readPieces(file, options.signal)))) {
      if (options.signal.aborted) break
      await importDocument(runtime, file, line, format, tally)
      options.progress.show(line.endByte, total, `${tally.sessions} sessions`)
    }
  }
  return tally.report(options.signal.aborted)
}

/** Lines as they are when the first is a document by itself; else all of them together as one document. */
async function* documentLines(lines: AsyncIterable<Line>): AsyncGenerator<Line> {
  const held: Line[] = []
  let isByLine: boolean | undefined
  for await (const line of lines) {
    isByLine ??= 'text' in line && 'value' in parseJson(line.text)
    if (isByLine) yield line
    else held.push(line)
  }
  const [first] = held
  if (first === undefined) return
  const text = held.map((line) => ('text' in line ? line.text : '')).join('\n')
  if ('value' in parseJson(text)) yield { number: first.number, text, endByte: held.at(-1)?.endByte ?? 0 }
  else yield* held
}

async function importDocument(
  runtime: Runtime,
  file: string,
  line: Line,
  format: DocumentFormatName,
  tally: ImportTally,
): Promise<void> {
  try {
    const value = valueOf(line, format)
    const id = keyOf({ file, line: line.number, value })
    const document = INTERCHANGE_FORMATS[format].parse(value, {
      id,
      line: line.number,
      at: systemClock.now(),
    })
    const isPresent = runtime.has(document.id)
    if (isPresent) await checkPresent(runtime, document)
    const session = isPresent ? await runtime.get(document.id) : await runtime.import(document)
    const messages = document.entries.length
    tally.addSession({ kept: messages, repeated: isPresent ? messages : 0 }, messages)
    tally.addState(await importedState(session))
  } catch (error) {
    if (!concernsOneSession(error)) throw error
    tally.addError({ file, line: line.number }, error)
  }
}

function valueOf(line: Line, format: string): unknown {
  const parsed = 'text' in line ? parseJson(line.text) : { reason: line.unreadable }
  if ('value' in parsed) return parsed.value
  throw sessionError('INTERCHANGE_INVALID', { format, line: line.number, path: [], reason: parsed.reason })
}

/**
 * The key of a document that holds none itself (`fluers`): a `session_id` or `id` beside its own keys, as `export`
 * writes it, or the name of its file.
 */
function keyOf({ file, value }: Piece): string {
  if (isJsonObject(value as never)) {
    const { session_id: sessionId, id } = value as Record<string, unknown>
    if (typeof sessionId === 'string') return sessionId
    if (typeof id === 'string') return id
  }
  if (file !== '-') return basename(file).replace(/\.json$/, '')
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 32)
}

/** A session that is there already may have gone on since, but it must have begun with the document's entries. */
async function checkPresent(runtime: Runtime, document: SessionDocument): Promise<void> {
  const present = await runtime.export(document.id)
  const isSame = document.entries.every((entry, index) => {
    const other = present.entries[index]
    return other !== undefined && entry.type === other.type && isDeepStrictEqual(entry.content, other.content)
  })
  if (!isSame) throw sessionError('SESSION_EXISTS', { sessionId: document.id })
}
