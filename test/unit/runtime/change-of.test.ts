/** A change by itself: what a draft makes of a state, and which patch leads there. */
import { expect, test } from 'vitest'
import { initialContext } from '../../../src/machines/context.ts'
import { changeOf, stateAfter, statusWord, type Draft } from '../../../src/runtime/change-of.ts'
import { fold, type StoredState } from '../../../src/store/change.ts'
import { limitsOf } from '../../support/session-events.ts'

const identity = { version: 1, policy: 'built-in', policyVersion: 1 }
const context = initialContext({ at: 1_000, expiresAt: 9_000, initialTokenCount: 0, limits: limitsOf() })
const active = {
  value: { active: 'ready' },
  context: { ...context, activatedAt: 1_100, idleSince: 1_100, updatedAt: 1_100 },
  policy: 'within',
}
const record = { tenantId: 'acme', userId: null, parentId: null, name: 'a' }
const founding: Draft = {
  at: 1_000,
  event: { type: 'create' },
  facts: { value: 'created', context, policy: null },
  record,
}

/** The change of a draft and the state after it, as a commit makes them. */
function commit(before: StoredState | undefined, draft: Draft, machine = identity) {
  const revision = (before?.revision ?? 0) + 1
  const after = stateAfter('session-1', revision, before, draft, machine)
  return { after, change: changeOf('session-1', revision, before, after, draft) }
}

const born = commit(undefined, founding).after
const running = commit(born, { at: 1_100, event: { type: 'activate' }, facts: active }).after

test('[CH1] the first change of a life names everything', () => {
  const { after, change } = commit(undefined, founding)

  expect(change.patch).toEqual({
    whole: true,
    ...after.facts,
    record: Object.entries(record).map(([key, value]) => [[key], value]),
  })
  expect(change.summary).toEqual({
    status: 'created',
    tenantId: 'acme',
    userId: null,
    parentId: null,
    createdAt: 1_000,
    dueAt: 9_000,
  })
  expect(after.facts.machine).toBe(identity)
})

test('[C4, CH1] a later change names what changed and nothing else', () => {
  const { change } = commit(born, { at: 1_100, event: { type: 'activate' }, facts: active })

  expect(change).toEqual({
    sessionId: 'session-1',
    revision: 2,
    at: 1_100,
    event: { type: 'activate' },
    patch: {
      value: { active: 'ready' },
      context: { activatedAt: 1_100, idleSince: 1_100 },
      policy: 'within',
    },
    entries: [],
    summary: { status: 'active' },
  })
})

test('[CH1] equal values of another identity are no change', () => {
  const again = structuredClone({ value: active.value, policy: active.policy })
  const draft = { at: 1_200, event: { type: 'edit' }, facts: { ...active, ...again } }

  expect(commit(running, draft, { ...identity }).change).toEqual({
    sessionId: 'session-1',
    revision: 3,
    at: 1_200,
    event: { type: 'edit' },
    patch: {},
    entries: [],
  })
})

test.each([
  ['a key less', { exceeded: 'pause', more: 'x' }, { exceeded: 'pause' }],
  ['a key more', { exceeded: 'pause' }, { exceeded: 'pause', more: 'x' }],
  ['another key', { exceeded: 'pause' }, { toString: 'pause' }],
  ['another value', { exceeded: { by: 'pause' } }, { exceeded: { by: 'error' } }],
  ['a word', { exceeded: 'pause' }, 'exceeded'],
  ['one other value of two', { exceeded: 'pause', more: 'x' }, { exceeded: 'pause', more: 'y' }],
  ['no policy', 'exceeded', null],
  ['no policy in place of states', { exceeded: 'pause' }, null],
])('[CH1] a policy value with %s is another one', (_what, policy, other) => {
  const from = commit(running, { at: 1_200, event: { type: 'a' }, facts: { ...active, policy } }).after
  const draft = { at: 1_300, event: { type: 'b' }, facts: { ...active, policy: other } }

  expect(commit(from, draft).change.patch).toEqual({ policy: other })
})

