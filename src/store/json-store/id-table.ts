/**
 * Session ids in one block of bytes, each with a slot number: what a `Map<string, number>` does with a third of the
 * memory, nothing for the garbage collector to visit, and a table that is rebuilt from a file in milliseconds.
 *   TB1  An id has one slot while it is in the table; a slot that was given back is used again.
 *   TB2  A removed id is in nothing that `pack` gives.
 *   TB3  Whoever chooses ids cannot choose collisions without knowing the secret that the hash starts from.
 */
import { crc32 } from 'node:zlib'

const EMPTY = 0
const REMOVED = 0xffffffff
const NOBODY = 0xffffffff

const FIRST_SLOTS = 64
const FIRST_BYTES = 4096

/** Ids with slots 0, 1, 2 …; the slots of removed ids are given out again. */
export class IdTable {
  #bytes = Buffer.alloc(FIRST_BYTES)
  #end = 0
  /** Where the id of a slot starts in `#bytes`; NOBODY for a free slot. */
  #starts = new Uint32Array(FIRST_SLOTS)
  #lengths = new Uint16Array(FIRST_SLOTS)
  #used = 0
  #free: number[] = []
  /** Open addressing: slot + 1, EMPTY or REMOVED; its size is a power of two, at most half of it is taken. */
  #cells = new Uint32Array(FIRST_SLOTS * 2)
  #taken = 0
  readonly #seed: number

  /**
   * An empty table, or one with ids of these lengths, one after the other in `bytes`, at slots 0, 1, 2 …
   *
   * @param secret - anything that those who choose ids do not know (TB3).
   */
  constructor(secret = '', bytes?: Uint8Array, lengths?: Uint16Array) {
    this.#seed = crc32(secret)
    if (bytes === undefined || lengths === undefined) return
    this.#bytes = Buffer.from(bytes)
    this.#end = bytes.length
    this.#used = lengths.length
    this.#lengths = new Uint16Array(Math.max(FIRST_SLOTS, lengths.length))
    this.#lengths.set(lengths)
    this.#starts = new Uint32Array(this.#lengths.length)
    let at = 0
    for (let slot = 0; slot < lengths.length; slot += 1) {
      this.#starts[slot] = at
      at += lengths[slot] as number
    }
    this.#rehash()
  }

  /** How many ids are in the table. */
  get size(): number {
    return this.#used - this.#free.length
  }

