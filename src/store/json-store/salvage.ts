/**
 * What can be saved of one session whose chain of lines is broken. Pure: lines in, a plan out.
 *   SA1  The newest state that can be worked out wins: from a whole patch or a snapshot behind the break if there is one,
 *        else the state before the break. A snapshot whose own line is gone gives that state too, under its revision, even
 *        when no line of the session is left.
 *   SA2  What is kept is one unbroken chain; the line it starts with holds the whole state and names no line before it.
 *   SA3  Entries of whole lines before that start are lifted into it, each once, so that the transcript keeps them.
 *   SA4  The report names every revision that is not readable any more.
 *   SA5  A session that is known to be deleted stays deleted, even when its tombstone is what was lost.
 */
import type { Change, StoredEntry, StoredState } from '../change.ts'
import { asWhole, fold } from '../change.ts'
import type { ChangeLine } from './line.ts'
import { lineBody, roomFor, writeLine } from './line.ts'
import type { Place } from './position.ts'
import type { Snapshot } from './snapshots.ts'
import { stateOf } from './snapshots.ts'

/** What became of one session. */
export interface SessionRepair {
  readonly sessionId: string
  /**
   * `intact`: every known change is readable. `prefix`: changes after the break are lost. `suffix`: changes before the
   * new start are lost, the newest state is kept. `lost`: nothing could be read back. `deleted`: it was deleted.
   */
  readonly outcome: 'intact' | 'prefix' | 'suffix' | 'lost' | 'deleted'
  /** The newest revision that is left; 0 when nothing is. */
  readonly revision: number
  /** Revisions from first to last, both inclusive, that are not readable as changes any more. */
  readonly lostRevisions: readonly (readonly [first: number, last: number])[]
  /** Entries of lost changes that were saved into the first change that is left. */
  readonly liftedEntries: number
}

/** What to do with the lines of a session; those that are named nowhere stay. */
export interface SalvagePlan {
  readonly report: SessionRepair
  /** Lines that are set aside. */
  readonly dropped: readonly ChangeLine[]
  /** Lines of earlier, deleted lives that go for good. */
  readonly discarded: readonly ChangeLine[]
  /** The line that takes the place of the first one kept, when that has to change (SA2), or of one that is gone. */
  readonly start: { readonly place: Place; readonly bytes: Buffer } | undefined
}

/** More bytes of entries than this are not lifted into one line. */
const MOST_LIFTED_BYTES = 4 * 1024 * 1024

/** What is known of a session beside its legible lines. */
export interface SalvageHints {
  readonly snapshot?: Snapshot | undefined
  /** The newest revision that an index, or legible remains of a line, tell of. */
  readonly newestRevision?: number
  /** A tombstone is known to have followed all legible lines. */
  readonly isDeleted?: boolean
}

/** Plans what is kept of a session; `lines` are all its legible ones in journal order. */
export function planSalvage(
  sessionId: string,
  lines: readonly ChangeLine[],
  hints: SalvageHints = {},
): SalvagePlan {
  const { snapshot, newestRevision = 0, isDeleted = false } = hints
  const lifeAt = lines.findLastIndex(({ change }) => change.tombstone === true) + 1
  const tombstone = lines[lifeAt - 1]
  const born = tombstone?.change.revision ?? 0
  const life = lines.slice(lifeAt)
  const plan = (
    outcome: SessionRepair['outcome'],
    kept: readonly ChangeLine[],
    lifted: readonly StoredEntry[] = [],
    start?: SalvagePlan['start'],
  ): SalvagePlan => {
    const keptLines = new Set(kept)
    return {
      report: {
        sessionId,
        outcome,
        revision: kept.at(-1)?.change.revision ?? born,
        lostRevisions: outcome === 'deleted' ? [] : missing(born, life, kept, newestRevision),
        liftedEntries: lifted.length,
      },
      dropped: life.filter((line) => !keptLines.has(line)),
      discarded: start === undefined ? [] : lines.slice(0, lifeAt),
      start,
    }
  }

  if (isDeleted) return { ...plan('deleted', []), dropped: [], discarded: lines }
  const fromLines = planRuns()
  const isGone = life.every(({ change }) => change.revision !== snapshot?.revision)
  if (
    isGone &&
    snapshot !== undefined &&
    snapshot.revision > Math.max(born, fromLines?.report.revision ?? 0)
  ) {
    const line = ahead(sessionId, snapshot)
    const lifted = liftable(
      life.filter(({ change }) => change.revision < snapshot.revision),
      [],
    )
    return plan('suffix', [line], lifted, {
      place: line,
      bytes: encoded(line, { ...line.change, entries: lifted }),
    })
  }
  if (fromLines !== undefined) return fromLines
  const isLost = life.length > 0 || tombstone === undefined || newestRevision > born
  return plan(isLost ? 'lost' : 'deleted', [])

  function planRuns(): SalvagePlan | undefined {
    for (const run of runsOf(life).toReversed()) {
      const first = run[0] as ChangeLine
      if (first === life[0] && continues(tombstone, first)) {
        const isWhole =
          run.length === life.length && newestRevision <= (run.at(-1) as ChangeLine).change.revision
        return plan(isWhole ? 'intact' : 'prefix', run)
      }
      const found = startOf(sessionId, run, snapshot)
      if (found === undefined) continue
      const kept = run.slice(found.at)
      const line = kept[0] as ChangeLine
      const lifted = liftable(life.slice(0, life.indexOf(line)), line.change.entries)
      const change = { ...asWhole(line.change, found.state), entries: [...lifted, ...line.change.entries] }
      return plan('suffix', kept, lifted, { place: line, bytes: encoded(line, change) })
    }
    return undefined
  }
}

