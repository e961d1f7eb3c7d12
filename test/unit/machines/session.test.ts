import { expect, test } from 'vitest'
import type { SessionEvent } from '../../../src/machines/events.ts'
import {
  allows,
  COMMANDS,
  END_STATUSES,
  STATUSES,
  statusesFor,
  TARGETS,
} from '../../../src/machines/lifecycle.ts'
import type { CommandName, Status } from '../../../src/machines/lifecycle.ts'
import { sessionMachine, statusOf } from '../../../src/machines/session.ts'
import { limitsOf, startSession, tell } from '../../support/session-events.ts'

const COMMAND_NAMES = [...new Set(STATUSES.flatMap((status): readonly CommandName[] => COMMANDS[status]))]

/** One event of every command, at `at`. */
function commandEvent(command: CommandName, at: number): SessionEvent {
  switch (command) {
    case 'append':
      return { type: 'append', at, entryTypes: ['user_message'] }
    case 'recordDelta':
      return { type: 'recordDelta', at, tokens: 5 }
    case 'admit':
      return { type: 'admit', at, door: 'modelCall' }
    case 'extendLimits':
      return { type: 'extendLimits', at, limits: limitsOf({ maxTurns: 9 }) }
    case 'fail':
      return { type: 'fail', at, code: 'TOOL_BROKE', message: 'the tool broke' }
    default:
      return { type: command, at }
  }
}

const WAY_TO: { readonly [status in Status]: readonly SessionEvent[] } = {
  created: [],
  active: [{ type: 'activate', at: 1_010 }],
  paused: [
    { type: 'activate', at: 1_010 },
    { type: 'pause', at: 1_020 },
  ],
  closed: [
    { type: 'activate', at: 1_010 },
    { type: 'close', at: 1_020 },
  ],
  completed: [
    { type: 'activate', at: 1_010 },
    { type: 'complete', at: 1_020 },
  ],
  failed: [
    { type: 'activate', at: 1_010 },
    { type: 'fail', at: 1_020, code: 'TOOL_BROKE', message: 'the tool broke' },
  ],
  cancelled: [{ type: 'cancel', at: 1_020 }],
  expired: [{ type: 'deadline', kind: 'ttl', at: 2_000, dueAt: 2_000 }],
}

function sessionIn(status: Status): ReturnType<typeof startSession> {
  const session = startSession({ expiresAt: 2_000 })
  for (const event of WAY_TO[status]) session.actor.send(event)
  session.said.length = 0
  return session
}

test('[L1] the chart has exactly the statuses of the table, and its ends are final', () => {
  const states = Object.values(sessionMachine.root.states)

  expect(states.map(({ key }) => key)).toEqual([...STATUSES])
  expect(states.filter(({ type }) => type === 'final').map(({ key }) => key)).toEqual([...END_STATUSES])
})

test.each(STATUSES)('[L2] the chart handles in %s the commands of the table and no others', (status) => {
  const node = sessionMachine.root.states[status]
  const nodes = status === 'active' ? [node, node?.states['ready']] : [node]
  const handled = nodes.flatMap((one) => [...(one?.transitions.keys() ?? [])])
  const commands = handled.filter((type) => type !== 'deadline')

  expect(commands.toSorted()).toEqual(COMMANDS[status].toSorted())
})

test('[L2] the chart leads every command where the table says', () => {
  for (const command of COMMAND_NAMES) {
    for (const status of statusesFor(command)) {
      const node = sessionMachine.root.states[status]
      const found = node?.transitions.get(command) ?? node?.states['ready']?.transitions.get(command)
      const targets = (found ?? []).flatMap(({ target }) => target ?? []).map(({ path }) => path[0])
      const expected = command in TARGETS ? [TARGETS[command as keyof typeof TARGETS]] : []

      expect(
        targets.filter((target) => target !== status),
        `${command} in ${status}`,
      ).toEqual(expected)
    }
  }
})

