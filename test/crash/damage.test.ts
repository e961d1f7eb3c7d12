/**
 * Damage: each byte of a small store changed, each length cut, lines swapped, repeated and taken from another store, and old
 * copies of single files put back. What is shown afterwards is as it was, or said to be damaged, with its place; what a
 * repair can bring back is back, and the rest is aside. In CI one bit of each byte is flipped (of index and shards,
 * where one checksum covers all, of one byte in eight), one length in eight is cut and one case in sixteen is repaired; the long form flips every
 * bit, cuts every length and repairs all.
 */
import { expect, test } from 'vitest'
import type { Case } from './damage-judge.ts'
import { judge } from './damage-judge.ts'
import type { KnownLine, SoundStore } from './damage-stores.ts'
import { soundStore } from './damage-stores.ts'
import { crashPart } from './part-report.ts'

const part = crashPart('damage')
const isLong = part.minutes !== undefined
part.reached['form'] = isLong ? 'every bit, every length' : 'one bit of each byte, one length in 8'

/** So many faults are enough to look at. */
const MOST_FAULTS = 10

/** Judges cases one after the other; tells the faults, of the first few bad ones. */
async function sweep(
  sound: SoundStore,
  kind: string,
  cases: Iterable<Case>,
  repairEvery: number,
): Promise<string[]> {
  const faults: string[] = []
  let number = part.random.below(repairEvery)
  for (const one of cases) {
    const repairs = isLong || (number += 1) % repairEvery === 0
    const verdict = await judge(sound, one, repairs)
    part.count(kind)
    part.count(verdict.outcome)
    if (repairs) part.count('repaired')
    for (const fault of verdict.faults) faults.push(`${one.file} [${one.from}, ${one.to}): ${fault}`)
    if (faults.length > MOST_FAULTS) break
  }
  return faults
}

/** Every file but those that a killed process had not finished, which nobody reads. */
function readFiles({ files }: SoundStore['disk']): [file: string, bytes: Buffer][] {
  return [...files].filter(([file]) => !file.endsWith('.tmp'))
}

/** Shards and indexes, in which one checksum covers every byte. */
function isOneChecksum(file: string): boolean {
  return /\/snapshots\/|\/index-/.test(file)
}

function* flips({ disk }: SoundStore, every: number): Generator<Case> {
  let number = part.random.below(every)
  for (const [file, bytes] of readFiles(disk)) {
    for (let at = 0; at < bytes.length; at += 1) {
      const drawn = part.random.below(8)
      if (!isLong && (number += 1) % (isOneChecksum(file) ? every * 8 : every) !== 0) continue
      for (const bit of isLong ? [0, 1, 2, 3, 4, 5, 6, 7] : [drawn]) {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] as number) ^ (1 << bit)
        yield { disk: disk.with(file, changed), file, from: at, to: at + 1 }
      }
    }
  }
}

function* cuts({ disk, unseen }: SoundStore, every: number): Generator<Case> {
  let number = part.random.below(every)
  for (const [file, bytes] of readFiles(disk)) {
    if (file === unseen) continue
    for (let at = 0; at < bytes.length; at += 1) {
      if (!isLong && (number += 1) % every !== 0) continue
      yield { disk: disk.with(file, bytes.subarray(0, at)), file, from: at, to: Infinity }
    }
  }
}

/** A line in the place of another; both are touched. */
function* swaps({ disk, lines }: SoundStore): Generator<Case> {
  for (const [number, one] of lines.entries()) {
    for (const other of lines.slice(number + 1)) {
      if (other.file !== one.file) continue
      const bytes = disk.files.get(one.file) as Buffer
      const swapped = [
        bytes.subarray(0, one.start),
        bytes.subarray(other.start, other.end),
        bytes.subarray(one.end, other.start),
        bytes.subarray(one.start, one.end),
        bytes.subarray(other.end),
      ]
      yield {
        disk: disk.with(one.file, Buffer.concat(swapped)),
        file: one.file,
        from: one.start,
        to: other.end,
      }
    }
  }
}

