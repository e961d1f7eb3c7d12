/**
 * Deleting, erasing and pruning: what ends a session's being kept.
 *   DE1  A deletion is a change like any other: a tombstone behind which revisions go on.
 *   DE2  Children are never orphaned in silence: refused, detached or deleted first.
 *   DE3  Erasing is deleting, then rewriting every file that holds a trace.
 *   DE4  After a failed write a session that memory does not know may still be on the disk: never answered with "nothing".
 */
import { isSessionError, sessionError } from '../errors.ts'
import { isEnd } from '../machines/lifecycle.ts'
import type { Operation, Summary } from '../store/change.ts'
import type { SessionStore } from '../store/store.ts'
import { parseCommandOptions } from './commands.ts'
import type { CommitRoad } from './commit.ts'
import { digestOf } from './operations.ts'
import { recordOf, statusOf, type Resident } from './resident.ts'
import type { Residents } from './residents.ts'
import { belongsTo, pruneVictims } from './retention.ts'
import type {
  DeleteOptions,
  EraseOptions,
  EraseReport,
  EraseTarget,
  PruneOptions,
  PruneReport,
} from './runtime.ts'
import type { CommandOptions } from './session.ts'

/** What deletion works on. */
export interface DeletionPort {
  readonly store: SessionStore
  readonly road: CommitRoad
  readonly residents: Residents
  /** Puts a resident's operations in place before a command that names one. */
  ready(resident: Resident, options: CommandOptions): Promise<void>
  now(): number
  /** A write failed: nobody knows what is on the disk, so "there is nothing" cannot be said (DE4). */
  isInDoubt(): boolean
}

/** Deletes a session; false when it is not there (for this principal). */
export async function deleteSession(
  port: DeletionPort,
  sessionId: string,
  options: DeleteOptions,
): Promise<boolean> {
  const parsed = parseCommandOptions(options, 'delete')
  const resident = await port.residents.summon(sessionId)
  await port.ready(resident, parsed)
  const operation: Operation | undefined =
    options.operationId === undefined
      ? undefined
      : { id: options.operationId, digest: digestOf('delete', sessionId) }
  const state = resident.decided
  if (state === undefined) {
    if (port.isInDoubt())
      throw sessionError('STORE_FAILED', { operation: 'delete', reason: 'an earlier write failed' })
    // The retry of a deletion that was acknowledged before: its first answer was true.
    return operation !== undefined && port.road.answered(resident, operation) !== undefined
  }
  if (!belongsTo(state.summary, options.principal)) return false
  if (options.expectedRevision !== undefined && options.expectedRevision !== state.revision) {
    throw sessionError('REVISION_CONFLICT', {
      sessionId,
      expected: options.expectedRevision,
      actual: state.revision,
    })
  }
  const actual = statusOf(state)
  if (options.force !== true && !isEnd(actual)) {
    throw sessionError('WRONG_STATE', {
      sessionId,
      expected: ['closed', 'completed', 'failed', 'cancelled', 'expired'],
      actual,
      command: 'delete',
    })
  }
  await settleChildren(port, sessionId, options)
  await port.road.decree(resident, { event: { type: 'deleted' }, operation, tombstone: true })
  return true
}

/** Children of a session by the newest durable state. */
function childrenOf(store: SessionStore, sessionId: string): string[] {
  const result: string[] = []
  for (const head of store.heads()) if (head.summary.parentId === sessionId) result.push(head.sessionId)
  return result
}

/** DE2: nothing is written before it is known that every child can follow. */
async function settleChildren(port: DeletionPort, sessionId: string, options: DeleteOptions): Promise<void> {
  const children = childrenOf(port.store, sessionId)
  if (children.length === 0) return
  if (options.children === undefined)
    throw sessionError('HAS_CHILDREN', { sessionId, children: children.length })
  for (const child of children) {
    if (options.children === 'delete') {
      await deleteSession(port, child, { children: 'delete', force: options.force === true })
    } else {
      const resident = await port.residents.summon(child)
      await port.road.decree(resident, { event: { type: 'detached' }, edits: [[['parentId'], null]] })
    }
  }
}

