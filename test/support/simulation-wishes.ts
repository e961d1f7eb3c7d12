/**
 * What the callers of a simulation ask for: a seed decides, and what state a session is in. Each wish can be sent again as it
 * is, and carries what its change must hold.
 */
import type { Runtime } from '../../src/runtime/runtime.ts'
import type { SessionContext } from '../../src/machines/events.ts'
import type { StoredState } from '../../src/store/change.ts'
import type { SeededRandom } from '../../src/testing/seeded-random.ts'

/** What a command was answered with: a revision, when the answer names one. */
export interface Answer {
  readonly revision: number | null
}

/** A command: what the ledger keeps of it, and how it is sent. */
export interface Wish {
  readonly event: string
  readonly contents: readonly string[]
  readonly mayLeaveNoChange: boolean
  /** Nothing else is asked of the session until this is answered. */
  readonly isAlone: boolean
  /** Resolves with undefined when there was nothing to do. */
  readonly send: (runtime: Runtime, operationId: string) => Promise<Answer | undefined>
}

/** Every command, whatever the status: what is not allowed is refused. */
type AnySession = Readonly<
  Record<
    string,
    (...args: readonly unknown[]) => Promise<{ readonly revision?: number; readonly state?: string }>
  >
>

const ENTRY_TYPES = ['user_message', 'user_message', 'assistant_message'] as const
const ACTIONS = ['error', 'pause', 'end_session', 'ignore'] as const

/** A session that is to be made; its record says which deadlines it was given. */
export function creation(random: SeededRandom, sessionId: string, secret: string): Wish {
  const action = ACTIONS[random.below(ACTIONS.length)] as (typeof ACTIONS)[number]
  const ttlMs = random.chance(0.3) ? 100 + random.below(5_000) : null
  const maxIdleMs = random.chance(0.2) ? 50 + random.below(5_000) : null
  const limits = {
    action,
    ...(random.chance(0.3) ? { maxEntries: 5 + random.below(40) } : {}),
    ...(random.chance(0.3) ? { maxTurns: 3 + random.below(10) } : {}),
    ...(maxIdleMs === null ? {} : { maxIdleMs }),
  }
  const options = {
    id: sessionId,
    limits,
    metadata: { secret, ttlMs },
    ...(ttlMs === null ? {} : { ttlMs }),
  }
  return {
    ...plain('created'),
    isAlone: true,
    send: async (runtime, operationId) => {
      await runtime.create(options, { operationId })
      return { revision: null }
    },
  }
}

/** The deletion of a session. */
export function deletion(sessionId: string): Wish {
  return {
    ...plain('deleted'),
    isAlone: true,
    send: async (runtime, operationId) =>
      (await runtime.delete(sessionId, { force: true, operationId })) ? { revision: null } : undefined,
  }
}

/** What comes to a caller's mind for a session in this status. */
export function wishFor(random: SeededRandom, sessionId: string, status: string, secret: string): Wish {
  const command = (name: string, ...args: readonly unknown[]): Wish => commandOf(sessionId, name, args)
  if (status === 'created') return command('activate')
  if (status === 'paused') return command(random.chance(0.9) ? 'resume' : 'cancel')
  // What has ended takes no entries: the refusal must leave no trace.
  if (status !== 'active')
    return random.chance(0.5) ? deletion(sessionId) : appending(random, sessionId, secret)
  const roll = random.below(100)
  if (roll < 58) return appending(random, sessionId, secret)
  if (roll < 68) return command('recordDelta', random.below(500))
  if (roll < 78) return command('edit', { context: { [`k${random.below(4)}`]: secret } })
  if (roll < 87) return { ...command('admit', 'modelCall'), mayLeaveNoChange: true }
  if (roll < 91)
    return {
      ...command('extendLimits', { maxEntries: 50 + random.below(1000) }),
      mayLeaveNoChange: true,
    }
  if (roll < 95) return command('pause')
  if (roll < 97) return command(random.chance(0.5) ? 'complete' : 'cancel')
  return deletion(sessionId)
}

function appending(random: SeededRandom, sessionId: string, secret: string): Wish {
  const drafts = Array.from({ length: 1 + random.below(3) }, () => ({
    type: ENTRY_TYPES[random.below(ENTRY_TYPES.length)],
    content: `${secret} ${'word '.repeat(random.chance(0.04) ? random.below(800) : random.below(30))}`,
  }))
  const contents = drafts.map(({ content }) => JSON.stringify(content))
  return {
    ...commandOf(sessionId, 'appendAll', [drafts]),
    event: 'append',
    contents,
  }
}

function commandOf(sessionId: string, name: string, args: readonly unknown[]): Wish {
  return {
    ...plain(name),
    send: async (runtime, operationId) => {
      const session = (await runtime.get(sessionId)) as unknown as AnySession
      const { revision, state } = await session[name]!(...args, {
        operationId,
      })
      // A handle shows the newest acknowledged revision, which may be that of a later command.
      return { revision: state === undefined ? (revision ?? null) : null }
    },
  }
}

function plain(event: string): Omit<Wish, 'send'> {
  return { event, contents: [], mayLeaveNoChange: false, isAlone: false }
}

const OPEN: ReadonlySet<string> = new Set(['created', 'active', 'paused'])

/** Whether a session should have been told by now that its time is up: from what was asked for, not from what is due. */
export function isOverdue({ record, facts, summary }: StoredState, now: number): boolean {
  const { metadata } = record as {
    readonly metadata: { readonly ttlMs: number | null }
  }
  if (!OPEN.has(summary.status)) return false
  if (metadata.ttlMs !== null && now >= summary.createdAt + metadata.ttlMs) return true
  const { idleSince, limits } = facts.context as unknown as SessionContext
  if (summary.status !== 'active' || idleSince === null || limits.maxIdleMs === null) return false
  return (limits.action === 'pause' || limits.action === 'end_session') && now > idleSince + limits.maxIdleMs
}

/** Whether a session was told too early. */
export function isEarly({ record, summary }: StoredState): boolean {
  const { metadata } = record as {
    readonly metadata: { readonly ttlMs: number | null }
  }
  return summary.status === 'expired' && summary.updatedAt < summary.createdAt + (metadata.ttlMs ?? Infinity)
}
