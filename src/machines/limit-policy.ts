/**
 * The limit policy: the actor a session asks when something stands at a threshold.
 *   LP1  Every offer is answered exactly once, synchronously, with the event it was about.
 *   LP2  A verdict depends on the offer alone, never on the state the policy is in.
 *   LP3  Between events its state says where the session stands (`standingOf`): `exceeded.ignore` once a soft limit was
 *       noticed, `atLimit` while a counter is at its maximum, else `within`. `exceeded.error` lasts until the session
 *       calls for a review, at once, so that a refusal leaves no trace; the other two end with their session's activity.
 * A policy of one's own takes its place by `sessionMachine.provide({ actors: { limitPolicy } })`; it must keep LP1 and may
 * ignore reviews.
 */
import { sendParent, setup } from 'xstate'
import type { LimitOffer } from './events.ts'
import { judge } from './limits.ts'
import type { Standing } from './limits.ts'

/** What a session tells its policy when its standing may have changed without an offer. */
export interface LimitReview {
  readonly type: 'review'
  readonly standing: Standing
}

/** Everything a limit policy may be told. */
export type LimitPolicyEvent = LimitOffer | LimitReview

/** The machine a session invokes as `limitPolicy` while it is active. */
export const limitPolicy = setup({
  types: {} as { events: LimitPolicyEvent },
  actions: {
    answer: sendParent(({ event }) => judge(event as LimitOffer)),
  },
  guards: {
    ends: ({ event }) => event.type === 'offer' && judge(event).action === 'end_session',
    pauses: ({ event }) => event.type === 'offer' && judge(event).action === 'pause',
    refuses: ({ event }) => event.type === 'offer' && judge(event).action === 'error',
    ignores: ({ event }) => event.type === 'offer' && (event.findings.length > 0 || event.noticed.length > 0),
    reaches: ({ event }) => event.type === 'offer' && event.reaches,
    standsExceeded: ({ event }) => event.type === 'review' && event.standing === 'exceeded',
    standsAtLimit: ({ event }) => event.type === 'review' && event.standing === 'atLimit',
  },
}).createMachine({
  id: 'limitPolicy',
  options: { maxIterations: 10 },
  initial: 'within',
  on: {
    offer: [
      { guard: 'ends', target: '.exceeded.endSession', actions: 'answer' },
      { guard: 'pauses', target: '.exceeded.pause', actions: 'answer' },
      { guard: 'refuses', target: '.exceeded.error', actions: 'answer' },
      { guard: 'ignores', target: '.exceeded.ignore', actions: 'answer' },
      { guard: 'reaches', target: '.atLimit', actions: 'answer' },
      { target: '.within', actions: 'answer' },
    ],
    review: [
      { guard: 'standsExceeded', target: '.exceeded.ignore' },
      { guard: 'standsAtLimit', target: '.atLimit' },
      { target: '.within' },
    ],
  },
  states: {
    within: {},
    atLimit: {},
    exceeded: {
      initial: 'ignore',
      states: {
        error: {},
        endSession: {},
        ignore: {},
        pause: {},
      },
    },
  },
})
