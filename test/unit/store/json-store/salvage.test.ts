import { expect, test } from 'vitest'
import type { Change, StoredEntry, StoredState } from '../../../../src/store/change.ts'
import { fold } from '../../../../src/store/change.ts'
import type { ChangeLine } from '../../../../src/store/json-store/line.ts'
import { parseLine } from '../../../../src/store/json-store/line.ts'
import { planSalvage } from '../../../../src/store/json-store/salvage.ts'
import { snapshotOf } from '../../../../src/store/json-store/snapshots.ts'

const WHOLE = {
  machine: { version: 1, policy: 'p', policyVersion: 1 },
  value: 'v',
  policy: null,
  quarantine: null,
}

const entry = (revision: number): StoredEntry => ({
  id: `e${revision}`,
  at: revision,
  type: 'user_message',
  content: revision,
})

function change(revision: number, over: Partial<Change> = {}): Change {
  return {
    sessionId: 's',
    revision,
    at: revision,
    event: { type: 'append' },
    patch: { context: { turns: revision } },
    entries: [entry(revision)],
    ...over,
  }
}

const whole = (revision: number) =>
  change(revision, {
    patch: { whole: true, ...WHOLE, context: { turns: revision }, record: [[['n'], revision]] },
  })

const tombstone = (revision: number) => change(revision, { tombstone: true, entries: [] })

/** A chain of lines, one per ordinal. */
function chain(...changes: Change[]): ChangeLine[] {
  return changes.map((each, row) => ({
    segment: 1,
    ordinal: row + 1,
    prev: row === 0 ? undefined : { segment: 1, ordinal: row, offset: 0, bytes: 0 },
    durable: 0,
    change: each,
  }))
}

const without = (lines: ChangeLine[], ...revisions: number[]) =>
  lines.filter((line) => !revisions.includes(line.change.revision))

const stateAt = (lines: ChangeLine[], revision: number): StoredState =>
  lines
    .filter((line) => line.change.revision <= revision)
    .reduce<StoredState | undefined>((state, line) => fold(state, line.change), undefined) as StoredState

const revisions = (lines: readonly ChangeLine[]) => lines.map((line) => line.change.revision)

function startLine(plan: ReturnType<typeof planSalvage>): ChangeLine {
  const bytes = plan.start?.bytes ?? Buffer.alloc(1)
  const parsed = parseLine(bytes, 0, bytes.length - 1, 'f')
  if (parsed.kind !== 'change') throw new Error(parsed.kind)
  return parsed.line
}

test('[SA2] a life after a tombstone begins with a line that names none before it', () => {
  const [first, end, ...life] = chain(whole(1), tombstone(2), whole(3), change(4), change(5))
  const lines = [first!, end!, { ...life[0]!, prev: undefined }, ...life.slice(1)]

  expect(planSalvage('s', lines).report).toMatchObject({ outcome: 'intact', revision: 5 })
  expect(planSalvage('s', without(lines, 4)).report).toMatchObject({
    outcome: 'prefix',
    revision: 3,
    lostRevisions: [[4, 5]],
  })
})

test('an unbroken chain is left alone', () => {
  const plan = planSalvage('s', chain(whole(1), change(2), change(3)))

  expect(plan).toEqual({
    report: { sessionId: 's', outcome: 'intact', revision: 3, lostRevisions: [], liftedEntries: 0 },
    dropped: [],
    discarded: [],
    start: undefined,
  })
})

test('[SA1, SA4] without a whole patch behind the break the state before it is kept', () => {
  const lines = without(chain(whole(1), change(2), change(3), change(4), change(5)), 3)

  const { report, dropped, start } = planSalvage('s', lines)

  expect(report).toEqual({
    sessionId: 's',
    outcome: 'prefix',
    revision: 2,
    lostRevisions: [[3, 5]],
    liftedEntries: 0,
  })
  expect(revisions(dropped)).toEqual([4, 5])
  expect(start).toBeUndefined()
})

test('[SA1, SA2] a whole patch behind the break starts the chain that is kept', () => {
  const all = chain(whole(1), change(2), change(3), change(4), whole(5), change(6))

  const plan = planSalvage('s', without(all, 2))

  const start = startLine(plan)
  expect(plan.report).toMatchObject({ outcome: 'suffix', revision: 6, lostRevisions: [[1, 4]] })
  expect(revisions(plan.dropped)).toEqual([1, 3, 4])
  expect(plan.start?.place).toMatchObject({ segment: 1, ordinal: 5 })
  expect([start.prev, start.ordinal, start.change.revision]).toEqual([undefined, 5, 5])
  expect(fold(fold(undefined, start.change), change(6))).toEqual(stateAt(all, 6))
})

test('[SA3] entries of lines that are not kept are lifted, in order and each once', () => {
  const all = chain(whole(1), change(2), change(3), { ...whole(4), entries: [entry(1), entry(4)] })

  const plan = planSalvage('s', without(all, 2))

  expect(startLine(plan).change.entries.map(({ id }) => id)).toEqual(['e3', 'e1', 'e4'])
  expect(plan.report.liftedEntries).toBe(1)
})

