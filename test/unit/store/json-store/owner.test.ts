import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { FileSystem } from '../../../../src/store/file-system.ts'
import { diskFileSystem } from '../../../../src/store/file-system.ts'
import { ownerFileName, readOwner, takeOwnership } from '../../../../src/store/json-store/owner.ts'
import type { ProcessIdentity, Processes } from '../../../../src/store/json-store/processes.ts'
import { systemProcesses } from '../../../../src/store/json-store/processes.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sessionwright-owner-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const identity = (pid: number): ProcessIdentity => ({
  pid,
  startTime: `t${pid}`,
  bootId: 'boot',
  host: 'host',
})

/** Processes by pid; those in `dead` have ended. */
function pretend(pid: number, dead: ReadonlySet<number> = new Set()): Processes {
  return { self: async () => identity(pid), isAlive: async (other) => !dead.has(other.pid) }
}

const take = (pid: number, dead?: ReadonlySet<number>, files: FileSystem = diskFileSystem) =>
  takeOwnership(files, folder, {
    token: `token-${pid}`,
    processes: pretend(pid, dead),
    highestEpoch: async () => 0,
  })

test('the first owner of an empty folder gets epoch 1', async () => {
  const owner = await take(1)

  expect(owner.epoch).toBe(1)
  expect(await owner.isOurs()).toBe(true)
  expect(readdirSync(folder)).toEqual(['owner-000001', 'staging-000001-token-1'])
  expect(owner.staging).toBe(join(folder, 'staging-000001-token-1'))
})

test('[OW3, JN13] a living owner keeps the store; the refusal names its pid and writes nothing', async () => {
  await take(1)
  const before = readFileSync(join(folder, 'owner-000001'), 'utf8')

  const second = take(2)

  const details = { place: folder, pid: 1, epoch: 1 }
  await expect(second).rejects.toMatchObject({ code: 'STORE_LOCKED', details })
  expect(readdirSync(folder)).toEqual(['owner-000001', 'staging-000001-token-1'])
  expect(readFileSync(join(folder, 'owner-000001'), 'utf8')).toBe(before)
})

test('[OW2, OW3, JN13, JN14] a dead owner is succeeded under the next number and finds out', async () => {
  const first = await take(1)

  const second = await take(2, new Set([1]))

  expect(second.epoch).toBe(2)
  expect(await first.isOurs()).toBe(false)
  expect(await second.isOurs()).toBe(true)
  expect(readdirSync(folder)).toEqual(['owner-000002', 'staging-000002-token-2'])
})

test('[OW2] a released store keeps its number, and the next owner takes the one after it', async () => {
  const first = await take(1)
  await first.release()
  await first.release()
  const left = readdirSync(folder)

  const second = await take(1)

  expect(left).toEqual(['owner-000001'])
  expect(second.epoch).toBe(2)
  expect(await first.isOurs()).toBe(false)
})

test('[OW6] who succeeds an owner that did not let go has to fence; that it let go itself without is told to the next', async () => {
  const first = await take(1)
  const second = await take(2, new Set([1]))
  await second.release()
  const third = await take(1)
  third.fenced()
  await third.release()
  const fourth = await take(1)

  expect([first, second, third, fourth].map(({ isFenced }) => isFenced)).toEqual([true, false, false, true])
})

test('[OW2] where no owner file is left, numbers go on above those the store bears', async () => {
  const owner = await takeOwnership(diskFileSystem, folder, { token: 't', highestEpoch: async () => 7 })

  expect(owner.epoch).toBe(8)
})

test('[OW2] an owner that lost the store does not come back by releasing it', async () => {
  const first = await take(1)
  await take(2, new Set([1]))

  await first.release()

  expect(readdirSync(folder)).toEqual(['owner-000002', 'staging-000002-token-2'])
})

test('[OW1] of two starters that saw the same dead owner one wins and the other is refused', async () => {
  await take(1)
  const dead = new Set([1])

  const results = await Promise.allSettled([take(2, dead), take(3, dead)])

  const won = results.filter((result) => result.status === 'fulfilled')
  const lost = results.filter((result) => result.status === 'rejected')
  expect([won.length, lost.length]).toEqual([1, 1])
  expect(lost[0]?.reason).toMatchObject({ code: 'STORE_LOCKED', details: { epoch: 2 } })
})

test('[OW2] a starter that slept before its link does not take a number that was used and removed', async () => {
  const dead = new Set([1])
  await take(1)
  let slept = false
  const sleepy: FileSystem = {
    ...diskFileSystem,
    async link(existing, name) {
      if (!slept) {
        slept = true
        const second = await take(2, dead)
        await second.release()
        await take(3, dead)
      }
      return diskFileSystem.link(existing, name)
    },
  }

  const late = take(4, dead, sleepy)

  await expect(late).rejects.toMatchObject({ code: 'STORE_LOCKED', details: { pid: 3, epoch: 3 } })
  expect(readdirSync(folder)).toEqual(['owner-000003', 'staging-000003-token-3'])
})

