/** Session documents from outside: what is let in, what is refused and where. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseSessionDocument, sessionDocument } from '../../../src/runtime/document-schema.ts'
import { ownDocument } from '../../support/foreign-documents.ts'
import { refusalOf } from '../../support/refusal.ts'

const ACTIVE = sessionDocument({
  id: 'ticket-42',
  status: 'active',
  createdAt: 10,
  updatedAt: 20,
  entries: [{ id: 'e1', at: 11, type: 'tool_call', toolName: 't', success: true, content: { rows: [1] } }],
})

const CLOSED = sessionDocument({ id: 'ticket-42', status: 'closed', createdAt: 10, updatedAt: 20 })

const pathOf = (document: unknown) => refusalOf(() => parseSessionDocument(document))?.path

test('[DC2] a document is what it was after JSON and parsing', () => {
  fc.assert(
    fc.property(ownDocument, (document) => {
      assert.deepEqual(parseSessionDocument(JSON.parse(JSON.stringify(document))), document)
    }),
  )
})

test('[DC3] the times a status implies are filled in', () => {
  expect(ACTIVE).toMatchObject({ activatedAt: 10, pausedAt: null, endedAt: null, end: null })
  expect(sessionDocument({ id: 'a', status: 'created', createdAt: 10 })).toMatchObject({
    activatedAt: null,
    updatedAt: 10,
  })
  expect(sessionDocument({ id: 'a', status: 'paused', createdAt: 10, updatedAt: 15 })).toMatchObject({
    pausedAt: 15,
  })
  expect(CLOSED).toMatchObject({
    endedAt: 20,
    end: { status: 'closed', code: null, message: null, findings: [] },
  })
})

test.each([
  ['active without activatedAt', { ...ACTIVE, activatedAt: null }, ['activatedAt']],
  ['paused without pausedAt', { ...ACTIVE, status: 'paused' }, ['pausedAt']],
  ['active with an end', { ...ACTIVE, end: CLOSED.end }, ['end']],
  ['active with endedAt', { ...ACTIVE, endedAt: 20 }, ['endedAt']],
  ['created with activatedAt', { ...ACTIVE, status: 'created' }, ['activatedAt']],
  ['closed without endedAt', { ...CLOSED, endedAt: null }, ['endedAt']],
  ['closed without an end', { ...CLOSED, end: null }, ['end']],
  ['closed that ended as failed', { ...CLOSED, end: { ...CLOSED.end, status: 'failed' } }, ['end']],
])('[DC3] %s contradicts itself', (_, document, path) => {
  expect(pathOf(document)).toEqual(path)
})

test('[DC4] keys that are not known are refused, wherever they stand', () => {
  expect(refusalOf(() => parseSessionDocument({ ...ACTIVE, more: 1 }))?.reason).toContain('"more"')
  expect(pathOf({ ...ACTIVE, record: { ...ACTIVE.record, more: 1 } })).toEqual(['record'])
  expect(pathOf({ ...ACTIVE, entries: [{ ...ACTIVE.entries[0], more: 1 }] })).toEqual(['entries', 0])
})

test.each([
  ['another version of the format', { format: 'sessionwright/session@2' }, ['format']],
  ['an id that leaves its folder', { id: '../x' }, ['id']],
  ['an unknown status', { status: 'asleep' }, ['status']],
  ['a counter below zero', { roundCount: -1 }, ['roundCount']],
  ['a time that is not exact', { updatedAt: 2 ** 53 }, ['updatedAt']],
  ['a parent that is no id', { record: { ...ACTIVE.record, parentId: '' } }, ['record', 'parentId']],
  [
    'a kind with a missing key',
    { record: { ...ACTIVE.record, kind: { type: 'agent' } } },
    ['record', 'kind', 'agentName'],
  ],
  ['metadata that is a list', { record: { ...ACTIVE.record, metadata: [] } }, ['record', 'metadata']],
  [
    'context with what is no JSON',
    { record: { ...ACTIVE.record, context: { a: [NaN] } } },
    ['record', 'context', 'a', 0],
  ],
  ['a limit below zero', { limits: { ...ACTIVE.limits, maxTurns: -1 } }, ['limits', 'maxTurns']],
  [
    'an unknown action',
    { limits: { ...ACTIVE.limits, actions: { turns: 'shout' } } },
    ['limits', 'actions', 'turns'],
  ],
  ['an entry of no type', { entries: [{ id: 'e', at: 1, content: null }] }, ['entries', 0, 'type']],
  [
    'an entry without time',
    { entries: [{ id: 'e', type: 'user_message', content: null }] },
    ['entries', 0, 'at'],
  ],
  [
    'an entry without content',
    { entries: [{ id: 'e', at: 1, type: 'user_message' }] },
    ['entries', 0, 'content'],
  ],
  [
    'content that is no JSON',
    { entries: [{ id: 'e', at: 1, type: 'user_message', content: { a: new Date(0) } }] },
    ['entries', 0, 'content', 'a'],
  ],
])('%s is refused with its path', (_, change, path) => {
  expect(pathOf({ ...ACTIVE, ...change })).toEqual(path)
})

test('[IS2] names such as __proto__ are data, and content as deep as content may be comes in', () => {
  const metadata = JSON.parse('{"__proto__":{"a":1},"constructor":null}') as Record<string, never>
  const deep = JSON.parse('['.repeat(64) + ']'.repeat(64)) as unknown
  const entries = [{ ...ACTIVE.entries[0], content: deep }]

  const document = parseSessionDocument({ ...ACTIVE, record: { ...ACTIVE.record, metadata }, entries })

  assert.deepEqual(document.record.metadata, metadata)
  assert.deepEqual(document.entries[0]?.content, deep)
  expect(
    refusalOf(() => parseSessionDocument({ ...ACTIVE, entries: [{ ...ACTIVE.entries[0], content: [deep] }] }))
      ?.reason,
  ).toBe('nested deeper than 64 levels')
})

test('[IS1] what is refused is named without its content', () => {
  const refusal = refusalOf(() =>
    parseSessionDocument({ ...ACTIVE, record: { ...ACTIVE.record, name: { secret: 'pass' } } }),
  )

  expect(refusal).toMatchObject({ format: 'sessionwright', path: ['record', 'name'] })
  expect(JSON.stringify(refusal)).not.toContain('pass')
})
