/**
 * The messages of an AI SDK chat (`ai` 6 and 7, an optional peer) on a session: loaded and validated, saved on finish.
 *   AS1  The user's message is durable before the model is called; limits are asked at that door.
 *   AS2  Saving the same messages again writes nothing, so `onFinish` may be told twice.
 *   AS3  A crash between the two leaves a message without an answer; `unanswered` finds it.
 *   AS4  What is loaded fits the schemas of today, or is refused with a code: the model never sees what does not.
 */
import type { UIMessage, validateUIMessages } from 'ai'
import { z } from 'zod'
import { sessionError } from '../../errors.ts'
import type { CreateOptions, Runtime, Session } from '../../index.ts'
import { isJsonObject, MAX_DEPTH, plainJson, type Json, type JsonObject } from '../../json.ts'
import { activeSession, FoldedSession, stopped } from '../folded-session.ts'
import { loadPeer } from '../peer.ts'
import { chatFold, differenceTo, differenceWith, type Chat, type StoredMessage } from './messages.ts'

/** Schemas that stored and submitted messages must fit: `tools`, `metadataSchema`, `dataSchemas` of the AI SDK. */
export type MessageSchemas<Message extends UIMessage> = Omit<
  Parameters<typeof validateUIMessages<Message>>[0],
  'messages'
>

/** How to open a chat. */
export interface ChatOptions<Message extends UIMessage = UIMessage> {
  /** What the session is created with when there is none yet. */
  readonly create?: CreateOptions
  readonly schemas?: MessageSchemas<Message>
}

/** What `onFinish` of a UI message stream tells; only the messages are read. */
export interface FinishedStream<Message extends UIMessage = UIMessage> {
  readonly messages: Message[]
}

/** What `submit` gives. */
export interface Submitted<Message extends UIMessage = UIMessage> {
  /** All messages, for the model. */
  readonly messages: Message[]
  /** The answer to the submitted message when it has one already: no model needs to be called. */
  readonly answer: Message | undefined
}

/** A chat on a session. */
export interface DurableChat<Message extends UIMessage = UIMessage> {
  readonly id: string
  /** All messages, validated (AS4). @throws INTERCHANGE_INVALID */
  messages(): Promise<Message[]>
  /**
   * Takes in what the client sent, durable before the model is called (AS1). A message with a known id replaces that one
   * and all after it. One that is known as it is changes nothing: a client may send it again.
   *
   * @throws LIMIT_REACHED @throws WRONG_STATE @throws INTERCHANGE_INVALID - nothing is written.
   */
  submit(message: Message): Promise<Submitted<Message>>
  /** Makes the stored messages these ones, as one change (AS2). Messages of the assistant without parts are left out. */
  save(messages: readonly Message[]): Promise<void>
  /** `save` as the callback a UI message stream takes; needs no `this`. */
  readonly onFinish: (finished: FinishedStream<Message>) => Promise<void>
  /** The user's message that has no answer: the process ended between `submit` and `onFinish` (AS3). */
  unanswered(): Promise<Message | undefined>
}

const shape = z.array(
  z.custom<StoredMessage>((value) => {
    if (!isJsonObject(value as Json)) return false
    const { id, role, parts } = value as JsonObject
    return (
      typeof id === 'string' &&
      ['user', 'assistant', 'system'].includes(role as string) &&
      Array.isArray(parts) &&
      parts.every((part: Json) => isJsonObject(part))
    )
  }, 'expected a message with id, role and parts'),
)

/**
 * The chat on the session with this id, made and activated when there is none yet; or on a session you hold.
 *
 * @throws PEER_MISSING - `ai` is not installed.
 */
export async function sessionwrightChat<Message extends UIMessage = UIMessage>(
  from: Runtime | Session,
  sessionId?: string,
  { create = {}, schemas }: ChatOptions<Message> = {},
): Promise<DurableChat<Message>> {
  const { validateUIMessages: validate } = await loadPeer('ai', () => import('ai'))
  const folded = new FoldedSession<Chat>(await activeSession(from, sessionId, create), chatFold)

  const validated = async (stored: readonly StoredMessage[]): Promise<Message[]> => {
    // The AI SDK refuses an empty list, and writes into what it is given.
    if (stored.length === 0) return []
    const messages = structuredClone(stored)
    try {
      return await validate<Message>({ ...(schemas as MessageSchemas<Message>), messages })
    } catch (error) {
      const { context } = error as { readonly context?: { readonly field?: unknown } }
      const path = typeof context?.field === 'string' ? [context.field] : []
      throw sessionError(
        'INTERCHANGE_INVALID',
        { format: 'ai-sdk', path, reason: 'a message does not fit the schemas' },
        error,
      )
    }
  }
  const messages = (): Promise<Message[]> => folded.next((chat) => validated(chat.messages))
  const save = async (list: readonly Message[]): Promise<void> => {
    const wanted = parse(list).filter(({ role, parts }) => role !== 'assistant' || parts.length > 0)
    await folded.write((chat) => differenceTo(chat, wanted))
  }
  return {
    id: folded.session.id,
    messages,
    async submit(message) {
      const [given] = parse([message]) as [StoredMessage]
      await folded.next((chat) => validated([...chat.messages, given]))
      let isDoor = false
      await folded.write((chat) => {
        const drafts = differenceWith(chat, given)
        isDoor = drafts.some(({ type }) => type === 'user_message')
        return drafts
      })
      if (!isDoor) {
        const answer = await folded.session.as('active').admit('modelCall')
        if (!answer.admitted) stopped(folded.session, answer.findings)
      }
      const all = await messages()
      const next = all[all.findIndex(({ id }) => id === given.id) + 1]
      return { messages: all, answer: next?.role === 'assistant' ? next : undefined }
    },
    save,
    onFinish: ({ messages: list }) => save(list),
    async unanswered() {
      const last = (await messages()).at(-1)
      return last?.role === 'user' ? last : undefined
    },
  }
}

/** A copy of the messages. @throws COMMAND_INVALID @throws CONTENT_INVALID */
function parse(messages: unknown): readonly StoredMessage[] {
  const result = shape.safeParse(plainJson(messages, { maxBytes: Infinity, maxDepth: MAX_DEPTH + 1 }))
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw sessionError('COMMAND_INVALID', {
    command: 'save',
    path: (issue?.path ?? []).map((key) => (typeof key === 'number' ? key : String(key))),
    reason: issue?.message ?? 'expected messages',
  })
}