test('[OW5] lower numbers are removed lowest first', async () => {
  const removed: string[] = []
  for (const epoch of [9, 10, 8]) {
    writeFileSync(
      join(folder, ownerFileName(epoch)),
      JSON.stringify({ ...identity(1), token: 't', released: true }),
    )
  }
  const watching: FileSystem = {
    ...diskFileSystem,
    list: async (path) => (await diskFileSystem.list(path)).toSorted().toReversed(),
    remove: (path) => {
      removed.push(path.slice(folder.length + 1))
      return diskFileSystem.remove(path)
    },
  }

  const owner = await take(1, undefined, watching)

  expect(owner.epoch).toBe(11)
  expect(removed.filter((name) => !name.endsWith('.tmp'))).toEqual([
    'owner-000008',
    'owner-000009',
    'owner-000010',
  ])
})

test('[OW4] an owner file that is not legible is refused, not overruled', async () => {
  writeFileSync(join(folder, 'owner-000004'), '{"pid":1')

  await expect(take(1)).rejects.toMatchObject({
    code: 'STORE_CORRUPT',
    details: { file: `${folder}/owner-000004` },
  })
  expect(readdirSync(folder)).toEqual(['owner-000004'])
})

test('[ST2, OW2] a takeover removes what earlier owners and starters of its own epoch left, and nothing of later ones', async () => {
  await take(1)
  for (const name of ['staging-000002-lost', 'staging-000003-next', 'staging-x', 'staging-000001-older']) {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'half.tmp'), 'half')
  }
  for (const name of ['owner.dead.tmp', 'x.tmp', 'owner.tmp.json']) writeFileSync(join(folder, name), '')

  await take(2, new Set([1]))

  expect(readdirSync(folder)).toEqual([
    'owner-000002',
    'owner.tmp.json',
    'staging-000002-token-2',
    'staging-000003-next',
    'staging-x',
    'x.tmp',
  ])
})

test('[ST2] a starter that cannot take the store leaves no folder behind', async () => {
  const full: FileSystem = {
    ...diskFileSystem,
    link: () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' })),
  }

  await expect(take(1, undefined, full)).rejects.toMatchObject({ code: 'ENOSPC' })

  expect(readdirSync(folder)).toEqual([])
})

test('a bystander sees who owns the store, and whether it lives', async () => {
  const before = await readOwner(diskFileSystem, folder, pretend(9))
  const owner = await take(1)
  const during = await readOwner(diskFileSystem, folder, pretend(9))
  const killed = await readOwner(diskFileSystem, folder, pretend(9, new Set([1])))
  await owner.release()
  const after = await readOwner(diskFileSystem, folder, pretend(9))

  expect(before).toBeUndefined()
  expect(during).toEqual({ epoch: 1, pid: 1, host: 'host', isLive: true })
  expect(killed?.isLive).toBe(false)
  expect(after?.isLive).toBe(false)
})

test('[PR1] a reused pid and a process from before a restart are not alive; this process is', async () => {
  const self = await systemProcesses.self()

  expect(self).toMatchObject({ pid: process.pid, host: hostname() })
  expect(await systemProcesses.isAlive(self)).toBe(true)
  expect(await systemProcesses.isAlive({ ...self, pid: 2 ** 22 + 1 })).toBe(false)
  if (self.startTime !== null) expect(await systemProcesses.isAlive({ ...self, startTime: '1' })).toBe(false)
  if (self.bootId !== null) expect(await systemProcesses.isAlive({ ...self, bootId: 'another' })).toBe(false)
})

test('[PR2] a process of another host counts as alive', async () => {
  const self = await systemProcesses.self()

  expect(await systemProcesses.isAlive({ ...self, pid: 2 ** 22 + 1, host: 'elsewhere' })).toBe(true)
})

const STARTER = fileURLToPath(new URL('./owner-starter.js', import.meta.url))

/** Starts a process that takes `folder` when told to and then holds it; resolves once it is ready. */
async function starter(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [STARTER, folder], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  await once(child, 'message')
  return child
}

/** What the process says when told to take the store: its epoch, or the code of the refusal. */
async function told(child: ChildProcess): Promise<unknown> {
  child.send('take')
  const [answer] = (await once(child, 'message')) as [unknown]
  return answer
}

async function killed(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}

test(
  '[OW1, OW3, JN13] of three processes racing for a killed owner exactly one wins, ten times',
  { timeout: 60_000 },
  async () => {
    const rounds: unknown[][] = []
    let owner = await starter()
    await told(owner)

    for (let round = 2; round <= 11; round += 1) {
      const racers = await Promise.all([starter(), starter(), starter()])
      await killed(owner)
      const answers = await Promise.all(racers.map(told))
      rounds.push(answers.toSorted())
      const winner = racers[answers.indexOf(round)]
      await Promise.all(racers.filter((racer) => racer !== winner).map(killed))
      if (winner === undefined) break
      owner = winner
    }
    await killed(owner)

    expect(rounds).toEqual(
      Array.from({ length: 10 }, (_, round) => [round + 2, 'STORE_LOCKED', 'STORE_LOCKED']),
    )
  },
)
