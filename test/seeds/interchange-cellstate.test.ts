/** Seed 000, as far as its stored JSON goes. */
import assert from 'node:assert/strict'
import { expect, test } from 'vitest'
import { cellstate } from '../../src/integrations/interchange/cellstate.ts'
import { refusalOf } from '../support/refusal.ts'

const STORED = {
  data: {
    session_id: '0193f7a0-0000-7000-8000-000000000001',
    tenant_id: '0193f7a0-0000-7000-8000-000000000002',
    provider_id: 'openai',
    model: 'gpt-4',
    created_at: '2026-01-02T03:04:05.123456789Z',
    activated_at: '2026-01-02T03:04:06Z',
    closed_at: null,
    ttl_secs: 300,
    round_count: 3,
    initial_token_count: 5000,
    delta_token_count: 370,
    metadata: { region: 'eu' },
  },
  status: 'active',
}

const CREATED_AT = Date.UTC(2026, 0, 2, 3, 4, 5, 123)

const stored = (data: object, status = STORED.status) => ({ data: { ...STORED.data, ...data }, status })

test.each([
  ['created', { activated_at: null }],
  ['active', {}],
  ['closed', { closed_at: '2026-01-02T03:05:00Z' }],
  ['expired', { closed_at: '2026-01-02T03:05:00Z' }],
])('[S0-02] [S0-03] [S0-50] the stored word %s is that status, and is written again', (word, data) => {
  const document = cellstate.parse(stored(data, word))

  expect(document.status).toBe(word)
  expect(cellstate.print(document)['status']).toBe(word)
})

test.each(['ACTIVE', 'Active', 'aCtIvE'])(
  '[S0-04] [S0-07] the stored word %s is read in any case, written in lower',
  (word) => {
    const document = cellstate.parse(stored({}, word))

    expect(document.status).toBe('active')
    expect(cellstate.print(document)['status']).toBe('active')
  },
)

test.each(['PAUSED', 'completed', '', ' active', 'x'.repeat(500)])(
  '[S0-05] %j is no SessionStatus, and the error shows it',
  (word) => {
    const refusal = refusalOf(() => cellstate.parse(stored({}, word)))

    expect(refusal).toMatchObject({ format: 'cellstate', path: ['status'] })
    expect(refusal?.reason).toContain('SessionStatus')
    expect(refusal?.reason).toContain(word.slice(0, 128))
  },
)

test('[S0-07] [S0-57] numbers, ids and text of the record arrive', () => {
  const document = cellstate.parse(STORED)

  expect(document).toMatchObject({
    id: STORED.data.session_id,
    roundCount: 3,
    initialTokenCount: 5000,
    deltaTokenCount: 370,
    createdAt: CREATED_AT,
    activatedAt: Date.UTC(2026, 0, 2, 3, 4, 6),
    endedAt: null,
    record: {
      provider: { id: 'openai', model: 'gpt-4' },
      tenantId: STORED.data.tenant_id,
      metadata: { region: 'eu' },
    },
  })
})

test('[S0-16] the time to live becomes an instant, counted from the creation', () => {
  const document = cellstate.parse(STORED)

  expect(document.expiresAt).toBe(CREATED_AT + 300_000)
})

test.each(['ttl_secs', 'round_count', 'initial_token_count', 'delta_token_count'])(
  '[S0-16] [S0-17] [S0-18] [S0-19] %s is unsigned, whole, and exact or refused',
  (key) => {
    for (const value of [-1, 1.5, 2 ** 53, '3', null]) {
      const refusal = refusalOf(() => cellstate.parse(stored({ [key]: value })))

      expect(refusal?.path, String(value)).toEqual(['data', key])
    }
  },
)

test('[S0-16] a time to live that ends beyond exact milliseconds is refused', () => {
  const refusal = refusalOf(() => cellstate.parse(stored({ ttl_secs: Number.MAX_SAFE_INTEGER })))

  expect(refusal?.path).toEqual(['data', 'ttl_secs'])
})

