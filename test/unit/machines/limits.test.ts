import fc from 'fast-check'
import { expect, test } from 'vitest'
import { initialContext } from '../../../src/machines/context.ts'
import { LIMITS } from '../../../src/machines/events.ts'
import type {
  Door,
  LimitAction,
  LimitFinding,
  LimitName,
  LimitOffer,
  Limits,
  SessionContext,
} from '../../../src/machines/events.ts'
import {
  actionOf,
  isWithin,
  judge,
  maxOf,
  meet,
  meetOnResume,
  standingOf,
  stillNoticed,
  tally,
  tokensOf,
  tokensSaved,
} from '../../../src/machines/limits.ts'
import { anyLimits, anySessionEvent, limitsOf } from '../../support/session-events.ts'

const birth = initialContext({ at: 1_000, expiresAt: null, initialTokenCount: 0, limits: limitsOf() })

/** An active context with what is given. */
function contextOf(given: Partial<SessionContext>): SessionContext {
  return { ...birth, activatedAt: 1_000, idleSince: 1_000, ...given }
}

const append = (entryTypes: readonly string[], at = 1_000) => ({ type: 'append', at, entryTypes }) as const
const admit = (door: Door, at = 1_000) => ({ type: 'admit', at, door }) as const

/** The seed's own walk over all entries. */
function seedTurns(entryTypes: readonly string[]): { readonly turns: number; readonly isOpen: boolean } {
  let turns = 0
  let isOpen = false
  for (const type of entryTypes) {
    if (type === 'user_message') isOpen = true
    if (type === 'assistant_message' && isOpen) {
      turns += 1
      isOpen = false
    }
  }
  return { turns, isOpen }
}

const anyEntryTypes = fc.array(
  fc.constantFrom('user_message', 'assistant_message', 'tool_call', 'system_message', 'evaluation_result'),
  { maxLength: 9 },
)

/** A transcript, its context by naive counts, and where it stands in time. */
const anySituation = fc
  .record({
    transcript: anyEntryTypes,
    limits: anyLimits,
    initialTokenCount: fc.nat({ max: 40 }),
    deltaTokenCount: fc.nat({ max: 40 }),
    idleFor: fc.nat({ max: 20 }),
    activeFor: fc.nat({ max: 60 }),
    noticed: fc.uniqueArray(fc.constantFrom<LimitName>(...LIMITS)),
  })
  .map(({ transcript, limits, idleFor, activeFor, ...given }) => {
    const { turns, isOpen } = seedTurns(transcript)
    const count = (type: string): number => transcript.filter((one) => one === type).length
    const context = contextOf({
      ...given,
      turnCount: turns,
      awaitingReply: isOpen,
      entryCount: transcript.length,
      userMessageCount: count('user_message'),
      assistantMessageCount: count('assistant_message'),
      toolCallCount: count('tool_call'),
      idleSince: 1_000 + activeFor,
      limits,
    })
    return { transcript, context, at: 1_000 + activeFor + idleFor }
  })

