/**
 * A second reader of the journal format, written from docs/spec/journal.md alone: it shares no code with the product, so
 * that one mistake cannot be in both.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'

interface Line {
  readonly pos?: readonly [number, number]
  readonly id: string
  readonly rev: number
  readonly prev: readonly number[] | null
  readonly op?: readonly [string, string]
  readonly deleted?: true
}

/** What the files say. */
export interface JournalContents {
  /** For each living session its lines, as `revision operationId`. */
  readonly sessions: ReadonlyMap<string, readonly string[]>
  readonly lines: number
  readonly segments: number
  /** Bytes at the end that are no line. */
  readonly tornBytes: number
  readonly faults: readonly string[]
}

/** Reads every line of every segment, oldest first. */
export function readJournalFiles(dir: string): JournalContents {
  const living = new Map<string, Line[]>()
  const faults: string[] = []
  let [lines, tornBytes] = [0, 0]
  // An owner that was killed early enough has not even made the folder.
  const names = existsSync(`${dir}/journal`) ? readdirSync(`${dir}/journal`) : []
  const segments = names.filter((name) => /^\d{8}\.jsonl$/.test(name))
  for (const name of segments.toSorted()) {
    for (const text of readFileSync(`${dir}/journal/${name}`, 'latin1').split('\n')) {
      if (text === '') continue
      const end = text.lastIndexOf(',"crc":"')
      const bytes = Buffer.from(text, 'latin1')
      if (end < 0 || text.slice(end) !== `,"crc":"${checksum(bytes.subarray(0, end))}"}`) {
        tornBytes += bytes.length
        continue
      }
      if (tornBytes > 0) faults.push(`${name}: a good line stands behind ${tornBytes} bytes that are none`)
      const line = JSON.parse(bytes.toString()) as Line
      if (line.pos === undefined) continue
      lines += 1
      // What stands before a deletion is dead, and compaction may have taken any of it.
      if (line.deleted === true) living.delete(line.id)
      else
        living
          .set(line.id, living.get(line.id) ?? [])
          .get(line.id)
          ?.push(line)
    }
  }
  for (const [id, history] of living) {
    for (const [index, { rev, prev }] of history.entries()) {
      const before = history[index - 1]
      if (before === undefined) continue
      if (rev !== before.rev + 1) faults.push(`${id}: ${rev} stands behind ${before.rev}`)
      if (prev?.slice(0, 2).join() !== before.pos?.join()) {
        faults.push(`${id}: ${rev} does not point at the line before`)
      }
    }
  }
  const sessions = new Map(
    [...living].map(([id, history]) => [id, history.map(({ rev, op }) => `${rev} ${op?.[0] ?? null}`)]),
  )
  return { sessions, lines, segments: segments.length, tornBytes, faults }
}

function checksum(bytes: Uint8Array): string {
  return crc32(bytes).toString(16).padStart(8, '0')
}
