/** Each command as a user gives it: what it prints, what it leaves, how it ends. */
import { afterAll, expect, test, vi } from 'vitest'
import { openRuntime, userMessage, type Runtime } from 'sessionwright'
import { errorOf, linesOf, run, runJson, temporaryFolders } from '../support/command-line.ts'

// Each run is a process; a busy machine starts them slowly.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const folders = temporaryFolders()
afterAll(() => folders.clean())

/** The options of a store that holds what the work left in it. */
async function storeWith(work: (runtime: Runtime) => Promise<void>): Promise<string[]> {
  const dir = folders.make()
  await using runtime = await openRuntime({ dir })
  await work(runtime)
  return ['--store', dir]
}

interface Shown {
  readonly id: string
  readonly status: string
  readonly revision: number
  readonly usage: { readonly turnCount: number; readonly entryCount: number }
  readonly limits: Record<string, unknown>
  readonly record: Record<string, unknown>
  readonly end: Record<string, unknown> | null
}

interface Listed<T> {
  readonly items: readonly T[]
  readonly nextCursor: string | null
}

test('a session from create to complete', async () => {
  const store = ['--store', folders.make()]
  const describe = [
    '--name',
    'first',
    '--agent-name',
    'triage',
    '--tag',
    'a',
    '--tag',
    'b',
    '--metadata-json',
    '{"k":1}',
  ]

  const created = await runJson<Shown>(['create', ...store, '--id', '007', ...describe, '--max-turns', '3'])
  const activated = await runJson<Shown>(['activate', '007', ...store])
  const kept = await runJson([
    'append',
    '007',
    ...store,
    '--type',
    'user_message',
    '--text',
    'Where?',
    '--operation-id',
    'm1',
  ])
  const again = await runJson([
    'append',
    '007',
    ...store,
    '--type',
    'user_message',
    '--text',
    'Where?',
    '--operation-id',
    'm1',
  ])
  const piped = await runJson(['append', '007', '-', ...store, '--type', 'assistant_message'], {
    input: 'Here.',
  })
  const tool = ['--type', 'tool_call', '--tool-name', 'find', '--failed', '--content-json', '-']
  const called = await runJson(['append', '007', ...store, ...tool], { input: '{"error":[null]}' })
  const paused = await runJson<Shown>(['pause', '007', ...store])
  const resumed = await runJson<Shown>(['resume', '007', ...store])
  const completed = await runJson<Shown>(['complete', '007', ...store, '--expected-revision', '7'])

  expect(created.value).toMatchObject({
    id: '007',
    status: 'created',
    revision: 1,
    record: {
      name: 'first',
      kind: { type: 'agent', agentName: 'triage' },
      tags: ['a', 'b'],
      metadata: { k: 1 },
    },
    limits: { maxTurns: 3, action: 'error' },
  })
  expect(activated.value).toMatchObject({ status: 'active', revision: 2 })
  expect(kept.value).toMatchObject({ kept: true, revision: 3, notices: [] })
  expect(again.value).toEqual(kept.value)
  expect([piped.value['revision'], called.value['revision']]).toEqual([4, 5])
  expect([paused.value.status, resumed.value.status, completed.value.status]).toEqual([
    'paused',
    'active',
    'completed',
  ])
  expect(
    [created, activated, kept, piped, called, paused, resumed, completed].map(({ code }) => code),
  ).toEqual(Array.from({ length: 8 }, () => 0))

  const shown = await runJson<Shown>(['show', '007', ...store])
  const entries = await runJson<Listed<Record<string, unknown>>>(['entries', '007', ...store, '--limit', '2'])
  const rest = ['--cursor', entries.value.nextCursor ?? '']
  const more = await runJson<Listed<Record<string, unknown>>>(['entries', '007', ...store, ...rest])
  const changes = await run(['changes', '007', ...store, '--from', '3', '--json'])
  const text = await run(['show', '007', ...store])

  expect(shown.value).toMatchObject({
    status: 'completed',
    revision: 8,
    usage: { turnCount: 1, entryCount: 3 },
  })
  expect(entries.value.items.map(({ type, content, position }) => [type, content, position])).toEqual([
    ['user_message', { text: 'Where?' }, 0],
    ['assistant_message', { text: 'Here.' }, 1],
  ])
  expect(more.value).toMatchObject({
    items: [{ type: 'tool_call', toolName: 'find', success: false, content: { error: [null] }, position: 2 }],
    nextCursor: null,
  })
  expect(linesOf(changes.stdout).map(({ revision, event, status }) => [revision, event, status])).toEqual([
    [3, { type: 'append' }, 'active'],
    [4, { type: 'append' }, 'active'],
    [5, { type: 'append' }, 'active'],
    [6, { type: 'pause' }, 'paused'],
    [7, { type: 'resume' }, 'active'],
    [8, { type: 'complete' }, 'completed'],
  ])
  expect(text.stdout).toMatch(/^status +completed$/m)
  expect(text.stdout).not.toContain('\u001b')
})

