/**
 * `sessionwright entries`: the transcript of a session, page by page, or as it grows.
 */
import type { Command } from 'commander'
import { Option } from 'commander'
import type { EntryQuery, EntryTag, PlacedEntry, Session } from '../../index.ts'
import { ENTRY_TAGS } from '../../index.ts'
import { findSession } from '../describe-session.ts'
import { followChanges } from '../follow.ts'
import { readStore } from '../open-store.ts'
import type { PrincipalOptions, StoreOptions } from '../options.ts'
import { collect, parseCount, parsePositive, withPrincipal, withStore } from '../options.ts'
import { printItem, printNote, printResult } from '../output.ts'
import { oneLine, timeText } from '../table.ts'

const PAGE = 100

interface Options extends StoreOptions, PrincipalOptions {
  readonly cursor?: number
  readonly before?: number
  readonly last?: number
  readonly type?: readonly EntryTag[]
  readonly limit?: number
  readonly follow?: boolean
}

/** Adds `entries` to the program. */
export function addEntries(program: Command): void {
  const command = program
    .command('entries')
    .argument('<id>', 'the session')
    .description('show the entries of a session')
    .addOption(
      new Option('--type <type>', 'this type; may be given several times')
        .choices(ENTRY_TAGS)
        .argParser((text: string, earlier: readonly string[] | undefined) => collect(text, earlier)),
    )
    .option('--last <n>', 'only the newest so many', parsePositive)
    .option('--before <position>', 'only entries before this position', parseCount)
    .option('--limit <n>', `entries on a page (default: ${PAGE})`, parsePositive)
    .option('--cursor <cursor>', 'go on after an earlier page', parseCount)
    .option('--follow', 'print every entry, and go on as entries are made')
  withStore(withPrincipal(command)).action(async (id: string, options: Options) => {
    if (options.follow === true) {
      await followEntries(id, options)
      return
    }
    await readStore(options, async (runtime) => {
      const { items, nextCursor } = await readPage(await findSession(runtime, id, options), options)
      await printResult(options, { items, nextCursor }, () => items.map(entryText))
      if (nextCursor !== null) printNote(options, `more: --cursor ${nextCursor}`)
    })
  })
}

/** An entry in one line: position, time, type, what its type adds, and its text. */
export function entryText(entry: PlacedEntry): string {
  const { position, revision: _, id: __, at, type, content, ...own } = entry
  const extra = Object.keys(own).length === 0 ? '' : ` ${JSON.stringify(own)}`
  return oneLine(`${position}  ${timeText(at)}  ${type}${extra}  ${textOf(content)}`, 240)
}

async function readPage(
  session: Session,
  options: Options,
): Promise<{ items: readonly PlacedEntry[]; nextCursor: string | null }> {
  const { cursor: after, before, last, type: types } = options
  const limit = options.limit ?? (last === undefined ? PAGE : Infinity)
  const query: EntryQuery = {
    ...(after === undefined ? {} : { after }),
    ...(before === undefined ? {} : { before }),
    ...(last === undefined ? {} : { last }),
    ...(types === undefined ? {} : { types }),
  }
  const items: PlacedEntry[] = []
  for await (const entry of session.entries(query)) {
    if (items.length === limit) return { items, nextCursor: String(items.at(-1)?.position ?? 0) }
    items.push(entry)
  }
  return { items, nextCursor: null }
}

async function followEntries(id: string, options: Options): Promise<void> {
  const { type: types } = options
  const after = options.cursor ?? -1
  let position = 0
  await followChanges(id, 1, options, async (change) => {
    for (const entry of change.entries) {
      const placed = { ...entry, position, revision: change.revision } as PlacedEntry
      position += 1
      if (placed.position <= after || (types !== undefined && !types.includes(entry.type))) continue
      await printItem(options, placed, () => entryText(placed))
    }
  })
}

function textOf(content: PlacedEntry['content']): string {
  if (
    typeof content === 'object' &&
    content !== null &&
    'text' in content &&
    typeof content.text === 'string'
  ) {
    return content.text
  }
  return JSON.stringify(content)
}
