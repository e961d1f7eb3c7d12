/** Goal: limits act at their doors, through the public API (docs/spec/limits.md). */
import { describe, expect, test } from 'vitest'
import { allows, COMMANDS, isEnd, STATUSES, type CommandName } from '../../../src/machines/lifecycle.ts'
import { assistantMessage, systemEvent, toolCall, userMessage } from '../../../src/runtime/entries.ts'
import type { SessionCommands } from '../../../src/runtime/session.ts'
import { codeOf, collect, testRuntime } from '../../support/runtime.ts'

describe('turns', () => {
  test('[LI2] several user messages open one turn, the next assistant message closes it, nothing else counts', async () => {
    const { runtime, active } = await testRuntime()
    const session = await active()
    const counts: number[] = []

    for (const entry of [
      assistantMessage('nobody asked'),
      userMessage('a'),
      userMessage('b'),
      toolCall('t', true, null),
      systemEvent('tick'),
      assistantMessage('1'),
      assistantMessage('again'),
    ]) {
      await session.append(entry)
      counts.push(session.usage.turnCount)
    }

    expect(counts).toEqual([0, 0, 0, 0, 0, 1, 1])
    await runtime.close()
  })

  test('[LI3] [LI4] [LI5] a fact already paid for is recorded; the action falls at the door of turn max + 1', async () => {
    const { runtime, active } = await testRuntime()
    const session = await active({ limits: { maxTurns: 1, maxTokens: 100, maxToolCalls: 1 } })
    await session.append(userMessage('1'))
    await session.append(assistantMessage('closes turn 1'))
    const facts = [
      await codeOf(session.append(toolCall('t', true, null))),
      await codeOf(session.append(toolCall('t', true, null))),
      await codeOf(session.append(assistantMessage('more'))),
      await codeOf(session.recordDelta(1000)),
    ]

    const door = await session
      .append(userMessage('2'))
      .catch((error: { details: { findings: object[] } }) => error.details.findings)

    expect(facts).toEqual([undefined, undefined, undefined, undefined])
    expect(door).toEqual([
      { limit: 'turns', current: 2, max: 1, action: 'error' },
      { limit: 'toolCalls', current: 2, max: 1, action: 'error' },
      { limit: 'tokens', current: 1000, max: 100, action: 'error' },
    ])
    await runtime.close()
  })

  test('[LI4] admit asks before a loop spends', async () => {
    const { runtime, active } = await testRuntime()
    const session = await active({ limits: { maxToolCalls: 1, maxTokens: 10 } })

    const first = await session.admit('toolCall')
    await session.append(toolCall('t', true, null))
    const second = await codeOf(session.admit('toolCall'))
    const model = await session.admit('modelCall')
    await session.recordDelta(10)
    const spent = await codeOf(session.admit('modelCall'))

    expect(first).toEqual({ admitted: true, revision: 2, notices: [] })
    expect([second, model.admitted, spent]).toEqual(['LIMIT_REACHED', true, 'LIMIT_REACHED'])
    expect(session.revision).toBe(4)
    await runtime.close()
  })
})

test('[LI4] [LI5] admit asks for the next turn before its message is there', async () => {
  const { runtime, active } = await testRuntime()
  const session = await active({ limits: { maxTurns: 1 } })

  const free = await session.admit('turn')
  await session.append(userMessage('1'))
  const open = await session.admit('turn')
  await session.append(assistantMessage('1'))
  const full = await codeOf(session.admit('turn'))
  const model = await session.admit('modelCall')

  expect([free.admitted, open.admitted, full, model.admitted]).toEqual([true, true, 'LIMIT_REACHED', true])
  expect(session.revision).toBe(4)
  await runtime.close()
})

