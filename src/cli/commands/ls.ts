/**
 * `sessionwright ls`: a page of sessions, filtered, with a cursor to the next page.
 */
import type { Command } from 'commander'
import { Option } from 'commander'
import type { ListQuery, SessionSummary, Status } from '../../index.ts'
import { STATUSES } from '../../index.ts'
import { EXIT } from '../exit-codes.ts'
import { readStore } from '../open-store.ts'
import type { PrincipalOptions, StoreOptions } from '../options.ts'
import { collect, parseInstant, parsePositive, principalOf, withPrincipal, withStore } from '../options.ts'
import { printNote, printResult } from '../output.ts'
import { oneLine, tableLines, timeText } from '../table.ts'

const KINDS = ['conversation', 'agent', 'teacher_demo', 'evaluation', 'refinement'] as const
const ORDERS = ['updated', 'created', 'updated-asc', 'created-asc'] as const

/** Filters that `ls` and `export --all` share. */
export interface FilterOptions extends PrincipalOptions {
  readonly status?: readonly Status[]
  readonly kind?: (typeof KINDS)[number]
  readonly tag?: string
  readonly parent?: string
  readonly name?: string
  readonly createdBefore?: number
  readonly createdAfter?: number
  readonly updatedBefore?: number
  readonly updatedAfter?: number
}

interface Options extends StoreOptions, FilterOptions {
  readonly order?: (typeof ORDERS)[number]
  readonly limit?: number
  readonly cursor?: string
}

/** Adds the filters to a command. */
export function withFilters(command: Command): Command {
  return withPrincipal(command)
    .addOption(
      new Option('--status <status>', 'this status; may be given several times')
        .choices(STATUSES)
        .argParser((text: string, earlier: readonly string[] | undefined) => collectStatus(text, earlier)),
    )
    .addOption(new Option('--kind <kind>', 'this kind').choices(KINDS))
    .option('--tag <tag>', 'with this tag')
    .option('--parent <id>', 'children of this session')
    .option('--name <text>', 'with this in the name, ignoring case')
    .option('--created-before <time>', 'created strictly before', parseInstant)
    .option('--created-after <time>', 'created strictly after', parseInstant)
    .option('--updated-before <time>', 'changed strictly before', parseInstant)
    .option('--updated-after <time>', 'changed strictly after', parseInstant)
}

/** The query the filters stand for. */
export function filterOf(options: FilterOptions): ListQuery {
  const { status, kind, tag, parent, name, createdBefore, createdAfter, updatedBefore, updatedAfter } =
    options
  const given = {
    ...principalOf(options),
    ...{ status, kind, tag, createdBefore, createdAfter, updatedBefore, updatedAfter },
    parentId: parent,
    nameContains: name,
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as ListQuery
}

/** Adds `ls` to the program. */
export function addLs(program: Command): void {
  const command = withFilters(program.command('ls').description('list sessions, the newest first'))
    .addOption(new Option('--order <order>', 'by which time').choices(ORDERS))
    .option('--limit <n>', 'sessions on a page, at most 1000 (default: 50)', parsePositive)
    .option('--cursor <cursor>', 'go on after an earlier page')
  withStore(command).action(async (options: Options) => {
    const { order, limit, cursor } = options
    const query: ListQuery = {
      ...filterOf(options),
      ...(order === undefined ? {} : { order }),
      ...(limit === undefined ? {} : { limit }),
      ...(cursor === undefined ? {} : { cursor }),
    }
    await readStore(options, async (runtime) => {
      const { items, nextCursor, unreadable } = await runtime.list(query)
      const page = { items, nextCursor, ...(unreadable.length === 0 ? {} : { unreadable }) }
      await printResult(options, page, () => tableLines(HEAD, items.map(cellsOf)))
      if (nextCursor !== null) printNote(options, `more: --cursor ${nextCursor}`)
      for (const { id, code } of unreadable) printNote(options, `could not read ${id} (${code})`)
      if (unreadable.length > 0) process.exitCode = EXIT.partly
    })
  })
}

const HEAD = ['id', 'status', 'rev', 'turns', 'entries', 'updated', 'name']

function cellsOf(summary: SessionSummary): string[] {
  const { id, revision, turnCount, entryCount, updatedAt, name, overdue, quarantined } = summary
  const status = `${summary.status}${overdue ? '!' : ''}${quarantined ? ' (quarantined)' : ''}`
  const numbers = [revision, turnCount, entryCount].map(String)
  return [id, status, ...numbers, timeText(updatedAt), oneLine(name, 60)]
}

function collectStatus(text: string, earlier: readonly string[] | undefined): readonly string[] {
  return collect(text, earlier)
}
