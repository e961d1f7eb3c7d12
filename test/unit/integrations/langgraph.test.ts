import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import type { RunnableConfig } from '@langchain/core/runnables'
import { emptyCheckpoint, MemorySaver, uuid6 } from '@langchain/langgraph-checkpoint'
import type { BaseCheckpointSaver, Checkpoint, CheckpointTuple } from '@langchain/langgraph-checkpoint'
import { openRuntime } from 'sessionwright'
import { SessionwrightSaver } from '../../../src/integrations/langgraph.ts'
import { all, checkpointOf, folder, inMemory, META, put, thread } from '../../support/langgraph-threads.ts'
import { codeOf } from '../../support/runtime.ts'

describe('SessionwrightSaver', () => {
  test('[LG1] a checkpoint is one change of the session of its thread, there when put resolves', async () => {
    const runtime = await inMemory()
    const saver = new SessionwrightSaver(runtime)

    await put(saver, thread('t-1'), { a: 1, b: [2] })

    const session = await runtime.get('t-1')
    const changes = []
    for await (const change of session.changes({ live: false })) changes.push(change)
    expect(changes.map(({ event }) => event.type)).toEqual(['created', 'activate', 'append'])
    expect(session.record.tags).toEqual(['langgraph'])
    expect(JSON.stringify(changes.at(-1)?.entries)).toContain('"value":[2]')
  })

  test('[LG4] a restart between any two operations changes no answer', async () => {
    const dir = folder()
    const ids = Array.from({ length: 5 }, (_, step) => uuid6(step))
    const at = (step: number): Checkpoint => ({
      ...emptyCheckpoint(),
      id: ids[step] as string,
      ts: '2030-01-01T00:00:00.000Z',
      channel_values: { kept: 'since 0', step: new Map([[step, new Set([step])]]) },
      channel_versions: { kept: 1, step: step + 1 },
    })
    const operations: ((saver: BaseCheckpointSaver) => Promise<unknown>)[] = [
      (saver) => saver.put(thread('a/b'), at(0), { ...META, source: 'input' }, { kept: 1, step: 1 }),
      (saver) =>
        saver.putWrites(
          thread('a/b', ids[0]),
          [
            ['x', 1],
            ['y', undefined],
          ],
          'task-2',
        ),
      (saver) =>
        saver.putWrites(
          thread('a/b', ids[0]),
          [
            ['x', 'late'],
            ['y', 'late'],
          ],
          'task-2',
        ),
      (saver) => saver.putWrites(thread('a/b', ids[0]), [['__interrupt__', 'first']], 'task-1'),
      (saver) => saver.putWrites(thread('a/b', ids[0]), [['__interrupt__', 'second']], 'task-1'),
      (saver) => saver.put(thread('a/b', ids[0]), at(1), META, { step: 2 }),
      (saver) => saver.put(thread('a/b', ids[1]), at(2), META, { step: 3 }),
      (saver) => saver.put(thread('other'), at(3), META, { kept: 1, step: 4 }),
      (saver) => saver.deleteThread('other'),
      (saver) => saver.put(thread('other'), at(4), META, { kept: 1, step: 5 }),
    ]
    const answers = async (saver: BaseCheckpointSaver): Promise<unknown> => [
      await saver.getTuple(thread('a/b')),
      await saver.getTuple(thread('a/b', ids[0])),
      await all(saver, {}),
      await all(saver, thread('a/b'), { filter: { source: 'loop' }, limit: 1 }),
      await saver.getDeltaChannelHistory({ config: thread('a/b', ids[2]), channels: ['x', 'step', 'none'] }),
    ]
    const reference = new MemorySaver()

    for (const operation of operations) {
      await operation(reference)
      const before = await openRuntime({ dir })
      await operation(new SessionwrightSaver(before))
      const unbroken = await answers(new SessionwrightSaver(before))
      await before.close()
      const after = await openRuntime({ dir })
      const restarted = await answers(new SessionwrightSaver(after))
      await after.close()

      expect(restarted).toEqual(unbroken)
      expect(sortedLists(restarted)).toEqual(sortedLists(await answers(reference)))
    }
  })

  test('[LG2] of two writers that continue one checkpoint the second is refused and nothing is written', async () => {
    const runtime = await inMemory()
    const [one, two] = [new SessionwrightSaver(runtime), new SessionwrightSaver(runtime)]
    const root = await put(one, thread('t'), { a: 0 })
    await Promise.all([one.getTuple(thread('t')), two.getTuple(thread('t'))])

    const outcomes = await Promise.allSettled([put(one, root, { a: 1 }), put(two, root, { a: 2 })])
    const same = await codeOf(put(one, root, { a: 3 }))

    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect((outcomes[1] as PromiseRejectedResult).reason).toMatchObject({ code: 'REVISION_CONFLICT' })
    expect(same).toBe('REVISION_CONFLICT')
    expect(await all(one, thread('t'))).toHaveLength(2)
  })

  test('[LG2] so it is when the writers share nothing but the store, as two copies of this package do', async () => {
    const runtime = await inMemory()
    const copy = new Proxy(runtime, {
      get: (target, key) => {
        const member: unknown = Reflect.get(target, key)
        return typeof member === 'function' ? (member.bind(target) as unknown) : member
      },
    })
    const [one, two] = [new SessionwrightSaver(runtime), new SessionwrightSaver(copy)]
    const root = await put(one, thread('t'), { a: 0 })
    await two.getTuple(thread('t'))

    const outcomes = await Promise.allSettled([put(one, root, { a: 1 }), put(two, root, { a: 2 })])

    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(await all(one, thread('t'))).toHaveLength(2)
  })

  test('[LG2] [RG3] of two writers that begin one thread the second is refused', async () => {
    const saver = new SessionwrightSaver(await inMemory())
    await Promise.all([saver.getTuple(thread('t')), saver.getTuple(thread('t'))])

    const outcomes = await Promise.allSettled([put(saver, thread('t'), {}), put(saver, thread('t'), {})])

    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(await all(saver, thread('t'))).toHaveLength(1)
  })

  test('[RG1] [RG2] an older checkpoint is continued once for each time it was asked for, and a copy always', async () => {
    const saver = new SessionwrightSaver(await inMemory())
    const root = await put(saver, thread('t'), { a: 0 })
    await put(saver, root, { a: 1 })

    await saver.getTuple(root)
    const fork = await put(saver, root, { a: 2 })
    const again = await codeOf(put(saver, root, { a: 3 }))
    const copy = await put(saver, root, { a: 4 }, { ...META, source: 'fork' })
    const changed = { ...checkpointOf({ a: 'changed' }), channel_versions: { a: 2 } }
    const bare = await saver.put(root, changed, { ...META, source: 'fork' }, {})
    const unknown = await put(saver, thread('t', uuid6(0)), { a: 5 })

    expect((await saver.getTuple(fork))?.parentConfig).toEqual(root)
    expect(again).toBe('REVISION_CONFLICT')
    expect((await saver.getTuple(copy))?.checkpoint.channel_values).toEqual({ a: 4 })
    expect((await saver.getTuple(bare))?.checkpoint.channel_values).toEqual({ a: 'changed' })
    expect((await saver.getTuple(unknown))?.checkpoint.channel_values).toEqual({ a: 5 })
  })

  test('[LG3] the same checkpoint and the same writes again are answered and not written', async () => {
    const runtime = await inMemory()
    const checkpoint = checkpointOf({ a: [1] })
    const send = async (saver: SessionwrightSaver): Promise<RunnableConfig> => {
      const config = await saver.put(thread('t'), checkpoint, META, { a: 1 })
      await saver.putWrites(config, [['x', 1]], 'task')
      return config
    }
    const first = await send(new SessionwrightSaver(runtime))
    const { revision } = await runtime.get('t')

    const second = await send(new SessionwrightSaver(runtime))

    expect(second).toEqual(first)
    expect((await runtime.get('t')).revision).toBe(revision)
  })

  test('[LT2] a thread of another tenant is as unknown: not read, not listed, not deleted, and its id is not taken', async () => {
    const runtime = await inMemory()
    const mine = new SessionwrightSaver(runtime, { principal: { tenantId: 'a' } })
    const other = new SessionwrightSaver(runtime, { principal: { tenantId: 'b' } })
    const config = await put(mine, thread('t'), { a: 1 })

    const codes = [
      await codeOf(put(other, thread('t'), {})),
      await codeOf(other.putWrites(config, [['x', 1]], 'task')),
    ]
    await other.deleteThread('t')

    expect(codes).toEqual(['NOT_FOUND', 'NOT_FOUND'])
    expect([await other.getTuple(config), await all(other, {}), await all(other, thread('t'))]).toEqual([
      undefined,
      [],
      [],
    ])
    expect(await all(mine, {})).toHaveLength(1)
    expect((await mine.getTuple(thread('t')))?.pendingWrites).toEqual([])
  })

  test('[LT1] any text is a thread id, no two share a session, and listings give it back', async () => {
    const runtime = await inMemory()
    const saver = new SessionwrightSaver(runtime)
    const ids = ['plain', 'a/b', '__proto__', 'x'.repeat(300), ' ']
    for (const id of ids) await put(saver, thread(id), { id })
    const hashed = (await runtime.list()).items.map(({ id }) => id).find((id) => id.startsWith('langgraph.'))
    await put(saver, thread(hashed as string), { id: 'its own' })

    const found = await all(saver, {})

    expect(found.map(({ config }) => config.configurable?.['thread_id'] as string).sort()).toEqual(
      [...ids, hashed as string].sort(),
    )
    for (const id of ids) expect((await saver.get(thread(id)))?.channel_values).toEqual({ id })
    expect(await codeOf(put(saver, { configurable: { thread_id: 7 } }, {}))).toBe('ID_INVALID')
    expect(await codeOf(put(saver, { configurable: { thread_id: '' } }, {}))).toBe('ID_INVALID')
    expect(await codeOf(saver.putWrites(thread('plain'), [['x', 1]], 'task'))).toBe('COMMAND_INVALID')
  })

  test('[LT3] a paused or ended thread takes nothing and is still read', async () => {
    const runtime = await inMemory()
    const saver = new SessionwrightSaver(runtime)
    const config = await put(saver, thread('t'), { a: 1 })
    const session = await (await runtime.get('t')).as('active').pause()

    const paused = [
      await codeOf(put(saver, config, {})),
      await codeOf(saver.putWrites(config, [['x', 1]], 'k')),
    ]
    await session.close()
    const closed = await codeOf(put(saver, config, {}))

    expect([...paused, closed]).toEqual(['WRONG_STATE', 'WRONG_STATE', 'WRONG_STATE'])
    expect((await saver.getTuple(config))?.checkpoint.channel_values).toEqual({ a: 1 })
  })

  test('a limit of the session refuses a checkpoint, whichever its action', async () => {
    const runtime = await inMemory()
    const limited = (action: 'error' | 'end_session'): SessionwrightSaver =>
      new SessionwrightSaver(runtime, { session: { limits: { maxEntries: 1, action } } })
    const [first, second] = [limited('error'), limited('end_session')]
    const configs = [await put(first, thread('1'), {}), await put(second, thread('2'), {})]

    const codes = [
      await codeOf(put(first, configs[0] as RunnableConfig, {})),
      await codeOf(put(second, configs[1] as RunnableConfig, {})),
    ]

    expect(codes).toEqual(['LIMIT_REACHED', 'LIMIT_REACHED'])
    expect([(await runtime.get('1')).status, (await runtime.get('2')).status]).toEqual(['active', 'closed'])
    expect(await all(first, {})).toHaveLength(2)
  })
})

test('without its peer the saver says what to install, and the core does not ask for it', () => {
  const hooks = `export const resolve = (name, context, next) => {
    if (name.startsWith('@langchain/')) throw Object.assign(new Error(name), { code: 'ERR_MODULE_NOT_FOUND' })
    return next(name, context)
  }`
  const dist = new URL('../../../dist/', import.meta.url).href
  const program = `
    import { register } from 'node:module'
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hooks)}))
    await import('${dist}index.js')
    await import('${dist}integrations/langgraph.js').catch((error) => console.log(error.code, error.message))`

  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
  })

  expect([stdout, stderr]).toEqual([
    'PEER_MISSING The package "@langchain/langgraph-checkpoint" is needed here and not installed. ' +
      'Run: npm install @langchain/langgraph-checkpoint\n',
    '',
  ])
})

/** Lists in one order: MemorySaver gives thread after thread. */
function sortedLists(answers: unknown): unknown {
  const id = (tuple: unknown): string => JSON.stringify((tuple as CheckpointTuple).config)
  return (answers as unknown[]).map((answer) =>
    Array.isArray(answer) ? [...(answer as unknown[])].sort((a, b) => (id(a) < id(b) ? -1 : 1)) : answer,
  )
}