test('[SM5] at a door the chart waits for a verdict and for nothing else', () => {
  const offering = sessionMachine.root.states['active']?.states['offering']

  expect([...(offering?.transitions.keys() ?? [])]).toEqual(['verdict'])
})

test('[SM1] the chart has no delays, no eventless transitions and only named parts', () => {
  const nodes = [sessionMachine.root, ...Object.values(sessionMachine.root.states)]
  const all = nodes.flatMap((node) => [node, ...Object.values(node.states)])

  for (const node of all) {
    expect(node.after).toEqual([])
    expect(node.always ?? []).toEqual([])
    for (const { actions, guard } of [...node.transitions.values()].flat()) {
      expect(['string', 'undefined']).toContain(typeof guard)
      for (const action of actions) expect(action).toBeTypeOf('string')
    }
  }
})

for (const status of STATUSES) {
  test.each(COMMAND_NAMES)(`[L2] ${status}: %s does what the table says`, (command) => {
    const { actor } = sessionIn(status)
    const event = commandEvent(command, 1_500)

    expect(actor.getSnapshot().can(event)).toBe(allows(status, command))
    if (!allows(status, command)) return
    actor.send(event)

    const target = command in TARGETS ? TARGETS[command as keyof typeof TARGETS] : status
    expect(statusOf(actor.getSnapshot().value)).toBe(target)
  })
}

test.each(['created', 'active', 'paused'] as const)(
  '[SM3] what %s does not allow changes nothing',
  (status) => {
    const session = sessionIn(status)
    const before = session.actor.getSnapshot()

    for (const command of COMMAND_NAMES) {
      if (!allows(status, command)) session.actor.send(commandEvent(command, 1_500))
    }

    expect(session.actor.getSnapshot()).toBe(before)
    expect(session.said).toEqual([])
  },
)

test('[SM4] append, recordDelta, admit and resume are answered exactly once', () => {
  const session = sessionIn('active')

  const answers = [
    tell(session, { type: 'append', at: 1_030, entryTypes: ['user_message'] }),
    tell(session, { type: 'recordDelta', at: 1_040, tokens: 3 }),
    tell(session, { type: 'admit', at: 1_050, door: 'toolCall' }),
    tell(session, { type: 'pause', at: 1_060 }),
    tell(session, { type: 'resume', at: 1_070 }),
  ]

  const kept = { type: 'decided', accepted: true, entryKept: true, findings: [] }
  expect(answers.map(({ said }) => said)).toEqual([[kept], [kept], [kept], [], [kept]])
})

test('[SM7] every accepted event sets the time, an admit does not', () => {
  const session = sessionIn('active')

  const times = [
    tell(session, { type: 'append', at: 1_030, entryTypes: ['tool_call'] }),
    tell(session, { type: 'admit', at: 1_035, door: 'modelCall' }),
    tell(session, { type: 'recordDelta', at: 1_040, tokens: 3 }),
    tell(session, { type: 'edit', at: 1_050 }),
    tell(session, { type: 'extendLimits', at: 1_060, limits: limitsOf() }),
    tell(session, { type: 'pause', at: 1_070 }),
    tell(session, { type: 'resume', at: 1_080 }),
    tell(session, { type: 'close', at: 1_090 }),
  ].map(({ context }) => context.updatedAt)

  expect(times).toEqual([1_030, 1_030, 1_040, 1_050, 1_060, 1_070, 1_080, 1_090])
})

test('[CX2] only activation, entries and resume restart the idle time', () => {
  const session = startSession()

  const idle = [
    tell(session, { type: 'activate', at: 1_010 }),
    tell(session, { type: 'recordDelta', at: 1_020, tokens: 1 }),
    tell(session, { type: 'edit', at: 1_030 }),
    tell(session, { type: 'append', at: 1_040, entryTypes: ['system_event'] }),
    tell(session, { type: 'pause', at: 1_050 }),
    tell(session, { type: 'resume', at: 1_060 }),
    tell(session, { type: 'cancel', at: 1_070 }),
  ].map(({ context }) => context.idleSince)

  expect(idle).toEqual([1_010, 1_010, 1_010, 1_040, null, 1_060, null])
})

