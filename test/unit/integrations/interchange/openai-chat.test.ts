/** Lines of OpenAI chat messages: what each message becomes, and what comes back. */
import assert from 'node:assert/strict'
import { expect, test } from 'vitest'
import { openaiChat } from '../../../../src/integrations/interchange/openai-chat.ts'
import { sessionDocument } from '../../../../src/runtime/document-schema.ts'
import { refusalOf } from '../../../support/refusal.ts'

const draftsOf = (...messages: object[]) => openaiChat.parse({ messages }).drafts

const called = (id: string, name: string) => ({
  role: 'assistant',
  content: null,
  tool_calls: [{ id, type: 'function', function: { name, arguments: '{}' } }],
})

test.each([
  ['system', 'system_message'],
  ['developer', 'system_message'],
  ['user', 'user_message'],
  ['assistant', 'assistant_message'],
  ['tool', 'tool_call'],
  ['function', 'tool_call'],
])('a message of the role %s becomes a %s, and is kept whole', (role, type) => {
  const message = { role, content: 'text', refusal: null, more: { deep: [1] } }

  const [draft] = draftsOf(message)

  expect(draft?.type).toBe(type)
  expect(draft?.content).toEqual(message)
})

test.each([{ role: 'robot' }, { role: 'constructor' }, { role: 7 }, { content: 'no role' }, null, 'user'])(
  'the message %j is refused with its path and its line',
  (message) => {
    const refusal = refusalOf(() => openaiChat.parse({ messages: [{ role: 'user' }, message] }, { line: 4 }))

    expect(refusal?.path.slice(0, 2)).toEqual(['messages', 1])
    expect(refusal?.line).toBe(4)
  },
)

test.each([{}, { messages: {} }, [], 7, null])('the line %j is refused', (line) => {
  expect(refusalOf(() => openaiChat.parse(line))).toMatchObject({ format: 'openai-chat' })
})

test('tool calls of an assistant stay in its message', () => {
  const message = called('1', 'search')

  expect(draftsOf(message)[0]).toEqual({ type: 'assistant_message', content: message })
})

test.each([
  ['the name of the message', [{ role: 'tool', name: 'own', tool_call_id: '1' }], 'own'],
  ['the call it answers', [{ role: 'tool', tool_call_id: '1' }], 'search'],
  ['the newest call of that id', [called('1', 'later'), { role: 'tool', tool_call_id: '1' }], 'later'],
  ['no call at all', [{ role: 'tool', tool_call_id: '2' }], ''],
  ['no id at all', [{ role: 'tool' }], ''],
  [
    'a custom tool',
    [
      { role: 'assistant', tool_calls: [{ id: '3', type: 'custom', custom: { name: 'c' } }] },
      { role: 'tool', tool_call_id: '3' },
    ],
    'c',
  ],
])('the name of a tool is that of %s', (_, messages, toolName) => {
  expect(draftsOf(called('1', 'search'), ...messages).at(-1)).toMatchObject({ type: 'tool_call', toolName })
})

test.each([
  [{ content: 'fine' }, true],
  [{ content: 'No Error here' }, true],
  [{ content: 'Error: no' }, false],
  [{ content: [{ type: 'text', text: 'Error' }] }, false],
  [{ content: [{ type: 'image_url' }, { type: 'text', text: 'ok' }] }, true],
  [
    {
      content: [
        { type: 'thinking', text: 'Error' },
        { type: 'text', text: 'ok' },
      ],
    },
    true,
  ],
  [{ content: 'fine', is_error: true }, false],
  [{ content: 'fine', is_error: false }, true],
  [{ content: 'fine', is_error: 'true' }, true],
  [{ content: null }, true],
  [{}, true],
])('a tool message %j has success %j', (message, success) => {
  expect(draftsOf({ role: 'tool', ...message })[0]).toMatchObject({ success })
})

test('helpful keys of the wrong type do not keep a message out', () => {
  const odd = { role: 'assistant', name: 7, tool_calls: [{ id: 3, function: 'x' }, null], tool_call_id: {} }

  expect(draftsOf(odd, { ...odd, role: 'tool' }).map(({ type }) => type)).toEqual([
    'assistant_message',
    'tool_call',
  ])
})

test('other keys of the line are kept under `source`; without any there is none', () => {
  const line = JSON.parse('{"task_id":3,"messages":[],"__proto__":{"a":1}}') as object

  const { record } = openaiChat.parse(line)

  assert.deepEqual(record.metadata['source'], JSON.parse('{"task_id":3,"__proto__":{"a":1}}'))
  expect(openaiChat.parse({ messages: [] }).record.metadata).toEqual({})
})

test('live entries become messages; what is no message stays behind', () => {
  const at = 1
  const document = sessionDocument({
    id: 'a',
    status: 'active',
    createdAt: 1,
    entries: [
      { id: '1', at, type: 'system_message', content: { text: 'rules' } },
      { id: '2', at, type: 'user_message', content: { text: 'q', role: 'assistant' } },
      { id: '3', at, type: 'tool_call', toolName: 't', success: false, content: { rows: 3 } },
      { id: '4', at, type: 'skill_execution', skillName: 's', success: true, content: null },
      { id: '5', at, type: 'assistant_message', content: 'a' },
    ],
  })

  expect(openaiChat.print(document)).toEqual({
    messages: [
      { role: 'system', content: 'rules' },
      { role: 'user', content: 'q' },
      { role: 'tool', name: 't', content: '{"rows":3}', is_error: true },
      { role: 'assistant', content: 'a' },
    ],
  })
})
