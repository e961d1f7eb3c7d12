/** The one session that OpenAI Agents ships for a local process: a list in memory, gone with it. */
import { MemorySession } from '@openai/agents'

/** A MemorySession for each session. */
export function memory(_dir, { sessions }) {
  const all = new Map(sessions.map((id) => [id, new MemorySession({ sessionId: id })]))
  return {
    append: (id, { content }) =>
      all.get(id).addItems([{ type: 'message', role: 'user', content: content.text }]),
    close: () => undefined,
  }
}