test('[SA1] a snapshot at a line behind the break gives the state of the newest revision', () => {
  const all = chain(whole(1), change(2), change(3), change(4), change(5))
  const snapshot = snapshotOf(stateAt(all, 4), { segment: 1, ordinal: 4 })

  const plan = planSalvage('s', without(all, 2), { snapshot })

  const start = startLine(plan)
  expect(plan.report).toMatchObject({
    outcome: 'suffix',
    revision: 5,
    lostRevisions: [[1, 3]],
    liftedEntries: 2,
  })
  expect(fold(undefined, start.change)).toEqual(stateAt(all, 4))
  expect(start.change.entries.map(({ id }) => id)).toEqual(['e1', 'e3', 'e4'])
})

test('[SA1] a snapshot at the lost line right before the run is enough', () => {
  const all = chain(whole(1), change(2), change(3), change(4))
  const snapshot = snapshotOf(stateAt(all, 2), { segment: 1, ordinal: 2 })

  const plan = planSalvage('s', without(all, 2), { snapshot })

  expect(plan.report).toMatchObject({ outcome: 'suffix', revision: 4, lostRevisions: [[1, 2]] })
  expect(fold(undefined, startLine(plan).change)).toEqual(stateAt(all, 3))
})

test('a snapshot of another line is not believed', () => {
  const all = chain(whole(1), change(2), change(3), change(4))
  const snapshot = snapshotOf(stateAt(all, 3), { segment: 9, ordinal: 3 })

  const plan = planSalvage('s', without(all, 2), { snapshot })

  expect(plan.report).toMatchObject({ outcome: 'prefix', revision: 1 })
})

test('a deleted session stays deleted, whatever is missing before its tombstone', () => {
  const plan = planSalvage('s', without(chain(whole(1), change(2), change(3), tombstone(4)), 2))

  expect(plan.report).toMatchObject({ outcome: 'deleted', revision: 4, lostRevisions: [] })
  expect([plan.dropped, plan.discarded]).toEqual([[], []])
})

test('what a deleted life lost does not touch the life after it', () => {
  const lines = without(chain(whole(1), change(2), tombstone(3), whole(4), change(5)), 2)

  const plan = planSalvage('s', lines)

  expect(plan.report).toMatchObject({ outcome: 'intact', revision: 5, lostRevisions: [] })
})

test('[SA4] a later life that lost its first lines loses no more than those', () => {
  const lines = without(chain(whole(1), tombstone(2), whole(3), change(4), whole(5)), 3)

  const plan = planSalvage('s', lines)

  expect(plan.report).toMatchObject({ outcome: 'suffix', revision: 5, lostRevisions: [[3, 4]] })
  expect(revisions(plan.dropped)).toEqual([4])
  expect(revisions(plan.discarded)).toEqual([1, 2])
})

test('[SA4] when no state can be worked out the session is lost, and says so', () => {
  const plan = planSalvage('s', without(chain(whole(1), change(2), change(3)), 1))

  expect(plan.report).toMatchObject({ outcome: 'lost', revision: 0, lostRevisions: [[1, 3]] })
  expect(revisions(plan.dropped)).toEqual([2, 3])
})

test('[SA4] newest changes that left no line but are known of are reported', () => {
  const plan = planSalvage('s', chain(whole(1), change(2)), { newestRevision: 5 })

  expect(plan.report).toMatchObject({ outcome: 'prefix', revision: 2, lostRevisions: [[3, 5]] })
  expect(plan.dropped).toEqual([])
})

test('[SA5] a session whose tombstone was lost is not brought back', () => {
  const plan = planSalvage('s', chain(whole(1), change(2)), { newestRevision: 3, isDeleted: true })

  expect(plan.report).toMatchObject({ outcome: 'deleted', revision: 0, lostRevisions: [] })
  expect([revisions(plan.dropped), revisions(plan.discarded)]).toEqual([[], [1, 2]])
})

test('[SA1, SA3] a snapshot whose own line is gone gives its state under its revision', () => {
  const all = chain(whole(1), change(2), change(3), change(4))
  const snapshot = snapshotOf(stateAt(all, 4), { segment: 2, ordinal: 1 })

  const plan = planSalvage('s', without(all, 3, 4), { snapshot })

  const start = startLine(plan)
  expect(plan.report).toMatchObject({
    outcome: 'suffix',
    revision: 4,
    lostRevisions: [[1, 3]],
    liftedEntries: 2,
  })
  expect(plan.start?.place).toMatchObject({ segment: 2, ordinal: 1 })
  expect(fold(undefined, start.change)).toEqual(stateAt(all, 4))
  expect(start.change.entries.map(({ id }) => id)).toEqual(['e1', 'e2'])
})
