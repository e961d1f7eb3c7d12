/** What is kept beside a document, and when it is put back. */
import assert from 'node:assert/strict'
import { expect, test } from 'vitest'
import { fluers } from '../../../../src/integrations/interchange/fluers.ts'
import { stateStore } from '../../../../src/integrations/interchange/state-store.ts'
import { thulp } from '../../../../src/integrations/interchange/thulp.ts'

const SESSION = {
  id: '3f2b8c1e-5d4a-4e6f-9a7b-1c2d3e4f5a6b',
  user_id: 'u',
  user_messages: [{ content: 'q', timestamp: '2026-01-02T03:04:05Z' }],
  agent_responses: [],
  created_at: '2026-01-02T03:04:05Z',
  updated_at: '2026-01-02T03:04:05.123456789Z',
  metadata: { own: 1 },
}

test('[DF2] nothing is kept when nothing differs', () => {
  const document = stateStore.parse({ ...SESSION, updated_at: SESSION.created_at })

  expect(document.record.metadata).toEqual({ own: 1 })
})

test('[DF2] the caller’s own `interchange` is kept and comes back', () => {
  const session = {
    ...SESSION,
    metadata: { own: 1, interchange: { format: 'state-store', differences: 'mine' } },
  }

  assert.deepEqual(stateStore.print(stateStore.parse(session)), session)
})

test('[DF2] metadata that only looks like a note is the caller’s, and is printed', () => {
  const document = stateStore.parse({ ...SESSION, updated_at: SESSION.created_at })
  const metadata = { interchange: 'mine' }

  const printed = stateStore.print({ ...document, record: { ...document.record, metadata } })

  expect(printed['metadata']).toEqual(metadata)
})

test('[DF3] a session that has moved on is printed as it is now', () => {
  const document = stateStore.parse(SESSION)
  const updatedAt = Date.UTC(2026, 5, 1)

  const printed = stateStore.print({ ...document, updatedAt })

  expect(printed['updated_at']).toBe('2026-06-01T00:00:00Z')
  expect(stateStore.print({ ...document, createdAt: 0 })['updated_at']).toBe(SESSION.updated_at)
})

test('[DF3] differences of one format do not touch another, and do not show there', () => {
  const document = stateStore.parse(SESSION)

  const there = thulp.print(document)

  expect(JSON.stringify(there)).not.toContain('interchange')
  expect(thulp.parse(there).entries).toEqual(document.entries)
  const marked = stateStore.parse({ ...SESSION, metadata: { interchange: 'x' } })
  expect(fluers.print(marked)['metadata']).toEqual({})
})