/** The door rule in its own words, over whole transcripts: which limits an append or admit meets. */
function namesMet(
  transcript: readonly string[],
  context: SessionContext,
  at: number,
  offered: readonly string[] | Door,
): LimitName[] {
  const { limits } = context
  const past = (value: number, max: number | null): boolean => max !== null && value > max
  const entriesAfter = transcript.length + (typeof offered === 'string' ? 1 : offered.length)
  const doors: { readonly turn: number; readonly toolCalls: number }[] = []
  if (typeof offered === 'string') {
    const { turns, isOpen } = seedTurns(transcript)
    const toolCalls = transcript.filter((type) => type === 'tool_call').length
    doors.push({
      turn: turns + (isOpen || offered === 'turn' ? 1 : 0),
      toolCalls: toolCalls + (offered === 'toolCall' ? 1 : 0),
    })
  } else {
    offered.forEach((type, i) => {
      const before = [...transcript, ...offered.slice(0, i)]
      const { turns, isOpen } = seedTurns(before)
      if (type !== 'user_message' || isOpen) return
      doors.push({ turn: turns + 1, toolCalls: before.filter((one) => one === 'tool_call').length })
    })
  }
  const isDoor = doors.length > 0
  const spent = context.initialTokenCount + context.deltaTokenCount
  const isMet: { readonly [limit in LimitName]: boolean } = {
    turns: doors.some(({ turn }) => past(turn, limits.maxTurns)),
    entries: past(entriesAfter, limits.maxEntries),
    duration: isDoor && past(at - context.createdAt, limits.maxDurationMs),
    toolCalls: doors.some(({ toolCalls }) => past(toolCalls, limits.maxToolCalls)),
    tokens: isDoor && limits.maxTokens !== null && spent >= limits.maxTokens,
    idle: isDoor && past(at - (context.idleSince ?? at), limits.maxIdleMs),
  }
  return LIMITS.filter((limit) => isMet[limit])
}

test('[LM1] [S1-53] turns of appended entries are those of the whole transcript, however it is cut', () => {
  fc.assert(
    fc.property(fc.array(anyEntryTypes), (pieces) => {
      let context = contextOf({})
      for (const piece of pieces) {
        const { openedTurn: _opened, toolCallsAtDoor: _calls, ...counters } = tally(context, piece)
        context = { ...context, ...counters }
      }

      const { turns, isOpen } = seedTurns(pieces.flat())
      expect([context.turnCount, context.awaitingReply]).toEqual([turns, isOpen])
      expect(context.entryCount).toBe(pieces.flat().length)
    }),
  )
})

test('[LM2] [LM3] an append meets exactly the limits of the door rule, in order', () => {
  fc.assert(
    fc.property(anySituation, anyEntryTypes, ({ transcript, context, at }, entryTypes) => {
      const { findings } = meet(context, append(entryTypes, at))

      expect(findings.map(({ limit }) => limit)).toEqual(namesMet(transcript, context, at, entryTypes))
    }),
  )
})

test('[LM2] [LM3] an admit meets exactly the limits of the door rule, in order', () => {
  fc.assert(
    fc.property(
      anySituation,
      fc.constantFrom<Door>('turn', 'modelCall', 'toolCall'),
      ({ transcript, context, at }, door) => {
        const { findings } = meet(context, admit(door, at))

        expect(findings.map(({ limit }) => limit)).toEqual(namesMet(transcript, context, at, door))
      },
    ),
  )
})

test('[LM2] a fact already paid for is refused only by maxEntries', () => {
  const spent = contextOf({
    turnCount: 5,
    awaitingReply: true,
    entryCount: 7,
    toolCallCount: 5,
    deltaTokenCount: 500,
    limits: limitsOf({
      maxTurns: 1,
      maxEntries: 8,
      maxToolCalls: 1,
      maxTokens: 1,
      maxDurationMs: 1,
      maxIdleMs: 1,
    }),
  })
  const facts = [
    'assistant_message',
    'tool_call',
    'skill_execution',
    'evaluation_result',
    'system_message',
    'system_event',
  ]

  for (const fact of facts) expect(meet(spent, append([fact], 9_000)).findings).toEqual([])
  expect(meet(spent, { type: 'recordDelta', at: 9_000, tokens: 1_000 }).findings).toEqual([])
  expect(meet(spent, append(['tool_call', 'tool_call'], 9_000)).findings).toEqual([
    { limit: 'entries', current: 9, max: 8, action: 'error' },
  ])
})