/** A line for the revision of a snapshot, in the place of its own, which is gone. */
function ahead(sessionId: string, snapshot: Snapshot): ChangeLine {
  const { revision, summary } = snapshot
  const change = {
    sessionId,
    revision,
    at: summary.updatedAt,
    event: { type: 'repair' },
    patch: {},
    entries: [],
  }
  const whole = asWhole(change, stateOf(sessionId, snapshot))
  const [segment, ordinal] = snapshot.position
  return { segment, ordinal, durable: 0, prev: undefined, change: whole }
}

/** Stretches of lines in which each names the one before it. */
function runsOf(lines: readonly ChangeLine[]): ChangeLine[][] {
  const runs: ChangeLine[][] = []
  let last: ChangeLine | undefined
  for (const line of lines) {
    if (last !== undefined && continues(last, line)) runs.at(-1)?.push(line)
    else runs.push([line])
    last = line
  }
  return runs
}

/** Whether `line` comes right after `last`, or begins a life when that is a tombstone or not there. */
function continues(last: ChangeLine | undefined, line: ChangeLine): boolean {
  const { prev, change } = line
  const isBirth = prev === undefined && (change.revision === 1 || change.patch.whole === true)
  if (last === undefined) return isBirth
  if (last.change.tombstone === true && isBirth) return change.revision === last.change.revision + 1
  return (
    prev?.segment === last.segment &&
    prev.ordinal === last.ordinal &&
    change.revision === last.change.revision + 1
  )
}

/** The first line of a run whose state is known without the lines before it (SA1). */
function startOf(
  sessionId: string,
  run: readonly ChangeLine[],
  snapshot: Snapshot | undefined,
): { at: number; state: StoredState } | undefined {
  const [segment, ordinal] = snapshot?.position ?? [0, 0]
  for (const [at, { change, prev, ...place }] of run.entries()) {
    if (change.patch.whole === true) return { at, state: fold(undefined, change) }
    if (snapshot === undefined) continue
    const isAt = (other: Place | undefined, revision: number): boolean =>
      other?.segment === segment && other.ordinal === ordinal && snapshot.revision === revision
    if (isAt(place, change.revision)) return { at, state: stateOf(sessionId, snapshot) }
    if (isAt(prev, change.revision - 1)) return { at, state: fold(stateOf(sessionId, snapshot), change) }
  }
  return undefined
}

/** The entries of lines that are not kept, without those that were lifted before (SA3). */
function liftable(earlier: readonly ChangeLine[], present: readonly StoredEntry[]): readonly StoredEntry[] {
  const known = new Set(present.map(({ id }) => id))
  const lifted: StoredEntry[] = []
  let bytes = 0
  for (const { change } of earlier.toReversed()) {
    for (const entry of change.entries.toReversed()) {
      bytes += JSON.stringify(entry).length
      if (known.has(entry.id) || bytes > MOST_LIFTED_BYTES) continue
      known.add(entry.id)
      lifted.push(entry)
    }
  }
  return lifted.reverse()
}

/** The revisions after `born` that are not kept, up to the newest that any line is known of (SA4). */
function missing(
  born: number,
  life: readonly ChangeLine[],
  kept: readonly ChangeLine[],
  newestRevision: number,
): [number, number][] {
  const readable = new Set(kept.map(({ change }) => change.revision))
  const newest = [...life, ...kept].reduce(
    (most, { change }) => Math.max(most, change.revision),
    newestRevision,
  )
  const result: [number, number][] = []
  for (let revision = born + 1; revision <= newest; revision += 1) {
    if (readable.has(revision)) continue
    const last = result.at(-1)
    if (last !== undefined && last[1] === revision - 1) last[1] = revision
    else result.push([revision, revision])
  }
  return result
}

/** The bytes of a line at its own place that starts a chain. */
function encoded(place: Place, change: Change): Buffer {
  const idText = JSON.stringify(change.sessionId)
  const body = lineBody(change)
  const bytes = Buffer.allocUnsafe(roomFor(idText, body))
  const { segment, ordinal } = place
  return bytes.subarray(
    0,
    writeLine(bytes, 0, { segment, ordinal, durable: 0 }, idText, change.revision, undefined, body),
  )
}
