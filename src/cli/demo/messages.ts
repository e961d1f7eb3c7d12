/**
 * What the demo's agent process tells the process that counts.
 */
import { z } from 'zod'

const ack = z.strictObject({
  kind: z.literal('ack'),
  sessionId: z.string(),
  revision: z.number(),
  operationId: z.string(),
  /** What was done, for the screen. */
  what: z.string(),
})

const note = z.strictObject({
  kind: z.literal('note'),
  sessionId: z.string(),
  /** Something about the session, for the screen. */
  text: z.string(),
})

/** Schema of a message. */
export const messageSchema = z.discriminatedUnion('kind', [ack, note])

/** A message of the agent process: a change it was told is durable, or a note. */
export type Message = z.infer<typeof messageSchema>

/** A change that was acknowledged. */
export type Ack = z.infer<typeof ack>

/** What the agent process is to do. */
export const taskSchema = z.strictObject({
  store: z.string(),
  /** Makes the session ids of this run unlike those of earlier ones in the same store. */
  run: z.string(),
  conversations: z.number(),
})

/** What the agent process is to do. */
export type Task = z.infer<typeof taskSchema>

/** The session id of a conversation of a run. */
export function sessionIdOf(name: string, index: number, task: Task): string {
  return `${name}.${index + 1}.${task.run}`
}
