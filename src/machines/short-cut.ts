/**
 * The session machine with a short cut for nearly every event there is: something kept, inside all limits.
 *   SC1  The short cut leads where the machine leads: the same snapshot but for the context, the same context, the same
 *        word said at the same moment.
 *   SC2  It is taken in one case: at rest in `active.ready`, by an append or a delta that `isWithin` lets pass. There no
 *        state is left or entered and no child is told anything. Everything else is the machine's.
 * Why there is one: docs/decisions/0010.
 */
import type { SnapshotFrom } from 'xstate'
import { kept } from './context.ts'
import { isWithin } from './limits.ts'
import { KEPT } from './session.ts'
import type { sessionMachine, SessionMachineEvent } from './session.ts'

type Machine = typeof sessionMachine
type Snapshot = SnapshotFrom<Machine>
type Scope = Parameters<Machine['transition']>[2]

/** Events that may take the short cut (SC2). */
type Counted = Extract<SessionMachineEvent, { type: 'append' | 'recordDelta' }>

/** Actor logic that is `machine` in every respect, and quicker where the short cut leads (SC1, SC2). */
export function withShortCut(machine: Machine): Machine {
  const logic = Object.create(machine) as Machine
  logic.transition = (snapshot, event, scope) =>
    isShort(snapshot, event) ? keep(snapshot, event, scope) : machine.transition(snapshot, event, scope)
  return logic
}

function isShort(snapshot: Snapshot, event: SessionMachineEvent): event is Counted {
  if (event.type !== 'append' && event.type !== 'recordDelta') return false
  const { status, value, context } = snapshot
  const isReady = status === 'active' && typeof value === 'object' && value.active === 'ready'
  return isReady && isWithin(context, event)
}

function keep(snapshot: Snapshot, event: Counted, scope: Scope): Snapshot {
  // As `emit` does: heard once the new snapshot is the actor's.
  scope.defer(() => scope.emit(KEPT))
  return { ...snapshot, context: kept(snapshot.context, event) }
}
