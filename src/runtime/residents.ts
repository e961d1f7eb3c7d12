/**
 * Which sessions are in memory: loaded on demand, the least recently used passivated.
 *   P1  There is at most one resident per session, as long as anybody holds it.
 *   P2  Passivation drops an actor and writes nothing; the state stays reachable in the store.
 *   P3  A resident with changes on their way is never passivated.
 *   P4  However many are asked for at once, a few are loaded in one turn of the event loop: those that are in memory
 *       answer in between.
 */
import type { Change } from '../store/change.ts'
import type { SessionStore } from '../store/store.ts'
import { Turns } from '../store/turns.ts'
import { OPERATION_WINDOW } from './operations.ts'
import { Resident, soundState } from './resident.ts'

/** How many residents a newcomer looks at to find some that may go: more than one, so that a surplus shrinks again. */
const LOOKS = 16

/** How many loads are begun in one turn: each takes some tenths of a millisecond, with the command it is for (P4). */
const ARRIVALS = 4

/** How many changes are read at once when a session's operations are read back. */
const PAGE = 256

/** The residents of a runtime. */
export class Residents {
  readonly #store: SessionStore
  readonly #maxLive: number
  readonly #drop: (resident: Resident) => void
  /** Everybody somebody still holds (P1). */
  readonly #known = new Map<string, WeakRef<Resident>>()
  /** Held here until passivated, in the order of arrival. */
  readonly #recent = new Map<string, Resident>()
  readonly #arriving = new Map<string, Promise<Resident>>()
  readonly #turns = new Turns()
  readonly #gone = new FinalizationRegistry<string>((id) => {
    if (this.#known.get(id)?.deref() === undefined) this.#known.delete(id)
  })

  constructor(store: SessionStore, maxLive: number, drop: (resident: Resident) => void) {
    this.#store = store
    this.#maxLive = maxLive
    this.#drop = drop
    this.#turns.most = ARRIVALS
  }

  /** How many sessions are held in memory by the runtime itself. */
  get size(): number {
    return this.#recent.size
  }

  /** The resident, when it is in memory. */
  peek(id: string): Resident | undefined {
    const recent = this.#recent.get(id)
    if (recent !== undefined) return recent
    return this.#known.get(id)?.deref()
  }

  /** The resident, loaded when it is not in memory; a session that does not exist is one without state. */
  summon(id: string): Promise<Resident> {
    const present = this.peek(id)
    if (present !== undefined) {
      this.#hold(present)
      return Promise.resolve(present)
    }
    let arriving = this.#arriving.get(id)
    if (arriving === undefined) {
      arriving = this.#load(id).finally(() => this.#arriving.delete(id))
      this.#arriving.set(id, arriving)
    }
    return arriving
  }

  async #load(id: string): Promise<Resident> {
    await this.#turns.take()
    const state = soundState(await this.#store.state(id))
    const resident = new Resident(id, state, state?.revision ?? this.#store.lastRevision(id))
    // A life that begins here has no operations to read back.
    if (resident.revision === 0) resident.operations.complete = true
    this.#known.set(id, new WeakRef(resident))
    this.#gone.register(resident, id)
    this.#hold(resident)
    return resident
  }

  /** Makes sure the newest operations of a session are in memory (O1). */
  async recallOperations(resident: Resident): Promise<void> {
    const found: Change[] = []
    let operations = 0
    let to = resident.durable?.revision ?? 0
    while (to > 0 && operations < OPERATION_WINDOW) {
      const page = await this.#store.changes(resident.id, { to, limit: PAGE, order: 'desc' })
      for (const change of page) {
        found.push(change)
        if (change.operation !== undefined) operations += 1
      }
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) break
      to = last.revision - 1
    }
    if (!resident.operations.complete) resident.operations.restore(found.reverse())
  }

  /** Marks a session as used, and passivates others when too many have actors. */
  touch(resident: Resident): void {
    resident.touched = true
    if (!this.#recent.has(resident.id)) this.#hold(resident)
  }

  #hold(resident: Resident): void {
    resident.touched = true
    this.#recent.set(resident.id, resident)
    if (this.#recent.size > this.#maxLive) this.#passivate()
  }

  /** Second chance: who was used since the last sweep goes to the end of the line instead, and so does who is busy (P3). */
  #passivate(): void {
    // Nobody is looked at twice, and the newcomer, who is last, not at all.
    let looks = Math.min(LOOKS, this.#recent.size - 1)
    for (const [id, resident] of this.#recent) {
      if (this.#recent.size <= this.#maxLive || looks === 0) return
      looks -= 1
      this.#recent.delete(id)
      if (resident.touched || resident.pending > 0 || resident.late > 0) {
        resident.touched = false
        this.#recent.set(id, resident)
        continue
      }
      this.#drop(resident)
      if (resident.revision > 0) resident.operations.clear()
    }
  }

  /** Wakes every stream that follows one session. */
  wakeStreams(): void {
    for (const reference of this.#known.values()) reference.deref()?.wakers.wake()
  }

  /** Ends every stream that follows one session. */
  endStreams(): void {
    for (const reference of this.#known.values()) reference.deref()?.wakers.end()
  }

  /** Forgets a session that was erased. */
  forget(id: string): void {
    const resident = this.peek(id)
    if (resident !== undefined) this.#drop(resident)
    this.#recent.delete(id)
    this.#known.delete(id)
  }

  /** Drops every actor. */
  dropAll(): void {
    for (const resident of this.#recent.values()) this.#drop(resident)
    this.#recent.clear()
    for (const reference of this.#known.values()) {
      const resident = reference.deref()
      if (resident !== undefined) this.#drop(resident)
    }
  }
}