/** A line once more, behind every line of every segment. */
function* repeats(sound: SoundStore): Generator<Case> {
  for (const one of sound.lines) {
    for (const after of sound.lines) yield inserted(sound, after, sound, one)
  }
}

/**
 * A line of another store behind each of ours. Lines carry no store id, so where a stranger would be taken for ours, in front
 * of the line that has the same place, it is not put (docs/durability.md).
 */
function* strangers(sound: SoundStore, foreign: SoundStore): Generator<Case> {
  for (const one of foreign.lines) {
    for (const after of sound.lines) {
      const isBefore = after.file === one.file && after.ordinal < one.ordinal
      if (!isBefore) yield inserted(sound, after, foreign, one)
    }
  }
}

/** A line put in behind another; those it overtakes are out of order then. */
function inserted({ disk, lines }: SoundStore, after: KnownLine, from: SoundStore, line: KnownLine): Case {
  const { file, end } = after
  const added = from.disk.files.get(line.file)?.subarray(line.start, line.end) as Buffer
  const bytes = disk.files.get(file) as Buffer
  const changed = Buffer.concat([bytes.subarray(0, end), added, bytes.subarray(end)])
  const overtaken = lines.filter((other) => other.file === line.file && other.ordinal < line.ordinal)
  const to = line.file === file ? Math.max(end, ...overtaken.map((other) => other.end)) : end
  return { disk: disk.with(file, changed), file, from: end, to: to + added.length, inserted: line.sessionId }
}

/** An older copy of one file, or none. */
function* oldFiles({ disk, earlier, unseen }: SoundStore): Generator<Case> {
  for (const [file, bytes] of disk.files) {
    const before = earlier.files.get(file)
    if (file === unseen || before?.equals(bytes) === true) continue
    yield { disk: disk.with(file, before), file, from: 0, to: Infinity }
  }
  for (const [file, bytes] of earlier.files) {
    if (!disk.files.has(file)) yield { disk: disk.with(file, bytes), file, from: 0, to: 0 }
  }
}

test('[RC3, RC4, RC10, IF1, SH2] a flipped bit is told or does no harm, and a repair brings back what it can', async () => {
  const closed = await soundStore('closed', 'one')
  expect(await sweep(closed, 'flipped, closed store', flips(closed, 1), 16)).toEqual([])
  const killed = await soundStore('killed', 'one')
  expect(await sweep(killed, 'flipped, killed store', flips(killed, 8), 16)).toEqual([])
})

test('[RC3, RC4, RC10] a file cut at any length is told, and a repair brings back what it can', async () => {
  const closed = await soundStore('closed', 'one')
  expect(await sweep(closed, 'cut, closed store', cuts(closed, 8), 16)).toEqual([])
  const killed = await soundStore('killed', 'one')
  expect(await sweep(killed, 'cut, killed store', cuts(killed, 16), 16)).toEqual([])
})

test('[RC2, RC4, SG2] lines that were swapped or repeated are not believed', async () => {
  const sound = await soundStore('closed', 'one')
  expect(await sweep(sound, 'swapped', swaps(sound), 1)).toEqual([])
  expect(await sweep(sound, 'repeated', repeats(sound), 4)).toEqual([])
})

test('[RC2, RC4] a line of another store is not believed where one of ours stands', async () => {
  const sound = await soundStore('closed', 'one')
  const foreign = await soundStore('closed', 'two')
  expect(await sweep(sound, 'of another store', strangers(sound, foreign), 4)).toEqual([])
})

test('[RC1, RC4, JC5] an older copy of one file, or its absence, is told or does no harm', async () => {
  for (const end of ['closed', 'killed'] as const) {
    const sound = await soundStore(end, 'one')
    expect(await sweep(sound, 'older or missing', oldFiles(sound), 1)).toEqual([])
  }
})
