import { describe, expect, test } from 'vitest'
import { emptyCheckpoint, uuid6 } from '@langchain/langgraph-checkpoint'
import { openRuntime } from 'sessionwright'
import { SessionwrightSaver } from '../../../src/integrations/langgraph.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import {
  all,
  checkpointOf,
  ends,
  folder,
  inMemory,
  META,
  put,
  thread,
} from '../../support/langgraph-threads.ts'
import { codeOf } from '../../support/runtime.ts'

describe('what SessionwrightSaver keeps', () => {
  test('[LR1] [LS1] a fork sees its own past, although both branches count the same versions', async () => {
    const saver = new SessionwrightSaver(await inMemory())
    const root = await put(saver, thread('t'), { a: 'root', b: 'root' })
    const branch = async (a: string): Promise<unknown> => {
      await saver.getTuple(root)
      const first = { ...checkpointOf({ a, b: 'root' }), channel_versions: { a: 2, b: 1 } }
      const next = await saver.put(root, first, META, { a: 2 })
      const second = { ...checkpointOf({ a, b: 'new' }), channel_versions: { a: 2, b: 2 } }
      return (await saver.getTuple(await saver.put(next, second, META, { b: 2 })))?.checkpoint.channel_values
    }

    expect(await branch('left')).toEqual({ a: 'left', b: 'new' })
    expect(await branch('right')).toEqual({ a: 'right', b: 'new' })
  })

  test('[TI3] many writes at once of savers that share a runtime are all there, each once', async () => {
    const runtime = await inMemory()
    const savers = [new SessionwrightSaver(runtime), new SessionwrightSaver(runtime)]
    const tasks = Array.from({ length: 20 }, (_, task) => `task-${task}`)
    const config = thread('t', uuid6(0))

    await Promise.all(
      tasks.flatMap((task) => savers.map((saver) => saver.putWrites(config, [['x', task]], task))),
    )
    const checkpoint = { ...emptyCheckpoint(), id: config.configurable?.['checkpoint_id'] as string }
    await savers[0]?.put(thread('t'), checkpoint, META, {})

    const tuple = await savers[1]?.getTuple(thread('t'))
    expect(tuple?.pendingWrites?.map(([task]) => task).sort()).toEqual([...tasks].sort())
  })

  test('[TI3] of two values that are written for one task at once the first is kept', async () => {
    const runtime = await inMemory()
    const saver = new SessionwrightSaver(runtime)
    const config = await put(saver, thread('t'), {})

    await Promise.all(['first', 'second'].map((value) => saver.putWrites(config, [['x', value]], 'task')))

    expect((await runtime.get('t')).usage.entryCount).toBe(3)
    expect((await saver.getTuple(config))?.pendingWrites).toEqual([['task', 'x', 'first']])
  })

  test('[LS2] [PK2] a checkpoint over the entry bound is one revision, in pieces, and comes back as it was', async () => {
    const runtime = await inMemory()
    const saver = new SessionwrightSaver(runtime)
    const values = {
      text: `"\n😀${'\u0001é"'.repeat(300_000)}`,
      bytes: new Uint8Array(700_000).fill(7),
      small: 1,
    }
    const root = await put(saver, thread('t'), { a: 1 })
    const { revision } = await runtime.get('t')

    const config = await put(saver, root, values)
    await saver.putWrites(config, [['x', values.text]], 'task')

    expect((await runtime.get('t')).revision).toBe(revision + 2)
    const tuple = await new SessionwrightSaver(runtime).getTuple(thread('t'))
    expect(tuple?.checkpoint.channel_values).toEqual(values)
    expect(tuple?.pendingWrites).toEqual([['task', 'x', values.text]])
  })

  test('[PK2] pieces follow the bounds of the runtime, and what no change can hold is refused whole', async () => {
    const runtime = await inMemory({ maxEntryBytes: 8_192, maxChangeBytes: 100_000 })
    const saver = new SessionwrightSaver(runtime)

    const config = await put(saver, thread('t'), { a: 'x'.repeat(50_000) })
    const { revision } = await runtime.get('t')
    const code = await codeOf(put(saver, config, { a: 'x'.repeat(200_000) }))

    expect((await saver.getTuple(config))?.checkpoint.channel_values['a']).toHaveLength(50_000)
    expect([code, (await runtime.get('t')).revision]).toEqual(['ENTRY_TOO_LARGE', revision])
  })

  test('[PK1] whatever a serializer makes comes back byte for byte', async () => {
    const texts = [
      '-0',
      '{"2":1,"1":2}',
      '[1.0]',
      '{"__proto__":{"a":1}}',
      `${'['.repeat(99)}${']'.repeat(99)}`,
    ]
    const values = [...texts.map((text) => new TextEncoder().encode(text)), Uint8Array.of(0xff, 0, 0xfe)]
    const serde = {
      dumpsTyped: async (value: unknown): Promise<[string, Uint8Array]> =>
        value instanceof Uint8Array
          ? ['json', value]
          : ['other', new TextEncoder().encode(JSON.stringify(value))],
      loadsTyped: async (type: string, data: Uint8Array | string): Promise<unknown> =>
        type === 'json' ? data : JSON.parse(new TextDecoder().decode(data as Uint8Array)),
    }
    const saver = new SessionwrightSaver(await inMemory(), { serde })

    const config = await put(saver, thread('t'), Object.fromEntries(values.entries()))

    expect((await saver.getTuple(config))?.checkpoint.channel_values).toEqual(
      Object.fromEntries(values.entries()),
    )
  })

  test('[LR2] a checkpoint of a newer version is refused, put or read', async () => {
    const runtime = await inMemory()
    const saver = new SessionwrightSaver(runtime)
    const newer = { ...emptyCheckpoint(), v: 5 }
    await put(saver, thread('kept'), { a: 1 })
    const document = JSON.parse(
      JSON.stringify(await runtime.export('kept')).replaceAll('"v":4', '"v":5'),
    ) as {
      id: string
    }
    await runtime.import({ ...document, id: 'from-elsewhere' })

    expect(await codeOf(saver.put(thread('t'), newer, META, {}))).toBe('FORMAT_TOO_NEW')
    expect(runtime.has('t')).toBe(false)
    expect(await codeOf(saver.getTuple(thread('from-elsewhere')))).toBe('FORMAT_TOO_NEW')
  })

  test('[LS3] entries of a newer layout are refused, those of somebody else are left alone', async () => {
    const runtime = await inMemory()
    const saver = new SessionwrightSaver(runtime)
    await put(saver, thread('t'), { a: 1 })
    const session = (await runtime.get('t')).as('active')
    const event = (content: unknown) =>
      ({ type: 'system_event', event: 'langgraph.checkpoint', content }) as const

    await session.append(event({ layout: 1, ns: 7 }))
    await session.append(event('text'))
    const tuple = await saver.getTuple(thread('t'))
    await session.append(event({ layout: 2 }))

    expect(tuple?.checkpoint.channel_values).toEqual({ a: 1 })
    expect(await codeOf(saver.getTuple(thread('t')))).toBe('FORMAT_TOO_NEW')
  })

  test('[TH2] a deleted thread begins anew, and an exported one goes on where it is imported', async () => {
    const runtime = await inMemory()
    const saver = new SessionwrightSaver(runtime)
    const root = await put(saver, thread('t'), { a: 'x'.repeat(600_000), b: 1 })
    const next = { ...checkpointOf({ a: 'ignored', b: 2 }), channel_versions: { a: 1, b: 2 } }
    const config = await saver.put(root, next, META, { b: 2 })
    const document = await runtime.export('t')
    const before = await saver.getTuple(thread('t'))

    await saver.deleteThread('t')
    const gone = [await saver.getTuple(thread('t')), await all(saver, {})]
    await runtime.import(document)

    expect(gone).toEqual([undefined, []])
    expect(await saver.getTuple(thread('t'))).toEqual(before)
    await put(saver, config, { c: 3 })
    expect(await all(saver, thread('t'))).toHaveLength(3)
  })

  test('[TH2] nothing of a deleted thread is left in one that is made in the same instant', async () => {
    const saver = new SessionwrightSaver(await inMemory({ clock: new ManualClock(1_000) }))
    const root = await put(saver, thread('t'), { a: 1 })

    await saver.deleteThread('t')
    const config = await saver.put(root, checkpointOf({ a: 'held by itself' }), META, {})

    expect((await saver.getTuple(config))?.checkpoint.channel_values).toEqual({ a: 'held by itself' })
    expect(await all(saver, thread('t'))).toHaveLength(1)
  })

  test('[LS1] a checkpoint that is put again on itself keeps its parent and holds what it took from its first entry', async () => {
    const saver = new SessionwrightSaver(await inMemory())
    const root = await put(saver, thread('t'), { a: 1 })
    const checkpoint = { ...checkpointOf({ a: 1, b: 1 }), channel_versions: { a: 1, b: 1 } }
    const config = await saver.put(root, checkpoint, META, { b: 1 })

    const more = {
      ...checkpoint,
      channel_values: { a: 1, b: 1, c: 1 },
      channel_versions: { a: 1, b: 1, c: 1 },
    }
    const again = await saver.put(config, more, META, { c: 1 })

    const tuple = await saver.getTuple(again)
    expect([tuple?.checkpoint.channel_values, tuple?.parentConfig]).toEqual([{ a: 1, b: 1, c: 1 }, root])
    expect(await all(saver, thread('t'))).toHaveLength(2)
  })

  test('[TH1] a read-only runtime shows what its owner makes', async () => {
    const dir = folder()
    const owner = await openRuntime({ dir })
    const writer = new SessionwrightSaver(owner)
    const root = await put(writer, thread('t'), { a: 1 })
    const looker = await openRuntime({ dir, readOnly: true })
    ends.push(
      () => owner.close(),
      () => looker.close(),
    )
    const reader = new SessionwrightSaver(looker)

    const first = await reader.get(thread('t'))
    await put(writer, root, { a: 2 })
    const second = await reader.get(thread('t'))

    expect([first?.channel_values, second?.channel_values]).toEqual([{ a: 1 }, { a: 2 }])
    expect(await codeOf(put(reader, thread('new'), {}))).toBe('READ_ONLY')
  })
})