test('[CH1] facts of another machine bring its name, a decree keeps the old one', () => {
  const newer = { ...identity, version: 2 }

  expect(commit(running, { at: 1_200, event: { type: 'edit' }, facts: active }, newer).change.patch).toEqual({
    machine: newer,
  })
  expect(commit(running, { at: 1_200, event: { type: 'edit' } }, newer).after.facts.machine).toBe(identity)
})

test('[CH1] a decree without edits names none', () => {
  expect(commit(running, { at: 1_200, event: { type: 'edit' }, edits: [] }).change.patch).toEqual({})
})

test('[CH1] every key of the summary that changed is named', () => {
  const changed = { tenantId: 'other', userId: 'u', parentId: 'p' }
  const draft: Draft = {
    at: 1_200,
    event: { type: 'import' },
    facts: { ...active, value: 'paused', context: { ...active.context, createdAt: 900, expiresAt: 8_000 } },
    record: changed,
  }

  expect(commit(running, draft).change.summary).toEqual({
    ...changed,
    status: 'paused',
    createdAt: 900,
    dueAt: 8_000,
  })
})

test.each<[string, Draft]>([
  ['facts', { at: 1_200, event: { type: 'pause' }, facts: { ...active, value: 'paused', policy: null } }],
  [
    'edits',
    { at: 1_200, event: { type: 'edit' }, edits: [[['userId'], 'u'], [['name']], [['meta', 'a'], 1]] },
  ],
  ['no edits', { at: 1_200, event: { type: 'edit' }, edits: [] }],
  ['a quarantine', { at: 1_200, event: { type: 'set' }, quarantine: { code: 'C', reason: 'r', at: 1 } }],
])('[CH2] the change of %s, folded onto the state before, gives the state after', (_what, draft) => {
  const { after, change } = commit(running, draft)

  expect(JSON.stringify(fold(running, change))).toBe(JSON.stringify(after))
})

test('[CH2] a quarantine stays until it is lifted', () => {
  const quarantine = { code: 'C', reason: 'r', at: 1 }
  const set = commit(running, { at: 1_200, event: { type: 'set' }, quarantine }).after
  const edited = commit(set, { at: 1_300, event: { type: 'edit' }, edits: [[['name'], 'b']] })
  const lifted = commit(edited.after, { at: 1_400, event: { type: 'lift' }, quarantine: null })

  expect(edited.change.patch).toEqual({ record: [[['name'], 'b']] })
  expect(edited.after.facts.quarantine).toEqual(quarantine)
  expect(lifted.change.patch).toEqual({ quarantine: null })
})

test('a change carries its operation, entries and findings when it has some', () => {
  const operation = { id: 'op-1', digest: 'd' }
  const findings = [{ limit: 'turns', current: 2, max: 1, action: 'ignore' }] as const
  const entries = [{ id: 'e', at: 1_200, type: 'user_message', content: 'hello' }] as unknown as NonNullable<
    Draft['entries']
  >
  const draft = { at: 1_200, event: { type: 'append' }, operation, entries, findings }

  expect(commit(running, draft).change).toMatchObject({ operation, entries, findings })
  expect(commit(running, { ...draft, findings: [] }).change).not.toHaveProperty('findings')
})

test('the change of a deletion holds its tombstone and no state', () => {
  const change = changeOf('session-1', 4, running, undefined, {
    at: 1_200,
    event: { type: 'delete' },
    tombstone: true,
  })

  expect(change).toEqual({
    sessionId: 'session-1',
    revision: 4,
    at: 1_200,
    event: { type: 'delete' },
    patch: {},
    entries: [],
    tombstone: true,
  })
})

test('[L1] a machine that stands in no status of the table is refused by name', () => {
  expect(statusWord({ active: 'ready' })).toBe('active')
  for (const value of ['archived', { archived: 'ready' }]) {
    expect(() => statusWord(value)).toThrow(
      expect.objectContaining({
        code: 'INVARIANT_BROKEN',
        details: { rule: 'L1', reason: 'the machine stands in "archived"' },
      }),
    )
  }
})