test.each(END_STATUSES)('[CX3] a session that is %s says when and how it ended', (status) => {
  const { actor } = sessionIn(status)

  const { context, status: life } = actor.getSnapshot()

  const failure = { code: 'TOOL_BROKE', message: 'the tool broke' }
  const words = status === 'failed' ? failure : { code: null, message: null }
  expect(life).toBe('done')
  expect(context.end).toEqual({ status, ...words, findings: [] })
  expect(context.endedAt).toBe(status === 'expired' ? 2_000 : 1_020)
})

test('pausing is dated, and resuming takes the date away', () => {
  const session = sessionIn('active')

  const paused = tell(session, { type: 'pause', at: 1_100 })
  const resumed = tell(session, { type: 'resume', at: 1_200 })

  expect(paused.context.pausedAt).toBe(1_100)
  expect(resumed.context.pausedAt).toBeNull()
  expect(resumed.context.activatedAt).toBe(1_010)
})

test('[S1-53] turns are counted by user messages that an assistant message answers', () => {
  const session = sessionIn('active')

  const counts = [
    'user_message',
    'user_message',
    'tool_call',
    'assistant_message',
    'assistant_message',
    'user_message',
  ]
    .map((type, i) => tell(session, { type: 'append', at: 1_100 + i, entryTypes: [type] }).context)
    .map(({ turnCount, awaitingReply }) => [turnCount, awaitingReply])

  expect(counts).toEqual([
    [0, true],
    [0, true],
    [0, true],
    [1, false],
    [1, false],
    [1, true],
  ])
})

test('several entries of one append are counted in order', () => {
  const session = sessionIn('active')
  const entryTypes = ['user_message', 'assistant_message', 'user_message', 'tool_call', 'assistant_message']

  const { context } = tell(session, { type: 'append', at: 1_100, entryTypes })

  expect(context).toMatchObject({
    turnCount: 2,
    awaitingReply: false,
    entryCount: 5,
    userMessageCount: 2,
    assistantMessageCount: 2,
    toolCallCount: 1,
  })
})

test('[LM6] deltas count rounds and tokens, saturating', () => {
  const session = sessionIn('active')

  tell(session, { type: 'recordDelta', at: 1_100, tokens: 100 })
  const { context } = tell(session, { type: 'recordDelta', at: 1_200, tokens: Number.MAX_SAFE_INTEGER })

  expect(context.roundCount).toBe(2)
  expect(context.deltaTokenCount).toBe(Number.MAX_SAFE_INTEGER)
})

test.each(['created', 'active', 'paused'] as const)(
  '[SM3] %s expires at its instant, not before',
  (status) => {
    const session = sessionIn(status)
    const before = session.actor.getSnapshot()

    session.actor.send({ type: 'deadline', kind: 'ttl', at: 1_999, dueAt: 2_000 })
    const early = session.actor.getSnapshot()
    const { value, said, context } = tell(session, { type: 'deadline', kind: 'ttl', at: 2_000, dueAt: 2_000 })

    expect(early).toBe(before)
    expect(value).toBe('expired')
    expect(context).toMatchObject({ endedAt: 2_000, idleSince: null, updatedAt: 2_000 })
    expect(said).toEqual([{ type: 'decided', accepted: true, entryKept: false, findings: [] }])
  },
)

test('a session without a time to live never expires', () => {
  const { actor } = startSession()
  const before = actor.getSnapshot()

  actor.send({ type: 'deadline', kind: 'ttl', at: Number.MAX_SAFE_INTEGER, dueAt: 0 })

  expect(actor.getSnapshot()).toBe(before)
})

test('a machine that loops on itself is stopped by a bound', () => {
  expect(sessionMachine.options.maxIterations).toBeLessThan(100)
})
