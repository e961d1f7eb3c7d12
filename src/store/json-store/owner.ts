/**
 * Who owns a store: files `owner-<epoch>`, each made by an exclusive link. The highest number owns.
 *   OW1  At most one process owns an epoch: its number is taken by `link`, which fails when the name exists.
 *   OW2  The highest number never disappears, so numbers only rise and the epoch fences every earlier owner.
 *   OW3  Only an owner that released, or whose process is dead, is succeeded.
 *   OW4  A complete, synced file gets the name: nobody ever reads half an owner.
 *   OW5  Lower numbers are removed lowest first. So whoever finds no successor and then its own file is the owner at the
 *       moment it looked for the successor; the other order would not prove it.
 *   OW6  Whoever succeeds an owner that did not let go may have that one still at work beside it, and has to fence the
 *        journal before anybody is answered. An owner file says whether that was done, for those who come after.
 */
import { sessionError } from '../../errors.ts'
import { isJsonObject } from '../../json.ts'
import { errnoOf, type FileSystem, readWhole, replaceFile } from '../file-system.ts'
import type { ProcessIdentity, Processes } from './processes.ts'
import { systemProcesses } from './processes.ts'
import { parseStagingName, removeIfThere, removeStaging, stagedFiles, stagingName } from './staging.ts'

/** What an owner file says. */
export interface OwnerRecord extends ProcessIdentity {
  /** Unlike that of any other take. */
  readonly token: string
  readonly released: boolean
  /** No earlier owner can add to the journal any more (OW6). */
  readonly fenced: boolean
}

/** The owner of a store as a bystander sees it. */
export interface OwnerStatus {
  readonly epoch: number
  readonly pid: number
  readonly host: string
  /** Neither released nor dead: the store is in use. */
  readonly isLive: boolean
}

/** A store that is ours until `release`, or until `isOurs` says otherwise. */
export interface Ownership {
  readonly epoch: number
  /** The path of the folder through which this owner changes names (staging.ts). */
  readonly staging: string
  /** No earlier owner can add to the journal any more; otherwise the journal has to be fenced, and `fenced` told (OW6). */
  readonly isFenced: boolean
  /** The journal bears this epoch: what an earlier owner still adds is not read. */
  fenced(): void
  /** Whether no other process took the store since. */
  isOurs(): Promise<boolean>
  /** Lets the store go; the epoch stays used. Safe to call twice, and after the store was lost. */
  release(): Promise<void>
}

/** How to take a store. */
export interface TakeOptions {
  /** A string no other take of any process uses. */
  readonly token: string
  readonly processes?: Processes
  /** The highest epoch the store itself bears; asked when no owner file is left, because numbers only rise (OW2). */
  readonly highestEpoch: () => Promise<number>
}

const NAME = /^owner-(\d{6,})$/
const UNFINISHED = /^owner\..*\.tmp$/

/** The name of the owner file of an epoch. */
export function ownerFileName(epoch: number): string {
  return `owner-${String(epoch).padStart(6, '0')}`
}

/** The epoch of an owner file's name; undefined for any other name. */
export function parseOwnerFileName(name: string): number | undefined {
  const match = NAME.exec(name)
  return match === null ? undefined : Number(match[1])
}

/**
 * Takes the store in `folder`, which must exist (OW1–OW4). No earlier owner can change a name in it afterwards (ST2).
 * @throws STORE_LOCKED while another owner lives, a runtime of this same process included.
 * @throws STORE_CORRUPT when the newest owner file is not legible: nobody can tell whether its process lives.
 */
export async function takeOwnership(
  files: FileSystem,
  folder: string,
  options: TakeOptions,
): Promise<Ownership> {
  const processes = options.processes ?? systemProcesses
  const self = { ...(await processes.self()), token: options.token, released: false }
  for (;;) {
    const free = await freeEpoch(files, folder, processes, options.highestEpoch)
    if (free === undefined) continue
    const { epoch, isFenced } = free
    const record = { ...self, fenced: isFenced }
    // Before the store is ours: whoever succeeds us has to find it.
    const staging = `${folder}/${stagingName(epoch, options.token)}`
    await files.makeFolder(staging)
    let isTaken = false
    try {
      isTaken = await taken(files, folder, epoch, record)
    } finally {
      if (!isTaken) await removeStaging(files, staging).catch(() => undefined)
    }
    if (!isTaken) continue
    await removeRemains(files, folder, epoch, staging)
    await files.syncFolder(folder)
    for (const other of (await listEpochs(files, folder)).toSorted((a, b) => a - b)) {
      if (other < epoch) await removeIfThere(files, `${folder}/${ownerFileName(other)}`)
    }
    return ownership(files, folder, { epoch, staging, record })
  }
}

/** Who owns a store, without taking it; undefined when nobody ever did. @throws STORE_CORRUPT */
export async function readOwner(
  files: FileSystem,
  folder: string,
  processes: Processes = systemProcesses,
): Promise<OwnerStatus | undefined> {
  for (;;) {
    const epoch = Math.max(0, ...(await listEpochs(files, folder)))
    if (epoch === 0) return undefined
    const record = await readRecord(files, folder, epoch)
    if (record === undefined) continue
    const isLive = !record.released && (await processes.isAlive(record))
    return { epoch, pid: record.pid, host: record.host, isLive }
  }
}

interface FreeEpoch {
  readonly epoch: number
  readonly isFenced: boolean
}

