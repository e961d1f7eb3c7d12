/**
 * The bytes of a file from a place on, block after block.
 *   BL1  The next block is read while the one before is looked through; two buffers take turns.
 */
import type { FileHandle } from '../file-system.ts'

/** What a line that began in the block before may need without a copy of the whole block. */
const MOST_HEADROOM = 1 << 16

/** Reads one file forward. */
export class Blocks {
  readonly #handle: FileHandle
  readonly #blockBytes: number
  readonly #headroom: number
  readonly #readsAhead: boolean
  #at: number
  /** Where a block is being read to, what its reader looks at, and the one that is free. */
  #filling: Buffer | undefined
  #shown: Buffer | undefined
  #spare: Buffer | undefined
  #ahead: Promise<number> | undefined

  /** @param readsAhead - false for those who often stop after the first block. */
  constructor(handle: FileHandle, from: number, blockBytes: number, readsAhead: boolean) {
    this.#handle = handle
    this.#at = from
    this.#blockBytes = blockBytes
    this.#headroom = Math.min(MOST_HEADROOM, blockBytes)
    this.#readsAhead = readsAhead
  }

  /**
   * The next bytes of the file behind `rest`, which is what was left of the block before; `rest` alone at the end.
   * They are good until the next call.
   */
  async next(rest: Buffer): Promise<Buffer> {
    const read = await (this.#ahead ?? this.#read())
    this.#ahead = undefined
    this.#at += read
    const buffer = this.#filling as Buffer
    const bytes = this.#joined(rest, buffer, read)
    this.#spare = this.#shown
    this.#shown = buffer
    if (this.#readsAhead && read > 0) {
      this.#ahead = this.#read()
      // Whoever stops here never asks how it went.
      this.#ahead.catch(() => undefined)
    }
    return bytes
  }

  /** Waits for what is still on its way: a file must not be closed under it. */
  async end(): Promise<void> {
    await this.#ahead?.catch(() => undefined)
  }

  /** `rest` may lie where the block after this one goes. */
  #joined(rest: Buffer, buffer: Buffer, read: number): Buffer {
    const headroom = this.#headroom
    const start = headroom - rest.length
    if (start < 0) return Buffer.concat([rest, buffer.subarray(headroom, headroom + read)])
    rest.copy(buffer, start)
    return buffer.subarray(start, headroom + read)
  }

  #read(): Promise<number> {
    const buffer = this.#spare ?? Buffer.allocUnsafe(this.#headroom + this.#blockBytes)
    this.#spare = undefined
    this.#filling = buffer
    return this.#handle.read(buffer, this.#headroom, this.#blockBytes, this.#at)
  }
}
