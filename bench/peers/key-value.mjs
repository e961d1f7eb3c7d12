/** Embedded key-value stores, each with a flush before it answers. */
import { join } from 'node:path'

/** LMDB; `overlappingSync: false` resolves a put after its flush. */
export async function lmdb(dir) {
  const { open } = await import('lmdb')
  const db = open({ path: join(dir, 'entries.mdb'), overlappingSync: false })
  let number = 0
  return {
    append: (id, entry) => db.put([id, (number += 1)], entry),
    close: () => db.close(),
  }
}

/** LevelDB, `sync: true`. */
export async function level(dir) {
  const { ClassicLevel } = await import('classic-level')
  const db = new ClassicLevel(join(dir, 'level'), { valueEncoding: 'json' })
  await db.open()
  let number = 0
  return {
    append(id, entry) {
      number += 1
      return db.put(`${id}!${String(number).padStart(10, '0')}`, entry, { sync: true })
    },
    close: () => db.close(),
  }
}