  /** The slot of an id; -1 when it is not in the table. */
  find(id: string): number {
    const cell = this.#cellOf(packed(id))
    return cell < 0 ? -1 : (this.#cells[cell] as number) - 1
  }

  /** The slot of an id, a fresh one when it is not in the table (TB1). */
  add(id: string): number {
    const key = packed(id)
    const known = this.#cellOf(key)
    if (known >= 0) return (this.#cells[known] as number) - 1
    const slot = this.#free.pop() ?? this.#newSlot()
    if (this.#end + key.length > this.#bytes.length) this.#repack(key.length)
    this.#starts[slot] = this.#end
    this.#lengths[slot] = key.length
    for (let index = 0; index < key.length; index += 1) this.#bytes[this.#end + index] = key.charCodeAt(index)
    this.#end += key.length
    if ((this.#taken + 1) * 2 > this.#cells.length) this.#rehash()
    else this.#enter(slot)
    return slot
  }

  /** Removes an id (TB2) and gives back its slot; -1 when it was not in the table. */
  remove(id: string): number {
    const cell = this.#cellOf(packed(id))
    if (cell < 0) return -1
    const slot = (this.#cells[cell] as number) - 1
    this.#cells[cell] = REMOVED
    this.#starts[slot] = NOBODY
    this.#lengths[slot] = 0
    this.#free.push(slot)
    return slot
  }

  /** The id of a slot in use. */
  id(slot: number): string {
    const start = this.#starts[slot] as number
    return unpacked(this.#bytes.toString('latin1', start, start + (this.#lengths[slot] as number)))
  }

  /** Behind the highest slot that was ever in use. */
  get end(): number {
    return this.#used
  }

  /** Whether a slot is in use. */
  isUsed(slot: number): boolean {
    return slot < this.#used && this.#starts[slot] !== NOBODY
  }

  /** The slots in use, lowest first. Ids that come while iterating may or may not be seen. */
  *slots(): Generator<number> {
    for (let slot = 0; slot < this.#used; slot += 1) if (this.#starts[slot] !== NOBODY) yield slot
  }

  /** The bytes of all ids in the order of `slots()`, and their lengths. */
  pack(): { bytes: Uint8Array; lengths: Uint16Array } {
    const lengths = new Uint16Array(this.size)
    let row = 0
    let total = 0
    for (const slot of this.slots()) {
      lengths[row] = this.#lengths[slot] as number
      total += lengths[row] as number
      row += 1
    }
    const bytes = new Uint8Array(total)
    let at = 0
    for (const slot of this.slots()) at = this.#copyId(slot, bytes, at)
    return { bytes, lengths }
  }

  #copyId(slot: number, target: Uint8Array, at: number): number {
    const start = this.#starts[slot] as number
    const end = start + (this.#lengths[slot] as number)
    for (let from = start, to = at; from < end; from += 1, to += 1) target[to] = this.#bytes[from] as number
    return at + end - start
  }

  #cellOf(key: string): number {
    const mask = this.#cells.length - 1
    for (let cell = hashOfKey(this.#seed, key) & mask; ; cell = (cell + 1) & mask) {
      const found = this.#cells[cell] as number
      if (found === EMPTY) return -1
      if (found !== REMOVED && this.#holds(found - 1, key)) return cell
    }
  }

  #holds(slot: number, key: string): boolean {
    if (this.#lengths[slot] !== key.length) return false
    const start = this.#starts[slot] as number
    // From the end: ids made in one go often share their beginning.
    for (let index = key.length - 1; index >= 0; index -= 1) {
      if (this.#bytes[start + index] !== key.charCodeAt(index)) return false
    }
    return true
  }

  #newSlot(): number {
    const slot = this.#used
    if (slot === this.#starts.length) {
      const starts = new Uint32Array(Math.ceil(slot * 1.5))
      starts.set(this.#starts)
      const lengths = new Uint16Array(starts.length)
      lengths.set(this.#lengths)
      this.#starts = starts
      this.#lengths = lengths
    }
    this.#used += 1
    this.#starts[slot] = NOBODY
    return slot
  }

  /** Makes room for more bytes and leaves out those of removed ids. */
  #repack(more: number): void {
    const { bytes } = this.pack()
    const target = Buffer.alloc(Math.ceil(bytes.length * 1.5) + more + FIRST_BYTES)
    let at = 0
    for (const slot of this.slots()) {
      const start = at
      at = this.#copyId(slot, target, at)
      this.#starts[slot] = start
    }
    this.#bytes = target
    this.#end = at
  }

  #rehash(): void {
    let cells = FIRST_SLOTS * 2
    while (cells < this.size * 3) cells *= 2
    this.#cells = new Uint32Array(cells)
    this.#taken = 0
    for (let slot = 0; slot < this.#used; slot += 1) if (this.#starts[slot] !== NOBODY) this.#enter(slot)
  }

  #enter(slot: number): void {
    const mask = this.#cells.length - 1
    const start = this.#starts[slot] as number
    let cell = hashOfBytes(this.#seed, this.#bytes, start, start + (this.#lengths[slot] as number)) & mask
    while (this.#cells[cell] !== EMPTY) cell = (cell + 1) & mask
    this.#cells[cell] = slot + 1
    this.#taken += 1
  }
}

function hashOfKey(seed: number, key: string): number {
  let hash = seed
  for (let index = 0; index < key.length; index += 1)
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
  return mixed(hash)
}

function hashOfBytes(seed: number, bytes: Uint8Array, start: number, end: number): number {
  let hash = seed
  for (let index = start; index < end; index += 1)
    hash = Math.imul(hash ^ (bytes[index] as number), 0x01000193)
  return mixed(hash)
}

// FNV leaves the low bits of short keys alike; the cell is taken from the low bits.
function mixed(hash: number): number {
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 7
}

/** The id as a string of bytes: itself, or, when a character does not fit a byte, NUL and its UTF-8 form. */
function packed(id: string): string {
  let bits = 0
  for (let index = 0; index < id.length; index += 1) bits |= id.charCodeAt(index)
  if (bits <= 0xff && id.charCodeAt(0) !== 0) return id
  return `\0${Buffer.from(id, 'utf8').toString('latin1')}`
}

function unpacked(key: string): string {
  return key.startsWith('\0') ? Buffer.from(key.slice(1), 'latin1').toString('utf8') : key
}
