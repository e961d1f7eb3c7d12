import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { SessionEvent } from '../../../src/machines/events.ts'
import { sessionMachine } from '../../../src/machines/session.ts'
import { withShortCut } from '../../../src/machines/short-cut.ts'
import {
  anyLife,
  factsOf,
  limitsOf,
  restoreSession,
  startSession,
  tell,
} from '../../support/session-events.ts'

/** The machine that also writes down which events it was asked to decide itself. */
function listening(): { readonly machine: typeof sessionMachine; readonly decided: string[] } {
  const decided: string[] = []
  const machine = Object.create(sessionMachine) as typeof sessionMachine
  machine.transition = (snapshot, event, scope) => {
    decided.push(event.type)
    return sessionMachine.transition(snapshot, event, scope)
  }
  return { machine, decided }
}

const user: SessionEvent = { type: 'append', at: 1_100, entryTypes: ['user_message'] }
const delta: SessionEvent = { type: 'recordDelta', at: 1_100, tokens: 7 }

test('[SC1] with the short cut every event of every life is answered as without', () => {
  fc.assert(
    fc.property(anyLife, fc.boolean(), ({ input, events }, restored) => {
      const whole = startSession(input)
      let short = startSession(input, withShortCut(sessionMachine))

      for (const event of events) {
        if (whole.actor.getSnapshot().status === 'done') break
        if (restored) short = restoreSession(factsOf(short.actor), withShortCut(sessionMachine))
        expect(tell(short, event)).toEqual(tell(whole, event))
        const [is, should] = [short.actor.getSnapshot(), whole.actor.getSnapshot()]
        expect(Object.keys(is)).toEqual(Object.keys(should))
        expect(Object.keys(is.context)).toEqual(Object.keys(should.context))
        expect(JSON.stringify(short.actor.getPersistedSnapshot())).toBe(
          JSON.stringify(whole.actor.getPersistedSnapshot()),
        )
        expect(is.can({ ...user, at: event.at })).toBe(should.can({ ...user, at: event.at }))
      }
    }),
    { numRuns: 1_000 },
  )
})

test('[SC1] what is kept is said once the new snapshot is there', () => {
  const { actor } = startSession({}, withShortCut(sessionMachine))
  actor.send({ type: 'activate', at: 1_050 })
  const counts: number[] = []
  actor.on('decided', () => counts.push(actor.getSnapshot().context.entryCount))

  actor.send(user)

  expect(counts).toEqual([1])
})

test('[SC2] the machine decides everything but appends and deltas inside all limits', () => {
  const { machine, decided } = listening()
  const session = startSession({ limits: limitsOf({ maxEntries: 2 }) }, withShortCut(machine))

  for (const event of [
    user,
    { type: 'activate', at: 1_050 },
    delta,
    user,
    { type: 'admit', at: 1_100, door: 'turn' },
    user,
    user,
    delta,
  ] as const)
    tell(session, event)

  // Born not active; then the second entry reaches the limit, the third is past it, and a delta finds it reached.
  expect(decided.filter((type) => type !== 'verdict')).toEqual([
    'append',
    'activate',
    'admit',
    'append',
    'append',
    'recordDelta',
  ])
})
