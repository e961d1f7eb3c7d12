/** Real graphs on our saver answer as on LangGraph's MemorySaver: interrupts, time travel, edits, copies, subgraphs. */
import { Annotation, Command, END, interrupt, START, StateGraph } from '@langchain/langgraph'
import type { StateSnapshot } from '@langchain/langgraph'
import { MemorySaver, type BaseCheckpointSaver } from '@langchain/langgraph-checkpoint'
import { expect, test } from 'vitest'
import { createMemoryStore, openRuntime } from 'sessionwright'
import { SessionwrightSaver } from '../../src/integrations/langgraph.ts'

type Durability = 'sync' | 'async' | 'exit'

const State = Annotation.Root({
  log: Annotation<string[]>({ reducer: (before, more) => [...before, ...more], default: () => [] }),
  count: Annotation<number>(),
})

function graphOn(checkpointer: BaseCheckpointSaver, subgraphRemembers: boolean) {
  const subgraph = new StateGraph(State)
    .addNode('ask', () => ({ log: ['asked'] }))
    .addNode('hear', () => ({ log: [`heard ${interrupt<string, string>('go on?')}`] }))
    .addEdge(START, 'ask')
    .addEdge('ask', 'hear')
    .addEdge('hear', END)
    .compile(subgraphRemembers ? { checkpointer: true } : {})
  return new StateGraph(State)
    .addNode('a', () => ({ log: ['a'], count: 1 }))
    .addNode('b', () => ({ log: ['b'] }))
    .addNode('c', () => ({ log: ['c'] }))
    .addNode('sub', subgraph)
    .addNode('d', () => ({ log: ['d'] }))
    .addEdge(START, 'a')
    .addEdge('a', 'b')
    .addEdge('a', 'c')
    .addEdge('b', 'sub')
    .addEdge('c', 'sub')
    .addEdge('sub', 'd')
    .addEdge('d', END)
    .compile({ checkpointer })
}

/** What a user can see of a thread, without the ids and times that no two runs share. */
function shown({ values, next, metadata, tasks }: StateSnapshot): unknown {
  const interrupts = tasks.map((task) => [task.name, task.interrupts.map(({ value }) => value as unknown)])
  return [values, next, metadata?.step, metadata?.source, interrupts]
}

/** Plays one thread through everything, and gives every answer. */
async function answersOn(saver: BaseCheckpointSaver, durability: Durability, subgraphRemembers: boolean) {
  const graph = graphOn(saver, subgraphRemembers)
  const config = { configurable: { thread_id: 't' } }
  const run = async (input: Parameters<typeof graph.invoke>[0], at: object = config): Promise<unknown> =>
    (await graph.invoke(input, { ...at, durability })) as unknown
  const answer = (resume: string) => run(new Command({ resume }))
  const history = async (): Promise<StateSnapshot[]> => {
    const snapshots: StateSnapshot[] = []
    for await (const snapshot of graph.getStateHistory(config)) snapshots.push(snapshot)
    return snapshots
  }
  const answers: unknown[] = [
    shown(await graph.getState(config)),
    await run({ log: ['first'] }),
    shown(await graph.getState(config, { subgraphs: true })),
    await answer('yes'),
    await run({ log: ['second'] }),
    await answer('no'),
  ]
  const past = await history()
  for (const node of ['b', 'sub']) {
    const before = past.find(({ next }) => next.includes(node))
    if (before !== undefined) answers.push(await run(null, before.config), await answer(`again ${node}`))
  }
  const edited = past.find(({ next }) => next.includes('b'))
  if (edited !== undefined) {
    await graph.updateState(edited.config, { log: ['edited'] }, 'a')
    answers.push(await run(null), await answer('after the edit'))
  }
  await graph.updateState(config, { log: ['by hand'] }, 'd')
  const all = await history()
  for (const copied of [all[3], all.at(-1)]) {
    await graph.updateState(copied?.config ?? config, null, '__copy__')
    answers.push(shown(await graph.getState(config)))
  }
  return [...answers, (await history()).map(shown)].map((item) => JSON.stringify(item))
}

for (const durability of ['sync', 'async', 'exit'] as const) {
  for (const remembers of [false, true]) {
    test(`a graph with durability "${durability}" and a subgraph that ${remembers ? 'remembers' : 'forgets'}`, async () => {
      await using runtime = await openRuntime({ store: createMemoryStore() })

      const ours = await answersOn(new SessionwrightSaver(runtime), durability, remembers)
      const theirs = await answersOn(new MemorySaver(), durability, remembers)

      expect(ours.map(withoutIds)).toEqual(theirs.map(withoutIds))
      expect(ours.length).toBeGreaterThan(8)
    })
  }
}

test('[LG2] of two runs on one thread at once one goes through, the other is told', async () => {
  await using runtime = await openRuntime({ store: createMemoryStore() })
  const saver = new SessionwrightSaver(runtime)
  const graph = graphOn(saver, false)
  const config = { configurable: { thread_id: 't' } }

  const outcomes = await Promise.allSettled(
    ['one', 'two'].map((word) => graph.invoke({ log: [word] }, { ...config, durability: 'sync' as const })),
  )

  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { code: 'REVISION_CONFLICT' },
  })
  const parents = new Map<string, number>()
  for await (const { parentConfig } of saver.list({ configurable: { thread_id: 't', checkpoint_ns: '' } })) {
    const parent = String(parentConfig?.configurable?.['checkpoint_id'])
    parents.set(parent, (parents.get(parent) ?? 0) + 1)
  }
  expect([...parents.values()].every((children) => children === 1)).toBe(true)
})

function withoutIds(text: string): string {
  return text.replaceAll(/"id":"[0-9a-f]{32}",?|,"id":"[0-9a-f]{32}"/g, '')
}
