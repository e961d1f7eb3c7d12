/** Conversations in and out: real ones where SESSIONWRIGHT_CONVERSATIONS names a file, generated ones elsewhere. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { openRuntime, userMessage } from 'sessionwright'
import { entriesIn, errorOf, finish, linesOf, run } from '../support/command-line.ts'
import { runJson, start, temporaryFolders } from '../support/command-line.ts'
import {
  chatLines,
  conversationText,
  countByDoorRule,
  generated,
  REAL_FILE,
} from '../support/conversations.ts'
import type { ChatLine, Count } from '../support/conversations.ts'

if (REAL_FILE === undefined) {
  console.log('SKIPPED real conversations: SESSIONWRIGHT_CONVERSATIONS is not set, generated ones stand in')
}

interface Report extends Count {
  readonly sessions: number
  readonly repeated: number
  readonly ms: number
  readonly errors?: readonly { readonly code: string; readonly line: number; readonly message: string }[]
}

interface Exported {
  readonly id: string
  readonly status: string
  readonly entries: readonly { readonly id: string; readonly content: unknown }[]
}

// Each run is a process; a busy machine starts them slowly.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const folders = temporaryFolders()
afterAll(() => folders.clean())

const text = conversationText()
const lines = chatLines(text)

function fileOf(content: string): string {
  const file = join(folders.make(), 'conversations.jsonl')
  writeFileSync(file, content)
  return file
}

function jsonLines(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('')
}

/** What the store holds, without times: the same after one run as after two, killed or not. */
async function contents(store: string): Promise<unknown[]> {
  const { stdout } = await run(['export', '--all', '--store', store])
  return linesOf<Exported>(stdout)
    .map(({ id, status, entries }) => ({
      id,
      status,
      entries: entries.map((entry) => [entry.id, entry.content]),
    }))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
}

test('every message goes in, turns agree with an independent count, and export gives the input back', async () => {
  const file = fileOf(text)
  const store = folders.make()

  const imported = await runJson<Report>(['import', file, '--format', 'openai-chat', '--store', store])
  const exported = await run(['export', '--all', '--format', 'openai-chat', '--store', store])

  expect(imported).toMatchObject({ code: 0, stderr: '' })
  const counted = countByDoorRule(lines, null, 'error')
  const { ms, ...rest } = imported.value
  expect(rest).toEqual({ sessions: lines.length, ...counted, repeated: 0 })
  expect(ms).toBeGreaterThan(0)
  expect(linesOf<ChatLine>(exported.stdout)).toEqual(lines)
})

test('[CW2] imported twice nothing changes, and `repeated` says so', async () => {
  const file = fileOf(text)
  const store = folders.make()

  const first = await runJson<Report>(['import', file, '--store', store, '--complete'])
  const before = await contents(store)
  const second = await runJson<Report>(['import', file, '--store', store, '--complete'])

  expect(second.value).toMatchObject({
    ...first.value,
    repeated: first.value.entries,
    ms: expect.any(Number) as number,
  })
  expect(await contents(store)).toEqual(before)
  expect(before.map((session) => (session as Exported).status)).toEqual(lines.map(() => 'completed'))
})

test.each([
  ['all of it', []],
  ['with a limit that pauses, and completed', ['--max-turns', '3', '--on-limit', 'pause', '--complete']],
])(
  '[CM3] killed in the middle and run again, it is as one run, every message once: %s',
  async (_what, options) => {
    const file = fileOf(text)
    const [killed, whole] = [folders.make(), folders.make()]
    const expected = await runJson<Report>(['import', file, '--store', whole, ...options])

    const child = start(['import', '-', '--store', killed, ...options, '--json'])
    const ended = finish(child)
    child.stdin.on('error', () => undefined)
    // The last line is held back, so the process cannot come to its end.
    child.stdin.write(text.slice(0, text.trimEnd().lastIndexOf('\n') + 1))
    let durable = 0
    while (durable < expected.value.entries / 4) durable = await entriesIn(killed)
    child.kill('SIGKILL')
    const end = await ended
    const again = await runJson<Report>(['import', file, '--store', killed, ...options])

    expect(end).toMatchObject({ signal: 'SIGKILL', stdout: '' })
    const { ms: _ms, repeated, ...rest } = again.value
    expect(rest).toEqual({ ...expected.value, ms: undefined, repeated: undefined })
    expect(repeated).toBeGreaterThanOrEqual(durable)
    expect(repeated).toBeLessThan(expected.value.entries)
    expect(await contents(killed)).toEqual(await contents(whole))
  },
  60_000,
)

