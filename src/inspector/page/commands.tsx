/**
 * Commands that the session's state allows, by the same admission as code; refusals shown with code and remedy.
 */
import { useRef, useState, type FormEvent, type ReactNode } from 'react'
import { send, sessionPath, type Detail } from './api.ts'
import { RefusalNote } from './parts.tsx'

/** What each command asks for before it is sent. */
const FIELDS: {
  readonly [command: string]: readonly (readonly [
    name: string,
    label: string,
    kind: 'text' | 'number' | 'long',
  ])[]
} = {
  append: [['text', 'What the user says', 'long']],
  fail: [
    ['code', 'Code', 'text'],
    ['message', 'What went wrong', 'long'],
  ],
  recordDelta: [['tokens', 'Tokens', 'number']],
  extendLimits: [
    ['maxTurns', 'Most turns', 'number'],
    ['maxEntries', 'Most entries', 'number'],
    ['maxToolCalls', 'Most tool calls', 'number'],
    ['maxTokens', 'Most tokens', 'number'],
    ['maxDurationMs', 'Longest duration, ms', 'number'],
    ['maxIdleMs', 'Longest idle, ms', 'number'],
  ],
  edit: [['name', 'Name', 'text']],
}

const LABELS: { readonly [command: string]: string } = {
  recordDelta: 'record delta',
  extendLimits: 'extend limits',
  edit: 'rename',
}
const HIDDEN = new Set(['admit'])

/** The buttons for a session; nothing when it has ended. */
export function Commands({
  detail,
  onDone,
}: {
  readonly detail: Detail
  readonly onDone: () => void
}): ReactNode {
  const [command, setCommand] = useState<string | undefined>()
  const [error, setError] = useState<Error | undefined>()
  const dialog = useRef<HTMLDialogElement>(null)

  const give = (name: string, args: object): void => {
    send(sessionPath(detail.id, '/commands'), {
      command: name,
      args,
      expectedRevision: detail.revision,
    }).then(
      (answer) => {
        const { kept, outcome } = answer as { readonly kept?: boolean; readonly outcome?: string }
        setError(
          kept === false
            ? new Error(`The limit policy ${outcome ?? 'ended'} the session instead.`)
            : undefined,
        )
        dialog.current?.close()
        onDone()
      },
      (reason: Error) => setError(reason),
    )
  }
  const choose = (name: string): void => {
    setError(undefined)
    if (FIELDS[name] === undefined) return give(name, {})
    setCommand(name)
    dialog.current?.showModal()
  }
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault()
    if (command === undefined) return
    const form = new FormData(event.currentTarget)
    const args: Record<string, string | number> = {}
    for (const [name, , kind] of FIELDS[command] ?? []) {
      const field = form.get(name)
      const value = typeof field === 'string' ? field : ''
      if (value !== '') args[name] = kind === 'number' ? Number(value) : value
    }
    give(
      command,
      command === 'append'
        ? { entry: { type: 'user_message', content: { text: args['text'] ?? '' } } }
        : args,
    )
  }

  const offered = detail.commands.filter((name) => !HIDDEN.has(name))
  return (
    <>
      <div className="row" role="group" aria-label="Commands" style={{ flexWrap: 'wrap' }}>
        {offered.map((name) => (
          <button key={name} type="button" data-command={name} onClick={() => choose(name)}>
            {LABELS[name] ?? name}
          </button>
        ))}
      </div>
      {error !== undefined && command === undefined && <RefusalNote error={error} />}
      <dialog ref={dialog} onClose={() => setCommand(undefined)} aria-label={command}>
        {command !== undefined && (
          <form className="form" onSubmit={submit}>
            <h2>{LABELS[command] ?? command}</h2>
            {FIELDS[command]?.map(([name, label, kind], index) => (
              <label key={name}>
                {label}
                {kind === 'long' ? (
                  <textarea name={name} rows={4} autoFocus={index === 0} />
                ) : (
                  <input name={name} type={kind} min={0} autoFocus={index === 0} />
                )}
              </label>
            ))}
            {error !== undefined && <RefusalNote error={error} />}
            <div className="row" style={{ justifyContent: 'end' }}>
              <button type="button" onClick={() => dialog.current?.close()}>
                Cancel
              </button>
              <button type="submit" className="primary">
                {LABELS[command] ?? command}
              </button>
            </div>
          </form>
        )}
      </dialog>
    </>
  )
}
