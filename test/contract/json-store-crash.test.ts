/**
 * The JSON store on a machine whose power goes or whose processes are killed: a walk over crash points.
 */
import { expect, test } from 'vitest'
import { isSessionError } from '../../src/errors.ts'
import { openJsonStore } from '../../src/store/json-store/json-store.ts'
import type { SessionStore } from '../../src/store/store.ts'
import { CrashableFileSystem } from '../../src/testing/crashable-file-system.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { seededRandom } from '../../src/testing/seeded-random.ts'
import { SampleSession } from '../../src/testing/store-contract/sample-session.ts'

type Loss = 'power' | 'process'

let uniques = 0

/** Segments and checkpoints small enough that every run meets several of them. */
const SMALL = { segmentBytes: 4_096, checkpointBytes: 8_192 }

/** A machine in memory: a disk, and the process that owns the store on it. */
class Machine {
  readonly files: CrashableFileSystem
  readonly #pid: number

  constructor(files: CrashableFileSystem, pid = 1) {
    this.files = files
    this.#pid = pid
  }

  store(): SessionStore {
    const self = { pid: this.#pid, startTime: null, bootId: null, host: 'machine' }
    return openJsonStore({
      dir: '/store',
      files: this.files,
      clock: new ManualClock(),
      unique: () => `unique-${(uniques += 1)}`,
      processes: { self: async () => self, isAlive: async ({ pid }) => pid === this.#pid },
      ...SMALL,
    })
  }

  /** The machine after its process was killed, alone or with the power. */
  after(loss: Loss): Machine {
    return new Machine(
      loss === 'power' ? this.files.afterPowerCut() : this.files.processDied(),
      this.#pid + 1,
    )
  }
}

/** Appends to a few sessions, with a checkpoint or a compaction now and then, until it is done or something rejects. */
async function work(store: SessionStore, seed: number, acknowledged: Map<string, number>): Promise<void> {
  const random = seededRandom(seed)
  const sessions = ['a', 'b', 'c'].map((id) => new SampleSession(id))
  await store.open({ readOnly: false })
  for (let round = 0; round < 12; round += 1) {
    const appends = Array.from({ length: 1 + random.below(6) }, async () => {
      const session = sessions[random.below(3)] ?? expect.fail()
      const [change, after] = session.next()
      await store.append(change, after)
      acknowledged.set(session.id, change.revision)
    })
    const failed = (await Promise.allSettled(appends)).find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason
    if (random.chance(0.2)) await store.checkpoint()
    if (random.chance(0.1)) await store.compact()
  }
  await store.close()
}

/** How many calls of the disk the work of a seed makes when nothing is lost. */
async function callsOfWork(seed: number): Promise<number> {
  const machine = new Machine(new CrashableFileSystem({ seed }))
  await work(machine.store(), seed, new Map())
  return machine.files.calls()
}

test.each(['power', 'process'] as const)(
  '[S1] [S2] wherever the %s is lost, every acknowledged change is there, the rest a prefix, and nothing is damaged',
  async (loss) => {
    let crashes = 0
    for (let seed = 1; seed <= 60; seed += 1) {
      const machine = new Machine(new CrashableFileSystem({ seed }))
      const acknowledged = new Map<string, number>()
      const last = 1 + seededRandom(seed * 7_919).below(await callsOfWork(seed))
      machine.files.crashAt(last)

      await work(machine.store(), seed, acknowledged).catch((error: unknown) => {
        crashes += 1
        expect(isSessionError(error) || (error as { code?: string }).code === 'EIO', String(error)).toBe(true)
      })
      const next = machine.after(loss)
      const store = next.store()
      const hint = `seed ${seed}, lost at call ${last}`
      await store.open({ readOnly: false })

      for (const id of ['a', 'b', 'c']) {
        const history = await store.changes(id, { limit: 1_000 })
        expect(history.length, `${hint}, session ${id}`).toBeGreaterThanOrEqual(acknowledged.get(id) ?? 0)
        const model = new SampleSession(id)
        const expected = history.map(() => model.next()[0])
        const facts = ({ revision, at, event, entries }: (typeof expected)[number]): unknown[] => [
          revision,
          at,
          event,
          entries,
        ]
        expect(history.map(facts), `${hint}, session ${id}`).toEqual(expected.map(facts))
        expect(await store.state(id), `${hint}, session ${id}`).toEqual(model.state)
        await model.append(store)
      }
      expect(store.stats().damage, hint).toEqual([])
      await store.close()
    }
    expect(crashes).toBeGreaterThan(40)
  },
  60_000,
)
