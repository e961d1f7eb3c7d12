/**
 * Counters as a caller reads them.
 */
import type { SessionContext } from '../machines/events.ts'
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
    tokensSaved: tokensSaved(context.roundCount, context.initialTokenCount, context.deltaTokenCount),
  }
}

/** Rounds × initial − delta, floored at 0: what a stateless provider would have been sent again. The product saturates. */
export function tokensSaved(roundCount: number, initialTokenCount: number, deltaTokenCount: number): number {
  const resent = Math.min(roundCount * initialTokenCount, Number.MAX_SAFE_INTEGER)
  return Math.max(0, resent - deltaTokenCount)
}
