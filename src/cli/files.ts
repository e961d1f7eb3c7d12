/**
 * The command line's one door for files its user names: import files, standard input, the demo's folder. The store's
 * own files never pass here. Links are followed and pipes are read, as a user of a shell expects.
 */
import { createReadStream } from 'node:fs'
import { access, mkdtemp, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addAbortSignal, type Readable } from 'node:stream'

/** The bytes of a file, or of standard input for `-`, piece by piece; they end early when the signal is aborted. */
export async function* readPieces(name: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const stream: Readable = name === '-' ? process.stdin : createReadStream(name, { highWaterMark: 1 << 18 })
  if (signal !== undefined) addAbortSignal(signal, stream)
  try {
    yield* stream as AsyncIterable<Uint8Array>
  } catch (error) {
    if (signal?.aborted !== true) throw error
  } finally {
    // An open pipe would keep the process alive after the command is done.
    stream.destroy()
  }
}

/** All of a file, or of standard input for `-`, as text. */
export async function readText(name: string): Promise<string> {
  const pieces: Uint8Array[] = []
  for await (const piece of readPieces(name)) pieces.push(piece)
  return Buffer.concat(pieces).toString('utf8')
}

/** Why a file cannot be read (a code such as `ENOENT`); undefined when it can, and for `-`. */
export async function whyUnreadable(name: string): Promise<string | undefined> {
  if (name === '-') return undefined
  try {
    await access(name, 4)
    return (await stat(name)).isDirectory() ? 'EISDIR' : undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown'
  }
}

/** The size of a plain file; null for pipes and standard input. */
export async function sizeOf(name: string): Promise<number | null> {
  if (name === '-') return null
  const found = await stat(name)
  return found.isFile() ? found.size : null
}

/** Whether a folder holds a store, damaged or not. */
export async function holdsStore(dir: string): Promise<boolean> {
  for (const part of ['store.json', 'journal']) {
    if ((await whyUnreadable(join(dir, part))) !== 'ENOENT') return true
  }
  return false
}

/** A new empty folder of this user alone, in the place for temporary files. */
export async function temporaryFolder(prefix: string): Promise<string> {
  return mkdtemp(join(tmpdir(), prefix))
}
