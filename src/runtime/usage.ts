/**
 * Counters as a caller reads them.
 */
import type { SessionContext } from '../machines/events.ts'
import { tokensSaved } from '../machines/limits.ts'
import type { Usage } from './session.ts'

/** The counters inside a machine context. */
export function usageOf(context: SessionContext): Usage {
  return {
    turnCount: context.turnCount,
    entryCount: context.entryCount,
    userMessageCount: context.userMessageCount,
    assistantMessageCount: context.assistantMessageCount,
    toolCallCount: context.toolCallCount,
    roundCount: context.roundCount,
    initialTokenCount: context.initialTokenCount,
    deltaTokenCount: context.deltaTokenCount,
    tokensSaved: tokensSaved(context),
  }
}