test('[LM3] a user message that meets everything reports everything, with how far it went', () => {
  const limits = limitsOf({
    maxTurns: 2,
    maxEntries: 4,
    maxToolCalls: 0,
    maxTokens: 70,
    maxDurationMs: 100,
    maxIdleMs: 10,
    actions: { idle: 'ignore', turns: 'pause' },
  })
  const context = contextOf({
    turnCount: 2,
    entryCount: 4,
    toolCallCount: 1,
    initialTokenCount: 50,
    deltaTokenCount: 20,
    idleSince: 1_100,
    limits,
  })

  const { findings } = meet(context, append(['user_message'], 1_150))

  expect(findings).toEqual([
    { limit: 'turns', current: 3, max: 2, action: 'pause' },
    { limit: 'entries', current: 5, max: 4, action: 'error' },
    { limit: 'duration', current: 150, max: 100, action: 'error' },
    { limit: 'toolCalls', current: 1, max: 0, action: 'error' },
    { limit: 'tokens', current: 70, max: 70, action: 'error' },
    { limit: 'idle', current: 50, max: 10, action: 'ignore' },
  ])
})

test('one append that opens several turns is met by the last of them', () => {
  const context = contextOf({ limits: limitsOf({ maxTurns: 1, maxToolCalls: 0 }) })
  const turn = ['user_message', 'tool_call', 'assistant_message']

  const { findings } = meet(context, append([...turn, ...turn, 'user_message']))

  expect(findings.map(({ limit, current }) => [limit, current])).toEqual([
    ['turns', 3],
    ['toolCalls', 2],
  ])
})

test('a second user message in a row opens nothing, so it stands at no door', () => {
  const context = contextOf({
    turnCount: 1,
    awaitingReply: true,
    limits: limitsOf({ maxTurns: 1, maxTokens: 0 }),
  })

  expect(meet(context, append(['user_message'])).findings).toEqual([])
})

test('an open turn past the maximum admits no model call', () => {
  const limits = limitsOf({ maxTurns: 1 })
  const closed = contextOf({ turnCount: 1, awaitingReply: false, limits })
  const open = contextOf({ turnCount: 1, awaitingReply: true, limits })

  expect(meet(closed, admit('modelCall')).findings).toEqual([])
  expect(meet(open, admit('modelCall')).findings).toMatchObject([{ limit: 'turns', current: 2, max: 1 }])
})

test('the last tool call is admitted, one more is not, a model call still is', () => {
  const limits = limitsOf({ maxToolCalls: 2 })

  expect(meet(contextOf({ toolCallCount: 1, limits }), admit('toolCall')).findings).toEqual([])
  expect(meet(contextOf({ toolCallCount: 2, limits }), admit('toolCall')).findings).toMatchObject([
    { limit: 'toolCalls', current: 3, max: 2 },
  ])
  expect(meet(contextOf({ toolCallCount: 2, limits }), admit('modelCall')).findings).toEqual([])
})

test('at the limit is said when a counter comes to its maximum, not before', () => {
  const limits = limitsOf({ maxTurns: 2, maxEntries: 10, maxToolCalls: 3, maxTokens: 100 })
  const context = contextOf({ turnCount: 1, awaitingReply: true, entryCount: 7, toolCallCount: 1, limits })

  expect(meet(context, append(['tool_call'])).reaches).toBe(false)
  expect(meet(context, append(['assistant_message'])).reaches).toBe(true)
  expect(meet(context, append(['tool_call', 'tool_call'])).reaches).toBe(true)
  expect(meet(context, append(['system_event', 'system_event', 'system_event'])).reaches).toBe(true)
  expect(meet(context, { type: 'recordDelta', at: 1_000, tokens: 99 }).reaches).toBe(false)
  expect(meet(context, { type: 'recordDelta', at: 1_000, tokens: 100 }).reaches).toBe(true)
})

test('[LM5] the fast check says yes exactly when nothing is met and nothing reached', () => {
  const counting = new Set(['append', 'recordDelta', 'admit'])
  fc.assert(
    fc.property(anySituation, anySessionEvent, ({ context, at }, undated) => {
      const event = { ...undated, at }
      const { findings, reaches } = meet(context, event)

      expect(isWithin(context, event)).toBe(counting.has(event.type) && findings.length === 0 && !reaches)
    }),
    { numRuns: 1_000 },
  )
})

