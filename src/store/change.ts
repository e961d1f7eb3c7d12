/**
 * The shape of a change and of the state it leads to; the one fold.
 *   C1  A change is a redo record: folding the patches of revisions 1 to n gives the state at n, whatever the machine
 *       of today would decide.
 *   C2  Revisions of a session are 1, 2, 3 … without gaps.
 *   C3  A patch with `whole: true` holds every key, so a fold may start there.
 *   C4  A patch of the context moves its clocks to the time of the change without naming them: `updatedAt`, and `idleSince`
 *       where it was a time before. It names a clock that did anything else.
 * This file knows no chart: values and contexts are JSON to it, those two clocks aside.
 */
import type { Json, JsonObject } from '../json.ts'
import { setOwn } from '../json.ts'

/** One line of the transcript. `type` is a tag such as `user_message`; other keys belong to that type. */
export interface StoredEntry extends JsonObject {
  readonly id: string
  readonly at: number
  readonly type: string
  readonly content: Json
}

/** What happened, as stored: a type and plain data. */
export interface StoredEvent extends JsonObject {
  readonly type: string
}

/** One limit that was met: which, how far, and what its action is. */
export interface Finding extends JsonObject {
  readonly limit: string
  readonly current: number
  readonly max: number
  readonly action: string
}

/** Set (two items) or remove (one item) the value at a path of the record; paths have one or two keys. */
export type RecordEdit = readonly [path: readonly string[], value: Json] | readonly [path: readonly string[]]

/** Why and since when a session is set aside. */
export interface Quarantine extends JsonObject {
  readonly code: string
  readonly reason: string
  readonly at: number
}

/** Which machine and policy wrote the facts. */
export interface MachineIdentity extends JsonObject {
  readonly version: number
  readonly policy: string
  readonly policyVersion: number
}

/** What a change did to the state: only what changed, unless `whole`. */
export interface Patch {
  /** Every key is present: the state after this change, from nothing (C3). */
  readonly whole?: true
  readonly machine?: MachineIdentity
  /** The new state value of the session machine. */
  readonly value?: Json
  /** The changed keys of the machine context, but for clocks that moved to the time of the change (C4). */
  readonly context?: JsonObject
  /** The new state value of the limit policy; null when it is not running. */
  readonly policy?: Json
  readonly quarantine?: Quarantine | null
  readonly record?: readonly RecordEdit[]
}

/** What listings, deadlines and retention need to know without reading a session. */
export interface Summary {
  readonly status: string
  readonly tenantId: string | null
  readonly userId: string | null
  readonly parentId: string | null
  readonly createdAt: number
  /** Time of the newest change. */
  readonly updatedAt: number
  /** The next instant at which the clock has something to tell the session; null when there is none. */
  readonly dueAt: number | null
}

/** The caller's name for one command and the digest of what it asked. */
export interface Operation {
  readonly id: string
  readonly digest: string
}

/** What one accepted command did. */
export interface Change {
  readonly sessionId: string
  readonly revision: number
  /** Epoch milliseconds, by the runtime's clock. */
  readonly at: number
  readonly event: StoredEvent
  readonly operation?: Operation
  readonly patch: Patch
  readonly entries: readonly StoredEntry[]
  /** Limits met by this change: soft ones that were ignored, or those that ended or paused the session. */
  readonly findings?: readonly Finding[]
  /** The changed keys of the summary; `updatedAt` is `at` and never listed. */
  readonly summary?: Partial<Summary>
  /** This change deletes the session: older changes are dead, later ones start a new life at the next revision. */
  readonly tombstone?: true
}

/** Plain facts of the actor: everything needed to restore it. */
export interface Facts {
  readonly machine: MachineIdentity
  readonly value: Json
  readonly context: JsonObject
  readonly policy: Json
  readonly quarantine: Quarantine | null
}

