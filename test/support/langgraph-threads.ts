/** Threads of LangGraph for tests: checkpoints, configs, and runtimes that end with their test. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import type { RunnableConfig } from '@langchain/core/runnables'
import { emptyCheckpoint, uuid6 } from '@langchain/langgraph-checkpoint'
import type {
  BaseCheckpointSaver,
  Checkpoint,
  CheckpointListOptions,
  CheckpointMetadata,
  CheckpointTuple,
} from '@langchain/langgraph-checkpoint'
import { createMemoryStore, openRuntime, type Runtime } from 'sessionwright'

/** Metadata of a step. */
export const META: CheckpointMetadata = { source: 'loop', step: 0, parents: {} }
/** The config of a thread's root namespace, or of one checkpoint of it. */
export const thread = (thread_id: string, checkpoint_id?: string): RunnableConfig => ({
  configurable: { thread_id, checkpoint_ns: '', ...(checkpoint_id === undefined ? {} : { checkpoint_id }) },
})

/** A checkpoint in which every channel has the given version. */
export function checkpointOf(channel_values: Record<string, unknown>, version = 1): Checkpoint {
  const channel_versions = Object.fromEntries(Object.keys(channel_values).map((name) => [name, version]))
  return { ...emptyCheckpoint(), id: uuid6(3), channel_values, channel_versions }
}

/** Puts a checkpoint whose channels are all new. */
export function put(
  saver: BaseCheckpointSaver,
  config: RunnableConfig,
  values: Record<string, unknown>,
  metadata: CheckpointMetadata = META,
): Promise<RunnableConfig> {
  const checkpoint = checkpointOf(values)
  return saver.put(config, checkpoint, metadata, checkpoint.channel_versions)
}

/** Everything a listing gives. */
export async function all(
  saver: BaseCheckpointSaver,
  config: RunnableConfig,
  options?: CheckpointListOptions,
): Promise<CheckpointTuple[]> {
  const tuples: CheckpointTuple[] = []
  for await (const tuple of saver.list(config, options)) tuples.push(tuple)
  return tuples
}

/** What is ended behind each test, the newest first. */
export const ends: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** A runtime in memory that is closed behind the test. */
export async function inMemory(options: Partial<Parameters<typeof openRuntime>[0]> = {}): Promise<Runtime> {
  const runtime = await openRuntime({ store: createMemoryStore(), ...options })
  ends.push(() => runtime.close())
  return runtime
}

/** A folder that is removed behind the test. */
export function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'sessionwright-langgraph-'))
  ends.push(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}
