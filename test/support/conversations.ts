/**
 * Conversations to import: real ones from the file of SESSIONWRIGHT_CONVERSATIONS, else generated ones of the same
 * shapes; and an independent count of what limits leave of them.
 */
import { readFileSync } from 'node:fs'
import { seededRandom } from '../../src/testing/index.ts'

/** A chat message as the file has it. */
export interface ChatMessage {
  readonly role: string
  readonly [key: string]: unknown
}

/** A line of the file. */
export interface ChatLine {
  readonly messages: readonly ChatMessage[]
  readonly [key: string]: unknown
}

/** What limits leave of a conversation, or of several. */
export interface Count {
  readonly entries: number
  readonly refused: number
  readonly turns: number
  readonly endedByLimit: number
  readonly pausedByLimit: number
  readonly notices: number
}

/** The file of real conversations; undefined when none is given. */
export const REAL_FILE = process.env['SESSIONWRIGHT_CONVERSATIONS']

/** The text of the conversations: JSON lines. */
export function conversationText(): string {
  if (REAL_FILE !== undefined) return readFileSync(REAL_FILE, 'utf8')
  return generated(60)
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('')
}

/** The lines of a text, parsed. */
export function chatLines(text: string): ChatLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ChatLine)
}

/** Conversations of the shapes of real ones: tool calls, failures, several user messages in a row. */
export function generated(count: number, seed = 7): ChatLine[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, (_, index): ChatLine => {
    const messages: ChatMessage[] = [{ role: 'system', content: `Policy ${index}\u2028 of the desk` }]
    const exchanges = 1 + random.below(9)
    for (let exchange = 0; exchange < exchanges; exchange += 1) {
      messages.push({ role: 'user', content: `Question ${exchange} of ${index}` })
      if (random.chance(0.2)) messages.push({ role: 'user', content: 'And please hurry.' })
      for (let call = random.below(3); call > 0; call -= 1)
        messages.push(...toolCall(`c${exchange}${call}`, random.below(4)))
      if (random.chance(0.9)) messages.push({ role: 'assistant', content: `Answer ${exchange}` })
    }
    return { task_id: index, reward: index % 2, note: { ['__proto__x']: [null, 1.5] }, messages }
  })
}

function toolCall(id: string, outcome: number): ChatMessage[] {
  const call = { id, type: 'function', function: { name: 'look_up', arguments: '{"a":1}' } }
  const answer = { role: 'tool', tool_call_id: id, name: 'look_up' }
  const contents = ['{"found":true}', 'Error: no such thing', [{ type: 'text', text: 'fine' }], 'slow']
  return [
    { role: 'assistant', content: null, tool_calls: [call] },
    { ...answer, content: contents[outcome], ...(outcome === 3 ? { is_error: true } : {}) },
  ]
}

/** What is kept of conversations with at most so many turns, counted by the door rule and nothing else. */
export function countByDoorRule(lines: readonly ChatLine[], maxTurns: number | null, action: string): Count {
  const total = { entries: 0, refused: 0, turns: 0, endedByLimit: 0, pausedByLimit: 0, notices: 0 }
  for (const { messages } of lines) {
    let turns = 0
    let isOpen = false
    let isStopped = false
    let isNoticed = false
    for (const { role } of messages) {
      const opens = role === 'user' && !isOpen
      if (!isStopped && opens && maxTurns !== null && turns + 1 > maxTurns) {
        if (action === 'ignore') isNoticed = true
        else isStopped = true
      }
      if (isStopped) {
        total.refused += 1
        continue
      }
      total.entries += 1
      if (opens) isOpen = true
      if (role === 'assistant' && isOpen) {
        isOpen = false
        turns += 1
      }
    }
    total.turns += turns
    if (isNoticed) total.notices += 1
    if (isStopped && action === 'end_session') total.endedByLimit += 1
    if (isStopped && action === 'pause') total.pausedByLimit += 1
  }
  return total
}