/** The state of a session at a revision: the facts of its actor, the caller's record, and the summary. */
export interface StoredState {
  readonly sessionId: string
  readonly revision: number
  readonly facts: Facts
  readonly record: JsonObject
  readonly summary: Summary
}

const NOTHING: Omit<StoredState, 'sessionId' | 'revision'> = {
  facts: {
    machine: { version: 0, policy: '', policyVersion: 0 },
    value: null,
    context: {},
    policy: null,
    quarantine: null,
  },
  record: {},
  summary: {
    status: '',
    tenantId: null,
    userId: null,
    parentId: null,
    createdAt: 0,
    updatedAt: 0,
    dueAt: null,
  },
}

/** The state after one more change (C1). A `whole` patch starts from nothing (C3); inputs are not altered. */
export function fold(state: StoredState | undefined, change: Change): StoredState {
  const { patch } = change
  const base = state === undefined || patch.whole === true ? NOTHING : state
  const { facts } = base
  return {
    sessionId: change.sessionId,
    revision: change.revision,
    facts: {
      machine: patch.machine ?? facts.machine,
      value: patch.value ?? facts.value,
      context:
        patch.context === undefined
          ? facts.context
          : { ...facts.context, ...movedClocks(facts.context, change.at), ...patch.context },
      policy: patch.policy === undefined ? facts.policy : patch.policy,
      quarantine: patch.quarantine === undefined ? facts.quarantine : patch.quarantine,
    },
    record: patch.record === undefined ? base.record : editRecord(base.record, patch.record),
    summary: { ...base.summary, ...change.summary, updatedAt: change.at },
  }
}

/** The patch that leads from one context to another at an instant (C4); undefined when they are the same. */
export function contextPatch(before: JsonObject, after: JsonObject, at: number): JsonObject | undefined {
  if (before === after) return undefined
  const result: Record<string, Json> = {}
  let isChanged = false
  // By reference: nested values are replaced, never mutated.
  for (const key in after) {
    const value = after[key] as Json
    const was = before[key]
    isChanged ||= value !== was
    if (value !== (isClock(key) && typeof was === 'number' ? at : was)) result[key] = value
  }
  return isChanged ? result : undefined
}

/** Whether a key of a context stands at the time of the newest change, once it stands at any. */
function isClock(key: string): boolean {
  return key === 'updatedAt' || key === 'idleSince'
}

/** Where the clocks of a context stand after a change of it that does not name them (C4). */
function movedClocks({ updatedAt, idleSince }: JsonObject, at: number): JsonObject {
  const moved: Record<string, Json> = {}
  if (typeof updatedAt === 'number') moved['updatedAt'] = at
  if (typeof idleSince === 'number') moved['idleSince'] = at
  return moved
}

/** The record after a list of edits; untouched parts are shared with the input. */
export function editRecord(record: JsonObject, edits: readonly RecordEdit[]): JsonObject {
  let result = record
  for (const edit of edits) {
    const [path] = edit
    const [first, second] = path
    if (first === undefined) continue
    if (second === undefined) {
      result = edit.length === 2 ? withKey(result, first, edit[1]) : withoutKey(result, first)
    } else {
      const inner = (Object.hasOwn(result, first) ? result[first] : {}) as JsonObject
      result = withKey(
        result,
        first,
        edit.length === 2 ? withKey(inner, second, edit[1]) : withoutKey(inner, second),
      )
    }
  }
  return result
}

function withKey(object: JsonObject, key: string, value: Json): JsonObject {
  const result: Record<string, Json> = { ...object }
  setOwn(result, key, value)
  return result
}

function withoutKey(object: JsonObject, key: string): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key))
}

/** A change that carries the whole state after it, so that a fold may start there (C3). */
export function asWhole(change: Change, after: StoredState): Change {
  const record = Object.entries(after.record).map(([key, value]): RecordEdit => [[key], value])
  const { updatedAt: _, ...summary } = after.summary
  return { ...change, patch: { whole: true, ...after.facts, record }, summary }
}
