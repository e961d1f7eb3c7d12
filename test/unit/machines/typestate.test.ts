/** The compile-time typestate is the lifecycle table: what is typed here is checked by tsc, what runs here by vitest. */
import { expect, test } from 'vitest'
import { allows, COMMANDS, STATUSES } from '../../../src/machines/lifecycle.ts'
import type { CommandName, CommandOf, Status } from '../../../src/machines/lifecycle.ts'
import type { Session, SessionReads, SessionShorthands } from '../../../src/runtime/session.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
type Offers<S extends Status, C extends CommandName> = C extends keyof Session<S> ? true : false
type ShorthandsOf<C> = C extends keyof SessionShorthands ? keyof SessionShorthands[C] : never

/** For every status × command, whether a handle has the method. tsc refuses a word that is not what the types say. */
const OFFERED: { readonly [S in Status]: { readonly [C in CommandName]: Offers<S, C> } } = {
  created: {
    activate: true,
    append: false,
    recordDelta: false,
    admit: false,
    pause: false,
    resume: false,
    close: false,
    complete: false,
    fail: false,
    cancel: true,
    edit: true,
    extendLimits: true,
  },
  active: {
    activate: false,
    append: true,
    recordDelta: true,
    admit: true,
    pause: true,
    resume: false,
    close: true,
    complete: true,
    fail: true,
    cancel: true,
    edit: true,
    extendLimits: true,
  },
  paused: {
    activate: false,
    append: false,
    recordDelta: false,
    admit: false,
    pause: false,
    resume: true,
    close: true,
    complete: false,
    fail: true,
    cancel: true,
    edit: true,
    extendLimits: true,
  },
  closed: nothing(),
  completed: nothing(),
  failed: nothing(),
  cancelled: nothing(),
  expired: nothing(),
}

function nothing(): { readonly [C in CommandName]: false } {
  return {
    activate: false,
    append: false,
    recordDelta: false,
    admit: false,
    pause: false,
    resume: false,
    close: false,
    complete: false,
    fail: false,
    cancel: false,
    edit: false,
    extendLimits: false,
  }
}

/** Beyond what every status can read, a handle has the commands of its status, their shorthands, and nothing else. */
const EXACT: {
  readonly [S in Status]: Equal<
    Exclude<keyof Session<S>, keyof SessionReads>,
    CommandOf<S> | ShorthandsOf<CommandOf<S>>
  >
} = {
  created: true,
  active: true,
  paused: true,
  closed: true,
  completed: true,
  failed: true,
  cancelled: true,
  expired: true,
}

test.each(STATUSES)('[H2] the handle of a session that is %s offers the commands of the table', (status) => {
  const offered = Object.entries(OFFERED[status])
    .filter(([, isOffered]) => isOffered)
    .map(([command]) => command)

  expect(offered.toSorted()).toEqual(COMMANDS[status].toSorted())
  expect(EXACT[status]).toBe(true)
})

test('[H2] the typed table knows every command', () => {
  for (const status of STATUSES) {
    for (const [command, isOffered] of Object.entries(OFFERED[status])) {
      expect(allows(status, command as CommandName), `${status} ${command}`).toBe(isOffered)
    }
  }
})

test('[H2] an illegal call does not compile', () => {
  const draft = {} as Parameters<Session<'active'>['append']>[0]
  const calls = (handles: { readonly [S in Status]: Session<S> }, any: Session): unknown[] => [
    handles.created.activate(),
    // @ts-expect-error a created session takes no entries
    handles.created.append(draft),
    // @ts-expect-error nor several at once
    handles.created.appendAll([draft]),
    // @ts-expect-error nor can it end with success
    handles.created.complete(),
    handles.active.append(draft),
    // @ts-expect-error an active session is active already
    handles.active.activate(),
    // @ts-expect-error and has nothing to resume
    handles.active.resume(),
    handles.paused.resume(),
    // @ts-expect-error a paused session takes no entries
    handles.paused.append(draft),
    // @ts-expect-error and cannot end with success
    handles.paused.complete(),
    // @ts-expect-error an ended session takes nothing
    handles.closed.append(draft),
    // @ts-expect-error nor does it come back
    handles.completed.resume(),
    // @ts-expect-error nor end again
    handles.failed.close(),
    // @ts-expect-error nor take edits
    handles.cancelled.edit({}),
    // @ts-expect-error nor shorthands of edits
    handles.expired.addTag('late'),
    // @ts-expect-error a handle of any status must be narrowed first
    any.append(draft),
    any.state === 'active' ? any.append(draft) : undefined,
    any.as('paused').resume(),
  ]

  expect(calls).toBeTypeOf('function')
})
