/**
 * Goal: segments end while appends are in flight (compaction, erasure), and nobody is told too early or never (J1–J3, S1).
 * Method: every interleaving of three calls with appends before, between and behind; power lost at every call.
 */
import { expect, test } from 'vitest'
import { Journal } from '../../../../src/store/json-store/journal.ts'
import { RecentSessions } from '../../../../src/store/json-store/recent-sessions.ts'
import { SegmentsAhead } from '../../../../src/store/json-store/segments-ahead.ts'
import { SessionIndex } from '../../../../src/store/json-store/session-index.ts'
import type { JournalWriter } from '../../../../src/store/json-store/writer.ts'
import type { SessionStore } from '../../../../src/store/store.ts'
import { CrashableFileSystem } from '../../../../src/testing/crashable-file-system.ts'
import { ManualClock } from '../../../../src/testing/manual-clock.ts'
import { SampleSession } from '../../../../src/testing/store-contract/sample-session.ts'
import { JsonMachine } from '../../../support/json-machine.ts'

const SIZES = { segmentBytes: 2_000, writer: 'in-process' } as const

/** Ends segments in every way there is while one session is being appended to; notes what was acknowledged when. */
async function play(store: SessionStore, session: SampleSession, acknowledged: number[]): Promise<string[]> {
  const gone = new SampleSession('gone')
  const append = (): Promise<void> => {
    const appending = session.append(store)
    const { revision } = session
    return appending.then(() => void acknowledged.push(revision))
  }
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  const calls: Promise<string>[] = []
  const note = (call: Promise<unknown>): void => {
    const code = (error: { code: string }): string => error.code
    calls.push(call.then(() => 'done', code))
  }
  note(append())
  note(gone.append(store))
  note(append())
  note(gone.delete(store).then(() => store.erase(['gone'])))
  for (let round = 0; round < 6; round += 1) {
    note(append())
    note(store.compact())
    note(append())
    if (round % 2 === 0) await turn()
    note(append())
    if (round % 3 === 0) await turn()
  }
  return Promise.all(calls)
}

/** Answers an order some turns after it was given, and notes orders that came before that. */
function watchfulWriter(): { writer: JournalWriter; orders: string[]; overlaps: string[] } {
  const orders: string[] = []
  const overlaps: string[] = []
  let underway: string | undefined
  const take = (order: string, done: () => void): void => {
    if (underway !== undefined) overlaps.push(`${order} during ${underway}`)
    underway = order
    orders.push(order)
    let turns = 3
    const wait = (): void => {
      turns -= 1
      if (turns > 0) {
        setImmediate(wait)
        return
      }
      underway = undefined
      done()
    }
    setImmediate(wait)
  }
  const writer: JournalWriter = {
    allocate: (bytes, returns) => ({ id: 1, buffer: Buffer.alloc(bytes), returns }),
    write: ({ segment, opening }, _, done) =>
      take(`${opening === null ? 'write' : 'open'} ${segment}`, () => done({ kind: 'written' })),
    finish: (_, done) => take('finish', () => done({ kind: 'written' })),
    dispose: () => Promise.resolve(),
  }
  return { writer, orders, overlaps }
}

test('[J1, W1] the writer has one order at a time, also when segments end under the feet of appends', async () => {
  const { writer, orders, overlaps } = watchfulWriter()
  const files = new CrashableFileSystem()
  const nothing = (): void => undefined
  const journal = new Journal({
    storeId: 'store',
    epoch: 1,
    writer,
    ahead: new SegmentsAhead({ files, folder: '/', segmentBytes: 0, unique: () => 'u' }),
    clock: new ManualClock(),
    segmentBytes: 1_000_000,
    idleMarkMs: 1000,
    tail: { segment: 0, offset: 0, ordinal: 0 },
    isOpen: false,
    keep: () => undefined,
    onDurable: nothing,
    onWritten: nothing,
    onLost: nothing,
  })
  const recent = new RecentSessions(new SessionIndex(), 10).use('one')
  const session = new SampleSession('one')
  const calls: Promise<unknown>[] = []

  for (let turn = 0; turn < 40; turn += 1) {
    if (turn < 36) calls.push(journal.append(...session.next(), recent))
    if (turn % 4 === 0) calls.push(journal.rotate())
    await new Promise((resolve) => setImmediate(resolve))
  }
  await Promise.all(calls)

  expect(overlaps).toEqual([])
  // Each segment that was begun has also been ended before the next one was.
  const ends = orders.filter((order) => order !== `write ${order.split(' ')[1]}`)
  expect(ends.length).toBeGreaterThan(6)
  for (const [at, order] of ends.entries()) expect(order).toBe(at % 2 === 0 ? `open ${at / 2 + 1}` : 'finish')
})

test('[J1, J3] every call that ends a segment comes to an end, and every append with it', async () => {
  const machine = new JsonMachine()
  const store = await machine.owner(SIZES)
  const session = new SampleSession('one')
  const acknowledged: number[] = []

  const ends = await play(store, session, acknowledged)

  expect(new Set(ends)).toEqual(new Set(['done']))
  expect(acknowledged).toEqual(Array.from({ length: session.revision }, (_, index) => index + 1))
  expect(machine.journal().size).toBeGreaterThan(3)
  await store.close()
  const reopened = await machine.killed().owner()
  expect(await reopened.state('one')).toEqual(session.state)
})

test('[J2, S1] power lost at any call: what was acknowledged is there', async () => {
  let calls = 1
  for (; ; calls += 1) {
    const machine = new JsonMachine({ seed: calls })
    const store = await machine.owner(SIZES)
    const session = new SampleSession('one')
    const acknowledged: number[] = []
    machine.files.crashAt(calls)
    await play(store, session, acknowledged)
    if (!machine.files.powerLost) break

    const after = await machine.powerCut(calls).owner(SIZES)

    const last = acknowledged.at(-1) ?? 0
    expect(acknowledged).toEqual(Array.from({ length: last }, (_, index) => index + 1))
    expect(after.lastRevision('one'), `power lost at call ${calls}`).toBeGreaterThanOrEqual(last)
    expect(after.stats().damage).toEqual([])
    expect((await after.changes('one', {})).map(({ revision }) => revision)).toEqual(
      Array.from({ length: after.lastRevision('one') }, (_, index) => index + 1),
    )
  }

  expect(calls).toBeGreaterThan(60)
})
