/**
 * What to prune, and how often to look.
 *   V1  By age first (strictly older), then by count (oldest first); victims of the first leave the count of the second.
 *   V2  Open sessions stay unless told otherwise, and so do parents of sessions that stay.
 *   V3  The first ask is granted, later ones only after whole seconds of cooldown; the stamp moves only when granted.
 */
import type { Head } from '../store/store.ts'
import { isEnd, isStatus } from '../machines/lifecycle.ts'
import type { Principal, PruneOptions } from './runtime.ts'

/** Last changes older than this are pruned by default: 168 hours. */
export const PRUNE_OLDER_THAN_MS = 168 * 3_600_000

/** This many sessions are kept by default. */
export const PRUNE_MAX_SESSIONS = 100

/** Whether a session belongs to a principal; what the principal leaves out is not asked. */
export function belongsTo(
  summary: { readonly tenantId: string | null; readonly userId: string | null },
  principal: Principal | undefined,
): boolean {
  if (principal === undefined) return true
  return (
    (principal.tenantId === undefined || principal.tenantId === summary.tenantId) &&
    (principal.userId === undefined || principal.userId === summary.userId)
  )
}

/** The sessions a prune would delete, oldest first (V1, V2). */
export function pruneVictims(heads: Iterable<Head>, options: PruneOptions, now: number): string[] {
  const olderThanMs = options.olderThanMs ?? PRUNE_OLDER_THAN_MS
  const maxSessions = options.maxSessions ?? PRUNE_MAX_SESSIONS
  const all = [...heads].filter((head) => belongsTo(head.summary, options.principal))
  all.sort((a, b) => a.summary.updatedAt - b.summary.updatedAt || (a.sessionId < b.sessionId ? -1 : 1))
  const children = childrenOf(all)
  const victims = new Set<string>()
  const mayGo = (head: Head): boolean =>
    !victims.has(head.sessionId) &&
    (options.includeOpen === true || isOver(head)) &&
    (children.get(head.sessionId) ?? []).every((child) => victims.has(child))
  const take = (wanted: (head: Head) => boolean): void => {
    // A parent may go once its children have gone, so each pass may make room for another.
    for (let grown = -1; grown !== victims.size;) {
      grown = victims.size
      for (const head of all) if (wanted(head) && mayGo(head)) victims.add(head.sessionId)
    }
  }
  if (olderThanMs > 0) take((head) => head.summary.updatedAt < now - olderThanMs)
  if (maxSessions > 0) take(() => all.length - victims.size > maxSessions)
  return all.filter((head) => victims.has(head.sessionId)).map((head) => head.sessionId)
}

/** The children of each parent. */
function childrenOf(all: readonly Head[]): Map<string, string[]> {
  const result = new Map<string, string[]>()
  for (const { sessionId, summary } of all) {
    if (summary.parentId === null) continue
    const siblings = result.get(summary.parentId)
    if (siblings === undefined) result.set(summary.parentId, [sessionId])
    else siblings.push(sessionId)
  }
  return result
}

function isOver(head: Head): boolean {
  const { status } = head.summary
  return isStatus(status) && isEnd(status)
}

/** Says when it is time to prune again (V3). Times are the caller's milliseconds, and may only matter as differences. */
export class PruneThrottle {
  readonly #cooldownMs: number
  #last: number | undefined

  constructor(cooldownMs: number) {
    this.#cooldownMs = cooldownMs
  }

  /** Whether it is time; asking when it is moves the stamp. */
  shouldPrune(now: number): boolean {
    const elapsed = this.#last === undefined ? Infinity : now - this.#last
    // A clock set back would otherwise hold pruning up for as long as it was set back.
    if (elapsed >= 0 && Math.floor(elapsed / 1000) * 1000 < this.#cooldownMs) return false
    this.#last = now
    return true
  }
}
