/**
 * The one lifecycle table. The machine, the compile-time typestate, the stored-status check and the diagram come from
 * it, or a test proves them equal to it.
 *   L1  A session has exactly one of eight statuses; three are open, five are ends.
 *   L2  A command is allowed in a status if and only if the table says so.
 *   L3  No command leads out of an end.
 */

/** The eight statuses of a session, in the order a life may take them. */
export const STATUSES = [
  'created',
  'active',
  'paused',
  'closed',
  'completed',
  'failed',
  'cancelled',
  'expired',
] as const

/** One of the eight statuses. */
export type Status = (typeof STATUSES)[number]

/** The five statuses from which nothing leads on. */
export const END_STATUSES = ['closed', 'completed', 'failed', 'cancelled', 'expired'] as const

/** A status from which nothing leads on. */
export type EndStatus = (typeof END_STATUSES)[number]

/** Commands a caller may give, status by status (L2). `delete` and `erase` act on the store and are not listed. */
export const COMMANDS = {
  created: ['activate', 'cancel', 'edit', 'extendLimits'],
  active: [
    'append',
    'recordDelta',
    'admit',
    'pause',
    'close',
    'complete',
    'fail',
    'cancel',
    'edit',
    'extendLimits',
  ],
  paused: ['resume', 'close', 'fail', 'cancel', 'edit', 'extendLimits'],
  closed: [],
  completed: [],
  failed: [],
  cancelled: [],
  expired: [],
} as const satisfies Record<Status, readonly string[]>

/** The name of a command of the lifecycle table. */
export type CommandName = (typeof COMMANDS)[Status][number]

/** The commands the table allows in a status. */
export type CommandOf<S extends Status> = (typeof COMMANDS)[S][number]

/** The status a command leads to; commands that are not listed stay where they are. */
export const TARGETS = {
  activate: 'active',
  resume: 'active',
  pause: 'paused',
  close: 'closed',
  complete: 'completed',
  fail: 'failed',
  cancel: 'cancelled',
} as const satisfies Partial<Record<CommandName, Status>>

/** Whether a status is an end (L3). */
export function isEnd(status: Status): status is EndStatus {
  return (END_STATUSES as readonly Status[]).includes(status)
}

/** Whether the table allows a command in a status (L2). */
export function allows(status: Status, command: CommandName): boolean {
  return (COMMANDS[status] as readonly CommandName[]).includes(command)
}

/** The statuses in which the table allows a command, in table order. */
export function statusesFor(command: CommandName): Status[] {
  return STATUSES.filter((status) => allows(status, command))
}

/** Whether a stored word is a status: exactly, in lower case. */
export function isStatus(word: unknown): word is Status {
  return typeof word === 'string' && (STATUSES as readonly string[]).includes(word)
}

/** The status a word means, whatever its case; undefined when it means none. */
export function parseStatus(word: string): Status | undefined {
  const lower = word.toLowerCase()
  return isStatus(lower) ? lower : undefined
}
