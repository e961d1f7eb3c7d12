/** Goal: a sound tool call is checked without the schema, and nobody can tell. Method: each draft by both ways. */
import { expect, test } from 'vitest'
import { codeOf, collect, testRuntime } from '../../support/runtime.ts'

interface ToolCall {
  readonly type: 'tool_call'
  readonly toolName: string
  readonly success: boolean
  readonly content?: unknown
  readonly id?: string
  readonly at?: number
}

/** The same draft as an object that only the schema takes. */
function forSchema<T extends object>(draft: T): T {
  return Object.assign(Object.create(null) as object, draft) as T
}

const sound: readonly ToolCall[] = [
  { type: 'tool_call', toolName: 'search', success: true },
  { success: false, toolName: 'say "é"\u2028', content: { rows: [1] }, type: 'tool_call' },
  { type: 'tool_call', toolName: '', success: true, id: 'own', at: 7, content: null },
]

test.each(sound)(
  '[SN7] a tool call is the same command and the same entry by both ways: %j',
  async (draft) => {
    const { runtime, active } = await testRuntime()
    const session = await active()

    const first = await session.append(draft, { operationId: 'o' })
    const again = await session.append(forSchema(draft), { operationId: 'o' })
    await session.append(forSchema({ id: 'x', at: 1, ...draft }))
    await session.append({ id: 'x', at: 1, ...draft })

    expect(again).toEqual(first)
    const [, bySchema, quickly] = (await collect(session.entries())).map(
      ({ position: _p, revision: _r, ...entry }) => JSON.stringify(entry),
    )
    expect(quickly).toBe(bySchema)
    await runtime.close()
  },
)

test.each([
  { type: 'tool_call', toolName: 7, success: true },
  { type: 'tool_call', toolName: 'search', success: 'yes' },
  { type: 'tool_call', toolName: 'search' },
  { type: 'tool_call', toolName: 'search', success: true, more: 1 },
  { type: 'tool_call', toolName: 'search', success: true, id: '' },
  { type: 'tool_call', toolName: 'search', success: true, at: -1 },
])('what the schema refuses is refused by both ways: %j', async (draft) => {
  const { runtime, active } = await testRuntime()
  const session = await active()

  const codes = [
    await codeOf(session.append(draft as never)),
    await codeOf(session.append(forSchema(draft) as never)),
  ]

  expect(codes).toEqual(['COMMAND_INVALID', 'COMMAND_INVALID'])
  await runtime.close()
})
