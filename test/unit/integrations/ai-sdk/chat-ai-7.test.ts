/** Everything that `chat.test.ts` shows with version 6 of the AI SDK, with version 7. */
import { expect, test, vi } from 'vitest'

const validated = vi.hoisted(() => ({ count: 0 }))

vi.mock('ai', async () => {
  const seven = await import('ai-7')
  const validateUIMessages: typeof seven.validateUIMessages = (options) => {
    validated.count += 1
    return seven.validateUIMessages(options)
  }
  return { ...seven, validateUIMessages }
})

await import('./chat.test.ts')

test('the chats above were validated by version 7', () => {
  expect(validated.count).toBeGreaterThan(20)
})
