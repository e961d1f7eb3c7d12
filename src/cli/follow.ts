/**
 * Following a session that another process writes. No lock is taken and the owner is not asked: the read-only runtime
 * looks at the store now and then, so following costs the owner nothing.
 */
import type { SessionChange } from '../index.ts'
import { findSession } from './describe-session.ts'
import { interruption } from './interruption.ts'
import { readStore } from './open-store.ts'
import type { PrincipalOptions, StoreOptions } from './options.ts'
import { keepAlive } from './wait.ts'

/** Shows the changes of a session from a revision on, each once, until it ends, is deleted, or SIGINT comes. */
export async function followChanges(
  id: string,
  from: number,
  options: StoreOptions & PrincipalOptions,
  show: (change: SessionChange) => Promise<void>,
): Promise<void> {
  const signal = interruption()
  const letGo = keepAlive()
  try {
    await readStore(options, async (runtime) => {
      const session = await findSession(runtime, id, options)
      for await (const change of session.changes({ from, signal })) await show(change)
    })
  } finally {
    letGo()
  }
}