describe('actions', () => {
  const full = async (action: 'error' | 'end_session' | 'pause' | 'ignore') => {
    const test = await testRuntime()
    const session = await test.active({ limits: { maxTurns: 0, action } })
    return { ...test, session }
  }

  test('[LI1] [LI6] error refuses with all findings and writes nothing', async () => {
    const { runtime, session } = await full('error')

    expect(await codeOf(session.append(userMessage('1')))).toBe('LIMIT_REACHED')
    expect([session.status, session.revision]).toEqual(['active', 2])
    await runtime.close()
  })

  test('[LI7] end_session closes instead', async () => {
    const { runtime, session } = await full('end_session')

    const answer = await session.append(userMessage('1'))

    expect(answer).toEqual({
      kept: false,
      outcome: 'ended',
      revision: 3,
      findings: [{ limit: 'turns', current: 1, max: 0, action: 'end_session' }],
    })
    expect([session.status, session.usage.entryCount]).toEqual(['closed', 0])
    expect(session.end).toMatchObject({ status: 'closed', findings: [{ limit: 'turns' }] })
    await runtime.close()
  })

  test('[LI8] [LI12] [LI13] pause pauses instead; resume waits for extendLimits', async () => {
    const { runtime, session } = await full('pause')

    const answer = await session.append(userMessage('1'))
    const paused = session.as('paused')
    const refused = await codeOf(paused.resume())
    await paused.extendLimits({ maxTurns: 1 })
    const resumed = await paused.resume()

    expect(answer).toMatchObject({ kept: false, outcome: 'paused', revision: 3 })
    expect(refused).toBe('LIMIT_REACHED')
    expect(await resumed.append(userMessage('1'))).toMatchObject({ kept: true })
    expect(resumed.limits).toMatchObject({ maxTurns: 1, action: 'pause' })
    await runtime.close()
  })

  test('[LI9] ignore keeps, and notices once, on the change and in the answer', async () => {
    const { runtime, session } = await full('ignore')

    const first = await session.append(userMessage('1'))
    await session.append(assistantMessage('1'))
    const second = await session.append(userMessage('2'))

    expect(first).toMatchObject({
      kept: true,
      notices: [{ limit: 'turns', current: 1, max: 0, action: 'ignore' }],
    })
    expect(second).toMatchObject({ kept: true, notices: [] })
    const findings = (await collect(session.changes({ live: false }))).map((change) => change.findings.length)
    expect(findings).toEqual([0, 0, 1, 0, 0])
    await runtime.close()
  })

  test('[LI10] all findings are reported, and the weightiest action acts', async () => {
    const { runtime, active } = await testRuntime()
    const session = await active({
      limits: {
        maxTurns: 0,
        maxEntries: 0,
        maxTokens: 0,
        actions: { turns: 'ignore', entries: 'error', tokens: 'pause' },
      },
    })

    const answer = await session.append(userMessage('1'))

    expect(answer).toMatchObject({ kept: false, outcome: 'paused' })
    expect(
      (answer as unknown as { findings: { limit: string }[] }).findings.map(({ limit }) => limit),
    ).toEqual(['turns', 'entries', 'tokens'])
    await runtime.close()
  })

  test('[LI14] the seed’s queries: first finding by stored counters', async () => {
    const { runtime, clock, active } = await testRuntime()
    const session = await active({
      limits: { maxTurns: 2, maxEntries: 3, maxDurationMs: 5, action: 'ignore' },
    })
    const checks = [session.checkLimits()]
    for (const entry of [
      userMessage('1'),
      assistantMessage('1'),
      userMessage('2'),
      assistantMessage('2'),
      userMessage('3'),
    ]) {
      await session.append(entry)
      checks.push(session.checkLimits())
    }
    clock.advance(10)
    await session.append(assistantMessage('3'))
    checks.push(session.checkLimits())

    expect(checks).toEqual([
      { check: 'ok' },
      { check: 'ok' },
      { check: 'ok' },
      { check: 'at_limit' },
      { check: 'at_limit' },
      { check: 'at_limit' },
      { check: 'exceeded', limit: 'turns', current: 3, max: 2 },
    ])
    expect([session.isAtTurnLimit, session.remainingTurns]).toEqual([true, 0])
    await runtime.close()
  })

  test('[LI16] counters saturate', async () => {
    const { runtime, active } = await testRuntime()
    const session = await active({ initialTokenCount: Number.MAX_SAFE_INTEGER })

    await session.recordDelta(Number.MAX_SAFE_INTEGER)
    await session.recordDelta(Number.MAX_SAFE_INTEGER)

    expect(session.usage).toMatchObject({
      roundCount: 2,
      deltaTokenCount: Number.MAX_SAFE_INTEGER,
      tokensSaved: 0,
    })
    await runtime.close()
  })

  test('limits that are no counts are refused', async () => {
    const { runtime } = await testRuntime()

    for (const maxTurns of [-1, 1.5, Number.NaN, 2 ** 53, '5']) {
      expect(await codeOf(runtime.create({ limits: { maxTurns: maxTurns as number } }))).toBe(
        'COMMAND_INVALID',
      )
    }
    expect(await codeOf(runtime.create({ limits: { maxTurn: 1 } as never }))).toBe('COMMAND_INVALID')
    await runtime.close()
  })
})

describe('the lifecycle table', () => {
  const lead = {
    created: [],
    active: ['activate'],
    paused: ['activate', 'pause'],
    closed: ['activate', 'close'],
  } as const
  const path = (status: string): readonly string[] =>
    status in lead
      ? lead[status as keyof typeof lead]
      : status === 'expired'
        ? []
        : status === 'cancelled'
          ? ['cancel']
          : ['activate', status === 'failed' ? 'fail' : 'complete']
  const every = [...new Set(STATUSES.flatMap((status) => [...COMMANDS[status]]))]

  test.each(STATUSES)(
    '[SN1] [SN2] [SN3] in %s every command of the table is taken and every other one refused',
    async (status) => {
      for (const command of every) {
        const { runtime, clock } = await testRuntime()
        await runtime.create({ id: 's', ttlMs: status === 'expired' ? 1 : null })
        for (const step of path(status)) await give(await runtime.get('s'), step as CommandName)
        if (status === 'expired') {
          clock.advance(1)
          await new Promise((resolve) => setImmediate(resolve))
        }
        const session = await runtime.get('s')
        expect(session.status).toBe(status)

        const code = await codeOf(give(session, command))

        expect([command, code]).toEqual([command, allows(status, command) ? undefined : 'WRONG_STATE'])
        if (isEnd(status)) expect(session.revision).toBe((await runtime.get('s')).revision)
        await runtime.close()
      }
    },
  )

  test('[SN3] a copied handle cannot end a session twice', async () => {
    const { runtime, active } = await testRuntime()
    const session = await active()
    const copy = session.as('active')
    await session.close()

    const error = await copy
      .close()
      .catch((reason: { code: string; message: string; details: object }) => reason)

    expect(error).toMatchObject({
      code: 'WRONG_STATE',
      details: { sessionId: session.id, expected: ['active'], actual: 'closed' },
      message: `Session ${session.id} is in state closed but expected active`,
    })
    await runtime.close()
  })
})

/** Gives a command whatever the type of the handle allows. */
function give(session: object, command: CommandName): Promise<unknown> {
  const commands = session as SessionCommands
  switch (command) {
    case 'append':
      return commands.append(systemEvent('e'))
    case 'recordDelta':
      return commands.recordDelta(1)
    case 'admit':
      return commands.admit('modelCall')
    case 'edit':
      return commands.edit({ name: 'n' })
    case 'extendLimits':
      return commands.extendLimits({ maxTurns: 9 })
    case 'fail':
      return commands.fail({ code: 'E', message: 'm' })
    default:
      return commands[command]()
  }
}