test('close, cancel, fail and extend lead where the lifecycle says', async () => {
  const store = await storeWith(async (runtime) => {
    for (const id of ['c1', 'c2', 'c3']) await (await runtime.create({ id })).activate()
  })

  const extended = await runJson<Shown>(['extend', 'c1', ...store, '--max-turns', '9', '--on-limit', 'pause'])
  const closed = await runJson<Shown>(['close', 'c1', ...store])
  const cancelled = await runJson<Shown>(['cancel', 'c2', ...store])
  const failed = await runJson<Shown>(['fail', 'c3', ...store, '--code', 'E7', '--message', 'no model'])

  expect(extended.value.limits).toMatchObject({ maxTurns: 9, maxEntries: null, action: 'pause' })
  expect([closed, cancelled, failed].map(({ value }) => value.status)).toEqual([
    'closed',
    'cancelled',
    'failed',
  ])
  expect(failed.value.end).toMatchObject({ code: 'E7', message: 'no model' })
})

test('ls filters, pages by cursor, and prints a table', async () => {
  const store = await storeWith(async (runtime) => {
    for (const id of ['a1', 'a2', 'a3']) {
      const session = await runtime.create({ id, tenantId: 'acme', name: `Ticket ${id}` })
      if (id === 'a2') await session.activate()
    }
    await runtime.create({ id: 'b1', tenantId: 'other' })
  })

  const acme = [...store, '--tenant', 'acme', '--order', 'created-asc']
  const first = await runJson<Listed<{ id: string }>>(['ls', ...acme, '--limit', '2'])
  const second = await runJson<Listed<{ id: string }>>([
    'ls',
    ...acme,
    '--limit',
    '2',
    '--cursor',
    first.value.nextCursor ?? '',
  ])
  const active = await runJson<Listed<{ id: string }>>([
    'ls',
    ...store,
    '--status',
    'active',
    '--status',
    'paused',
  ])
  const named = await run(['ls', ...store, '--name', 'ticket a3'])

  expect([first, second].map(({ value }) => value.items.map(({ id }) => id))).toEqual([['a1', 'a2'], ['a3']])
  expect(second.value.nextCursor).toBeNull()
  expect(active.value.items.map(({ id }) => id)).toEqual(['a2'])
  expect(named.stdout.split('\n')[0]).toMatch(/^ID +STATUS +REV +TURNS +ENTRIES +UPDATED +NAME$/)
  expect(named.stdout.trim().split('\n')).toHaveLength(2)
})

test('a limit that ends the session instead of keeping the entry is exit code 3, with the answer on stdout', async () => {
  const store = await storeWith(async (runtime) => {
    const created = await runtime.create({ id: 's', limits: { maxEntries: 1, action: 'end_session' } })
    await (await created.activate()).append(userMessage('one'))
  })

  const second = await runJson(['append', 's', ...store, '--type', 'assistant_message', '--text', 'two'])

  expect(second.code).toBe(3)
  expect(second.value).toMatchObject({
    kept: false,
    outcome: 'ended',
    findings: [{ limit: 'entries', max: 1 }],
  })
})

test('delete, prune, erase, compact and stats', async () => {
  const store = await storeWith(async (runtime) => {
    for (const id of ['d1', 'd2', 'd3', 'd4']) await (await runtime.create({ id, userId: 'mia' })).cancel()
  })

  const deleted = await runJson(['delete', 'd1', ...store])
  const again = await runJson(['delete', 'd1', ...store])
  const dry = await runJson(['prune', ...store, '--max-sessions', '2', '--dry-run'])
  const pruned = await runJson(['prune', ...store, '--max-sessions', '2'])
  const erased = await runJson<{ erased: string[] }>(['erase', ...store, '--user', 'mia'])
  const compacted = await runJson(['compact', ...store])
  const stats = await runJson<{ store: Record<string, unknown> }>(['stats', ...store])

  expect([deleted.value, again.value]).toEqual([
    { id: 'd1', deleted: true },
    { id: 'd1', deleted: false },
  ])
  expect(dry.value).toMatchObject({ deleted: ['d2'], dryRun: true })
  expect(pruned.value).toMatchObject({ deleted: ['d2'], failed: [], dryRun: false })
  expect(erased.value.erased.toSorted()).toEqual(expect.arrayContaining(['d3', 'd4']) as string[])
  expect(compacted.value).toEqual({ freedBytes: expect.any(Number) as number })
  expect(stats.value.store).toMatchObject({ sessions: 0, damage: [] })
})

test('an operation id of a create answers with the session made first', async () => {
  const store = ['--store', folders.make()]

  const first = await runJson<Shown>(['create', ...store, '--operation-id', 'op-1'])
  const second = await runJson<Shown>(['create', ...store, '--operation-id', 'op-1'])
  const all = await runJson<Listed<unknown>>(['ls', ...store])

  expect(second.value.id).toBe(first.value.id)
  expect(all.value.items).toHaveLength(1)
})

test('help, version, and a command that does not exist', async () => {
  const help = await run(['--help'])
  const version = await run(['--version'])
  const bare = await run([])
  const typo = await run(['ls', '--jsno'])
  const unknown = await runJson(['creat'])

  expect(help).toMatchObject({ code: 0, stderr: '' })
  expect(help.stdout).toContain('append [options] <id> [-]')
  expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  expect(bare).toMatchObject({ code: 2, stdout: '' })
  expect(typo).toMatchObject({ code: 2, stdout: '' })
  expect(typo.stderr).toContain('--json')
  expect(unknown.code).toBe(2)
  expect(errorOf(unknown)).toMatchObject({ code: 'USAGE', details: {} })
})
