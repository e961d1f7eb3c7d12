/**
 * The code both writer hosts run: opens segments, writes batches, checks the fence, takes back what did not fit.
 *   W4  A name is taken only when it is free: neither a new nor a prepared segment ever replaces a file.
 *   W5  After an error other than "no room" nothing is tried again: the disk and the page cache may disagree.
 *   W9  An owner that lost the store writes into no file of the next one: it looks at the fence after it opened a file that
 *       was there, and before it makes a new one. Whatever it makes goes through its staging folder, which is gone by then.
 *   W10  The look at the fence is one look for the staging folder. A successor removes it before it reads (ST2), so what was
 *        on the disk while it was there is read; only when it is gone the owner files are asked. The look comes last, also
 *        behind what was taken back: before that a successor may have read it.
 */
import type { FileHandle, FileSystem } from '../file-system.ts'
import { errnoOf } from '../file-system.ts'
import { ownerFileName } from './owner.ts'
import { JOURNAL_FOLDER, segmentName } from './segment.ts'
import { type NamingFiles, stagedNames } from './staging.ts'
import { isNoRoom } from './watched-files.ts'
import type { WriteOrder, WriteOutcome, WriterPlace } from './writer.ts'

/** The calls a writer makes of a disk. */
export interface WriterFiles extends NamingFiles, Pick<FileSystem, 'status' | 'syncFolder'> {
  /** Whether something surely has this name; false too when nobody can tell. The cheapest look there is. */
  isThere(path: string): Promise<boolean>
}

const WRITTEN: WriteOutcome = { kind: 'written' }
const FENCED: WriteOutcome = { kind: 'fenced', wrote: false }
const FENCED_BEHIND: WriteOutcome = { kind: 'fenced', wrote: true }

/** Writes batches to one segment after the other. */
export class SegmentWriter {
  readonly #files: WriterFiles
  readonly #names: NamingFiles
  readonly #folder: string
  readonly #staging: string
  readonly #owner: string
  readonly #successor: string
  #open: { readonly segment: number; readonly path: string; readonly handle: FileHandle } | undefined

  constructor(files: WriterFiles, place: WriterPlace) {
    this.#files = files
    this.#names = stagedNames(files, place.staging)
    this.#folder = `${place.folder}/${JOURNAL_FOLDER}`
    this.#staging = place.staging
    this.#owner = `${place.folder}/${ownerFileName(place.epoch)}`
    this.#successor = `${place.folder}/${ownerFileName(place.epoch + 1)}`
  }

  /** Writes a batch; the answer never rejects. */
  async write(order: WriteOrder, bytes: Uint8Array): Promise<WriteOutcome> {
    const path = `${this.#folder}/${segmentName(order.segment)}`
    let isNew = false
    try {
      if (order.opening !== null) {
        await this.#close()
        isNew = order.opening.from !== 'existing'
        if (isNew && !(await this.#isOurs())) return FENCED
        await this.#openSegment(order, path)
        // A file that is open before the store is taken is not the one its next owner goes on in (W9).
        if (!isNew && !(await this.#isOurs())) return FENCED
      }
      await this.#handle().write(bytes, order.offset)
      if (isNew) await this.#files.syncFolder(this.#folder)
      return (await this.#isOurs()) ? WRITTEN : FENCED_BEHIND
    } catch (error) {
      const reason = reasonOf(error)
      // Nothing was written: what is missing is a name, and with it the staging folder.
      if (reason === 'ENOENT' && !(await this.#isStillOurs())) return FENCED
      if (!isNoRoom(error)) return { kind: 'failed', reason }
      try {
        await (isNew ? this.#takeBackSegment(order, path) : this.#takeBack(order.offset))
        // Whoever took the store before that may have read what was taken back.
        return (await this.#isOurs()) ? { kind: 'full', reason } : FENCED_BEHIND
      } catch (second) {
        return { kind: 'failed', reason: `${reason}, and taking back what was written: ${reasonOf(second)}` }
      }
    }
  }

  /** Cuts the open segment at `end` and closes it; the answer never rejects. */
  async finish(end: number): Promise<WriteOutcome> {
    if (this.#open === undefined) return WRITTEN
    try {
      await this.#takeBack(end)
      await this.#close()
      return WRITTEN
    } catch (error) {
      return { kind: 'failed', reason: reasonOf(error) }
    }
  }

  /** Lets the open file go as it is. */
  async abandon(): Promise<void> {
    await this.#close().catch(() => undefined)
  }

  async #openSegment({ opening, segment }: WriteOrder, path: string): Promise<void> {
    if (opening?.from !== 'prepared') {
      const mode = opening?.from === 'new' ? 'create-synced' : 'write-synced'
      this.#open = { segment, path, handle: await this.#names.open(path, mode) }
      return
    }
    // Under its temporary name: by the time it has the other one, that may be the file of another owner (W9).
    const { temporary } = opening
    const handle = await this.#names.open(temporary, 'write-synced')
    try {
      // A link, not a rename: it fails when the name is taken (W4).
      await this.#names.link(temporary, path)
    } catch (error) {
      await handle.close().catch(() => undefined)
      throw error
    }
    this.#open = { segment, path, handle }
    await this.#names.remove(temporary)
  }

  #handle(): FileHandle {
    if (this.#open === undefined) throw Object.assign(new TypeError('no segment is open'), { code: 'EBADF' })
    return this.#open.handle
  }

  async #takeBack(end: number): Promise<void> {
    const handle = this.#handle()
    await handle.truncate(end)
    await handle.sync()
  }

  async #takeBackSegment({ opening }: WriteOrder, path: string): Promise<void> {
    if (opening?.from === 'prepared') await this.#names.remove(opening.temporary).catch(() => undefined)
    if (this.#open !== undefined) {
      await this.#close()
      await this.#names.remove(path)
    }
    await this.#files.syncFolder(this.#folder)
  }

  async #close(): Promise<void> {
    const open = this.#open
    this.#open = undefined
    await open?.handle.close()
  }

  async #isStillOurs(): Promise<boolean> {
    return this.#isOurs().catch(() => true)
  }

  /** Among owner files the successor is looked for first: lower numbers are removed only after a higher one exists. */
  async #isOurs(): Promise<boolean> {
    if (await this.#files.isThere(this.#staging)) return true // W10
    if ((await this.#files.status(this.#successor)) !== undefined) return false
    return (await this.#files.status(this.#owner)) !== undefined
  }
}

function reasonOf(error: unknown): string {
  return errnoOf(error) ?? (error instanceof Error ? error.message : String(error))
}
