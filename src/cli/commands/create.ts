/**
 * `sessionwright create`: a new session.
 */
import type { Command } from 'commander'
import type { CreateOptions, SessionKind } from '../../index.ts'
import { printSession } from '../describe-session.ts'
import { makeStore } from '../open-store.ts'
import type { LimitFlags, PrincipalOptions, StoreOptions, WriterOptions } from '../options.ts'
import {
  collect,
  commandOf,
  limitsOf,
  parseCount,
  parseObjectOption,
  withLimits,
  withStore,
  withWriter,
} from '../options.ts'

interface Options extends StoreOptions, WriterOptions, LimitFlags, PrincipalOptions {
  readonly id?: string
  readonly name?: string
  readonly agentName?: string
  readonly purpose?: string
  readonly kindJson?: object
  readonly provider?: string
  readonly model?: string
  readonly parent?: string
  readonly tag?: readonly string[]
  readonly metadataJson?: { readonly [key: string]: unknown }
  readonly contextJson?: { readonly [key: string]: unknown }
  readonly systemMessage?: string
  readonly initialTokens?: number
  readonly ttlMs?: number
}

/** Adds `create` to the program. */
export function addCreate(program: Command): void {
  const command = program
    .command('create')
    .description('create a session')
    .option('--id <id>', 'its id; a UUIDv7 otherwise')
    .option('--name <text>', 'its name')
    .option('--agent-name <name>', 'kind `agent`, with this name')
    .option('--purpose <text>', 'kind `conversation`, with this purpose')
    .option('--kind-json <json>', 'any kind, as JSON', parseObjectOption)
    .option('--provider <id>', 'who serves the model; needs --model')
    .option('--model <name>', 'the model; needs --provider')
    .option('--tenant <id>', 'its tenant')
    .option('--user <id>', 'its user')
    .option('--parent <id>', 'its parent session')
    .option('--tag <tag>', 'a tag; may be given several times', collect)
    .option('--metadata-json <json>', 'its metadata', parseObjectOption)
    .option('--context-json <json>', 'its key-value context', parseObjectOption)
    .option('--system-message <text>', 'its instructions')
    .option('--initial-tokens <n>', 'tokens of its first prompt', parseCount)
    .option('--ttl-ms <n>', 'time to live since creation', parseCount)
  withStore(withWriter(withLimits(command), false)).action(async (options: Options, self: Command) => {
    const created = createOptionsOf(options, self)
    await makeStore(options, async (runtime) =>
      printSession(options, await runtime.create(created, commandOf(options))),
    )
  })
}

function createOptionsOf(options: Options, self: Command): CreateOptions {
  const limits = limitsOf(options)
  const kind = kindOf(options, self)
  if ((options.provider === undefined) !== (options.model === undefined)) {
    self.error('error: --provider and --model come together')
  }
  const given = {
    id: options.id,
    name: options.name,
    tenantId: options.tenant,
    userId: options.user,
    parentId: options.parent,
    tags: options.tag,
    metadata: options.metadataJson,
    context: options.contextJson,
    systemMessage: options.systemMessage,
    initialTokenCount: options.initialTokens,
    ttlMs: options.ttlMs,
    kind,
    limits,
    provider: options.provider === undefined ? undefined : { id: options.provider, model: options.model },
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as CreateOptions
}

function kindOf({ agentName, purpose, kindJson }: Options, self: Command): SessionKind | undefined {
  const kinds = [
    agentName === undefined ? undefined : { type: 'agent' as const, agentName },
    purpose === undefined ? undefined : { type: 'conversation' as const, purpose },
    // The runtime checks it and names the path of what is wrong.
    kindJson as SessionKind | undefined,
  ].filter((kind) => kind !== undefined)
  if (kinds.length > 1) self.error('error: give one of --agent-name, --purpose and --kind-json')
  return kinds[0]
}
