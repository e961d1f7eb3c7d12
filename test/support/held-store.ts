/** A store whose disk tests hold: appends wait until released, or fail as told. */
import { createMemoryStore } from '../../src/store/memory-store.ts'
import type { SessionStore } from '../../src/store/store.ts'

export interface HeldStore extends SessionStore {
  /** Appends wait from here on. */
  hold(): void
  /** Lets everything that waits go on, in order. */
  release(): void
  /** Everything that waits fails, as a failed batch does, and so does what comes later when `forEver`. */
  fail(error: unknown, forEver?: boolean): void
}

/** A memory store with a disk that can be held. */
export function heldStore(): HeldStore {
  const store = createMemoryStore()
  let held = false
  let dead: { readonly error: unknown } | undefined
  const underWay = new Set<Promise<unknown>>()
  const waiting: { readonly go: () => void; readonly fail: (error: unknown) => void }[] = []
  return {
    ...store,
    append(change, after) {
      if (dead !== undefined) return Promise.reject(dead.error as Error)
      if (!held) return store.append(change, after)
      const written = new Promise<void>((resolve, reject) => {
        waiting.push({ go: () => void store.append(change, after).then(resolve, reject), fail: reject })
      })
      const settled = written.catch(() => undefined).finally(() => underWay.delete(settled))
      underWay.add(settled)
      return written
    },
    async close() {
      await Promise.all(underWay)
      await store.close()
    },
    hold() {
      held = true
    },
    release() {
      held = false
      for (const { go } of waiting.splice(0)) go()
    },
    fail(error, forEver = false) {
      held = false
      if (forEver) dead = { error }
      for (const { fail } of waiting.splice(0)) fail(error)
    },
  }
}
