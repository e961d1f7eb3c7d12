/**
 * The commands that move a session along the lifecycle table: `activate pause resume close complete cancel fail`.
 */
import type { Command } from 'commander'
import type { CommandOptions, Session, SessionCommands } from '../../index.ts'
import { commandsOf, findSession, printSession } from '../describe-session.ts'
import { writeStore } from '../open-store.ts'
import type { PrincipalOptions, StoreOptions, WriterOptions } from '../options.ts'
import { commandOf, withPrincipal, withStore, withWriter } from '../options.ts'

interface Options extends StoreOptions, WriterOptions, PrincipalOptions {
  readonly code: string
  readonly message: string
}

interface Transition {
  readonly name: string
  readonly description: string
  readonly move: (commands: SessionCommands, command: CommandOptions, options: Options) => Promise<Session>
}

const TRANSITIONS: readonly Transition[] = [
  {
    name: 'activate',
    description: 'let a created session accept entries',
    move: (commands, command) => commands.activate(command),
  },
  {
    name: 'pause',
    description: 'set an active session aside; it keeps everything',
    move: (commands, command) => commands.pause(command),
  },
  {
    name: 'resume',
    description: 'let a paused session go on',
    move: (commands, command) => commands.resume(command),
  },
  {
    name: 'close',
    description: 'end a session without a claim about its outcome',
    move: (commands, command) => commands.close(command),
  },
  {
    name: 'complete',
    description: 'end an active session with success',
    move: (commands, command) => commands.complete(command),
  },
  {
    name: 'cancel',
    description: 'end a session because its principal wants it to stop',
    move: (commands, command) => commands.cancel(command),
  },
  {
    name: 'fail',
    description: 'end a session with an error',
    move: (commands, command, { code, message }) => commands.fail({ code, message }, command),
  },
]

/** Adds the seven commands to the program. */
export function addTransitions(program: Command): void {
  for (const { name, description, move } of TRANSITIONS) {
    const command = program.command(name).argument('<id>', 'the session').description(description)
    if (name === 'fail') {
      command
        .requiredOption('--code <code>', 'code of the error')
        .requiredOption('--message <text>', 'message of the error')
    }
    withStore(withWriter(withPrincipal(command))).action(async (id: string, options: Options) => {
      await writeStore(options, async (runtime) => {
        const session = await findSession(runtime, id, options)
        await printSession(options, await move(commandsOf(session), commandOf(options), options))
      })
    })
  }
}
