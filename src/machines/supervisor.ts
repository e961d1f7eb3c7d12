/**
 * The supervisor: one actor per runtime, parent of all session actors, and the runtime's own life as a chart.
 *   SV1  No clock, no id, no I/O: the host spawns session actors as children of this actor
 *       (`createActor(sessionMachine, { parent: supervisor, id, … })`) and keeps them; in here they are only counted,
 *       so a spawn costs the same however many there are.
 *   SV2  Done and error events of session actors are heard by name in every state, so that a crash of one never reaches
 *       its neighbours, the supervisor or the process.
 *   SV3  An actor is stopped by `actorReleased`, crashed and finished ones too, in every state but `stopped`: the
 *       root stops last.
 *   SV4  The context is bounded: four counters and a code.
 */
import { assign, setup, stopChild } from 'xstate'
import type { AnyActorRef } from 'xstate'

/** What the supervisor counts. */
export interface SupervisorContext {
  /** Actors started and not yet released. */
  readonly liveActors: number
  /** Actors that ended their session while alive. */
  readonly finished: number
  /** Actors that died of an error. */
  readonly crashes: number
  /** Sessions set aside at this moment. */
  readonly quarantined: number
  /** Why the runtime failed; null unless it did. */
  readonly failure: string | null
}

/** Everything the supervisor may be told, by its host or by its children. */
export type SupervisorEvent =
  | { readonly type: 'start' }
  | { readonly type: 'recovered' }
  | { readonly type: 'drain' }
  | { readonly type: 'stopped' }
  | { readonly type: 'fail'; readonly code: string }
  | { readonly type: 'actorStarted' }
  | { readonly type: 'actorReleased'; readonly actor: AnyActorRef }
  | { readonly type: 'sessionQuarantined' }
  | { readonly type: 'sessionReleased' }
  | { readonly type: `xstate.done.actor.${string}`; readonly actorId: string; readonly output: unknown }
  | { readonly type: `xstate.error.actor.${string}`; readonly actorId: string; readonly error: unknown }

/** The machine of a runtime: starting, recovering, running, draining, stopped; or failed. */
export const supervisorMachine = setup({
  types: {} as { context: SupervisorContext; events: SupervisorEvent },
  actions: {
    countStart: assign({ liveActors: ({ context }) => context.liveActors + 1 }),
    countRelease: assign({ liveActors: ({ context }) => Math.max(0, context.liveActors - 1) }),
    countFinish: assign({ finished: ({ context }) => context.finished + 1 }),
    countCrash: assign({ crashes: ({ context }) => context.crashes + 1 }),
    countQuarantine: assign({ quarantined: ({ context }) => context.quarantined + 1 }),
    countReturn: assign({ quarantined: ({ context }) => Math.max(0, context.quarantined - 1) }),
    keepFailure: assign({ failure: ({ event }) => (event.type === 'fail' ? event.code : null) }),
    stopActor: stopChild(({ event }) => (event as Extract<SupervisorEvent, { type: 'actorReleased' }>).actor),
  },
}).createMachine({
  id: 'supervisor',
  options: { maxIterations: 10 },
  context: { liveActors: 0, finished: 0, crashes: 0, quarantined: 0, failure: null },
  initial: 'starting',
  on: {
    actorStarted: { actions: 'countStart' },
    actorReleased: { actions: ['stopActor', 'countRelease'] },
    sessionQuarantined: { actions: 'countQuarantine' },
    sessionReleased: { actions: 'countReturn' },
    'xstate.done.actor.*': { actions: 'countFinish' },
    'xstate.error.actor.*': { actions: 'countCrash' },
  },
  states: {
    starting: {
      on: { start: 'recovering', fail: { target: 'failed', actions: 'keepFailure' } },
    },
    recovering: {
      on: { recovered: 'running', drain: 'draining', fail: { target: 'failed', actions: 'keepFailure' } },
    },
    running: {
      on: { drain: 'draining', fail: { target: 'failed', actions: 'keepFailure' } },
    },
    draining: {
      on: { stopped: 'stopped', fail: { target: 'failed', actions: 'keepFailure' } },
    },
    stopped: { type: 'final' },
    failed: {
      on: { stopped: 'stopped' },
    },
  },
})
