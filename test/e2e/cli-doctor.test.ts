/** Damage, as a user meets it and gets rid of it. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { openRuntime, userMessage } from 'sessionwright'
import { errorOf, run, runJson, temporaryFolders } from '../support/command-line.ts'

// Each run is a process; a busy machine starts them slowly.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const folders = temporaryFolders()
afterAll(() => folders.clean())

/** A store with two sessions, one of them damaged in the middle of its history. */
async function damagedStore(): Promise<string> {
  const dir = folders.make()
  {
    await using runtime = await openRuntime({ dir })
    const hurt = await (await runtime.create({ id: 'hurt' })).activate()
    for (const text of ['one', 'damaged here', 'three']) await hurt.append(userMessage(text))
    const whole = await (await runtime.create({ id: 'whole' })).activate()
    await whole.append(userMessage('fine'))
  }
  const journal = join(dir, 'journal')
  for (const name of readdirSync(journal)) {
    const text = readFileSync(join(journal, name), 'utf8')
    writeFileSync(join(journal, name), text.replace('damaged here', 'DAMAGED HERE'))
  }
  return dir
}

test('a sound store is sound, whoever owns it', async () => {
  const dir = folders.make()
  await using runtime = await openRuntime({ dir })
  await runtime.create({ id: 's' })

  const { code, value } = await runJson(['doctor', '--store', dir])

  expect(code).toBe(0)
  expect(value).toMatchObject({ isSound: true, damage: [], damagedSessions: [] })
})

test('[CR1] damage is exit code 5, with file, byte and the sessions it touches; the others work', async () => {
  const store = ['--store', await damagedStore()]

  const found = await runJson(['doctor', ...store])
  const entries = await runJson(['entries', 'hurt', ...store])
  const neighbour = await runJson(['entries', 'whole', ...store])
  const exported = await run(['export', '--all', ...store])

  expect(found.code).toBe(5)
  expect(found.value).toMatchObject({ isSound: false, damagedSessions: ['hurt'] })
  expect(found.value['damage']).toContainEqual(
    expect.objectContaining({ file: 'journal/00000001.jsonl', byte: expect.any(Number) as number }),
  )
  expect(entries.code).toBe(5)
  expect(errorOf(entries)).toMatchObject({ code: 'STORE_CORRUPT', details: { sessionId: 'hurt' } })
  expect(neighbour).toMatchObject({ code: 0, value: { items: [{ content: { text: 'fine' } }] } })
  expect(exported.code).toBe(6)
  expect(exported.stdout.trim().split('\n')).toHaveLength(1)
})

test('[CR2] after --repair every session works, and what was lost is said', async () => {
  const store = ['--store', await damagedStore()]

  const repaired = await runJson<{ aside: string[] }>(['doctor', '--repair', ...store])
  const again = await runJson(['doctor', '--repair', ...store])
  const entries = await runJson<{ items: { content: { text: string } }[] }>(['entries', 'hurt', ...store])
  const exported = await run(['export', '--all', ...store])

  expect(repaired.code).toBe(0)
  expect(repaired.value).toMatchObject({
    repaired: true,
    isSound: true,
    released: [],
    sessions: [{ sessionId: 'hurt' }],
  })
  expect(repaired.value.aside).not.toEqual([])
  expect(again).toMatchObject({ code: 0, value: { repaired: false, isSound: true } })
  expect(entries.value.items.map(({ content }) => content.text)).toContain('one')
  expect(exported.code).toBe(0)
})

test('--repair needs the store for itself', async () => {
  const dir = folders.make()
  await using _owner = await openRuntime({ dir })

  const refused = await runJson(['doctor', '--repair', '--store', dir])

  expect(refused.code).toBe(4)
  expect(errorOf(refused).code).toBe('STORE_LOCKED')
})