test('[LM5] at exactly its longest age and idle time a session is still within', () => {
  const context = contextOf({ limits: limitsOf({ maxDurationMs: 100, maxIdleMs: 50 }), idleSince: 1_050 })

  expect(isWithin(context, admit('turn', 1_100))).toBe(true)
  expect(isWithin({ ...context, createdAt: 999 }, admit('turn', 1_100))).toBe(false)
  expect(isWithin({ ...context, idleSince: 1_049 }, admit('turn', 1_100))).toBe(false)
})

test('[LM2] what is no door and brings no facts meets nothing, at a maximum neither', () => {
  const context = contextOf({ limits: limitsOf({ maxEntries: 1, maxDurationMs: 1 }), entryCount: 1 })

  expect(meet(context, { type: 'edit', at: 2_000 })).toEqual({ findings: [], reaches: true })
})

const finding = (limit: LimitName, action: LimitAction): LimitFinding => ({
  limit,
  action,
  current: 2,
  max: 1,
})

function offerOf(findings: readonly LimitFinding[], noticed: readonly LimitName[] = []): LimitOffer {
  const event = append(['user_message'])
  return { type: 'offer', at: 1_000, event, limits: limitsOf(), noticed, findings, reaches: false }
}

test.each([
  [[], 'accept'],
  [['ignore'], 'ignore'],
  [['ignore', 'error'], 'error'],
  [['error', 'pause', 'ignore'], 'pause'],
  [['ignore', 'error', 'pause', 'end_session'], 'end_session'],
] as const)('[LM4] of %j the verdict is %s', (actions, verdict) => {
  const findings = actions.map((action, i) => finding(LIMITS[i] ?? 'idle', action))

  const { action, event, findings: reported } = judge(offerOf(findings))

  expect(action).toBe(verdict)
  expect(event).toEqual(append(['user_message']))
  expect(reported).toEqual(findings)
})

test('[LM4] a soft limit is noticed once, but a hard verdict still reports it', () => {
  const soft = finding('turns', 'ignore')
  const fresh = finding('entries', 'ignore')
  const hard = finding('tokens', 'pause')

  expect(judge(offerOf([soft, fresh], ['turns'])).findings).toEqual([fresh])
  expect(judge(offerOf([soft], ['turns']))).toMatchObject({ action: 'ignore', findings: [] })
  expect(judge(offerOf([soft, hard], ['turns'])).findings).toEqual([soft, hard])
})

test('a deadline is met only past its maximum, and only if its action has something to do', () => {
  const context = (action: LimitAction, noticed: readonly LimitName[] = []): SessionContext =>
    contextOf({ limits: limitsOf({ maxDurationMs: 100, maxIdleMs: 50, action }), noticed })
  const met = (from: SessionContext, kind: 'duration' | 'idle' | 'ttl', at: number): unknown[] =>
    meet(from, { type: 'deadline', kind, at, dueAt: at }).findings.map(({ limit, current }) => [
      limit,
      current,
    ])

  expect(met(context('pause'), 'duration', 1_100)).toEqual([])
  expect(met(context('pause'), 'duration', 1_101)).toEqual([['duration', 101]])
  expect(met(context('end_session'), 'idle', 1_050)).toEqual([])
  expect(met(context('end_session'), 'idle', 1_051)).toEqual([['idle', 51]])
  expect(met(context('error'), 'duration', 9_000)).toEqual([])
  expect(met(context('ignore'), 'idle', 9_000)).toEqual([['idle', 8_000]])
  expect(met(context('ignore', ['idle']), 'idle', 9_000)).toEqual([])
  expect(met(context('pause'), 'ttl', 9_000)).toEqual([])
})

