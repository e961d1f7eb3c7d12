/**
 * `sessionwright append`: one entry at the end of a session's transcript.
 */
import type { Command } from 'commander'
import { Option } from 'commander'
import type { EntryDraft, EntryTag } from '../../index.ts'
import { ENTRY_TAGS } from '../../index.ts'
import { commandsOf, findSession } from '../describe-session.ts'
import { EXIT } from '../exit-codes.ts'
import { readText } from '../files.ts'
import { parseJson } from '../lines.ts'
import { writeStore } from '../open-store.ts'
import type { PrincipalOptions, StoreOptions, WriterOptions } from '../options.ts'
import { commandOf, parseObjectOption, withPrincipal, withStore, withWriter } from '../options.ts'
import { printResult } from '../output.ts'
import { fieldLines } from '../table.ts'

interface Options extends StoreOptions, WriterOptions, PrincipalOptions {
  readonly type: EntryTag
  readonly text?: string
  readonly contentJson?: string
  readonly entryId?: string
  readonly toolName?: string
  readonly skillName?: string
  readonly failed?: boolean
  readonly event?: string
  readonly score?: string
  readonly metricsJson?: { readonly [key: string]: unknown }
}

/** Adds `append` to the program. */
export function addAppend(program: Command): void {
  const command = program
    .command('append')
    .argument('<id>', 'the session')
    .argument('[-]', 'read the text from standard input')
    .description('append an entry to an active session')
    .addOption(new Option('--type <type>', 'type of the entry').choices(ENTRY_TAGS).makeOptionMandatory())
    .option('--text <text>', 'content `{"text": …}`')
    .option('--content-json <json>', 'content as JSON; `-` reads it from standard input')
    .option('--entry-id <id>', 'id of the entry; made otherwise')
    .option('--tool-name <name>', 'for tool_call: the tool')
    .option('--skill-name <name>', 'for skill_execution: the skill')
    .option('--failed', 'for tool_call and skill_execution: it did not succeed')
    .option('--event <name>', 'for system_event: what happened')
    .option('--score <number>', 'for evaluation_result: from 0 to 1')
    .option('--metrics-json <json>', 'for evaluation_result: named figures', parseObjectOption)
  withStore(withWriter(withPrincipal(command))).action(
    async (id: string, dash: string | undefined, options: Options, self: Command) => {
      const draft = await draftOf(options, dash, self)
      await writeStore(options, async (runtime) => {
        const session = await findSession(runtime, id, options)
        const answer = await commandsOf(session).append(draft, commandOf(options))
        await printResult(options, answer, () => fieldLines({ ...answer }))
        if (!answer.kept) process.exitCode = EXIT.refused
      })
    },
  )
}

async function draftOf(options: Options, dash: string | undefined, self: Command): Promise<EntryDraft> {
  const content = await contentOf(options, dash, self)
  const { type, toolName, skillName, event, score, metricsJson, entryId } = options
  const success = options.failed !== true
  const draft = {
    ...{ type, content },
    ...(entryId === undefined ? {} : { id: entryId }),
    ...(type === 'tool_call' ? { toolName, success } : {}),
    ...(type === 'skill_execution' ? { skillName, success } : {}),
    ...(type === 'system_event' ? { event } : {}),
    ...(type === 'evaluation_result' ? { score: Number(score), metrics: metricsJson ?? {} } : {}),
  }
  const needed = NEEDED[type]
  if (needed !== undefined && options[needed.key] === undefined)
    self.error(`error: --type ${type} needs ${needed.flag}`)
  // The runtime checks the values and names the path of what is wrong.
  return draft as EntryDraft
}

const NEEDED: { readonly [type in EntryTag]?: { readonly key: keyof Options; readonly flag: string } } = {
  tool_call: { key: 'toolName', flag: '--tool-name' },
  skill_execution: { key: 'skillName', flag: '--skill-name' },
  system_event: { key: 'event', flag: '--event' },
  evaluation_result: { key: 'score', flag: '--score' },
}

async function contentOf(options: Options, dash: string | undefined, self: Command): Promise<unknown> {
  const { text, contentJson } = options
  const sources = [text, contentJson, dash].filter((source) => source !== undefined)
  if (dash !== undefined && dash !== '-') self.error(`error: unexpected argument '${dash}'`)
  if (sources.length > 1) self.error('error: give one of --text, --content-json and -')
  if (text !== undefined) return { text }
  if (dash !== undefined) return { text: await readText('-') }
  if (contentJson === '-') return jsonOf(await readText('-'), self)
  if (contentJson !== undefined) return jsonOf(contentJson, self)
  if (options.type === 'system_event' || options.type === 'evaluation_result') return null
  return self.error('error: give one of --text, --content-json and -')
}

function jsonOf(text: string, self: Command): unknown {
  const parsed = parseJson(text)
  return 'value' in parsed ? parsed.value : self.error(`error: --content-json: ${parsed.reason}`)
}
