/**
 * Options that several commands share, and how their texts are read.
 *   CV1  Ids stay strings: `007` is not 7.
 *   CV2  A text that is not what an option wants is a usage error (exit code 2) before any store is opened.
 */
import type { Command } from 'commander'
import { InvalidArgumentError, Option } from 'commander'
import type { CommandOptions, LimitAction, LimitOptions, Principal } from '../index.ts'
import { LIMIT_ACTIONS } from '../index.ts'
import type { JsonOption } from './output.ts'
import { parseJson } from './lines.ts'

/** Options of every command. */
export interface StoreOptions extends JsonOption {
  readonly store: string
}

/** Options that say whose session is meant. */
export interface PrincipalOptions {
  readonly tenant?: string
  readonly user?: string
}

/** Options of commands that change a session. */
export interface WriterOptions {
  readonly operationId?: string
  readonly expectedRevision?: number
}

/** Limits as options; `none` lifts one. */
export interface LimitFlags {
  readonly maxTurns?: number | 'none'
  readonly maxEntries?: number | 'none'
  readonly maxToolCalls?: number | 'none'
  readonly maxTokens?: number | 'none'
  readonly maxDurationMs?: number | 'none'
  readonly maxIdleMs?: number | 'none'
  readonly onLimit?: LimitAction
}

/** Adds `--store` and `--json`. */
export function withStore(command: Command): Command {
  return command
    .addOption(
      new Option('--store <dir>', 'folder of the store').env('SESSIONWRIGHT_STORE').default('./.sessions'),
    )
    .option('--json', 'print JSON; errors as JSON on stderr')
}

/** Adds `--tenant` and `--user`: sessions of others are as unknown ones. */
export function withPrincipal(command: Command): Command {
  return command.option('--tenant <id>', 'only as this tenant').option('--user <id>', 'only as this user')
}

/** Adds `--operation-id` and, for commands on a session that exists, `--expected-revision`. */
export function withWriter(command: Command, existing = true): Command {
  command.option('--operation-id <id>', 'name of this command: a retry is answered, not applied again')
  return existing
    ? command.option('--expected-revision <n>', 'refuse unless the session is at this revision', parseCount)
    : command
}

/** Adds the six limits and `--on-limit`. */
export function withLimits(command: Command): Command {
  const limit = 'n|none'
  return command
    .option(`--max-turns <${limit}>`, 'most turns', parseLimit)
    .option(`--max-entries <${limit}>`, 'most entries', parseLimit)
    .option(`--max-tool-calls <${limit}>`, 'most tool calls', parseLimit)
    .option(`--max-tokens <${limit}>`, 'most tokens, initial and delta', parseLimit)
    .option(`--max-duration-ms <${limit}>`, 'longest age since creation', parseLimit)
    .option(`--max-idle-ms <${limit}>`, 'longest time without an entry', parseLimit)
    .addOption(new Option('--on-limit <action>', 'what happens at a limit').choices(LIMIT_ACTIONS))
}

/** The principal the options name; undefined when they name none. */
export function principalOf(options: PrincipalOptions): Principal | undefined {
  if (options.tenant === undefined && options.user === undefined) return undefined
  return {
    ...(options.tenant === undefined ? {} : { tenantId: options.tenant }),
    ...(options.user === undefined ? {} : { userId: options.user }),
  }
}

/** The command options that a runtime takes. */
export function commandOf(options: WriterOptions): CommandOptions {
  return {
    ...(options.operationId === undefined ? {} : { operationId: options.operationId }),
    ...(options.expectedRevision === undefined ? {} : { expectedRevision: options.expectedRevision }),
  }
}

/** The limits the options name; undefined when they name none. */
export function limitsOf(options: LimitFlags): LimitOptions | undefined {
  const { maxTurns, maxEntries, maxToolCalls, maxTokens, maxDurationMs, maxIdleMs, onLimit: action } = options
  const given = { maxTurns, maxEntries, maxToolCalls, maxTokens, maxDurationMs, maxIdleMs, action }
  const named = Object.entries(given)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => [key, value === 'none' ? null : value] as const)
  return named.length === 0 ? undefined : (Object.fromEntries(named) as LimitOptions)
}

/** A whole number from 0 on (CV2). */
export function parseCount(text: string): number {
  const count = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count))
    throw new InvalidArgumentError('It is not a whole number from 0 on.')
  return count
}

/** A whole number from 1 on (CV2). */
export function parsePositive(text: string): number {
  const count = parseCount(text)
  if (count === 0) throw new InvalidArgumentError('It has to be at least 1.')
  return count
}

/** A whole number from 0 on, or the word `none` for unlimited (CV2). */
export function parseLimit(text: string): number | 'none' {
  return text === 'none' ? text : parseCount(text)
}

/** An instant: epoch milliseconds or ISO 8601 (CV2). */
export function parseInstant(text: string): number {
  const at = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
  if (!Number.isSafeInteger(at))
    throw new InvalidArgumentError('It is neither epoch milliseconds nor an ISO 8601 time.')
  return at
}

/** A JSON object (CV2). */
export function parseObjectOption(text: string): { readonly [key: string]: unknown } {
  const parsed = parseJson(text)
  if ('reason' in parsed) throw new InvalidArgumentError(`${parsed.reason}.`)
  const { value } = parsed
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidArgumentError('It is not a JSON object.')
  }
  return value as { readonly [key: string]: unknown }
}

/** Collects an option that may be given several times. */
export function collect(text: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), text]
}
