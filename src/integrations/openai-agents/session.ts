/**
 * A session as the `session` of OpenAI Agents (`@openai/agents` 0.20, an optional peer): their interface in full, with
 * transactions, mutations, compaction and run contexts, on a session that survives the process and obeys its limits.
 *   OA1  Every accepted call is one durable change before it resolves; a refused one changes nothing.
 *   OA2  Items are copied in when a call is made, and copied out.
 *   OA3  A run that would break a limit is refused before its model is called.
 */
import type {
  AgentInputItem,
  RunContext,
  RunContextAwareSession,
  SessionHistoryRewriteArgs,
  SessionHistoryTransactionArgs,
} from '@openai/agents'
import { sessionError } from '../../errors.ts'
import type { CreateOptions, EntryDraft, Runtime, Session } from '../../index.ts'
import type { JsonObject } from '../../json.ts'
import { activeSession, FoldedSession, stopped } from '../folded-session.ts'
import { loadPeer } from '../peer.ts'
import { additions, historyFold, mutate, removal, type History } from './history.ts'
import { RunDoors } from './run-door.ts'
import { endsWith, parseItems, parseMutations, parseTransaction, type ItemCheck } from './transaction.ts'

/** What `run(agent, input, { session })` takes, with the optional capabilities of the framework. */
export interface AgentsSession extends RunContextAwareSession<unknown> {
  applyHistoryMutations(args: SessionHistoryRewriteArgs, runContext?: RunContext<unknown>): Promise<void>
  applyHistoryTransaction(
    args: SessionHistoryTransactionArgs,
    runContext?: RunContext<unknown>,
  ): Promise<void>
  replaceHistoryWithCompaction(items: AgentInputItem[], runContext?: RunContext<unknown>): Promise<void>
}

/**
 * The session with this id for OpenAI Agents; made and activated when there is none yet.
 *
 * @throws PEER_MISSING - `@openai/agents` is not installed.
 */
export async function sessionwrightSession(
  runtime: Runtime,
  sessionId?: string,
  create?: CreateOptions,
): Promise<AgentsSession>
/** A session you hold already, for OpenAI Agents; activated when it is not yet. */
export async function sessionwrightSession(session: Session): Promise<AgentsSession>
export async function sessionwrightSession(
  from: Runtime | Session,
  sessionId?: string,
  create: CreateOptions = {},
): Promise<AgentsSession> {
  const { protocol } = await loadPeer('@openai/agents', () => import('@openai/agents'))
  const session = await activeSession(from, sessionId, create)
  return new DurableSession(session, (item) => protocol.ModelItem.safeParse(item).success)
}

type Run = RunContext<unknown> | undefined

class DurableSession implements AgentsSession {
  readonly acceptsRunContext = true as const
  readonly #folded: FoldedSession<History>
  readonly #isItem: ItemCheck
  readonly #doors = new RunDoors()

  constructor(session: Session, isItem: ItemCheck) {
    this.#folded = new FoldedSession(session, historyFold)
    this.#isItem = isItem
  }

  getSessionId(): Promise<string> {
    return Promise.resolve(this.#folded.session.id)
  }

  getItems(limit?: number, run?: Run): Promise<AgentInputItem[]> {
    return this.#folded.next(async (history) => {
      if (run !== undefined) await this.#enter(run, history)
      return copiesOf(history.items, limit)
    })
  }

  async addItems(items: AgentInputItem[], run?: Run): Promise<void> {
    const added = parseItems(items, 'addItems')
    if (added.length > 0) await this.#write(run, () => additions(added))
  }

  async popItem(_run?: Run): Promise<AgentInputItem | undefined> {
    let popped: JsonObject | undefined
    await this.#write(undefined, ({ items }) => {
      popped = items.at(-1)
      return popped === undefined ? [] : [removal('popped')]
    })
    return popped === undefined ? undefined : copyOf(popped)
  }

  async clearSession(_run?: Run): Promise<void> {
    await this.#write(undefined, ({ items, transactions }) =>
      items.length === 0 && transactions.size === 0 ? [] : [removal('cleared', { removed: items.length })],
    )
  }

  async replaceHistoryWithCompaction(items: AgentInputItem[], run?: Run): Promise<void> {
    const added = parseItems(items, 'replaceHistoryWithCompaction')
    await this.#write(run, (history) => [
      removal('replaced', { removed: history.items.length }),
      ...additions(added),
    ])
  }

  async applyHistoryMutations(args: SessionHistoryRewriteArgs, run?: Run): Promise<void> {
    const mutations = parseMutations(args)
    await this.#write(run, ({ items }) => {
      const touches = mutate(items, mutations).some((item, index) => item !== items[index])
      return touches ? [removal('mutated', { mutations: mutations as never })] : []
    })
  }

  async applyHistoryTransaction(args: SessionHistoryTransactionArgs, run?: Run): Promise<void> {
    const { operationId, digest, expectedSuffix, items } = parseTransaction(args, this.#isItem)
    await this.#write(run, (history) => {
      const known = history.transactions.get(operationId)
      if (known === digest) return []
      if (known !== undefined) {
        throw sessionError('OPERATION_REUSED', { operationId, sessionId: this.#folded.session.id })
      }
      if (!endsWith(history.items, expectedSuffix)) {
        const reason = 'it does not end with the items that were to be replaced'
        throw sessionError('HISTORY_CONFLICT', { sessionId: this.#folded.session.id, reason })
      }
      const removed = expectedSuffix.length
      return [removal('transaction', { operationId, digest, removed }), ...additions(items)]
    })
  }

  /** Asks at the door of a run that reads its history (OA3). */
  async #enter(run: RunContext<unknown>, { items }: History): Promise<void> {
    const { session } = this.#folded
    const active = session.as('active')
    const door = this.#doors.doorOf(run, items)
    if (door === undefined) return
    const answer = await active.admit(door)
    if (!answer.admitted) stopped(session, answer.findings)
    this.#doors.pass(run)
  }

  /** One change (OA1). */
  async #write(run: Run, decide: (history: History) => readonly EntryDraft[]): Promise<void> {
    await this.#folded.write(decide)
    this.#doors.wrote(run)
  }
}

function copyOf(item: JsonObject): AgentInputItem {
  return structuredClone(item) as unknown as AgentInputItem
}

/** The newest `limit` items, oldest first; all without a limit, none for zero and less. */
function copiesOf(items: readonly JsonObject[], limit: number | undefined): AgentInputItem[] {
  if (limit === undefined) return items.map(copyOf)
  return limit <= 0 ? [] : items.slice(Math.max(items.length - limit, 0)).map(copyOf)
}
