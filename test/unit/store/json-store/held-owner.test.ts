/**
 * An owner that others took for dead stands still before one call to the disk, and goes on when the store has another owner
 * for long: whichever call that is, nothing of the other one's is touched.
 */
import { expect, test } from 'vitest'
import type { FileSystem } from '../../../../src/store/file-system.ts'
import type { JsonStore } from '../../../../src/store/json-store/json-store.ts'
import { SampleSession } from '../../../../src/testing/store-contract/sample-session.ts'
import { gatedFiles } from '../../../support/gated-files.ts'
import { JsonMachine } from '../../../support/json-machine.ts'

const OPTIONS = { segmentBytes: 3_000 }

/** Calls before which one can stand still: those that look or read only are followed by one that does not. */
const CHANGING: ReadonlySet<string> = new Set([
  'open',
  'makeFolder',
  'removeFolder',
  'rename',
  'link',
  'remove',
  'syncFolder',
  'write',
  'truncate',
  'sync',
])

/** A disk whose `n`th changing call waits for `until`; `reached` is told when it is there. */
class HoldingDisk {
  readonly files: FileSystem
  readonly reached: Promise<string>
  calls = 0
  #tell: (call: string) => void = () => undefined
  readonly #n: number
  readonly #until: Promise<void>

  constructor(disk: FileSystem, n: number, until: Promise<void>) {
    this.#n = n
    this.#until = until
    this.reached = new Promise((resolve) => {
      this.#tell = resolve
    })
    this.files = gatedFiles(disk, async (call, path, mode) => {
      if (CHANGING.has(call) && mode !== 'read') await this.#pass(`${call} ${path}`)
    })
  }

  async #pass(call: string): Promise<void> {
    this.calls += 1
    if (this.calls !== this.#n) return
    this.#tell(call)
    await this.#until
  }
}

/** Everything an owner can do, as far as it gets; `acknowledged` are the revisions that were answered. */
async function life(store: JsonStore, sessions: readonly SampleSession[], gone: SampleSession) {
  const acknowledged = new Map<string, number>()
  const append = async (session: SampleSession): Promise<void> => {
    await session.append(store)
    acknowledged.set(session.id, session.revision)
  }
  try {
    await store.open({ readOnly: false })
    await gone.append(store)
    for (let turn = 0; turn < 4; turn += 1) for (const session of sessions) await append(session)
    await store.checkpoint()
    await gone.delete(store)
    for (let turn = 0; turn < 4; turn += 1) for (const session of sessions) await append(session)
    await store.compact()
    await store.erase([gone.id])
    for (const session of sessions) await append(session)
  } catch (error) {
    return { acknowledged, refusal: await closed(store, error) }
  }
  return { acknowledged, refusal: await closed(store, undefined) }
}

/** The error that ended a life, or that of its close. */
async function closed(store: JsonStore, error: unknown): Promise<{ readonly code?: string } | undefined> {
  let last = error
  await store.close().catch((second: unknown) => {
    last ??= second
  })
  return last as { readonly code?: string } | undefined
}

/** What the other owner does. */
async function work(store: JsonStore, mine: SampleSession): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await mine.append(store)
  await store.checkpoint()
  await store.compact()
  for (let turn = 0; turn < 5; turn += 1) await mine.append(store)
}

async function heldAt(n: number) {
  const machine = new JsonMachine()
  let go = (): void => undefined
  const disk = new HoldingDisk(machine.files, n, new Promise((resolve) => (go = resolve)))
  const self = { pid: 1, startTime: null, bootId: null, host: 'machine' }
  const processes = { self: async () => self, isAlive: async () => true }
  const elder = machine.store({ ...OPTIONS, files: disk.files, processes })
  const sessions = [new SampleSession('a'), new SampleSession('b')]
  const living = life(elder, sessions, new SampleSession('gone'))
  const call = await Promise.race([disk.reached, living.then(() => undefined)])
  const next = new JsonMachine(machine.files, 2)
  const mine = new SampleSession('mine')
  const heir = await next.owner(OPTIONS)
  const known = new Map(sessions.map(({ id }) => [id, heir.head(id)?.revision ?? 0]))
  await work(heir, mine)
  go()
  const { acknowledged, refusal } = await living
  await work(heir, mine)
  return { call, machine: next, heir, mine, sessions, known, acknowledged, refusal, calls: disk.calls }
}

test('[ST1, ST2, X4, W9, CO4, OS4] whichever call it stands still before, the next owner loses nothing and finds nothing new', async () => {
  const { calls } = await heldAt(Infinity)
  expect(calls).toBeGreaterThan(100)

  const codes = new Set<string | undefined>()
  for (let n = 1; n <= calls; n += 1) {
    const { call, machine, heir, mine, sessions, known, acknowledged, refusal } = await heldAt(n)
    const where = `call ${n}: ${call}`
    await heir.close()
    codes.add(refusal?.code)
    const last = await new JsonMachine(machine.files, 3).owner(OPTIONS)

    expect(last.stats().damage, where).toEqual([])
    expect(last.stats().tornTail, where).toBeNull()
    expect(await last.state('mine'), where).toEqual(mine.state)
    expect((await last.changes('mine', {})).length, where).toBe(mine.revision)
    for (const session of sessions) {
      expect(last.head(session.id)?.revision ?? 0, where).toBe(known.get(session.id))
      expect(known.get(session.id), where).toBeGreaterThanOrEqual(acknowledged.get(session.id) ?? 0)
      expect((await last.changes(session.id, {})).length, where).toBe(known.get(session.id))
    }
    await last.close()
  }
  // None where it stood still behind its last command.
  expect([...codes].toSorted()).toEqual(['OUTCOME_UNKNOWN', 'STORE_FENCED', 'STORE_LOCKED', undefined])
})
