/**
 * Judges one damaged copy of a store: what a reader is shown, what the doctor says, and what a repair makes of it.
 *   - Nothing wrong is ever shown: a session is as it was, or refused with a place, or said to be damaged by the doctor.
 *   - Only sessions of which a line was touched may be anything but as they were.
 *   - A repair leaves a sound store, brings each session back to the newest state that can be worked out, never behind what
 *     was shown before, names every revision that is gone, and sets aside every byte it took out.
 */
import { isSessionError } from '../../src/errors.ts'
import type { Diagnosis } from '../../src/store/json-store/doctor.ts'
import { diagnose } from '../../src/store/json-store/doctor.ts'
import { repair } from '../../src/store/json-store/repair.ts'
import type { RepairReport } from '../../src/store/json-store/repair.ts'
import type { DamageDisk } from './damage-disk.ts'
import type { Known, SoundStore } from './damage-stores.ts'
import { ownProcess, PLACE, storeOn, unique } from './damage-stores.ts'

/** A damaged copy, and where it was damaged. */
export interface Case {
  readonly disk: DamageDisk
  readonly file: string
  readonly from: number
  /** Behind the last byte that was touched; Infinity when everything behind `from` may have changed. */
  readonly to: number
  /** Whose line was put there. */
  readonly inserted?: string
}

/** What came of a case. */
export interface Verdict {
  readonly faults: readonly string[]
  readonly outcome: 'refused' | 'harmless' | 'placed'
}

/** How a session is shown: at a revision, or why not. */
type Shown = { readonly revision: number } | { readonly refusal: string } | { readonly wrong: string }

/** Codes with which a whole store may be refused. */
const REFUSALS = new Set(['STORE_CORRUPT', 'FORMAT_TOO_NEW', 'STORE_NOT_FOUND'])

/** Looks at a damaged copy, and repairs it when asked to. */
export async function judge(sound: SoundStore, damaged: Case, repairs: boolean): Promise<Verdict> {
  const faults: string[] = []
  const { disk, file } = damaged
  const relative = file.slice(PLACE.length + 1)
  const touched = touchedBy(sound, damaged)
  const shown = await show(sound, disk)
  const diagnosis = await look(disk)

  if (shown instanceof Map) {
    for (const [id, one] of shown) {
      const newest = sound.sessions.get(id)?.newest
      if ('wrong' in one) faults.push(`${id}: ${one.wrong}`)
      else if ('refusal' in one || one.revision !== newest) {
        if (!touched.has(id)) faults.push(`${id}: not touched, and shown as ${JSON.stringify(one)}`)
        if (
          typeof diagnosis !== 'string' &&
          !isNamed(diagnosis, id) &&
          !isPlaced(diagnosis, damaged, relative)
        ) {
          faults.push(`${id}: shown as ${JSON.stringify(one)}, and the doctor does not say where`)
        }
      }
    }
  } else if (!isAboutStore(shown, relative)) faults.push(`the store is refused: ${shown}`)
  if (typeof diagnosis === 'string') {
    if (!isAboutStore(diagnosis, relative)) faults.push(`the doctor gives up: ${diagnosis}`)
  } else {
    for (const id of diagnosis.damagedSessions) {
      // A changed id may be legible, and nobody's.
      if (!touched.has(id) && sound.sessions.has(id))
        faults.push(`${id}: not touched, and the doctor says it is damaged`)
    }
    if (shown instanceof Map && !isPlaced(diagnosis, damaged, relative)) {
      const less = [...sound.sessions.keys()].filter((id) => !shown.has(id))
      if (less.length > 0) faults.push(`${less.join()}: not there, and the doctor does not say where`)
    }
  }
  for (const id of sound.sessions.keys()) {
    if (shown instanceof Map && !shown.has(id) && !touched.has(id))
      faults.push(`${id}: not touched, and not there`)
  }
  if (repairs) faults.push(...(await judgeRepair(sound, damaged, shown)))
  const isRefused = typeof shown === 'string' || typeof diagnosis === 'string'
  const isSaid = (found: Diagnosis): boolean =>
    isPlaced(found, damaged, relative) || found.damagedSessions.length > 0
  const outcome = isRefused ? 'refused' : isSaid(diagnosis) ? 'placed' : 'harmless'
  return { faults, outcome }
}

/** The sessions that have a line in the damaged part of a file. */
function touchedBy({ lines }: SoundStore, { file, from, to, inserted }: Case): Set<string> {
  const hit = lines.filter((line) => line.file === file && line.end > from && line.start < to)
  return new Set([...hit.map(({ sessionId }) => sessionId), ...(inserted === undefined ? [] : [inserted])])
}