/** Deletes and then removes every trace (DE3). */
export async function eraseSessions(
  port: DeletionPort,
  target: EraseTarget,
  options: EraseOptions,
): Promise<EraseReport> {
  if (port.isInDoubt())
    throw sessionError('STORE_FAILED', { operation: 'erase', reason: 'an earlier write failed' })
  const ids = 'sessionId' in target ? [target.sessionId] : sessionsOf(port.store, target)
  const erased: string[] = []
  for (const id of ids) {
    const deletion = { ...options, force: options.force ?? false }
    const known = port.store.lastRevision(id) > 0
    const deleted = await deleteSession(port, id, deletion)
    // An id that was deleted before still has its trace to be removed; one of another principal has not been touched.
    if (deleted || (known && port.store.head(id) === undefined && options.principal === undefined))
      erased.push(id)
  }
  if (erased.length > 0) {
    await port.store.erase(erased)
    for (const id of erased) port.residents.forget(id)
  }
  return { erased }
}

function sessionsOf(
  store: SessionStore,
  target: { readonly userId: string; readonly tenantId?: string | null },
): string[] {
  const result: string[] = []
  for (const { sessionId, summary } of store.heads()) {
    if (summary.userId !== target.userId) continue
    if (target.tenantId === undefined || target.tenantId === summary.tenantId) result.push(sessionId)
  }
  return result
}

/** Deletes what is old or too many; counts only what it deleted and names what it could not. */
export async function pruneSessions(port: DeletionPort, options: PruneOptions): Promise<PruneReport> {
  const dryRun = options.dryRun === true
  const victims = pruneVictims(port.store.heads(), options, port.now())
  if (dryRun) return { deleted: victims, failed: [], dryRun, ran: true }
  const deleted: string[] = []
  const failed: { id: string; code: string }[] = []
  for (const id of childrenFirst(port.store, victims)) {
    try {
      if (await deleteSession(port, id, { force: options.includeOpen === true })) deleted.push(id)
    } catch (error) {
      failed.push({ id, code: isSessionError(error) ? error.code : 'INTERNAL' })
    }
  }
  return { deleted, failed, dryRun, ran: true }
}

/** Children before their parents, else in the order given. */
function childrenFirst(store: SessionStore, ids: readonly string[]): string[] {
  const depth = (id: string): number => {
    let steps = 0
    for (let parent = store.head(id)?.summary.parentId ?? null; parent !== null && steps < 1000; steps += 1) {
      parent = store.head(parent)?.summary.parentId ?? null
    }
    return steps
  }
  return ids
    .map((id, index) => ({ id, index, depth: depth(id) }))
    .sort((a, b) => b.depth - a.depth || a.index - b.index)
    .map(({ id }) => id)
}

/**
 * Refuses a parent that does not exist, belongs to somebody else, or descends from the session itself.
 * @throws PARENT_INVALID
 */
export function checkParent(
  port: Pick<DeletionPort, 'store' | 'residents'>,
  sessionId: string,
  parentId: string,
  owner: { readonly tenantId: string | null; readonly userId: string | null },
): void {
  const refuse = (reason: string): never => {
    throw sessionError('PARENT_INVALID', { sessionId, parentId, reason })
  }
  const seen = new Set<string>()
  for (let id: string | null = parentId; id !== null;) {
    if (id === sessionId) refuse('it is the session itself or one of its descendants')
    if (seen.has(id)) break
    seen.add(id)
    const decided: Resident['decided'] = port.residents.peek(id)?.decided
    const summary: Summary | undefined =
      decided === undefined ? port.store.head(id)?.summary : decided.summary
    if (summary === undefined) {
      if (id === parentId) refuse('it does not exist')
      break
    }
    if (id === parentId && summary.tenantId !== owner.tenantId) refuse('it does not exist')
    id = decided === undefined ? summary.parentId : recordOf(decided).parentId
  }
}