test('[CW3] a broken line is reported with its number, the others go in, exit code 6', async () => {
  const [one, two, three] = generated(3) as [ChatLine, ChatLine, ChatLine]
  const robot = {
    messages: [
      { role: 'user', content: 'a' },
      { role: 'robot', content: 'b' },
    ],
  }
  const changed = '{"messages":[{"role":"user","content":"a","score":-0}]}'
  const content = [
    JSON.stringify(one),
    '{"messages": [',
    '',
    JSON.stringify(robot),
    JSON.stringify(two),
    changed,
    '7',
  ]
  const file = fileOf([...content, JSON.stringify(three)].join('\n'))
  const store = folders.make()

  const { code, value } = await runJson<Report>(['import', file, '--store', store])
  const again = await runJson<Report>(['import', file, '--store', store])
  const said = await run(['import', file, '--store', store])

  expect(code).toBe(6)
  const messages = countByDoorRule([one, two, three], null, 'error').entries
  expect(value).toMatchObject({ sessions: 3, entries: messages, refused: 3, repeated: 0 })
  expect(value.errors?.map(({ line, code: errorCode }) => [line, errorCode])).toEqual([
    [2, 'INTERCHANGE_INVALID'],
    [4, 'INTERCHANGE_INVALID'],
    [6, 'CONTENT_INVALID'],
    [7, 'INTERCHANGE_INVALID'],
  ])
  expect(value.errors?.map(({ message }) => message).join()).not.toContain('"b"')
  expect(again).toMatchObject({
    code: 6,
    value: { ...value, repeated: messages, ms: expect.any(Number) as number },
  })
  expect(said.stderr).toContain(`${file}:2: `)
})

test('[CW2] equal lines are sessions of their own, by their occurrence', async () => {
  const [line] = generated(1)
  const store = folders.make()

  const thrice = await runJson<Report>(['import', fileOf(jsonLines([line, line, line])), '--store', store])
  const twice = await runJson<Report>(['import', fileOf(jsonLines([line, line])), '--store', store])
  const all = await runJson<{ items: unknown[] }>(['ls', '--store', store])

  expect(thrice.value).toMatchObject({ sessions: 3, repeated: 0 })
  expect(twice.value).toMatchObject({ sessions: 2, repeated: twice.value.entries })
  expect(all.value.items).toHaveLength(3)
})

test('--id-field names the sessions; a value that comes twice is an error with both line numbers', async () => {
  const [a, b] = generated(2) as [ChatLine, ChatLine]
  const file = fileOf(
    `\n${jsonLines([
      { ...a, key: 1e3 },
      { ...b, key: '1000' },
      { ...b, key: {} },
      { ...b, key: '007' },
    ])}`,
  )
  const store = folders.make()

  const { code, value } = await runJson<Report>(['import', file, '--id-field', 'key', '--store', store])
  const all = await runJson<{ items: { id: string }[] }>(['ls', '--store', store])

  expect(code).toBe(6)
  expect(value).toMatchObject({ sessions: 2, refused: 2 * b.messages.length })
  expect(value.errors?.map(({ line }) => line)).toEqual([3, 4])
  expect(value.errors?.[0]?.message).toMatch(/on line 3 at "key": .* line 2\./)
  expect(all.value.items.map(({ id }) => id).toSorted()).toEqual(['007', '1000'])
})

test('[CM1] under --id-field a line that grew goes on, and one that changed is refused', async () => {
  const message = (content: string): unknown => ({ role: 'user', content })
  const store = folders.make()
  const importLine = async (...contents: string[]): Promise<{ code: number | null; value: Report }> =>
    runJson<Report>([
      'import',
      fileOf(jsonLines([{ key: 'k', messages: contents.map(message) }])),
      '--id-field',
      'key',
      '--store',
      store,
    ])

  const first = await importLine('a', 'b')
  const grown = await importLine('a', 'b', 'c')
  const changed = await importLine('a', 'B', 'c')

  expect(first.value).toMatchObject({ entries: 2, repeated: 0 })
  expect(grown.value).toMatchObject({ entries: 3, repeated: 2, refused: 0 })
  expect(changed.code).toBe(6)
  expect(changed.value.errors).toMatchObject([{ code: 'OPERATION_REUSED', line: 1 }])
  expect((await contents(store)) as Exported[]).toMatchObject([
    {
      entries: [
        ['m-0', {}],
        ['m-1', {}],
        ['m-2', {}],
      ],
    },
  ])
})

test('[CM1] what is there already is told apart from what others wrote, with more messages than operations are kept', async () => {
  const messages = Array.from({ length: 1200 }, (_, index) => ({ role: 'user', content: `message ${index}` }))
  const file = fileOf(jsonLines([{ key: 'long', messages }]))
  const store = folders.make()
  const importIt = ['import', file, '--id-field', 'key', '--store', store]
  await run(importIt)
  await run(['append', 'long', '--type', 'assistant_message', '--text', 'own', '--store', store])

  const again = await runJson<Report>(importIt)
  const shown = await runJson<{ usage: { entryCount: number } }>(['show', 'long', '--store', store])

  expect(again.value).toMatchObject({ entries: 1200, repeated: 1200, refused: 0, turns: 1 })
  expect(shown.value.usage.entryCount).toBe(1201)
})

test('[CM5] messages without limits are one revision, and with --one-by-one one each; the entries are the same', async () => {
  const messages = ['a', 'b', 'c'].map((content) => ({ role: 'user', content }))
  const file = fileOf(jsonLines([{ key: 'k', messages }]))
  const [together, apart] = [folders.make(), folders.make()]
  const revisionIn = async (store: string): Promise<number> =>
    (await runJson<{ revision: number }>(['show', 'k', '--store', store])).value.revision

  await run(['import', file, '--id-field', 'key', '--store', together])
  await run(['import', file, '--id-field', 'key', '--one-by-one', '--store', apart])

  expect([await revisionIn(together), await revisionIn(apart)]).toEqual([3, 5])
  expect(await contents(together)).toEqual(await contents(apart))
})

