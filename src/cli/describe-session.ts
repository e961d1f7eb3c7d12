/**
 * A session as `show` and every command on one session print it: what can be read of it, without its entries.
 */
import type { Runtime, Session, SessionCommands } from '../index.ts'
import type { PrincipalOptions } from './options.ts'
import { principalOf } from './options.ts'
import type { JsonOption } from './output.ts'
import { printResult } from './output.ts'
import { fieldLines, timeText } from './table.ts'

/** The readable state of a session as plain data. */
export function describeSession(session: Session): Readonly<Record<string, unknown>> {
  const { id, status, revision, record, usage, limits, remainingTurns, deadlines, end, quarantine } = session
  const { createdAt, activatedAt, pausedAt, endedAt, updatedAt, expiresAt, durationMs } = session
  return {
    ...{ id, status, revision, record, usage, limits, remainingTurns, deadlines, end, quarantine },
    ...{ createdAt, activatedAt, pausedAt, endedAt, updatedAt, expiresAt, durationMs },
  }
}

/** Prints a session: one document with `--json`, a short list of fields without. */
export async function printSession(options: JsonOption, session: Session, more: object = {}): Promise<void> {
  await printResult(options, { ...describeSession(session), ...more }, () => {
    const { record, usage, limits, end, quarantine } = session
    return fieldLines({
      id: session.id,
      status: session.status,
      revision: session.revision,
      name: record.name === '' ? null : record.name,
      kind: record.kind,
      principal: [record.tenantId, record.userId].filter((part) => part !== null).join(' / ') || null,
      model: record.provider === null ? null : `${record.provider.id} ${record.provider.model}`,
      tags: record.tags.length === 0 ? null : record.tags.join(' '),
      entries: usage.entryCount,
      turns:
        session.remainingTurns === null
          ? usage.turnCount
          : `${usage.turnCount}, ${session.remainingTurns} left`,
      tokens: usage.initialTokenCount + usage.deltaTokenCount,
      limits: limitText(limits),
      created: timeText(session.createdAt),
      updated: timeText(session.updatedAt),
      expires: timeText(session.expiresAt),
      ended: timeText(session.endedAt),
      ...(end === null ? {} : { end }),
      ...(quarantine === null ? {} : { quarantine }),
      ...more,
    })
  })
}

/** The session an option line means. @throws NOT_FOUND also for a session of another principal. */
export async function findSession(runtime: Runtime, id: string, options: PrincipalOptions): Promise<Session> {
  return runtime.get(id, principalOf(options))
}

/**
 * All commands of a session, whatever its status: the runtime decides, so that a retry with an operation id gets its
 * first answer also where the command would be refused today, and a wrong state is refused by name.
 */
export function commandsOf(session: Session): SessionCommands {
  return session as unknown as SessionCommands
}

function limitText(limits: Session['limits']): string | null {
  const { action, actions: _, ...maxima } = limits
  const set = Object.entries(maxima).filter(([, max]) => max !== null)
  return set.length === 0 ? null : `${set.map(([name, max]) => `${name} ${max}`).join(', ')} (${action})`
}
