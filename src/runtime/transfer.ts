/**
 * A session as one document, and a document as a session.
 *   TR1  Counters are not trusted: they are counted from the entries again.
 *   TR2  export → import → export gives the same document.
 */
import { sessionError } from '../errors.ts'
import { MAX_DEPTH, plainJson, type JsonObject } from '../json.ts'
import type { SessionContext } from '../machines/events.ts'
import { contextFault, initialContext } from '../machines/context.ts'
import { tally } from '../machines/limits.ts'
import type { StoredState } from '../store/change.ts'
import type { SessionStore } from '../store/store.ts'
import type { ActorFacts } from './actors.ts'
import type { Bounds } from './commands.ts'
import { DOCUMENT_FORMAT, type SessionDocument } from './document.ts'
import type { Entry } from './entries.ts'
import { readEntries } from './entry-reader.ts'
import { contextOf, recordOf, statusOf } from './resident.ts'

/** What an entry's own keys may take beside its content. */
const ENTRY_HEAD_BYTES = 4096

/** The whole session as one document. */
export async function documentOf(store: SessionStore, state: StoredState): Promise<SessionDocument> {
  const context = contextOf(state)
  const entries: Entry[] = []
  for await (const placed of readEntries(store, state.sessionId, {})) {
    const { position: _position, revision: _revision, ...entry } = placed
    entries.push(entry as Entry)
  }
  return {
    format: DOCUMENT_FORMAT,
    id: state.sessionId,
    status: statusOf(state),
    record: recordOf(state),
    limits: context.limits,
    initialTokenCount: context.initialTokenCount,
    deltaTokenCount: context.deltaTokenCount,
    roundCount: context.roundCount,
    createdAt: context.createdAt,
    activatedAt: context.activatedAt,
    pausedAt: context.pausedAt,
    endedAt: context.endedAt,
    updatedAt: context.updatedAt,
    expiresAt: context.expiresAt,
    end: context.end,
    entries,
  }
}

/** What a document founds: facts, record and entries, checked and counted (TR1). */
export interface Foundation {
  readonly facts: ActorFacts
  readonly record: JsonObject
  readonly entries: readonly Entry[]
}

/** The foundation of an imported session. @throws INTERCHANGE_INVALID, CONTENT_INVALID, ENTRY_TOO_LARGE */
export function foundationOf(document: SessionDocument, bounds: Bounds): Foundation {
  const born = initialContext({
    at: document.createdAt,
    expiresAt: document.expiresAt,
    initialTokenCount: document.initialTokenCount,
    limits: document.limits,
  })
  const counted = tally(
    born,
    document.entries.map((entry) => entry.type),
  )
  const { status } = document
  const context: SessionContext = {
    ...born,
    turnCount: counted.turnCount,
    awaitingReply: counted.awaitingReply,
    entryCount: counted.entryCount,
    userMessageCount: counted.userMessageCount,
    assistantMessageCount: counted.assistantMessageCount,
    toolCallCount: counted.toolCallCount,
    roundCount: document.roundCount,
    deltaTokenCount: document.deltaTokenCount,
    activatedAt: document.activatedAt,
    pausedAt: document.pausedAt,
    endedAt: document.endedAt,
    updatedAt: document.updatedAt,
    idleSince: status === 'active' ? document.updatedAt : null,
    end: document.end,
  }
  const fault = contextFault(status, context as unknown as JsonObject)
  if (fault !== null) {
    throw sessionError('INTERCHANGE_INVALID', { format: 'sessionwright', path: ['status'], reason: fault })
  }
  return {
    facts: {
      value: status === 'active' ? { active: 'ready' } : status,
      context,
      policy: status === 'active' ? 'within' : null,
    },
    record: plainJson(document.record, {
      maxBytes: bounds.maxChangeBytes,
      maxDepth: MAX_DEPTH + 1,
    }) as JsonObject,
    entries: document.entries.map(
      (entry) =>
        plainJson(entry, {
          maxBytes: bounds.maxEntryBytes + ENTRY_HEAD_BYTES,
          maxDepth: MAX_DEPTH + 1,
        }) as unknown as Entry,
    ),
  }
}
