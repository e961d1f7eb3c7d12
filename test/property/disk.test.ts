/**
 * Goal: what was acknowledged survives any crash of any disk that keeps its word about syncs (S1), and comes back as it was.
 * Method: lives of a runtime on a simulated disk that loses power, drops, keeps and zeroes unsynced sectors, and fails
 * calls; a caller's notes are compared with what each life opens on.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FileSystem, OpenMode } from '../../src/store/file-system.ts'
import { DiskPlay, lives, type Life } from '../support/disk-life.ts'

/** A disk that says the journal is synced when it is not; it keeps its word about all else. */
function lyingDisk(files: FileSystem): FileSystem {
  return {
    open: async (path, mode) => {
      if (!path.includes('/journal/')) return files.open(path, mode)
      const handle = await files.open(path, mode.replace('-synced', '') as OpenMode)
      return { ...handle, sync: () => Promise.resolve() }
    },
    status: (path) => files.status(path),
    list: (folder) => files.list(folder),
    makeFolder: (path) => files.makeFolder(path),
    rename: (from, to) => files.rename(from, to),
    link: (existing, name) => files.link(existing, name),
    remove: (path) => files.remove(path),
    syncFolder: (path) => files.syncFolder(path),
  }
}

/** A failure is made smaller before it is shown, which takes longer than the test. */
const SHRINKING_MS = 120_000

async function play(
  seed: number,
  script: readonly Life[],
  disk: (files: FileSystem) => FileSystem = (files) => files,
): Promise<DiskPlay> {
  const result = new DiskPlay(seed, disk)
  for (const life of script) await result.live(life)
  await result.end()
  return result
}

test(
  '[S1, JN8, RC1, RC3, RC5] acknowledged changes are a prefix of the recovered ones, life after life',
  async () => {
    const reached: Record<string, number> = {}

    await fc.assert(
      fc.asyncProperty(fc.nat(), lives, async (seed, script) => {
        const { faults, reached: once } = await play(seed, script)

        expect(faults).toEqual([])
        for (const [what, count] of Object.entries(once)) reached[what] = (reached[what] ?? 0) + count
      }),
      { numRuns: 100 },
    )

    // Torn tails come up in most runs, not in all; recover.test.ts makes them on purpose.
    for (const what of ['powerCuts', 'unknown', 'full', 'failed', 'erased']) {
      expect(reached[what], `${what} in ${JSON.stringify(reached)}`).toBeGreaterThan(0)
    }
  },
  SHRINKING_MS,
)

test('[S1] a disk that lies about its syncs loses what was acknowledged, and is caught', async () => {
  const result = await fc.check(
    fc.asyncProperty(fc.nat(), lives, async (seed, script) => {
      const played = await play(seed, script, lyingDisk).catch(() => undefined)
      expect(played?.faults.filter((fault) => /acknowledged.* is lost/.test(fault)) ?? []).toEqual([])
    }),
    { numRuns: 100, endOnFailure: true },
  )

  expect(result.failed).toBe(true)
})
