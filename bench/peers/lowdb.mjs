/** lowdb: one file for all sessions as its guide shows it, and a file for each with an adapter that makes it durable. */
import { open as openFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Low } from 'lowdb'
import { JSONFile } from 'lowdb/node'

/** How many entries a session has before it is measured: what is rewritten as a whole has a size. */
const BEGINS_WITH = 20

/** One file; never flushed. */
export async function oneFile(dir, { sessions, entries }) {
  const db = new Low(new JSONFile(join(dir, 'db.json')), { sessions: {} })
  for (const id of sessions) db.data.sessions[id] = entries.slice(0, BEGINS_WITH)
  await db.write()
  return {
    append(id, entry) {
      db.data.sessions[id].push(entry)
      return db.write()
    },
    close: () => undefined,
  }
}

/** A file for each session: written beside, flushed, renamed, and the folder flushed. */
export async function filePerSession(dir, { sessions, entries }) {
  const open = async (id) => {
    const db = new Low(new DurableFile(join(dir, `${id}.json`)), { entries: entries.slice(0, BEGINS_WITH) })
    await db.write()
    return { db, last: Promise.resolve() }
  }
  const files = new Map(await Promise.all(sessions.map(async (id) => [id, await open(id)])))
  return {
    append(id, entry) {
      const file = files.get(id)
      // The adapter has no queue: the writes of one file are made one after the other.
      file.last = file.last.then(() => {
        file.db.data.entries.push(entry)
        return file.db.write()
      })
      return file.last
    },
    close: () => undefined,
  }
}

class DurableFile {
  #path

  constructor(path) {
    this.#path = path
  }

  read() {
    return null
  }

  async write(data) {
    const beside = `${this.#path}.new`
    await withFile(beside, 'w', async (file) => {
      await file.writeFile(JSON.stringify(data))
      await file.datasync()
    })
    await rename(beside, this.#path)
    await withFile(dirname(this.#path), 'r', (folder) => folder.sync())
  }
}

async function withFile(path, mode, use) {
  const file = await openFile(path, mode)
  try {
    await use(file)
  } finally {
    await file.close()
  }
}