/** The epoch a new owner may take; undefined when the owner changed while looking. @throws STORE_LOCKED (OW3) */
async function freeEpoch(
  files: FileSystem,
  folder: string,
  processes: Processes,
  highestEpoch: () => Promise<number>,
): Promise<FreeEpoch | undefined> {
  const newest = Math.max(0, ...(await listEpochs(files, folder)))
  // Whoever removed the owner file vouched for its process (OW2).
  if (newest === 0) return { epoch: (await highestEpoch()) + 1, isFenced: true }
  const record = await readRecord(files, folder, newest)
  if (record === undefined) return undefined
  const { released, fenced } = record
  if (released || !(await processes.isAlive(record)))
    return { epoch: newest + 1, isFenced: released && fenced }
  throw sessionError('STORE_LOCKED', { place: folder, pid: record.pid, epoch: newest })
}

/** What earlier owners and starters left; those of the same epoch lost the race for it. */
async function removeRemains(files: FileSystem, folder: string, epoch: number, own: string): Promise<void> {
  for (const name of await files.list(folder)) {
    const of = parseStagingName(name)
    const path = `${folder}/${name}`
    if (of !== undefined && of <= epoch && path !== own) await removeStaging(files, path)
    if (UNFINISHED.test(name)) await removeIfThere(files, path)
  }
}

interface TakenStore {
  readonly epoch: number
  readonly staging: string
  readonly record: OwnerRecord
}

function ownership(files: FileSystem, folder: string, { epoch, staging, record }: TakenStore): Ownership {
  const own = `${folder}/${ownerFileName(epoch)}`
  const successor = `${folder}/${ownerFileName(epoch + 1)}`
  let { released, fenced } = record
  const isNewest = async (): Promise<boolean> =>
    (await files.status(successor)) === undefined && (await files.status(own)) !== undefined
  const isOurs = async (): Promise<boolean> => !released && (await isNewest())
  const letGo = async (): Promise<void> => {
    released = true
    const bytes = bytesOf({ ...record, released, fenced })
    try {
      await replaceFile(stagedFiles(files, staging), folder, ownerFileName(epoch), bytes, record.token)
    } catch (error) {
      // Who lost the store meanwhile has nothing to let go.
      if (errnoOf(error) !== 'ENOENT' || (await isNewest())) throw error
    }
  }
  return {
    epoch,
    staging,
    isFenced: fenced,
    fenced() {
      fenced = true
    },
    isOurs,
    async release() {
      if (await isOurs()) await letGo()
      // The next owner removes what this one could not.
      await removeStaging(files, staging).catch(() => undefined)
    },
  }
}

async function listEpochs(files: FileSystem, folder: string): Promise<number[]> {
  return (await files.list(folder)).map(parseOwnerFileName).filter((epoch) => epoch !== undefined)
}

/** The record of an epoch; undefined when its file has gone. */
async function readRecord(
  files: FileSystem,
  folder: string,
  epoch: number,
): Promise<OwnerRecord | undefined> {
  const file = ownerFileName(epoch)
  const bytes = await readWhole(files, `${folder}/${file}`)
  if (bytes === undefined) return undefined
  const record = parseRecord(bytes.toString('utf8'))
  if (record !== undefined) return record
  const reason = 'the owner file is not legible; if no process uses the store, remove it'
  throw sessionError('STORE_CORRUPT', { file: `${folder}/${file}`, byte: 0, reason })
}

function parseRecord(text: string): OwnerRecord | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isJsonObject(value)) return undefined
  const { pid, startTime, bootId, host, token, released, fenced } = value
  const legible =
    typeof pid === 'number' &&
    (startTime === null || typeof startTime === 'string') &&
    (bootId === null || typeof bootId === 'string') &&
    typeof host === 'string' &&
    typeof token === 'string' &&
    typeof released === 'boolean'
  return legible ? { pid, startTime, bootId, host, token, released, fenced: fenced === true } : undefined
}

function bytesOf(record: OwnerRecord): Buffer {
  return Buffer.from(`${JSON.stringify(record)}\n`, 'utf8')
}

/** Takes an epoch (OW1, OW4); false when others were first. */
async function taken(
  files: FileSystem,
  folder: string,
  epoch: number,
  record: OwnerRecord,
): Promise<boolean> {
  if (!(await linked(files, folder, epoch, record))) return false
  // A starter that slept between looking and linking may have taken a number that was used and removed (OW2).
  const isNewest = (await listEpochs(files, folder)).every((other) => other <= epoch)
  if (!isNewest) await removeIfThere(files, `${folder}/${ownerFileName(epoch)}`)
  return isNewest
}

/** Takes an epoch's name for a complete file (OW1, OW4); false when it is taken or the temporary file was swept away. */
async function linked(
  files: FileSystem,
  folder: string,
  epoch: number,
  record: OwnerRecord,
): Promise<boolean> {
  const temporary = `${folder}/owner.${record.token}.tmp`
  const handle = await files.open(temporary, 'create')
  try {
    try {
      await handle.write(bytesOf(record), 0)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await files.link(temporary, `${folder}/${ownerFileName(epoch)}`)
    return true
  } catch (error) {
    if (errnoOf(error) === 'EEXIST' || errnoOf(error) === 'ENOENT') return false
    throw error
  } finally {
    await removeIfThere(files, temporary)
  }
}
