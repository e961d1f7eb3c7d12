/**
 * The actor host: session actors under one supervisor, built from facts when needed and dropped when idle.
 *   A1  Nobody subscribes to a session actor; its one listener hears `decided` and sends nothing.
 *   A2  An actor is released before it is replaced, a crashed one too; the supervisor stops last.
 *   A3  Ended sessions get no actor.
 *   A4  A restored actor is checked: right status, right state, a living policy while active.
 *   A5  Facts are never taken from an actor in error or at a door.
 */
import { createActor, type Actor, type AnyActorLogic, type AnyActorRef } from 'xstate'
import { sessionError } from '../errors.ts'
import type { Json } from '../json.ts'
import type { Decided, SessionContext, SessionEvent, SessionInput } from '../machines/events.ts'
import { limitPolicy } from '../machines/limit-policy.ts'
import { contextFault } from '../machines/context.ts'
import { withShortCut } from '../machines/short-cut.ts'
import {
  isSound,
  persistedSnapshotOf,
  sessionMachine,
  SESSION_MACHINE_VERSION,
  statusOf,
} from '../machines/session.ts'
import { supervisorMachine } from '../machines/supervisor.ts'
import type { Facts, MachineIdentity } from '../store/change.ts'
import type { PolicyOptions } from './runtime.ts'

/** What the host needs of a session actor. */
export interface SessionActor {
  send(event: SessionEvent): void
  getSnapshot(): SessionSnapshot
  stop(): unknown
}

interface SessionSnapshot {
  readonly status: 'active' | 'done' | 'error' | 'stopped'
  readonly value: unknown
  readonly context: SessionContext
  readonly children: { readonly [id: string]: { getSnapshot(): { readonly value?: unknown } } | undefined }
  readonly error: unknown
}

/** The supervisor's actor. */
export type SupervisorActor = Actor<typeof supervisorMachine>

/** What an event did to a session. */
export type Outcome =
  | {
      readonly kind: 'accepted'
      readonly facts: ActorFacts
      readonly decided: Decided | undefined
      readonly changed: boolean
    }
  | { readonly kind: 'refused'; readonly decided: Decided }
  | { readonly kind: 'notAllowed' }
  | { readonly kind: 'faulted'; readonly reason: string }

/** The part of the facts that an actor decides. */
export interface ActorFacts {
  readonly value: Json
  readonly context: SessionContext
  readonly policy: Json
}

/** Name and version of the built-in limit policy. */
export const BUILT_IN_POLICY = { name: 'limitPolicy', version: 1 } as const

/** Builds, drives and drops session actors. */
export class ActorHost {
  readonly #supervisor: SupervisorActor
  readonly #machine: typeof sessionMachine
  readonly #identity: MachineIdentity
  #decided: Decided | undefined
  #live = 0

  constructor(options: { readonly policy: PolicyOptions | undefined }) {
    const policy = options.policy ?? { logic: limitPolicy, ...BUILT_IN_POLICY }
    this.#identity = { version: SESSION_MACHINE_VERSION, policy: policy.name, policyVersion: policy.version }
    this.#machine = withShortCut(
      options.policy === undefined
        ? sessionMachine
        : sessionMachine.provide({ actors: { limitPolicy: policy.logic as typeof limitPolicy } }),
    )
    this.#supervisor = createActor(supervisorMachine)
    this.#supervisor.start()
  }

  /** Which machine and policy new facts come from. */
  get identity(): MachineIdentity {
    return this.#identity
  }

  /** How many actors are alive. */
  get live(): number {
    return this.#live
  }

  /** The supervisor's own actor: it hears how the runtime is. */
  get supervisor(): SupervisorActor {
    return this.#supervisor
  }

  /** An actor of a session just made. */
  create(id: string, input: SessionInput): SessionActor {
    return this.#start(id, { input })
  }

  /**
   * The actor of a session, restored from its facts.
   * @throws FORMAT_TOO_NEW - the facts were written by a later machine.
   * @throws INVARIANT_BROKEN - the facts do not restore to what they say (A4); nothing was changed.
   */
  restore(id: string, facts: Facts): SessionActor {
    const { machine } = facts
    const status = statusOf(facts.value)
    const fault =
      status === undefined ? 'it stands in no state of the machine' : contextFault(status, facts.context)
    if (fault !== null)
      throw sessionError('INVARIANT_BROKEN', {
        rule: 'A4',
        reason: `session ${id} cannot be restored: ${fault}`,
      })
    if (machine.version > this.#identity.version) {
      throw sessionError('FORMAT_TOO_NEW', {
        file: `the machine of session ${id}`,
        found: machine.version,
        supported: this.#identity.version,
      })
    }
    const samePolicy =
      machine.policy === this.#identity.policy && machine.policyVersion === this.#identity.policyVersion
    const snapshot = persistedSnapshotOf({
      value: facts.value,
      context: facts.context,
      policy: samePolicy ? facts.policy : null,
    })
    const actor = this.#start(id, { snapshot })
    const found = actor.getSnapshot()
    if (!isSound(found) || JSON.stringify(found.value) !== JSON.stringify(facts.value)) {
      this.release(actor)
      throw sessionError('INVARIANT_BROKEN', {
        rule: 'A4',
        reason: `session ${id} does not restore to ${JSON.stringify(facts.value)}`,
      })
    }
    return actor
  }

  #start(id: string, options: { input: SessionInput } | { snapshot: unknown }): SessionActor {
    const actor = createActor(
      this.#machine as AnyActorLogic,
      {
        ...options,
        id,
        parent: this.#supervisor,
      } as never,
    )
    actor.on('decided' as never, (message: Decided) => {
      this.#decided = message // A1
    })
    actor.start()
    this.#live += 1
    this.#supervisor.send({ type: 'actorStarted' })
    return actor as unknown as SessionActor
  }

  /** Sends one event and says what it did. The actor is not usable after `faulted` (A5). */
  tell(actor: SessionActor, event: SessionEvent): Outcome {
    const before = actor.getSnapshot()
    this.#decided = undefined
    try {
      actor.send(event)
    } catch (error) {
      return { kind: 'faulted', reason: reasonOf(error) }
    }
    const after = actor.getSnapshot()
    const decided = this.#decided as Decided | undefined
    if (after.status === 'error') return { kind: 'faulted', reason: reasonOf(after.error) }
    if (!isSound(after)) return { kind: 'faulted', reason: 'the limit policy gave no answer' }
    if (decided?.accepted === false) return { kind: 'refused', decided }
    if (after === before && decided === undefined) return { kind: 'notAllowed' }
    // Every accepted event replaces the context, but an admit without a notice, which changes nothing.
    const changed = after.context !== before.context
    return { kind: 'accepted', facts: factsOf(after), decided, changed }
  }

  /** The facts of a fresh actor. */
  facts(actor: SessionActor): ActorFacts {
    return factsOf(actor.getSnapshot())
  }

  /** Lets an actor go, a crashed one too (A2). */
  release(actor: SessionActor): void {
    this.#live -= 1
    this.#supervisor.send({ type: 'actorReleased', actor: actor as unknown as AnyActorRef })
  }

  /** Stops the supervisor; every session actor must have been released (A2). */
  stop(): void {
    this.#supervisor.stop()
  }
}

function factsOf(snapshot: SessionSnapshot): ActorFacts {
  const policy = snapshot.children['limitPolicy']?.getSnapshot().value
  return {
    value: snapshot.value as Json,
    context: snapshot.context,
    policy: (policy as Json | undefined) ?? null,
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error
    ? `${error.name}: ${error.message}`.slice(0, 200)
    : 'it threw something that is not an error'
}
