/**
 * From what a command did to the change that says so: the new state, and the patch that leads to it.
 *   CH1  A patch names what changed, found by comparing references; the first change of a life names everything.
 *   CH2  Folding the change onto the state before gives the state after.
 */
import { sessionError } from '../errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../json.ts'
import { deadlinesOf, nextDueAt } from '../machines/deadlines.ts'
import type { LimitFinding, SessionContext } from '../machines/events.ts'
import { isStatus, type Status } from '../machines/lifecycle.ts'
import type {
  Change,
  MachineIdentity,
  Operation,
  Patch,
  Quarantine,
  RecordEdit,
  StoredEvent,
  StoredState,
  Summary,
} from '../store/change.ts'
import { contextPatch, editRecord } from '../store/change.ts'
import type { ActorFacts } from './actors.ts'
import type { CompletedEntries } from './commands.ts'
import type { Entry } from './entries.ts'

/** The first change of a life: facts, record and entries as they are. */
export interface Founding {
  readonly at: number
  readonly event: StoredEvent
  readonly operation?: Operation | undefined
  readonly facts: ActorFacts
  readonly record: JsonObject
  readonly entries: readonly Entry[]
}

/** A change no machine decides. */
export interface Decree {
  readonly event: StoredEvent
  readonly operation?: Operation | undefined
  readonly quarantine?: Quarantine | null
  readonly edits?: readonly RecordEdit[]
  readonly tombstone?: true
}

/** Everything a change is made from; founding and decree are the two kinds with less. */
export interface Draft {
  readonly at: number
  readonly event: StoredEvent
  readonly operation?: Operation | undefined
  readonly facts?: ActorFacts
  readonly record?: JsonObject
  readonly entries?: readonly Entry[]
  /** Entries that were encoded already. */
  readonly completed?: CompletedEntries | undefined
  readonly edits?: readonly RecordEdit[] | undefined
  readonly findings?: readonly LimitFinding[]
  readonly quarantine?: Quarantine | null
  readonly tombstone?: true
}

/** The state after a draft. `identity` names the machine that new facts come from. */
export function stateAfter(
  id: string,
  revision: number,
  before: StoredState | undefined,
  draft: Draft,
  identity: MachineIdentity,
): StoredState {
  const facts = draft.facts ?? {
    value: before?.facts.value ?? null,
    context: before?.facts.context as unknown as SessionContext,
    policy: before?.facts.policy ?? null,
  }
  const record = draft.record ?? before?.record ?? {}
  const edited = draft.edits === undefined ? record : editRecord(record, draft.edits)
  const status = statusWord(facts.value)
  const dueAt = nextDueAt(deadlinesOf(status, facts.context))
  return {
    sessionId: id,
    revision,
    facts: {
      machine: draft.facts === undefined && before !== undefined ? before.facts.machine : identity,
      value: facts.value,
      context: facts.context as unknown as JsonObject,
      policy: facts.policy,
      quarantine: draft.quarantine === undefined ? (before?.facts.quarantine ?? null) : draft.quarantine,
    },
    record: edited,
    summary: {
      status,
      tenantId: edited['tenantId'] as string | null,
      userId: edited['userId'] as string | null,
      parentId: edited['parentId'] as string | null,
      createdAt: facts.context.createdAt,
      updatedAt: draft.at,
      dueAt,
    },
  }
}

/** The status inside a machine value: the outermost state's name. */
export function statusWord(value: Json): Status {
  const word = typeof value === 'string' ? value : Object.keys(value as JsonObject)[0]
  if (isStatus(word)) return word
  throw sessionError('INVARIANT_BROKEN', { rule: 'L1', reason: `the machine stands in "${String(word)}"` })
}

/** The change from the state before to the state after; `after` is undefined for a deletion. */
export function changeOf(
  id: string,
  revision: number,
  before: StoredState | undefined,
  after: StoredState | undefined,
  draft: Draft,
): Change {
  const change: { -readonly [Key in keyof Change]: Change[Key] } = {
    sessionId: id,
    revision,
    at: draft.at,
    event: draft.event,
    patch: after === undefined ? {} : patchOf(before, after, draft),
    entries: draft.completed?.entries ?? draft.entries ?? [],
  }
  const { operation, findings, tombstone } = draft
  const summary = after === undefined ? undefined : summaryPatch(before?.summary, after.summary)
  if (operation !== undefined) change.operation = operation
  if (findings !== undefined && findings.length > 0)
    change.findings = findings as unknown as NonNullable<Change['findings']>
  if (summary !== undefined) change.summary = summary
  if (tombstone === true) change.tombstone = true
  return change
}

function patchOf(before: StoredState | undefined, after: StoredState, { at, edits }: Draft): Patch {
  if (before === undefined) {
    const record = Object.entries(after.record).map(([key, value]): RecordEdit => [[key], value])
    return { whole: true, ...after.facts, record }
  }
  const patch: { -readonly [Key in keyof Patch]: Patch[Key] } = {}
  const was = before.facts
  const is = after.facts
  if (is.machine !== was.machine && JSON.stringify(is.machine) !== JSON.stringify(was.machine))
    patch.machine = is.machine
  if (!sameValue(was.value, is.value)) patch.value = is.value
  const context = contextPatch(was.context, is.context, at)
  if (context !== undefined) patch.context = context
  if (!sameValue(was.policy, is.policy)) patch.policy = is.policy
  if (is.quarantine !== was.quarantine) patch.quarantine = is.quarantine
  if (edits !== undefined && edits.length > 0) patch.record = edits
  return patch
}

/** State values: strings inside at most a few objects. */
function sameValue(a: Json, b: Json): boolean {
  if (a === b) return true
  if (!isJsonObject(a) || !isJsonObject(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && sameValue(a[key] as Json, b[key] as Json))
  )
}

const SUMMARY_KEYS = ['status', 'tenantId', 'userId', 'parentId', 'createdAt', 'dueAt'] as const

function summaryPatch(before: Summary | undefined, after: Summary): Partial<Summary> | undefined {
  if (before === undefined) {
    const { updatedAt: _, ...all } = after
    return all
  }
  let patch: Record<string, unknown> | undefined
  for (const key of SUMMARY_KEYS) {
    if (after[key] !== before[key]) (patch ??= {})[key] = after[key]
  }
  return patch as Partial<Summary> | undefined
}
