/**
 * A session as the page gets it: as it is, or as it was at a revision.
 *   VW1  What is shown is redacted first and bounded then, so that a cut never shows what redaction would have hidden.
 *   VW2  Looking changes nothing: reads go through the runtime, and never through a command.
 */
import { COMMANDS, deadlinesOf, isStatus, usageOf } from '../index.ts'
import type {
  Deadline,
  Deadlines,
  Json,
  Runtime,
  Session,
  SessionContext,
  SessionSummary,
  Status,
  StoredState,
  Usage,
} from '../index.ts'
import { bounded, clipped } from './bounds.ts'
import type { Redact } from './redaction.ts'

/** What views read from, and what they may show. */
export interface ViewSource {
  readonly runtime: Runtime
  readonly redact: Redact
  /** Whether commands are offered. */
  readonly commands: boolean
  /** Epoch ms. */
  readonly now: () => number
}

/** A session at a revision. */
export interface SessionView {
  readonly id: string
  readonly status: string
  readonly revision: number
  readonly record: Json
  /** The machine context. */
  readonly context: Json
  /** The state value of the session machine. */
  readonly value: Json
  /** The state value of its limit policy; null while there is none. */
  readonly policy: Json
  readonly machine: Json
  readonly quarantine: Json
  readonly deadlines: readonly Deadline[]
  readonly usage: Usage
  /** The commands that would not be refused for the status; empty where none are offered. */
  readonly commands: readonly string[]
  readonly createdAt: number
  readonly updatedAt: number
  /** The newest revision there is: greater than `revision` when the past is shown. */
  readonly newestRevision: number
}

/** Bytes of a record; its long parts are cut. */
const RECORD_BYTES = 256 * 1024
const CONTEXT_BYTES = 32 * 1024
const NAME_CHARACTERS = 256
const MOST_TAGS = 32

/** A session as it is, or as it was (VW1, VW2). @throws NOT_FOUND */
export async function sessionView(
  source: ViewSource,
  sessionId: string,
  revision?: number,
): Promise<SessionView> {
  const { runtime, redact } = source
  const session = await runtime.get(sessionId)
  const state = await runtime.stateAt(sessionId, revision)
  const { facts } = state
  const context = facts.context as unknown as SessionContext
  return {
    id: session.id,
    status: state.summary.status,
    revision: state.revision,
    record: bounded(redact(state.record, { sessionId, part: 'record' }), RECORD_BYTES),
    context: bounded(redact(facts.context, { sessionId, part: 'context' }), CONTEXT_BYTES),
    value: facts.value,
    policy: facts.policy,
    machine: facts.machine,
    quarantine: facts.quarantine,
    deadlines: deadlinesAt(state, revision === undefined ? source.now() : state.summary.updatedAt),
    usage: usageOf(context),
    commands: revision === undefined ? offered(source, session) : [],
    createdAt: context.createdAt,
    updatedAt: state.summary.updatedAt,
    newestRevision: Math.max(session.revision, state.revision),
  }
}

/** A line of the session list, bounded and redacted (VW1). */
export function shownSummary(source: ViewSource, summary: SessionSummary): SessionSummary {
  const { id: sessionId, name, tags, kind, model, tenantId, userId } = summary
  const bare = {
    ...summary,
    name: clipped(name, NAME_CHARACTERS),
    tags: shownTags(tags),
    kind: Object.fromEntries(Object.entries(kind).map(([key, word]) => [key, clippedWord(word)])),
    model: clippedWord(model),
    tenantId: clippedWord(tenantId),
    userId: clippedWord(userId),
  }
  return source.redact(bare as unknown as Json, { sessionId, part: 'summary' }) as unknown as SessionSummary
}

/** The line of the session list that a handle stands for. */
export function summaryOf(source: ViewSource, session: Session): SessionSummary {
  const { record, usage } = session
  const project = record.metadata['project_ids']
  return shownSummary(source, {
    id: session.id,
    status: session.status,
    revision: session.revision,
    name: record.name,
    kind: record.kind,
    tenantId: record.tenantId,
    userId: record.userId,
    parentId: record.parentId,
    tags: record.tags,
    model: record.provider?.model ?? null,
    turnCount: usage.turnCount,
    entryCount: usage.entryCount,
    userMessageCount: usage.userMessageCount,
    activeSeedId: record.activeSeedId,
    projectId: typeof project === 'string' ? clipped(project, NAME_CHARACTERS) : null,
    createdAt: session.createdAt,
    updatedAt: session.updatedAt,
    expiresAt: session.expiresAt,
    overdue: session.deadlines.some(({ overdue }) => overdue),
    quarantined: session.quarantine !== null,
  })
}

function offered({ commands }: ViewSource, session: Session): readonly string[] {
  if (!commands) return []
  return session.quarantine === null ? COMMANDS[session.status] : ['release']
}

function deadlinesAt(state: StoredState, now: number): Deadline[] {
  const { status } = state.summary
  if (!isStatus(status)) return []
  const instants: Deadlines = deadlinesOf(
    status satisfies Status,
    state.facts.context as unknown as SessionContext,
  )
  return (['ttl', 'duration', 'idle'] as const).flatMap((kind) => {
    const dueAt = instants[kind]
    return dueAt === null ? [] : [{ kind, dueAt, overdue: dueAt <= now }]
  })
}

function shownTags(tags: readonly string[]): string[] {
  return tags.slice(0, MOST_TAGS).map((tag) => clipped(tag, NAME_CHARACTERS))
}

/** Words are clipped; the kind of a session holds numbers too. */
function clippedWord<T>(word: T): T | string {
  return typeof word === 'string' ? clipped(word, NAME_CHARACTERS) : word
}
