/**
 * The session machine: one live actor per session, its whole life as a chart, and how one is built from facts.
 *   SM1  No clock, no id, no I/O, no timer in here: time is `event.at`, deadlines are events.
 *   SM2  The context holds counters, limits and instants only: never a transcript, never JSON of a caller.
 *   SM3  An event that the lifecycle table does not allow, or a deadline that is not met, leaves the same snapshot
 *       object and emits nothing.
 *   SM4  append, recordDelta, admit, resume and every deadline that is met emit `decided` exactly once.
 *   SM5  What is inside all limits is decided at once (`isWithin`); everything else is offered to the limit policy, whose
 *       verdict arrives within the same send. `offering` is never seen at rest, unless the policy gave no answer.
 *   SM6  A refusal leaves the context and the policy as they were.
 *   SM7  `updatedAt` is the time of the newest accepted event; an admit without a notice changes no context.
 *   SM8  While paused there is no policy: `duration` ends or notices here, and never pauses again.
 */
import { assign, emit, sendTo, setup } from 'xstate'
import type { Snapshot } from 'xstate'
import {
  causeOf,
  endBy,
  endByLimit,
  ended,
  extended,
  findingsOf,
  initialContext,
  isContextKey,
  kept,
  noticed,
  paused,
} from './context.ts'
import type {
  Decided,
  LimitAction,
  LimitFinding,
  LimitOffer,
  LimitVerdict,
  SessionContext,
  SessionEvent,
  SessionInput,
} from './events.ts'
import { isEnd, isStatus } from './lifecycle.ts'
import type { Status } from './lifecycle.ts'
import { isWithin, meet, meetOnResume, standingOf } from './limits.ts'
import { limitPolicy } from './limit-policy.ts'
import type { LimitReview } from './limit-policy.ts'

/** Version of the session machine, stored beside the facts of every session; raised when older facts need an upcast. */
export const SESSION_MACHINE_VERSION = 1

/** Everything a session actor hears: what its host tells it, and the verdicts of its policy. */
export type SessionMachineEvent = SessionEvent | LimitVerdict

const NO_FINDINGS: readonly LimitFinding[] = Object.freeze([])
/** What a session says of something it kept, with nothing to add. */
export const KEPT: Decided = Object.freeze(decided(true, true, NO_FINDINGS))
const EXPIRED: Decided = Object.freeze(decided(true, false, NO_FINDINGS))

function decided(accepted: boolean, entryKept: boolean, findings: readonly LimitFinding[]): Decided {
  return { type: 'decided', accepted, entryKept, findings }
}

function offerOf(context: SessionContext, event: SessionEvent): LimitOffer {
  const { limits, noticed } = context
  const { findings, reaches } = meet(context, event)
  return { type: 'offer', at: event.at, event, limits, noticed, findings, reaches }
}

function isVerdict(event: SessionMachineEvent, action: LimitAction): boolean {
  return event.type === 'verdict' && event.action === action
}

/** What a met duration deadline does to a paused session (SM8). */
function overdueAction(context: SessionContext, event: SessionMachineEvent): LimitAction | undefined {
  if (event.type !== 'deadline' || event.kind !== 'duration') return undefined
  return meet(context, event).findings[0]?.action
}