/** Whether a refusal of the whole store names the damaged file: the description and the owner file stand for it. */
function isAboutStore(refusal: string, relative: string): boolean {
  return refusal.includes(relative) && /^(?:store\.json|owner-\d+)$/.test(relative)
}

function isPlaced(diagnosis: Diagnosis, { from, to }: Case, relative: string): boolean {
  const { damage, index, tornTail } = diagnosis
  const places = tornTail === null ? damage : [...damage, tornTail]
  const isHere = places.some(
    ({ file, byte, bytes }) =>
      file === relative && byte <= to && byte + bytes >= Math.min(from, byte + bytes),
  )
  return isHere || index.rejected.includes(relative)
}

/** Where lines of a compacted segment were cut off exactly, the next line of the session is what tells of it. */
function isNamed({ damage }: Diagnosis, id: string): boolean {
  return damage.some(({ sessionIds }) => sessionIds.includes(id))
}

async function look(disk: DamageDisk): Promise<Diagnosis | string> {
  try {
    return await diagnose(PLACE, { files: disk, processes: ownProcess() })
  } catch (error) {
    return refusalOf(error)
  }
}

function refusalOf(error: unknown): string {
  if (!isSessionError(error) || !REFUSALS.has(error.code)) throw error
  return `${error.code} ${JSON.stringify(error.details)}`
}

/** What a reader is shown of every session it sees; or why it sees none. */
async function show(sound: SoundStore, disk: DamageDisk): Promise<Map<string, Shown> | string> {
  const store = storeOn(disk)
  try {
    await store.open({ readOnly: true })
  } catch (error) {
    return refusalOf(error)
  }
  const shown = new Map<string, Shown>()
  for (const { sessionId } of store.heads()) {
    const known = sound.sessions.get(sessionId)
    try {
      const state = await store.state(sessionId)
      const changes = await store.changes(sessionId, {})
      if (known === undefined) {
        // As any other session it is shown as it was before a change of which nothing is legible any more.
        shown.set(sessionId, { revision: state?.revision ?? 0 })
        continue
      }
      const isState = JSON.stringify(state) === known.states.get(state?.revision ?? 0)
      const isHistory = changes.every(
        (change) => JSON.stringify(change) === known.changes.get(change.revision),
      )
      const isWhole = changes.length === (state?.revision ?? 0) - (known.newest - known.changes.size)
      if (!isState) shown.set(sessionId, { wrong: 'another state than it ever had' })
      else if (!isHistory || !isWhole) shown.set(sessionId, { wrong: 'another history than it had' })
      else shown.set(sessionId, { revision: state?.revision ?? 0 })
    } catch (error) {
      shown.set(sessionId, { refusal: refusalOf(error) })
    }
  }
  await store.close()
  return shown
}

async function judgeRepair(
  sound: SoundStore,
  damaged: Case,
  shown: Map<string, Shown> | string,
): Promise<string[]> {
  const disk = damaged.disk.with()
  const relative = damaged.file.slice(PLACE.length + 1)
  let report: RepairReport
  try {
    report = await repair(PLACE, { files: disk, processes: ownProcess(), unique })
  } catch (error) {
    const refusal = refusalOf(error)
    return isAboutStore(refusal, relative) ? [] : [`the repair gives up: ${refusal}`]
  }
  const diagnosis = await look(disk)
  const faults = typeof diagnosis !== 'string' && diagnosis.isSound ? [] : ['the repaired store is not sound']
  const store = storeOn(disk)
  await store.open({ readOnly: false })
  // An index that cannot be used is replaced by the next one.
  const isIndex = ({ file }: { readonly file: string }): boolean => file.startsWith('index-')
  if (!store.stats().damage.every(isIndex)) faults.push('the repaired store opens with damage')
  const touched = touchedBy(sound, damaged)
  for (const [id, known] of sound.sessions) {
    const state = await store.state(id)
    const revision = state?.revision ?? 0
    const before = typeof shown === 'string' ? undefined : shown.get(id)
    const best = Math.max(
      bestOf(sound, damaged, id),
      before !== undefined && 'revision' in before ? before.revision : 0,
    )
    if (revision < best) faults.push(`${id}: repaired to ${revision}, and ${best} could be worked out`)
    if (state !== undefined && JSON.stringify(state) !== known.states.get(revision)) {
      faults.push(`${id}: repaired to a state it never had`)
    }
    const changes = (await store.changes(id, {})).map(
      (change) => [change.revision, JSON.stringify(change)] as const,
    )
    const kept = new Map(changes)
    const born = known.newest - known.changes.size
    const first = changes[0]?.[0] ?? 0
    const altered = changes.filter(([at, text]) => known.changes.get(at) !== text).map(([at]) => at)
    if (altered.some((at) => at !== first))
      faults.push(`${id}: repaired, and ${altered.join()} are not what they were`)
    const gone = [...known.changes.keys()].filter((at) => !kept.has(at))
    if (!touched.has(id) && gone.length + altered.length > 0) faults.push(`${id}: not touched, and repaired`)
    // Of newest lines that no index knows the place is told; whose they were and how many, only where that is legible.
    const isUnseen = sound.unseen !== undefined && gone.every((at) => at > revision)
    if (isUnseen && isPlaced(report.before, damaged, relative)) continue
    const told = report.sessions.find(({ sessionId }) => sessionId === id)?.lostRevisions
    const lost = (told ?? []).flatMap(([from, to]) =>
      Array.from({ length: to - from + 1 }, (_, more) => from + more),
    )
    if (gone.some((at) => at > born && !lost.includes(at)))
      faults.push(`${id}: ${gone.join()} are gone, ${lost.join()} are told`)
  }
  for (const { sessionId } of store.heads()) {
    if (!sound.sessions.has(sessionId) && !touched.has(sessionId))
      faults.push(`${sessionId}: it was deleted, and the repair brought it back`)
  }
  await store.close()
  return [...faults, ...notAside(sound, damaged, disk)]
}

