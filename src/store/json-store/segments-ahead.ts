/**
 * The next segment, made ahead: a file full of newlines, so that writing to it changes no metadata.
 *   AH1  Only files made for this purpose are used, never recycled ones with old content.
 *   AH2  Nothing waits for a file made ahead; when it is not ready, the segment grows instead.
 */
import type { FileSystem } from '../file-system.ts'
import { segmentName } from './segment.ts'

const SLICE = Buffer.alloc(1 << 20, '\n')

interface Making {
  readonly segment: number
  readonly path: string
  ready: boolean
  wanted: boolean
  readonly done: Promise<void>
}

/** What is needed to make segments ahead. */
export interface SegmentsAheadOptions {
  readonly files: FileSystem
  /** The journal folder. */
  readonly folder: string
  readonly segmentBytes: number
  readonly unique: () => string
}

/** Makes one segment file ahead in the background. */
export class SegmentsAhead {
  readonly #options: SegmentsAheadOptions
  #making: Making | undefined
  /** Files given up before they were ready; they remove themselves. */
  readonly #leaving = new Set<Promise<void>>()

  constructor(options: SegmentsAheadOptions) {
    this.#options = options
  }

  /** Starts to make the file of a segment, unless that was done before. */
  prepare(segment: number): void {
    if (this.#making?.segment === segment) return
    this.#leave()
    const path = `${this.#options.folder}/${segmentName(segment)}.${this.#options.unique()}.tmp`
    const making: { -readonly [key in keyof Making]: Making[key] } = {
      segment,
      path,
      ready: false,
      wanted: true,
      done: Promise.resolve(),
    }
    making.done = this.#make(making)
    this.#making = making
  }

  /** The path of the finished file for a segment, which is the caller's from here on; undefined when there is none. */
  take(segment: number): string | undefined {
    const making = this.#making
    if (making === undefined || making.segment !== segment || !making.ready) {
      this.#leave()
      return undefined
    }
    this.#making = undefined
    return making.path
  }

  /** Removes what was made and not taken. */
  async dispose(): Promise<void> {
    this.#leave()
    await Promise.all(this.#leaving)
  }

  #leave(): void {
    const making = this.#making
    this.#making = undefined
    if (making === undefined) return
    making.wanted = false
    const gone = making.done
      .then(() => (making.ready ? this.#options.files.remove(making.path) : undefined))
      .catch(() => undefined)
      .then(() => void this.#leaving.delete(gone))
    this.#leaving.add(gone)
  }

  /** Never rejects: what cannot be made ahead is made when it is needed (AH2). */
  async #make(making: Making): Promise<void> {
    const { files, folder, segmentBytes } = this.#options
    try {
      const handle = await files.open(making.path, 'create')
      try {
        for (let at = 0; at < segmentBytes && making.wanted; at += SLICE.length) {
          await handle.write(SLICE.subarray(0, Math.min(SLICE.length, segmentBytes - at)), at)
        }
        if (making.wanted) await handle.sync()
      } finally {
        await handle.close()
      }
      if (making.wanted) {
        await files.syncFolder(folder)
        making.ready = true
      } else {
        await files.remove(making.path)
      }
    } catch {
      await files.remove(making.path).catch(() => undefined)
    }
  }
}
