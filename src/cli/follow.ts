/**
 * Following a session that another process writes: look, print what is durable, wait, look again. No lock is taken and
 * the owner is not asked, so following costs it nothing.
 */
import type { SessionChange } from '../index.ts'
import { END_STATUSES, isSessionError, openRuntime } from '../index.ts'
import { findSession } from './describe-session.ts'
import { interruption } from './interruption.ts'
import type { PrincipalOptions, StoreOptions } from './options.ts'
import { wait } from './wait.ts'

const LOOK_AGAIN_MS = 250

/** The changes of a session from a revision on, each once, until it ends, is deleted, or SIGINT comes. */
export async function* followChanges(
  id: string,
  from: number,
  options: StoreOptions & PrincipalOptions,
): AsyncGenerator<SessionChange, void, undefined> {
  const signal = interruption()
  let next = from
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    const runtime = await openRuntime({ dir: options.store, readOnly: true })
    let hasEnded: boolean
    try {
      const session = await findSession(runtime, id, options)
      hasEnded = END_STATUSES.some((status) => status === session.status)
      for await (const change of session.changes({ from: next, live: false, signal })) {
        next = change.revision + 1
        yield change
      }
    } catch (error) {
      if (!isFirst && isSessionError(error, 'NOT_FOUND')) return
      throw error
    } finally {
      await runtime.close()
    }
    if (hasEnded) return
    await wait(LOOK_AGAIN_MS, signal)
  }
}
