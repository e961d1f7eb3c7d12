/** SQLite through a driver that comes built: WAL, synchronous=FULL, a row for each entry. */
import { join } from 'node:path'
import Database from 'libsql'

/** One insert, one transaction, one flush for each append. */
export function insert(dir) {
  const { db, put } = open(dir)
  return {
    append: (id, entry) => put(id, entry),
    close: () => db.close(),
  }
}

/** What arrives in one turn of the event loop is one transaction: what somebody would write by hand. */
export function batched(dir) {
  const { db, put } = open(dir)
  let waiting = []
  const putAll = db.transaction((batch) => {
    for (const { id, entry } of batch) put(id, entry)
  })
  const flush = () => {
    const batch = waiting
    waiting = []
    putAll(batch)
    for (const { resolve } of batch) resolve()
  }
  return {
    append: (id, entry) =>
      new Promise((resolve) => {
        if (waiting.push({ id, entry, resolve }) === 1) setImmediate(flush)
      }),
    close: () => db.close(),
  }
}

function open(dir) {
  const db = new Database(join(dir, 'entries.db'))
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.exec(
    'CREATE TABLE entries (id INTEGER PRIMARY KEY, session TEXT NOT NULL, number INTEGER NOT NULL, body TEXT NOT NULL);' +
      'CREATE UNIQUE INDEX by_session ON entries (session, number)',
  )
  const statement = db.prepare('INSERT INTO entries (session, number, body) VALUES (?, ?, ?)')
  let number = 0
  return { db, put: (id, entry) => statement.run(id, (number += 1), JSON.stringify(entry)) }
}
