/**
 * Which processes live: how an owner names itself, and how a later starter tells whether it is still there.
 *   PR1  A process is told by pid, start time and boot: a reused pid, or one from before a restart, is not the owner.
 *   PR2  In doubt (another host, no way to look) a process counts as alive.
 */
import { hostname } from 'node:os'
import { diskFileSystem } from '../file-system.ts'

/** What tells one process from every other. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks after boot, as /proc has them; null where there is no /proc. */
  readonly startTime: string | null
  /** Null where there is no /proc. */
  readonly bootId: string | null
  readonly host: string
}

/** Where owners learn about processes; tests give their own. */
export interface Processes {
  /** This process. */
  self(): Promise<ProcessIdentity>
  /** Whether a process that once described itself so may still run (PR1, PR2). */
  isAlive(process: ProcessIdentity): Promise<boolean>
}

/** The processes of this machine, by /proc where there is one. */
export const systemProcesses: Processes = {
  async self() {
    const found = await statOf(process.pid)
    return { pid: process.pid, startTime: found?.startTime ?? null, bootId: await bootId(), host: hostname() }
  },
  async isAlive(other) {
    if (other.host !== hostname()) return true
    const boot = await bootId()
    if (other.bootId !== null && boot !== null && other.bootId !== boot) return false
    if (!mayBeSignalled(other.pid)) return false
    const found = await statOf(other.pid)
    if (found === undefined || other.startTime === null) return true
    return !found.ended && found.startTime === other.startTime
  },
}

function mayBeSignalled(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH')
  }
}

async function bootId(): Promise<string | null> {
  return (await readProc('/proc/sys/kernel/random/boot_id'))?.trim() ?? null
}

/** A killed process that its parent has not waited for is still listed: it has ended once no thread of it is left. */
async function statOf(pid: number): Promise<{ startTime: string; ended: boolean } | undefined> {
  const text = await readProc(`/proc/${pid}/stat`)
  if (text === undefined) return undefined
  // Field 2 is the program's name in parentheses and may hold anything; the fields after it are plain.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state, threads, startTime] = [fields[0], fields[17], fields[19]]
  if (startTime === undefined) return undefined
  return { startTime, ended: state === 'X' || (state === 'Z' && Number(threads) <= 1) }
}

/** The text of a file of /proc, whose size is said to be 0; undefined when it cannot be read. */
async function readProc(path: string): Promise<string | undefined> {
  try {
    const handle = await diskFileSystem.open(path, 'read')
    try {
      const bytes = Buffer.alloc(4096)
      return bytes.toString('utf8', 0, await handle.read(bytes, 0, bytes.length, 0))
    } finally {
      await handle.close()
    }
  } catch {
    return undefined
  }
}
