/**
 * How sessions begin: created anew, or taken in from a document.
 *   F1  A create with an operation id and no session id makes its session id from both, so that a retry, also after a
 *       restart, finds the first session instead of making a second.
 *   F2  An operation id of a create belongs to its tenant: other content under it is refused.
 *   F3  Sessions of ids that nothing is known of, or that were deleted before the store was opened, are made in the
 *       order of the calls, though none waits until the one before it is on the disk.
 */
import { sessionError } from '../errors.ts'
import type { JsonObject } from '../json.ts'
import type { SessionInput } from '../machines/events.ts'
import type { Operation } from '../store/change.ts'
import type { SessionStore } from '../store/store.ts'
import type { ActorHost } from './actors.ts'
import type { Clock } from './clock.ts'
import { parseCommandOptions, parseCreate, type Bounds } from './commands.ts'
import { committedBy, type CommitRoad, type Committed } from './commit.ts'
import { parseSessionDocument } from './document-schema.ts'
import { idNamedBy, type Ids } from './ids.ts'
import { digestOf, OPERATION_WINDOW } from './operations.ts'
import type { Resident } from './resident.ts'
import type { Residents } from './residents.ts'
import type { CreateOptions } from './runtime.ts'
import type { CommandOptions } from './session.ts'
import { foundationOf } from './transfer.ts'

/** What creation works on. */
export interface CreationPort {
  readonly store: SessionStore
  readonly road: CommitRoad
  readonly host: ActorHost
  readonly residents: Residents
  readonly clock: Clock
  readonly ids: Ids
  readonly bounds: Bounds
  checkParent(
    sessionId: string,
    parentId: string,
    owner: { readonly tenantId: string | null; readonly userId: string | null },
  ): void
}

/** Makes sessions, and remembers who asked for which. */
export class Creations {
  readonly #port: CreationPort
  /** The newest create operations of each tenant, with the session each made (F2). */
  readonly #operations = new Map<string, { readonly digest: string; readonly sessionId: string }>()

  constructor(port: CreationPort) {
    this.#port = port
  }

  /** A session in `created`; with an operation id, the one its first call made. */
  async create(options: CreateOptions, command: CommandOptions | undefined): Promise<Resident> {
    const parsedOptions = parseCommandOptions(command, 'create')
    const { host, ids, clock, bounds } = this.#port
    const creation = parseCreate(options, bounds)
    const { record } = creation
    const operation = this.#operation(parsedOptions, 'create', () => JSON.stringify(creation))
    const sessionId = creation.id ?? this.#idFor(record.tenantId, operation) ?? ids.session()
    return this.#found(sessionId, record.tenantId, operation, () => {
      if (record.parentId !== null) this.#port.checkParent(sessionId, record.parentId, record)
      const at = clock.now()
      const input: SessionInput = {
        at,
        expiresAt: creation.ttlMs === null ? null : Math.min(at + creation.ttlMs, Number.MAX_SAFE_INTEGER),
        initialTokenCount: creation.initialTokenCount,
        limits: creation.limits,
      }
      const actor = host.create(sessionId, input)
      const facts = host.facts(actor)
      return {
        at,
        event: { type: 'created' },
        actor,
        facts,
        record: record as unknown as JsonObject,
        entries: [],
      }
    })
  }

  /** A session from a document; its id must not be in use. */
  async import(document: unknown, command: CommandOptions | undefined): Promise<Resident> {
    const parsedOptions = parseCommandOptions(command, 'import')
    const { bounds } = this.#port
    const parsed = parseSessionDocument(document)
    const foundation = foundationOf(parsed, bounds)
    const operation = this.#operation(parsedOptions, 'import', () => JSON.stringify(parsed))
    return this.#found(parsed.id, parsed.record.tenantId, operation, () => {
      if (parsed.record.parentId !== null)
        this.#port.checkParent(parsed.id, parsed.record.parentId, parsed.record)
      return { at: parsed.updatedAt, event: { type: 'imported' }, ...foundation }
    })
  }

  #operation(options: CommandOptions, command: string, content: () => string): Operation | undefined {
    const { operationId } = options
    return operationId === undefined ? undefined : { id: operationId, digest: digestOf(command, content()) }
  }

  #idFor(tenantId: string | null, operation: Operation | undefined): string | undefined {
    return operation === undefined ? undefined : idNamedBy(JSON.stringify([tenantId, operation.id]))
  }

  async #found(
    sessionId: string,
    tenantId: string | null,
    operation: Operation | undefined,
    first: () => Parameters<CommitRoad['found']>[1] & { readonly actor?: Resident['actor'] },
  ): Promise<Resident> {
    this.#claim(tenantId, operation, sessionId)
    const resident = await this.#port.residents.summon(sessionId)
    if (resident.decided !== undefined) return this.#existing(resident, operation)
    const { actor, ...founding } = first()
    resident.actor = actor
    try {
      await this.#port.road.found(resident, { ...founding, operation })
    } catch (error) {
      if (resident.decided === undefined) this.#port.road.drop(resident)
      this.#unclaim(tenantId, operation)
      throw error
    }
    return resident
  }

  /** The session is there: the same operation is answered with it, anything else is refused. */
  async #existing(resident: Resident, operation: Operation | undefined): Promise<Resident> {
    await resident.tail
    if (operation === undefined) throw sessionError('SESSION_EXISTS', { sessionId: resident.id })
    const known =
      this.#port.road.answered(resident, operation) ?? (await this.#firstAnswer(resident, operation))
    if (known === undefined) throw sessionError('SESSION_EXISTS', { sessionId: resident.id })
    await known
    return resident
  }

  /** The answer of the change that began this session's life, when it was this operation. */
  async #firstAnswer(resident: Resident, operation: Operation): Promise<Committed | undefined> {
    const [first] = await this.#port.store.changes(resident.id, { from: 1, limit: 1 })
    if (first?.operation?.id !== operation.id) return undefined
    if (first.operation.digest !== operation.digest)
      throw sessionError('OPERATION_REUSED', { operationId: operation.id })
    return committedBy(first)
  }

  #claim(tenantId: string | null, operation: Operation | undefined, sessionId: string): void {
    if (operation === undefined) return
    const key = JSON.stringify([tenantId, operation.id])
    const known = this.#operations.get(key)
    if (known !== undefined && (known.digest !== operation.digest || known.sessionId !== sessionId)) {
      throw sessionError('OPERATION_REUSED', { operationId: operation.id })
    }
    this.#operations.set(key, { digest: operation.digest, sessionId })
    if (this.#operations.size <= OPERATION_WINDOW * 16) return
    const oldest = this.#operations.keys().next()
    if (oldest.done !== true) this.#operations.delete(oldest.value)
  }

  #unclaim(tenantId: string | null, operation: Operation | undefined): void {
    if (operation !== undefined) this.#operations.delete(JSON.stringify([tenantId, operation.id]))
  }
}
