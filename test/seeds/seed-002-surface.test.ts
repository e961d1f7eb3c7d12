/** Seed 002, what a handle shows, hides and allows to be done with it. */
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import * as api from '../../src/index.ts'
import { COMMANDS } from '../../src/machines/lifecycle.ts'
import { userMessage } from '../../src/runtime/entries.ts'
import type { Session } from '../../src/runtime/session.ts'
import { activeSession, memoryRuntime, refusalOf, transcript } from '../support/memory-runtime.ts'

test('[S2-01] the fields of a handle are private: all it shows is the status it stands for', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime)

  expect(Object.entries(session)).toEqual([['state', 'active']])
  expect(() => Object.assign(session, { revision: 99 })).toThrow(TypeError)
  expect(session.revision).toBe(2)
})

test('[S2-02] statuses are lists of what can be done there', () => {
  expect(COMMANDS).toEqual({
    created: ['activate', 'cancel', 'edit', 'extendLimits'],
    active: [
      ...['append', 'recordDelta', 'admit', 'pause'],
      ...['close', 'complete', 'fail', 'cancel', 'edit', 'extendLimits'],
    ],
    paused: ['resume', 'close', 'fail', 'cancel', 'edit', 'extendLimits'],
    closed: [],
    completed: [],
    failed: [],
    cancelled: [],
    expired: [],
  })
})

test('[S2-04] two handles of one active session close it once', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime)
  const twin = (await runtime.get(session.id)).as('active')

  const [first, second] = await Promise.allSettled([session.close(), twin.close()])

  expect([first.status, second.status]).toEqual(['fulfilled', 'rejected'])
  expect((second as PromiseRejectedResult).reason).toMatchObject({
    code: 'WRONG_STATE',
    details: { actual: 'closed' },
  })
  expect([session.revision, twin.revision]).toEqual([3, 3])
})

test('[S2-05] printing a handle shows id, status and revision, and no content', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime, { id: 'talk-1', name: 'secret', metadata: { key: 'secret' } })
  await session.append(userMessage('secret'))

  expect(JSON.stringify(session)).toBe('{"id":"talk-1","status":"active","revision":3}')
  expect(inspect(session)).toBe('Session talk-1 (active, revision 3)')
  expect(inspect({ nested: [session] }, { depth: 9, showHidden: true })).not.toContain('secret')
})

test('[S2-06] one session is used from many places at once, and every entry is kept in one order', async () => {
  const { runtime } = await memoryRuntime()
  const { id } = await activeSession(runtime)
  const handles: Session[] = []
  for (let caller = 0; caller < 5; caller += 1) handles.push(await runtime.get(id))

  const answers = await Promise.all(
    handles.flatMap((handle, caller) =>
      Array.from({ length: 10 }, (_, index) => handle.as('active').append(userMessage(`${caller}.${index}`))),
    ),
  )

  const revisions = answers.map(({ revision }) => revision)
  const texts = (await transcript(handles[0] as Session)).map(
    ({ content }) => (content as { text: string }).text,
  )
  expect(revisions).toEqual(Array.from({ length: 50 }, (_, index) => index + 3))
  expect(texts.toSorted()).toEqual(
    Array.from({ length: 50 }, (_, index) => `${Math.floor(index / 10)}.${index % 10}`).toSorted(),
  )
  for (const caller of ['0', '1', '2', '3', '4']) {
    expect(texts.filter((text) => text.startsWith(`${caller}.`))).toEqual(
      Array.from({ length: 10 }, (_, index) => `${caller}.${index}`),
    )
  }
})

test('[S2-07] a handle is not made, compared or stored by anybody: its record is', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime)
  const again = await runtime.get(session.id)

  expect(Object.keys(api).filter((name) => /handle/i.test(name))).toEqual([])
  expect(session === again).toBe(false)
  expect(session.record).toEqual(again.record)
  expect(Object.keys(JSON.parse(JSON.stringify(session)))).toEqual(['id', 'status', 'revision'])
  expect(Object.keys(structuredClone(session))).toEqual(['state'])
})

test('[S2-08] a handle has what its interfaces name, and inherits nothing', async () => {
  const { runtime } = await memoryRuntime()
  const session = await activeSession(runtime)
  const prototype = Object.getPrototypeOf(session) as object

  const members = Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor')

  expect(Object.getPrototypeOf(prototype)).toBe(Object.prototype)
  expect(members.toSorted()).toEqual(
    [
      ...['id', 'status', 'revision', 'record', 'name', 'usage', 'limits', 'end', 'quarantine', 'deadlines'],
      ...['createdAt', 'activatedAt', 'pausedAt', 'endedAt', 'updatedAt', 'expiresAt', 'durationMs'],
      ...['exchangeCount', 'isEmpty', 'isAtTurnLimit', 'remainingTurns', 'checkLimits', 'as'],
      ...['getContext', 'getMetadata', 'entries', 'changes', 'toJSON'],
      ...['activate', 'append', 'appendAll', 'recordDelta', 'admit', 'pause', 'resume'],
      ...['close', 'complete', 'fail', 'cancel', 'edit', 'extendLimits'],
      ...['setContext', 'removeContext', 'setMetadata', 'addTag'],
    ].toSorted(),
  )
})

test('[S2-01] a handle of another status does not do what its type does not say', async () => {
  const { runtime } = await memoryRuntime()
  const paused = await (await activeSession(runtime)).pause()

  // @ts-expect-error a paused session takes no entries, so there is no such method to call
  const refusal = await refusalOf(paused.append(userMessage('late')))

  expect(refusal).toMatchObject({ code: 'WRONG_STATE', details: { expected: ['active'], actual: 'paused' } })
})
