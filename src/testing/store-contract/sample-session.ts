/**
 * Changes as a runtime makes them, for cases of the store contract: each knows the state it leads to.
 */
import type { Json, JsonObject } from '../../json.ts'
import type { Change, RecordEdit, SessionStore, StoredEntry, StoredState } from '../../index.ts'
import { fold } from '../../index.ts'

/** The instant of revision 0; revision n is n seconds later. */
const BEGIN = 1_900_000_000_000

/** What a change shall hold beside the ordinary. */
export type ChangeParts = Partial<Omit<Change, 'sessionId' | 'revision' | 'at'>>

/** One session of a case: makes its changes, remembers what they lead to, and appends them. */
export class SampleSession {
  readonly id: string
  /** Every change of the present life that was made, oldest first. */
  changes: Change[] = []
  revision: number
  #state: StoredState | undefined

  constructor(id: string, lastRevision = 0) {
    this.id = id
    this.revision = lastRevision
  }

  /** The state after the newest change; undefined before the first and after a tombstone. */
  get state(): StoredState | undefined {
    return this.#state
  }

  /** Makes the next change, the creation first, and appends it. */
  append(store: SessionStore, parts: ChangeParts = {}): Promise<void> {
    const [change, after] = this.next(parts)
    return store.append(change, after)
  }

  /** Appends `count` ordinary changes, in flight together. */
  async appendMany(store: SessionStore, count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.append(store)))
  }

  /** Appends the change that deletes the session. */
  delete(store: SessionStore): Promise<void> {
    const [change, after] = this.next({ event: { type: 'delete' }, tombstone: true, patch: {}, entries: [] })
    this.changes = []
    this.#state = undefined
    return store.append(change, after)
  }

  /** The next change and the state after it. */
  next(parts: ChangeParts = {}): [change: Change, after: StoredState] {
    this.revision += 1
    const at = BEGIN + this.revision * 1_000
    const base = this.#state === undefined ? this.#creation(at) : this.#step(at)
    const change: Change = { sessionId: this.id, revision: this.revision, at, ...base, ...parts }
    const after = fold(this.#state, change)
    this.#state = after
    this.changes.push(change)
    return [change, after]
  }

  #creation(at: number): Pick<Change, 'event' | 'patch' | 'entries' | 'summary'> {
    const record: RecordEdit[] = [
      [['name'], `sample ${this.id}`],
      [['tags'], ['a', 'b']],
      [['metadata'], {}],
    ]
    const machine = { version: 1, policy: 'sample', policyVersion: 1 }
    const context = { entryCount: 0, createdAt: at, end: null }
    return {
      event: { type: 'create' },
      patch: { whole: true, machine, value: 'active', context, policy: 'within', quarantine: null, record },
      entries: [],
      summary: {
        status: 'active',
        tenantId: 'tenant',
        userId: 'user',
        parentId: null,
        createdAt: at,
        dueAt: at + 1,
      },
    }
  }

  /** Ordinary steps alternate: an entry, an edit of the record, a removal, a new state value. */
  #step(at: number): Pick<Change, 'event' | 'patch' | 'entries' | 'summary'> {
    const key = `key-${this.revision % 3}`
    switch (this.revision % 4) {
      case 0:
        return { event: { type: 'edit' }, patch: { record: [[['metadata', key], { at }]] }, entries: [] }
      case 1:
        return { event: { type: 'edit' }, patch: { record: [[['metadata', key]]] }, entries: [] }
      case 2: {
        const patch = { context: { entryCount: this.revision } }
        return { event: { type: 'append' }, patch, entries: [this.entry(`text ${this.revision}`)] }
      }
      default: {
        const value = this.revision % 8 === 3 ? 'paused' : 'active'
        return {
          event: { type: value },
          patch: { value, policy: null },
          entries: [],
          summary: { status: value },
        }
      }
    }
  }

  /** An entry of the revision that was made last. */
  entry(content: Json, more: JsonObject = {}): StoredEntry {
    return {
      id: `${this.id}-${this.revision}`,
      at: BEGIN + this.revision * 1_000,
      type: 'sample',
      content,
      ...more,
    }
  }
}
