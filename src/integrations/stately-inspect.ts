/**
 * Feeds Stately's inspector for XState 5 (`@statelyai/inspect`, an optional peer) with what sessions did.
 *   I1  Only acknowledged changes are told, in their order: the inspector never knows more than the journal.
 *   I2  A session's actor is announced, with its chart, before its first event.
 *   I3  This side only sends: nothing that comes back from an inspector reaches a session. Its relay, which listens on
 *       all interfaces, is never started.
 * Machine contexts hold counters and limits; transcripts and records are not sent.
 */
import type { Adapter } from './stately-wire.ts'
import { sessionMachine } from '../index.ts'
import type { Observation, Runtime } from '../index.ts'
import { loadPeer } from './peer.ts'

/** Where to send: a WebSocket server that speaks Stately's protocol, or an adapter of your own. */
export interface StatelyInspectOptions {
  /** `ws://127.0.0.1:8080` by default. */
  readonly url?: string
  readonly adapter?: Adapter
}

/** A running feed. */
export interface StatelyFeed {
  /** Stops sending and closes the connection. Safe to call twice. */
  stop(): void
}

/**
 * Starts to tell Stately's inspector of every change acknowledged from here on.
 *
 * @throws PEER_MISSING - `@statelyai/inspect` is not installed.
 */
export async function statelyInspect(
  runtime: Runtime,
  options: StatelyInspectOptions = {},
): Promise<StatelyFeed> {
  const { createInspector, createWebSocketInspector } = await loadPeer(
    '@statelyai/inspect',
    () => import('@statelyai/inspect'),
  )
  const inspector =
    options.adapter === undefined
      ? createWebSocketInspector({ url: options.url ?? 'ws://127.0.0.1:8080' })
      : createInspector(options.adapter)
  if (options.adapter !== undefined) inspector.start()
  const announced = new Set<string>()
  const stopObserving = runtime.observe(({ change, facts }: Observation) => {
    const { sessionId } = change
    const status =
      facts === null
        ? ('stopped' as const)
        : facts.context.end === null
          ? ('active' as const)
          : ('done' as const)
    const snapshot = { status, value: facts?.value, context: facts?.context }
    if (!announced.has(sessionId)) {
      announced.add(sessionId) // I2
      inspector.actor({ sessionId, id: sessionId, logic: sessionMachine } as never, snapshot)
    }
    inspector.event(sessionId, change.event)
    inspector.snapshot(sessionId, snapshot, { event: change.event })
    if (status !== 'active') announced.delete(sessionId)
  })
  let stopped = false
  return {
    stop() {
      if (stopped) return
      stopped = true
      stopObserving()
      inspector.stop()
    },
  }
}