test('resume is held by what would pause again and by what is past its maximum', () => {
  const paused = (given: Partial<SessionContext>): SessionContext =>
    contextOf({ pausedAt: 2_000, idleSince: null, ...given })
  const held = (limits: Limits, at = 2_000): unknown =>
    meetOnResume(
      paused({ turnCount: 2, entryCount: 4, toolCallCount: 3, initialTokenCount: 10, limits }),
      at,
    ).map(({ limit, current, max }) => [limit, current, max])

  expect(held(limitsOf({ maxTurns: 2, maxEntries: 4, action: 'pause' }))).toEqual([
    ['turns', 3, 2],
    ['entries', 5, 4],
  ])
  expect(held(limitsOf({ maxTurns: 2, maxEntries: 4, maxTokens: 10, action: 'error' }))).toEqual([])
  expect(held(limitsOf({ maxTurns: 1, maxTokens: 9, action: 'end_session' }))).toEqual([
    ['turns', 2, 1],
    ['tokens', 10, 9],
  ])
  expect(held(limitsOf({ maxToolCalls: 3, maxTokens: 10, action: 'pause' }))).toEqual([['tokens', 10, 10]])
  expect(held(limitsOf({ maxDurationMs: 1_000, maxIdleMs: 1, action: 'error' }), 2_001)).toEqual([
    ['duration', 1_001, 1_000],
  ])
  expect(
    held(limitsOf({ maxTurns: 0, maxEntries: 0, maxTokens: 0, maxDurationMs: 0, action: 'ignore' })),
  ).toEqual([])
})

test('new limits may be noticed afresh where maximum or action changed', () => {
  const limits = limitsOf({ maxTurns: 1, maxEntries: 2, maxTokens: 3, action: 'ignore' })
  const context = contextOf({ limits, noticed: ['turns', 'entries', 'tokens'] })

  expect(stillNoticed(context, { ...limits })).toBe(context.noticed)
  expect(stillNoticed(context, { ...limits, maxEntries: 9 })).toEqual(['turns', 'tokens'])
  expect(stillNoticed(context, { ...limits, actions: { tokens: 'pause' } })).toEqual(['turns', 'entries'])
  expect(stillNoticed(context, { ...limits, action: 'error', actions: { turns: 'ignore' } })).toEqual([
    'turns',
  ])
})

test('where a session stands: past a soft limit, at a maximum, or within', () => {
  const limits = limitsOf({ maxTurns: 1, action: 'ignore' })

  expect(standingOf(contextOf({ limits }))).toBe('within')
  expect(standingOf(contextOf({ limits, turnCount: 1 }))).toBe('atLimit')
  expect(standingOf(contextOf({ limits, turnCount: 2, noticed: ['turns'] }))).toBe('exceeded')
})

test('every limit has its maximum and its action', () => {
  const limits: Limits = {
    maxTurns: 1,
    maxEntries: 2,
    maxDurationMs: 3,
    maxToolCalls: 4,
    maxTokens: 5,
    maxIdleMs: 6,
    action: 'pause',
    actions: { tokens: 'ignore' },
  }

  expect(LIMITS.map((limit) => maxOf(limits, limit))).toEqual([1, 2, 3, 4, 5, 6])
  expect(LIMITS.map((limit) => actionOf(limits, limit) === 'ignore')).toEqual(
    LIMITS.map((one) => one === 'tokens'),
  )
})

test('[LM6] sums of tokens and what deltas have saved stay exact integers', () => {
  const huge = contextOf({
    initialTokenCount: Number.MAX_SAFE_INTEGER,
    deltaTokenCount: 10,
    roundCount: 1_000,
  })
  const seed = contextOf({ initialTokenCount: 5_000, deltaTokenCount: 370, roundCount: 3 })

  expect(tokensOf(huge)).toBe(Number.MAX_SAFE_INTEGER)
  expect(tokensSaved(huge)).toBe(Number.MAX_SAFE_INTEGER - 10)
  expect(tokensSaved(seed)).toBe(14_630)
  expect(tokensSaved(contextOf({ deltaTokenCount: 9 }))).toBe(0)
})