/** The machine every session runs. Another limit policy takes its place by `.provide({ actors: { limitPolicy } })`. */
export const sessionMachine = setup({
  types: {} as {
    context: SessionContext
    events: SessionMachineEvent
    input: SessionInput
    emitted: Decided
    children: { limitPolicy: 'limitPolicy' }
  },
  actors: { limitPolicy },
  guards: {
    isWithin: ({ context, event }) => event.type !== 'verdict' && isWithin(context, event),
    isExpired: ({ context, event }) =>
      event.type === 'deadline' &&
      event.kind === 'ttl' &&
      context.expiresAt !== null &&
      event.at >= context.expiresAt,
    isOverdue: ({ context, event }) => event.type === 'deadline' && meet(context, event).findings.length > 0,
    overdueEnds: ({ context, event }) => overdueAction(context, event) === 'end_session',
    overdueIsNoticed: ({ context, event }) => overdueAction(context, event) === 'ignore',
    isHeld: ({ context, event }) => event.type === 'resume' && meetOnResume(context, event.at).length > 0,
    refuses: ({ event }) => isVerdict(event, 'error'),
    ends: ({ event }) => isVerdict(event, 'end_session'),
    pauses: ({ event }) => isVerdict(event, 'pause'),
    changesNothing: ({ event }) => causeOf(event).type === 'admit' && findingsOf(event).length === 0,
  },
  actions: {
    activate: assign(({ event }) => {
      const { at } = causeOf(event)
      return { activatedAt: at, idleSince: at, updatedAt: at }
    }),
    touch: assign(({ event }) => ({ updatedAt: causeOf(event).at })),
    keep: assign(({ context, event }) => kept(context, causeOf(event))),
    notice: assign(({ context, event }) => noticed(context, findingsOf(event))),
    noticeOverdue: assign(({ context, event }) => noticed(context, meet(context, causeOf(event)).findings)),
    extendLimits: assign(({ context, event }) => extended(context, causeOf(event))),
    pause: assign(({ event }) => paused(causeOf(event).at)),
    resume: assign(({ event }) => {
      const { at } = causeOf(event)
      return { pausedAt: null, idleSince: at, updatedAt: at }
    }),
    end: assign(({ event }) => {
      const cause = causeOf(event)
      return ended(cause.at, endBy(cause))
    }),
    endByLimit: assign(({ event }) => ended(causeOf(event).at, endByLimit(findingsOf(event)))),
    endOverdue: assign(({ context, event }) => {
      const cause = causeOf(event)
      return ended(cause.at, endByLimit(meet(context, cause).findings))
    }),
    sayKept: emit(KEPT),
    sayExpired: emit(EXPIRED),
    sayRefused: emit(({ event }) => decided(false, false, findingsOf(event))),
    sayHeld: emit(({ context, event }) => decided(false, false, meetOnResume(context, causeOf(event).at))),
    sayNoticed: emit(({ event }) => decided(true, true, findingsOf(event))),
    sayReplaced: emit(({ event }) => decided(true, false, findingsOf(event))),
    sayOverdueNoticed: emit(({ context, event }) =>
      decided(true, true, meet(context, causeOf(event)).findings),
    ),
    sayOverdueEnded: emit(({ context }) => decided(true, false, context.end?.findings ?? NO_FINDINGS)),
    offer: sendTo('limitPolicy', ({ context, event }) => offerOf(context, causeOf(event))),
    review: sendTo('limitPolicy', ({ context }): LimitReview => ({
      type: 'review',
      standing: standingOf(context),
    })),
  },
}).createMachine({
  id: 'session',
  options: { maxIterations: 10 },
  context: ({ input }) => initialContext(input),
  initial: 'created',
  states: {
    created: {
      on: {
        activate: { target: 'active', actions: 'activate' },
        cancel: { target: 'cancelled', actions: 'end' },
        edit: { actions: 'touch' },
        extendLimits: { actions: 'extendLimits' },
        deadline: { guard: 'isExpired', target: 'expired', actions: ['end', 'sayExpired'] },
      },
    },
    active: {
      invoke: { id: 'limitPolicy', src: 'limitPolicy' },
      initial: { target: 'ready', actions: 'review' },
      on: {
        pause: { target: 'paused', actions: 'pause' },
        close: { target: 'closed', actions: 'end' },
        complete: { target: 'completed', actions: 'end' },
        fail: { target: 'failed', actions: 'end' },
        cancel: { target: 'cancelled', actions: 'end' },
        edit: { actions: 'touch' },
        extendLimits: { actions: ['extendLimits', 'review'] },
        deadline: { guard: 'isExpired', target: 'expired', actions: ['end', 'sayExpired'] },
      },
      states: {
        ready: {
          on: {
            append: [
              { guard: 'isWithin', actions: ['keep', 'sayKept'] },
              { target: 'offering', actions: 'offer' },
            ],
            recordDelta: [
              { guard: 'isWithin', actions: ['keep', 'sayKept'] },
              { target: 'offering', actions: 'offer' },
            ],
            admit: [
              { guard: 'isWithin', actions: 'sayKept' },
              { target: 'offering', actions: 'offer' },
            ],
            deadline: { guard: 'isOverdue', target: 'offering', actions: 'offer' },
          },
        },
        offering: {
          on: {
            verdict: [
              { guard: 'refuses', target: 'ready', actions: ['sayRefused', 'review'] },
              { guard: 'ends', target: '#session.closed', actions: ['endByLimit', 'sayReplaced'] },
              { guard: 'pauses', target: '#session.paused', actions: ['pause', 'sayReplaced'] },
              { guard: 'changesNothing', target: 'ready', actions: 'sayKept' },
              { target: 'ready', actions: ['keep', 'notice', 'sayNoticed'] },
            ],
          },
        },
      },
    },
    paused: {
      on: {
        resume: [
          { guard: 'isHeld', actions: 'sayHeld' },
          { target: 'active', actions: ['resume', 'sayKept'] },
        ],
        close: { target: 'closed', actions: 'end' },
        fail: { target: 'failed', actions: 'end' },
        cancel: { target: 'cancelled', actions: 'end' },
        edit: { actions: 'touch' },
        extendLimits: { actions: 'extendLimits' },
        deadline: [
          { guard: 'isExpired', target: 'expired', actions: ['end', 'sayExpired'] },
          { guard: 'overdueEnds', target: 'closed', actions: ['endOverdue', 'sayOverdueEnded'] },
          { guard: 'overdueIsNoticed', actions: ['sayOverdueNoticed', 'noticeOverdue', 'touch'] },
        ],
      },
    },
    closed: { type: 'final' },
    completed: { type: 'final' },
    failed: { type: 'final' },
    cancelled: { type: 'final' },
    expired: { type: 'final' },
  },
})

