/**
 * The record: the caller's own data beside the actor.
 *   D1  Every key is always present; null or empty stands for "not given".
 *   D2  `tenantId`, `userId`, `provider`, `kind` and `initialTokenCount` are fixed at creation; the rest can be edited.
 */
import { z } from 'zod'
import type { Json } from '../json.ts'

/** What a session is for; the five kinds of the seeds. */
export type SessionKind =
  | { readonly type: 'conversation'; readonly purpose: string }
  | { readonly type: 'agent'; readonly agentName: string }
  | { readonly type: 'teacher_demo'; readonly task: string; readonly model: string }
  | { readonly type: 'evaluation'; readonly skillName: string; readonly testCases: number }
  | { readonly type: 'refinement'; readonly skillName: string; readonly iteration: number }

const count = z.number().int().nonnegative()

/** Schema of a session kind. */
export const kindSchema: z.ZodType<SessionKind> = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('conversation'), purpose: z.string() }),
  z.strictObject({ type: z.literal('agent'), agentName: z.string() }),
  z.strictObject({ type: z.literal('teacher_demo'), task: z.string(), model: z.string() }),
  z.strictObject({ type: z.literal('evaluation'), skillName: z.string(), testCases: count }),
  z.strictObject({ type: z.literal('refinement'), skillName: z.string(), iteration: count }),
])

/** Who serves the model, and the model this session is locked to. */
export interface Provider {
  readonly id: string
  readonly model: string
}

/** The caller's own data of a session (D1); frozen, plain JSON. */
export interface SessionRecord {
  readonly name: string
  readonly kind: SessionKind
  readonly provider: Provider | null
  readonly tenantId: string | null
  readonly userId: string | null
  readonly parentId: string | null
  /** In the order added; duplicates are kept. */
  readonly tags: readonly string[]
  readonly metadata: { readonly [key: string]: Json }
  /** Key-value data of the session; a "session context", never the machine's. */
  readonly context: { readonly [key: string]: Json }
  readonly systemMessage: string | null
  readonly activeSeedId: string | null
  readonly activePersonaId: string | null
}