test('[S0-16] [S0-09] [S0-10] [S0-11] what cellstate requires and a session lacks is named', () => {
  const document = cellstate.parse(STORED)
  const { record } = document
  const refused = (change: Partial<typeof document>) =>
    refusalOf(() => cellstate.print({ ...document, ...change }))?.path

  expect(refused({ id: 'ticket-42' })).toEqual(['id'])
  expect(refused({ record: { ...record, tenantId: 'acme' } })).toEqual(['record', 'tenantId'])
  expect(refused({ record: { ...record, provider: null } })).toEqual(['record', 'provider'])
  expect(refused({ expiresAt: null })).toEqual(['expiresAt'])
  expect(cellstate.print({ ...document, expiresAt: CREATED_AT + 1_500 })).toMatchObject({
    data: { ttl_secs: 2 },
  })
})

test('[S0-20] metadata is any JSON: null when absent, and what is no object is kept beside', () => {
  const { metadata: _, ...without } = STORED.data

  for (const metadata of [null, 7, 'text', [1], { interchange: 1 }]) {
    const document = cellstate.parse(stored({ metadata }))

    expect(Object.keys(document.record.metadata)).toEqual(['interchange'])
    assert.deepEqual(cellstate.print(document), stored({ metadata }))
  }
  const document = cellstate.parse({ ...STORED, data: without })
  expect(Object.keys(document.record.metadata)).toEqual(['interchange'])
  assert.deepEqual(cellstate.print(document), { ...STORED, data: without })
})

test('[S0-21] the record comes back as it was, to the nanosecond', () => {
  assert.deepEqual(cellstate.print(cellstate.parse(STORED)), STORED)
})

test('[S0-15] [S0-44] closed_at is when a session was closed, and when it expired', () => {
  for (const status of ['closed', 'expired'] as const) {
    const document = cellstate.parse(stored({ closed_at: '2026-01-02T03:05:00Z' }, status))

    expect(document.endedAt).toBe(Date.UTC(2026, 0, 2, 3, 5))
    expect(document.end).toEqual({ status, code: null, message: null, findings: [] })
  }
})

test.each([
  ['active', 'activated_at', 'Active session must have activated_at'],
  ['closed', 'closed_at', 'Closed session must have closed_at'],
  ['expired', 'closed_at', 'Expired session must have closed_at'],
])(
  '[S0-50] [S0-35] [S0-45] [S0-46] %s without %s is refused on load, not on access',
  (status, key, reason) => {
    const refusal = refusalOf(() => cellstate.parse(stored({ [key]: null }, status)))

    expect(refusal).toEqual({ format: 'cellstate', path: ['data', key], reason })
  },
)

test('[S0-32] a created record that has activated_at already is loaded as created, and keeps it until it is activated', () => {
  const document = cellstate.parse(stored({}, 'created'))

  expect(document.activatedAt).toBeNull()
  assert.deepEqual(cellstate.print(document), stored({}, 'created'))
  const activated = cellstate.print({ ...document, status: 'active', activatedAt: CREATED_AT + 1 })
  expect(activated).toMatchObject({ data: { activated_at: '2026-01-02T03:04:05.124Z' }, status: 'active' })
})

test('[S0-48] the status stands beside the record, not in it', () => {
  const printed = cellstate.print(cellstate.parse(STORED))

  expect(Object.keys(printed)).toEqual(['data', 'status'])
  expect(printed['data']).not.toHaveProperty('status')
  expect(refusalOf(() => cellstate.parse({ data: { ...STORED.data, status: 'active' } }))?.path).toEqual([
    'status',
  ])
})

test.each(['paused', 'completed', 'failed', 'cancelled'] as const)(
  'a %s session has no word there and is not printed',
  (status) => {
    const document = { ...cellstate.parse(STORED), status }

    expect(refusalOf(() => cellstate.print(document))).toEqual({
      format: 'cellstate',
      path: ['status'],
      reason: `SessionStatus has no "${status}", only created, active, closed, expired`,
    })
  },
)