test('files may be several and standard input, and options describe the sessions', async () => {
  const [a, b] = generated(2) as [ChatLine, ChatLine]
  const store = folders.make()
  const describe = [
    '--agent-name',
    'desk',
    '--provider',
    'openai',
    '--model',
    'gpt-4o',
    '--tenant',
    'acme',
    '--user',
    'mia',
  ]

  const args = ['import', fileOf(jsonLines([a])), '-', '--store', store, ...describe]
  const { value } = await runJson<Report>(args, { input: jsonLines([b]) })
  const all = await runJson<{ items: unknown[] }>(['ls', '--store', store])
  const others = await runJson<Report>(['import', fileOf(jsonLines([a])), '--store', store, '--user', 'tom'])

  expect(value.sessions).toBe(2)
  const session = {
    kind: { type: 'agent', agentName: 'desk' },
    model: 'gpt-4o',
    tenantId: 'acme',
    userId: 'mia',
  }
  expect(all.value.items).toMatchObject([session, session])
  expect(others.code).toBe(6)
  expect(others.value.errors).toMatchObject([{ code: 'NOT_FOUND', line: 1 }])
})

test.each(['sessionwright', 'cellstate', 'thulp', 'fluers', 'state-store'])(
  '[CW5] whole sessions go out and in again as %s, once',
  async (format) => {
    const [from, to] = [folders.make(), folders.make()]
    const tenant = '0190a3c8-0000-7000-8000-00000000000a'
    const id = '0190a3c8-0000-7000-8000-000000000001'
    {
      await using runtime = await openRuntime({ dir: from })
      const provider = { id: 'openai', model: 'gpt-4o' }
      const made = { id, name: 'first', tenantId: tenant, userId: 'mia', provider, ttlMs: 3_600_000 }
      await (await (await runtime.create(made)).activate()).append(userMessage('hello'))
    }
    const exported = await run(['export', '--all', '--format', format, '--store', from])

    const imported = await runJson<Report>(['import', '-', '--format', format, '--store', to], {
      input: exported.stdout,
    })
    const again = await runJson<Report>(['import', '-', '--format', format, '--store', to], {
      input: exported.stdout,
    })
    const back = await run(['export', '--all', '--format', format, '--store', to])

    expect(exported).toMatchObject({ code: 0, stderr: '' })
    expect(imported).toMatchObject({ code: 0, value: { sessions: 1, repeated: 0, refused: 0 } })
    expect(again.value).toMatchObject({ sessions: 1, repeated: imported.value.entries })
    expect(linesOf(back.stdout)).toEqual(linesOf(exported.stdout))
  },
)

test('[CW6] a document may be spread over lines, and a broken one is reported with its line', async () => {
  const [from, to] = [folders.make(), folders.make()]
  await run(['create', '--store', from, '--id', 'one'])
  const { stdout } = await run(['export', 'one', '--store', from])
  const pretty = JSON.stringify(JSON.parse(stdout), null, 2)
  const broken = `${stdout}${JSON.stringify({ ...(JSON.parse(stdout) as object), id: 'two', status: 'gone' })}\n`

  const spread = await runJson<Report>(['import', '-', '--format', 'sessionwright', '--store', to], {
    input: pretty,
  })
  const partly = await runJson<Report>(['import', '-', '--format', 'sessionwright', '--store', to], {
    input: broken,
  })

  expect(spread).toMatchObject({ code: 0, value: { sessions: 1 } })
  expect(partly.code).toBe(6)
  expect(partly.value).toMatchObject({ sessions: 1, errors: [{ code: 'INTERCHANGE_INVALID', line: 2 }] })
})

test('a message over the bound stops its conversation, which says so; a larger bound lets it go on', async () => {
  const big = {
    messages: [
      { role: 'user', content: 'a' },
      { role: 'user', content: 'x'.repeat(2_000_000) },
    ],
  }
  const file = fileOf(jsonLines([big]))
  const store = folders.make()

  const bounded = await runJson<Report>(['import', file, '--store', store])
  const larger = await runJson<Report>(['import', file, '--store', store, '--max-entry-bytes', '3000000'])

  expect(bounded.code).toBe(6)
  expect(bounded.value).toMatchObject({
    entries: 1,
    refused: 1,
    errors: [{ code: 'ENTRY_TOO_LARGE', line: 1 }],
  })
  expect(larger).toMatchObject({ code: 0, value: { entries: 2, refused: 0, repeated: 1 } })
})

test('a locked store refuses an import as a whole', async () => {
  const dir = folders.make()
  await using _owner = await openRuntime({ dir })

  const refused = await runJson(['import', fileOf(text), '--store', dir])

  expect(refused.code).toBe(4)
  expect(errorOf(refused)).toMatchObject({ code: 'STORE_LOCKED', details: { pid: process.pid } })
})
