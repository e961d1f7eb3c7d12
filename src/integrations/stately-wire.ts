/**
 * The part of Stately's wire protocol an adapter of one's own needs to know (`@statelyai/inspect` 0.7).
 */

/** One message to an inspector; `type` is `@xstate.actor`, `@xstate.event` or `@xstate.snapshot`. */
export interface WireMessage {
  readonly type: string
  readonly sessionId: string
}

/** Carries messages to an inspector. */
export interface Adapter {
  start?(): void
  stop?(): void
  send(message: WireMessage): void
}
