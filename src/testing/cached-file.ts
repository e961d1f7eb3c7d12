/**
 * The bytes of one simulated file: what the page cache shows and what the disk holds.
 *   FK1  Reads see the page cache; a power cut leaves what the disk holds.
 *   FK2  At a power cut every dirty 512-byte sector is kept, dropped or zeroed on its own. Zeroed is a block that was
 *       allocated and never written, so only bytes past the old end can turn to zeros: sectors do not tear.
 *   FK3  A failed sync drops the dirty marks: the cache goes on showing the bytes and the next sync "succeeds" without
 *       writing them, as on Linux.
 */
import type { SeededRandom } from './seeded-random.ts'

/** What a disk writes whole or not at all. */
const SECTOR_BYTES = 512

/** Bytes that grow; everything past `size` is zero. */
interface Bytes {
  buffer: Buffer
  size: number
}

function resize(bytes: Bytes, size: number): void {
  if (size > bytes.buffer.length) {
    const larger = Buffer.alloc(Math.max(size, bytes.buffer.length * 2))
    bytes.buffer.copy(larger, 0, 0, bytes.size)
    bytes.buffer = larger
  }
  if (size < bytes.size) bytes.buffer.fill(0, size, bytes.size)
  bytes.size = size
}

/** One simulated file, whatever names it has. */
export class CachedFile {
  readonly #pages: Bytes = { buffer: Buffer.alloc(0), size: 0 }
  readonly #disk: Bytes = { buffer: Buffer.alloc(0), size: 0 }
  readonly #dirty = new Set<number>()
  /** The smallest size a truncation gave since the last sync; undefined when none did. */
  #shrunkTo: number | undefined

  get size(): number {
    return this.#pages.size
  }

  /** A copy of what readers see. */
  contents(): Buffer {
    return Buffer.from(this.#pages.buffer.subarray(0, this.#pages.size))
  }

  read(target: Uint8Array, offset: number, length: number, position: number): number {
    const end = Math.min(position + length, this.#pages.size)
    return end <= position ? 0 : this.#pages.buffer.copy(target, offset, position, end)
  }

  write(bytes: Uint8Array, position: number): void {
    if (bytes.length === 0) return
    const end = position + bytes.length
    if (end > this.#pages.size) resize(this.#pages, end)
    this.#pages.buffer.set(bytes, position)
    for (const sector of sectorsOf(position, end)) this.#dirty.add(sector)
  }

  truncate(size: number): void {
    if (size < this.#pages.size) {
      this.#shrunkTo = Math.min(size, this.#shrunkTo ?? size)
      for (const sector of this.#dirty) if (sector * SECTOR_BYTES >= size) this.#dirty.delete(sector)
    }
    resize(this.#pages, size)
  }

  /** Bytes and size are on the disk afterwards. */
  sync(): void {
    this.#shrinkDisk(this.#disk)
    for (const sector of this.#dirty) this.#keep(this.#disk, sector)
    resize(this.#disk, this.#pages.size)
    this.#dirty.clear()
    this.#shrunkTo = undefined
  }

  /** What a synced write adds to `write`: its own sectors, and the size they need, are on the disk afterwards. */
  syncRange(position: number, length: number): void {
    this.#shrinkDisk(this.#disk)
    this.#shrunkTo = undefined
    for (const sector of sectorsOf(position, position + length)) {
      this.#keep(this.#disk, sector)
      this.#dirty.delete(sector)
    }
  }

  /** A sync that failed: some sectors reached the disk, none is dirty any more (FK3). */
  failSync(random: SeededRandom): void {
    for (const sector of this.#dirty) if (random.chance(0.5)) this.#keep(this.#disk, sector)
    this.#dirty.clear()
  }

  /** Everything on the disk, without a call: for arranging a test. */
  settle(): void {
    for (const sector of sectorsOf(0, this.#pages.size)) this.#dirty.add(sector)
    this.sync()
  }

  /** This file as one power cut leaves it; the file itself is not altered (FK2). */
  afterPowerCut(random: SeededRandom): CachedFile {
    const disk: Bytes = { buffer: Buffer.from(this.#disk.buffer), size: this.#disk.size }
    if (random.chance(0.5)) this.#shrinkDisk(disk)
    // Drawn per file, so that "nearly all", "nearly none" and "half of it" all come up.
    const keeping = random.next()
    for (const sector of this.#dirty) {
      if (random.chance(keeping)) this.#keep(disk, sector)
      else if (random.chance(0.2)) resize(disk, Math.max(disk.size, this.#endOf(sector)))
    }
    if (this.#pages.size > disk.size && random.chance(0.2)) resize(disk, this.#pages.size)
    const survivor = new CachedFile()
    survivor.write(disk.buffer.subarray(0, disk.size), 0)
    survivor.sync()
    return survivor
  }

  #shrinkDisk(disk: Bytes): void {
    if (this.#shrunkTo !== undefined && this.#shrunkTo < disk.size) resize(disk, this.#shrunkTo)
  }

  #keep(disk: Bytes, sector: number): void {
    const end = this.#endOf(sector)
    if (end > disk.size) resize(disk, end)
    this.#pages.buffer.copy(disk.buffer, sector * SECTOR_BYTES, sector * SECTOR_BYTES, end)
  }

  #endOf(sector: number): number {
    return Math.min((sector + 1) * SECTOR_BYTES, this.#pages.size)
  }
}

function* sectorsOf(from: number, to: number): Generator<number> {
  for (let sector = Math.floor(from / SECTOR_BYTES); sector * SECTOR_BYTES < to; sector += 1) yield sector
}
