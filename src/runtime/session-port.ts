/**
 * What a handle needs of its runtime, so that neither imports the other.
 */
import type { SessionStore } from '../store/store.ts'
import type { Clock } from './clock.ts'
import type { Bounds } from './commands.ts'
import type { Committed, Request } from './commit.ts'
import type { Ids } from './ids.ts'
import type { SessionRecord } from './record.ts'
import type { Resident } from './resident.ts'

/** The runtime as its handles see it. */
export interface SessionPort {
  readonly store: SessionStore
  readonly clock: Clock
  readonly ids: Ids
  readonly bounds: Bounds
  submit(resident: Resident, request: Request): Promise<Committed>
  /** @throws PARENT_INVALID */
  checkParent(sessionId: string, parentId: string, record: SessionRecord): void
}
