/**
 * The stores that are damaged: small, yet with everything a real one has: several segments of which one is compacted, an
 * index, shards, lives that ended, were deleted and began again, and documents. One was closed, one was killed a while after
 * its last checkpoint.
 */
import { openRuntime } from '../../src/runtime/open-runtime.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import type { Session } from '../../src/runtime/session.ts'
import type { Patch, StoredState } from '../../src/store/change.ts'
import { fold } from '../../src/store/change.ts'
import type { JsonStore } from '../../src/store/json-store/json-store.ts'
import { openJsonStore } from '../../src/store/json-store/json-store.ts'
import type { Processes } from '../../src/store/json-store/processes.ts'
import { decodeShard, shardFileName, shardOf, SNAPSHOT_FOLDER } from '../../src/store/json-store/snapshots.ts'
import { countingIds } from '../../src/testing/counting-ids.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { DamageDisk } from './damage-disk.ts'

/** Where each store lies on its disk. */
export const PLACE = '/s'

interface Line {
  readonly pos: readonly [number, number]
  readonly id: string
  readonly rev: number
  readonly patch: Patch
}

/** A change as a line of the journal, and where that stands. */
export interface KnownLine {
  readonly file: string
  readonly start: number
  /** Behind its newline. */
  readonly end: number
  readonly sessionId: string
  readonly revision: number
  readonly ordinal: number
  readonly isWhole: boolean
}

/** What a session held before anything was damaged. */
export interface Known {
  /** The states at the revisions of its present life, as JSON text. */
  readonly states: ReadonlyMap<number, string>
  /** Its changes, as JSON text. */
  readonly changes: ReadonlyMap<number, string>
  readonly newest: number
  /** The revision of its snapshot; 0 when it has none. */
  readonly snapshot: number
}

/** A store, the disk it lies on, and what it holds. */
export interface SoundStore {
  readonly disk: DamageDisk
  /** The same store earlier in its life, for putting old files back. */
  readonly earlier: DamageDisk
  readonly sessions: ReadonlyMap<string, Known>
  readonly lines: readonly KnownLine[]
  /** A segment that no index knows yet, so that nobody can tell how long it was. */
  readonly unseen: string | undefined
}

let uniques = 0

/** A string no other call gives. */
export function unique(): string {
  return `unique-${(uniques += 1)}`
}

/** A process of its own; every other one is dead. */
export function ownProcess(): Processes {
  const self = { pid: (uniques += 1), startTime: null, bootId: null, host: 'machine' }
  return { self: async () => self, isAlive: async () => false }
}

/** A store on a disk, not opened. */
export function storeOn(disk: DamageDisk, clock = new ManualClock()): JsonStore {
  return openJsonStore({
    dir: PLACE,
    files: disk,
    clock,
    unique,
    processes: ownProcess(),
    segmentBytes: 1500,
  })
}

/** Makes a store; `salt` gives its texts and its identity, so that two with other salts differ in nothing else. */
export async function soundStore(end: 'closed' | 'killed', salt: string): Promise<SoundStore> {
  const disk = new DamageDisk()
  const clock = new ManualClock()
  const runtime = await openRuntime({ store: storeOn(disk, clock), clock, ids: countingIds() })
  await talk(runtime, clock, salt)
  const earlier = disk.with()
  await goOn(runtime, clock, salt)
  if (end === 'closed') await runtime.close()
  else {
    // A mark says that everything is durable; then the process is gone.
    clock.advance(1_000)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const found = disk.with()
  const reader = storeOn(found)
  await reader.open({ readOnly: true })
  const sessions = new Map<string, Known>()
  for (const { sessionId } of reader.heads()) sessions.set(sessionId, await knownOf(found, reader, sessionId))
  await reader.close()
  const lines = linesOf(found)
  return { disk: found, earlier, sessions, lines, unseen: end === 'killed' ? lines.at(-1)?.file : undefined }
}

async function knownOf(disk: DamageDisk, store: JsonStore, sessionId: string): Promise<Known> {
  const states = new Map<number, string>()
  const changes = new Map<number, string>()
  let state: StoredState | undefined
  for (const change of await store.changes(sessionId, {})) {
    state = fold(state, change)
    states.set(change.revision, JSON.stringify(state))
    changes.set(change.revision, JSON.stringify(change))
  }
  const shard = disk.files.get(`${PLACE}/${SNAPSHOT_FOLDER}/${shardFileName(shardOf(sessionId))}`)
  const document = shard === undefined ? '' : decodeShard(shard)
  const snapshot = typeof document === 'string' ? 0 : (document.sessions[sessionId]?.revision ?? 0)
  return { states, changes, newest: state?.revision ?? 0, snapshot }
}

function linesOf(disk: DamageDisk): KnownLine[] {
  const found: KnownLine[] = []
  for (const [file, bytes] of disk.files) {
    if (!file.endsWith('.jsonl')) continue
    for (let start = 0; start < bytes.length;) {
      const end = bytes.indexOf(10, start) + 1
      const text = bytes.toString('utf8', start, end)
      if (text.includes('"pos":[')) {
        const line = JSON.parse(text) as Line
        const { id: sessionId, rev: revision, patch, pos } = line
        found.push({ file, start, end, sessionId, revision, ordinal: pos[1], isWhole: patch.whole === true })
      }
      start = end
    }
  }
  return found
}

async function talk(runtime: Runtime, clock: ManualClock, salt: string): Promise<void> {
  const active = async (id: string, options: object = {}): Promise<Session<'active'>> => {
    clock.advance(1_000)
    return (await runtime.create({ id, ...options })).activate()
  }
  const again = await active('again')
  await again.append({ type: 'user_message', content: `${salt} gone` })
  await again.complete()
  await runtime.delete('again')
  const a = await active('a', { limits: { maxTurns: 3 } })
  await a.append({ type: 'user_message', content: `${salt} ünï ✓` }, { operationId: `a-${salt}` })
  await runtime.compact()
  await runtime.checkpoint()
}

async function goOn(runtime: Runtime, clock: ManualClock, salt: string): Promise<void> {
  clock.advance(1_000)
  const a = (await runtime.get('a')).as('active')
  await runtime.create({ id: 'lone' })
  await a.append({ type: 'assistant_message', content: `${salt} a2` })
  const again = await (await runtime.create({ id: 'again' })).activate()
  const gone = await runtime.create({ id: 'gone' })
  await Promise.all([
    again.append({ type: 'user_message', content: `${salt} again` }),
    again.recordDelta(7),
    a.edit({ context: { key: salt } }),
  ])
  await gone.cancel()
  await runtime.delete('gone')
  await a.append({ type: 'user_message', content: `${salt} a3` })
  await again.pause()
}
