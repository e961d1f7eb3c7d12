/** Seeds 003 and 004 on a folder: what one process kept, the next one finds. */
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { assistantMessage, userMessage } from '../../src/runtime/entries.ts'
import { openRuntime } from '../../src/runtime/open-runtime.ts'
import type { Session } from '../../src/runtime/session.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { activeSession, refusalOf, START, transcript } from '../support/memory-runtime.ts'

let dir = ''

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'seeds-'))
})

afterEach(async () => {
  await rm(dir, { recursive: true })
})

test('[S3-28 S4-32 S4-34] what was acknowledged in a folder is there for the next runtime', async () => {
  const clock = new ManualClock(START)
  const first = await openRuntime({ dir, clock })
  const session = await activeSession(first, { userId: 'user-123', systemMessage: 'system' })
  await session.append(userMessage('persist me'))
  await first.close()

  const second = await openRuntime({ dir, clock })
  const loaded = (await second.get(session.id)) as Session<'active'>
  await loaded.append(assistantMessage('and go on'))
  const texts = (await transcript(loaded)).map(({ content }) => content)
  await second.close()

  expect([loaded.record.userId, loaded.record.systemMessage, loaded.revision]).toEqual([
    'user-123',
    'system',
    4,
  ])
  expect(texts).toEqual([{ text: 'persist me' }, { text: 'and go on' }])
})

test('[S4-32] the folder holds a journal of plain JSON lines, written before a command is acknowledged', async () => {
  const runtime = await openRuntime({ dir, clock: new ManualClock(START) })
  const session = await activeSession(runtime, { id: 'talk-1' })

  await session.append(userMessage('persist me'))
  const [segment] = (await readdir(join(dir, 'journal'))).toSorted()
  const text = await readFile(join(dir, 'journal', segment ?? ''), 'utf8')
  await runtime.close()

  const lines = text.split('\n').filter((line) => line.startsWith('{'))
  const kept = lines.map((line) => JSON.parse(line) as { readonly entries?: readonly { content: unknown }[] })
  expect(kept.flatMap(({ entries }) => entries ?? []).map(({ content }) => content)).toEqual([
    { text: 'persist me' },
  ])
})

test('[S4-38] a deleted session stays deleted', async () => {
  const clock = new ManualClock(START)
  const first = await openRuntime({ dir, clock })
  const [gone, stays] = [await activeSession(first), await activeSession(first)]
  await first.delete(gone.id, { force: true })
  await first.close()

  const second = await openRuntime({ dir, clock })
  const items = (await second.list()).items.map(({ id }) => id)
  const refusal = await refusalOf(second.get(gone.id))
  await second.close()

  expect(items).toEqual([stays.id])
  expect(refusal).toEqual({ code: 'NOT_FOUND', details: { sessionId: gone.id } })
})
