/**
 * RAW: stringify of the lines the product writes, CRC32, copy into a slab, one synced write per batch. Its segments are of
 * the same kind: the first one grows, the next is filled with newlines ahead while one is written, and is used when it is
 * ready. Nothing is checked, kept or answered.
 */
import { constants, readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'

const SEGMENT_BYTES = 16 << 20
const SLICE = Buffer.alloc(1 << 20, '\n')
const { O_RDWR, O_CREAT, O_DSYNC } = constants

/** The journal nobody can beat. */
export class RawJournal {
  #lines
  #next = 0
  #slab = Buffer.alloc(1 << 20)
  #dir
  #segment = 0
  #file
  #offset = 0
  #ahead
  #making
  #ready

  /** With `ready` the bytes of the first batch are written again and again: what the disk alone can do. */
  constructor(dir, lines, { ready = false } = {}) {
    this.#dir = dir
    this.#ready = ready ? new Map() : undefined
    // Appends only: what the sessions began with is not part of the work.
    this.#lines = readFileSync(lines, 'utf8')
      .split('\n')
      .filter((line) => line.includes('"entries":['))
      .map((line) => {
        const { crc: _, ...rest } = JSON.parse(line)
        return rest
      })
    this.#file = this.#open(1)
  }

  /** Writes batches of `count` lines for so long. */
  async run(count, ms) {
    const started = performance.now()
    const batchMs = []
    let [appends, bytes, at] = [0, 0, started]
    while (at - started < ms) {
      const length = this.#ready?.get(count) ?? this.#encode(count)
      this.#ready?.set(count, length)
      await this.#write(length)
      appends += count
      bytes += length
      const now = performance.now()
      batchMs.push(now - at)
      at = now
    }
    return { appends, bytes, seconds: (at - started) / 1000, batchMs }
  }

  async close() {
    await this.#making
    fs.closeSync(this.#file)
  }

  #encode(count) {
    const lines = this.#lines
    let end = 0
    for (let n = 0; n < count; n += 1) {
      const line = lines[this.#next]
      this.#next = this.#next + 1 === lines.length ? 0 : this.#next + 1
      const start = end
      end += this.#slab.latin1Write(JSON.stringify(line), end) - 1
      const sum = crc32(this.#slab.subarray(start, end))
      end += this.#slab.latin1Write(`,"crc":"${sum.toString(16).padStart(8, '0')}"}\n`, end)
    }
    return end
  }

  #write(length) {
    if (this.#offset >= SEGMENT_BYTES) this.#rotate()
    const offset = this.#offset
    this.#offset += length
    if (this.#offset > SEGMENT_BYTES / 2) this.#prepare()
    return new Promise((resolve, reject) => {
      fs.write(this.#file, this.#slab, 0, length, offset, (error) =>
        error === null ? resolve() : reject(error),
      )
    })
  }

  #rotate() {
    fs.closeSync(this.#file)
    this.#offset = 0
    const ready = this.#ahead
    this.#ahead = undefined
    this.#making = undefined
    if (ready === undefined) this.#file = this.#open(this.#segment + 1)
    else {
      this.#segment += 1
      this.#file = fs.openSync(ready, O_RDWR | O_DSYNC)
    }
  }

  #open(segment) {
    this.#segment = segment
    return fs.openSync(join(this.#dir, `${segment}.jsonl`), O_RDWR | O_CREAT | O_DSYNC, 0o600)
  }

  #prepare() {
    this.#making ??= this.#fill(join(this.#dir, `${this.#segment + 1}.ahead`)).then((path) => {
      this.#ahead = path
    })
  }

  async #fill(path) {
    const handle = await open(path, 'w', 0o600)
    for (let at = 0; at < SEGMENT_BYTES; at += SLICE.length) await handle.write(SLICE, 0, SLICE.length, at)
    await handle.sync()
    await handle.close()
    return path
  }
}
