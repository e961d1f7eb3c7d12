/** Reads a store back: the bytes, the bytes parsed line by line, the shards, or every entry through the public API. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openRuntime } from 'sessionwright'

const READERS = 16

/** Runs one sample. */
export async function run({ kind, dir }) {
  const started = performance.now()
  const answer = await KINDS[kind](dir)
  return { ms: performance.now() - started, ...answer }
}

const KINDS = {
  bytes(dir) {
    let bytes = 0
    for (const path of filesOf(dir, 'journal')) bytes += readFileSync(path).length
    return { bytes }
  },
  parsed(dir) {
    let [lines, bytes] = [0, 0]
    for (const path of filesOf(dir, 'journal')) {
      const file = readFileSync(path)
      bytes += file.length
      for (let start = 0, end = file.indexOf(10); end >= 0; start = end + 1, end = file.indexOf(10, start)) {
        if (end === start) continue
        JSON.parse(file.toString('utf8', start, end))
        lines += 1
      }
    }
    return { lines, bytes }
  },
  shards(dir) {
    let sessions = 0
    for (const path of filesOf(dir, 'snapshots'))
      sessions += Object.keys(JSON.parse(readFileSync(path, 'utf8'))).length
    return { sessions }
  },
  async entries(dir) {
    const runtime = await openRuntime({ dir, readOnly: true })
    const ids = []
    let cursor
    do {
      const page = await runtime.list({ limit: 1000, ...(cursor === undefined ? {} : { cursor }) })
      ids.push(...page.items.map(({ id }) => id))
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined)
    const listed = performance.now()
    let [entries, next] = [0, 0]
    const reader = async () => {
      while (next < ids.length) {
        next += 1
        const session = await runtime.get(ids[next - 1])
        for await (const _ of session.entries()) entries += 1
      }
    }
    await Promise.all(Array.from({ length: READERS }, reader))
    const readMs = performance.now() - listed
    await runtime.close()
    return { entries, readMs }
  },
}

function filesOf(dir, folder) {
  return readdirSync(join(dir, folder))
    .toSorted()
    .map((name) => join(dir, folder, name))
}
