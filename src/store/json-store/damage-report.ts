/**
 * The damage found so far, and the sessions it touches.
 *   DR1  A session is under suspicion when its id is legible in bad bytes, and cleared when its next line connects to the
 *       line before them: then the bad bytes were not its own.
 *   DR2  A session whose lines do not connect stays damaged until a tombstone ends it. When nothing but that spoke of
 *       damage there is none: compaction takes dead lines out segment by segment.
 */
import type { Json } from '../../json.ts'
import { isJsonObject } from '../../json.ts'
import type { Damage } from '../store.ts'

/** The first place where a session is damaged. */
export interface DamagedPlace {
  readonly file: string
  readonly byte: number
  readonly reason: string
}

interface Found extends DamagedPlace {
  readonly bytes: number
  readonly sessionIds: Set<string>
}

/** Damage by place and by session. */
export class DamageReport {
  readonly #found: Found[] = []
  /** Nothing bad was seen there, but the lines of one session do not connect (DR2). */
  readonly #guesses = new Set<Found>()
  readonly #sessions = new Map<string, Found>()
  /** Sessions beyond suspicion (DR2). */
  readonly #proven = new Set<string>()

  /** Whether no damage is known. */
  get isEmpty(): boolean {
    return this.#found.length === 0 && this.#guesses.size === 0
  }

  /** Notes a damaged place, once; the sessions are under suspicion (DR1). */
  add(damage: Damage): void {
    const known = this.#found.find((other) => other.file === damage.file && other.byte === damage.byte)
    const found = known ?? { ...damage, sessionIds: new Set<string>() }
    if (known === undefined) this.#found.push(found)
    for (const sessionId of damage.sessionIds) {
      found.sessionIds.add(sessionId)
      if (!this.#sessions.has(sessionId)) this.#sessions.set(sessionId, found)
    }
  }

  /** The lines of a session do not connect: it lost something at the newest damaged place, or else at `place`. */
  blame(sessionId: string, place: DamagedPlace): void {
    this.#proven.add(sessionId)
    if (this.#sessions.has(sessionId)) return
    let found = this.#found.at(-1)
    if (found === undefined) {
      found = { ...place, bytes: 0, sessionIds: new Set() }
      this.#guesses.add(found)
    }
    found.sessionIds.add(sessionId)
    this.#sessions.set(sessionId, found)
  }

  /** A line of the session connects: a mere suspicion is over (DR1). */
  clear(sessionId: string): void {
    if (!this.#proven.has(sessionId)) this.end(sessionId)
  }

  /** The damaged life of the session is over (DR2). */
  end(sessionId: string): void {
    this.#proven.delete(sessionId)
    const place = this.#sessions.get(sessionId)
    if (place === undefined) return
    this.#sessions.delete(sessionId)
    this.#guesses.delete(place)
    for (const found of this.#found) found.sessionIds.delete(sessionId)
  }

  /** Where a session is damaged; undefined when it is not. */
  of(sessionId: string): DamagedPlace | undefined {
    return this.#sessions.get(sessionId)
  }

  /** Every damaged place with the sessions it touches. */
  list(): Damage[] {
    return [...this.#found, ...this.#guesses].map(({ file, byte, bytes, reason, sessionIds }) => {
      return { file, byte, bytes, reason, sessionIds: [...sessionIds] }
    })
  }

  /** The report as JSON. */
  toJson(): Json {
    return this.list().map((damage): Json => ({ ...damage }))
  }

  /** Takes over what `toJson` wrote. */
  load(json: Json | undefined): void {
    if (!Array.isArray(json)) return
    for (const item of json) {
      if (!isJsonObject(item)) continue
      const { file, byte, bytes, reason, sessionIds } = item
      if (typeof file !== 'string' || typeof reason !== 'string') continue
      if (typeof byte !== 'number' || typeof bytes !== 'number') continue
      const ids = Array.isArray(sessionIds) ? sessionIds.filter((id) => typeof id === 'string') : []
      this.add({ file, byte, bytes, reason, sessionIds: ids })
    }
  }
}