/** The facts of an actor that a store keeps; everything else follows from them. */
export interface ActorFacts {
  readonly value: unknown
  readonly context: object
  /** The state value of the limit policy; null when there is none, or to start it afresh. */
  readonly policy: unknown
}

/** What `isSound` looks at: the snapshot of a live session actor. */
export interface LiveSnapshot {
  readonly status: string
  readonly value: unknown
  readonly children: { readonly [id: string]: { getSnapshot(): unknown } | undefined }
}

/** The status a state value stands for; undefined when it is none that may be stored. */
export function statusOf(value: unknown): Status | undefined {
  if (typeof value === 'string') return value !== 'active' && isStatus(value) ? value : undefined
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 1) return undefined
  return 'active' in value && value.active === 'ready' ? 'active' : undefined
}

/**
 * The complete persisted snapshot from which `createActor(sessionMachine, { snapshot })` goes on, its policy included.
 * Made afresh on every call, because restoring alters what it is given; unknown keys of the context stay out (SM2).
 */
export function persistedSnapshotOf(facts: ActorFacts): Snapshot<unknown> {
  const status = statusOf(facts.value)
  return snapshotOf({
    status: status !== undefined && isEnd(status) ? 'done' : 'active',
    value: facts.value,
    context: Object.fromEntries(Object.entries(facts.context).filter(([key]) => isContextKey(key))),
    children: status === 'active' ? { limitPolicy: policyOf(facts.policy) } : {},
  })
}

/**
 * Whether an actor may be used and its facts stored: in a status of the table, not at a door, and with a live policy
 * while active. A removed state, a policy that gave no answer and a stopped or failed actor are unsound.
 */
export function isSound(snapshot: LiveSnapshot): boolean {
  const status = statusOf(snapshot.value)
  if (status === undefined) return false
  if (isEnd(status)) return snapshot.status === 'done'
  if (snapshot.status !== 'active') return false
  if (status !== 'active') return true
  const policy = snapshot.children['limitPolicy']?.getSnapshot() as { readonly status?: unknown } | undefined
  return policy?.status === 'active'
}

function policyOf(value: unknown): object {
  const snapshot =
    value === null ? undefined : snapshotOf({ status: 'active', value, context: {}, children: {} })
  return { snapshot, src: 'limitPolicy', systemId: undefined, syncSnapshot: false }
}

function snapshotOf(parts: {
  readonly status: 'active' | 'done'
  readonly value: unknown
  readonly context: object
  readonly children: object
}): Snapshot<unknown> {
  return { ...parts, historyValue: {}, output: undefined, error: undefined } as Snapshot<unknown>
}