/** The newest revision whose state follows from what was not touched; 0 when nothing does. */
function bestOf({ sessions, lines }: SoundStore, { file, from, to }: Case, id: string): number {
  const { newest, changes, snapshot } = sessions.get(id) as Known
  const born = newest - changes.size
  const own = lines.filter(({ sessionId, revision }) => sessionId === id && revision > born)
  const isHit = (line: (typeof lines)[number]): boolean =>
    line.file === file && line.end > from && line.start < to
  const good = new Map(own.filter((line) => !isHit(line)).map((line) => [line.revision, line]))
  for (let revision = newest; revision > born; revision -= 1) {
    for (let at = revision; at > born; at -= 1) {
      if (at === snapshot || good.get(at)?.isWhole === true) return revision
      if (!good.has(at)) break
    }
  }
  return 0
}

/** Lines and pieces of lines that were in the damaged journal and are now neither in it nor aside. */
function notAside(
  { sessions, lines, disk: sound, unseen }: SoundStore,
  { disk: before, file, from }: Case,
  after: DamageDisk,
): string[] {
  const place = `${PLACE}/aside/`
  const left = [...after.files].filter(([path]) => path.endsWith('.jsonl') || path.startsWith(place))
  const held = Buffer.concat(left.map(([, bytes]) => bytes)).toString('latin1')
  const damaged = before.files.get(file)
  if (damaged === undefined || /\/(?:owner|index)-/.test(file)) return []
  if (!file.endsWith('.jsonl')) {
    return after.files.get(file)?.equals(damaged) === true || held.includes(damaged.toString('latin1'))
      ? []
      : [`${file}: its bytes are not aside`]
  }
  const isDead = (piece: string): boolean =>
    lines.some(({ sessionId, revision, file: of, start, end }) => {
      const known = sessions.get(sessionId)
      const isOld = known === undefined || revision <= known.newest - known.changes.size
      return isOld && of === file && damaged.toString('latin1', start, end - 1) === piece
    })
  const isFrame = (piece: string): boolean => /^\{"v":1,"(?:mark|segment)":.*"\}$/.test(piece)
  // The mark that ends the newest segment is a torn tail when it is not whole any more, and cut: it is nobody's change.
  const wasLastMark = (piece: string): boolean => {
    const bytes = file === unseen ? sound.files.get(file) : undefined
    if (bytes?.length !== damaged.length) return false
    const start = bytes.lastIndexOf(10, bytes.length - 2) + 1
    const isMark = bytes.toString('latin1', start).startsWith('{"v":1,"mark":')
    return isMark && damaged.toString('latin1', start).startsWith(piece) && from >= start
  }
  const pieces = damaged.toString('latin1').split(/\n|(?<=.)(?=\{"v":)/s)
  const lost = pieces.filter(
    (piece) =>
      piece !== '' && !held.includes(piece) && !isFrame(piece) && !wasLastMark(piece) && !isDead(piece),
  )
  return lost.map((piece) => `${file}: not aside: ${piece.slice(0, 60)}`)
}
