/**
 * `sessionwright import`: files of other systems into the store.
 */
import type { Command } from 'commander'
import { Option } from 'commander'
import type { CreateOptions } from '../../index.ts'
import { INTERCHANGE_FORMATS, type InterchangeFormatName } from '../../integrations/interchange/formats.ts'
import { EXIT } from '../exit-codes.ts'
import { whyUnreadable } from '../files.ts'
import { importConversations } from '../import-conversations.ts'
import { importDocuments } from '../import-documents.ts'
import type { ImportReport } from '../import-report.ts'
import { interruption } from '../interruption.ts'
import { makeStore } from '../open-store.ts'
import type { LimitFlags, PrincipalOptions, StoreOptions } from '../options.ts'
import { limitsOf, parsePositive, principalOf, withLimits, withStore } from '../options.ts'
import { printNote, printResult } from '../output.ts'
import { openProgress } from '../progress.ts'
import { fieldLines } from '../table.ts'

interface Options extends StoreOptions, LimitFlags, PrincipalOptions {
  readonly format: InterchangeFormatName
  readonly complete?: boolean
  readonly oneByOne?: boolean
  readonly idField?: string
  readonly agentName?: string
  readonly provider?: string
  readonly model?: string
  readonly maxEntryBytes?: number
}

/** Adds `import` to the program. */
export function addImport(program: Command): void {
  const command = program
    .command('import')
    .argument('<file...>', 'files to read; `-` is standard input')
    .description('import sessions; run it again after a failure, nothing goes in twice')
    .addOption(
      new Option('--format <format>', 'what the files hold')
        .choices(Object.keys(INTERCHANGE_FORMATS))
        .default('openai-chat'),
    )
    .option('--id-field <key>', 'openai-chat: key of the line that is the session id')
    .option('--complete', 'openai-chat: complete each session behind its last message')
    .option('--one-by-one', 'openai-chat: a change of its own for each message, also without limits')
    .option('--agent-name <name>', 'openai-chat: kind `agent`, with this name')
    .option('--provider <id>', 'openai-chat: who served the model; needs --model')
    .option('--model <name>', 'openai-chat: the model; needs --provider')
    .option('--tenant <id>', 'openai-chat: tenant of the sessions')
    .option('--user <id>', 'openai-chat: user of the sessions')
    .option('--max-entry-bytes <n>', 'largest entry (default: 1 MiB)', parsePositive)
  withStore(withLimits(command)).action(async (files: readonly string[], options: Options, self: Command) => {
    await checkFiles(files, self)
    if (options.format !== 'openai-chat') checkForDocuments(options, self)
    if ((options.provider === undefined) !== (options.model === undefined)) {
      self.error('error: --provider and --model come together')
    }
    const report = await importFiles(files, options)
    if (report.interrupted) {
      printNote(options, 'interrupted: run the same command again, and it goes on')
      process.exitCode = EXIT.interrupted
      return
    }
    const { errors, errorsLeftOut, interrupted: _, ...counts } = report
    const shown = {
      ...counts,
      ...(errors.length > 0 ? { errors } : {}),
      ...(errorsLeftOut > 0 ? { errorsLeftOut } : {}),
    }
    await printResult(options, shown, () => fieldLines(counts))
    for (const { file, line, message } of errors) printNote(options, `${file}:${line}: ${message}`)
    if (errorsLeftOut > 0) printNote(options, `and ${errorsLeftOut} more`)
    if (errors.length > 0) process.exitCode = EXIT.partly
  })
}

async function checkFiles(files: readonly string[], self: Command): Promise<void> {
  if (files.filter((file) => file === '-').length > 1) self.error('error: standard input can be read once')
  for (const file of files) {
    const reason = await whyUnreadable(file)
    if (reason !== undefined) self.error(`error: cannot read ${file} (${reason})`)
  }
}

/** A whole session says itself what it is: options that decide it belong to conversations. */
function checkForDocuments(options: Options, self: Command): void {
  const { complete, oneByOne, idField, agentName, provider, model, tenant, user } = options
  const own = [limitsOf(options), complete, oneByOne, idField, agentName, provider, model, tenant, user]
  if (own.some((value) => value !== undefined)) {
    self.error(`error: only --format openai-chat takes limits and options for new sessions`)
  }
}

async function importFiles(files: readonly string[], options: Options): Promise<ImportReport> {
  const progress = openProgress()
  const { maxEntryBytes, format, idField, complete, oneByOne } = options
  const bounds = maxEntryBytes === undefined ? {} : { maxEntryBytes }
  const signal = interruption()
  try {
    return await makeStore(
      options,
      (runtime) =>
        format === 'openai-chat'
          ? importConversations(runtime, files, {
              ...{ idField, signal, progress },
              complete: complete === true,
              oneByOne: oneByOne === true,
              principal: principalOf(options),
              create: createOptionsOf(options),
            })
          : importDocuments(runtime, files, format, { signal, progress }),
      bounds,
    )
  } finally {
    progress.end()
  }
}

function createOptionsOf(options: Options): CreateOptions {
  const { agentName, provider, model, tenant, user } = options
  const limits = limitsOf(options)
  return {
    kind: agentName === undefined ? { type: 'conversation', purpose: '' } : { type: 'agent', agentName },
    ...(provider === undefined || model === undefined ? {} : { provider: { id: provider, model } }),
    ...(tenant === undefined ? {} : { tenantId: tenant }),
    ...(user === undefined ? {} : { userId: user }),
    ...(limits === undefined ? {} : { limits }),
  }
}
