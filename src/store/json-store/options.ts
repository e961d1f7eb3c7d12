/**
 * How a JSON store is opened, and the sizes it has when nobody says otherwise.
 */
import type { FileSystem } from '../file-system.ts'
import type { StoreClock } from './journal.ts'
import type { Processes } from './processes.ts'

/** Where the store tells what it did on its own. */
export interface StoreLogger {
  info(details: object, message: string): void
  warn(details: object, message: string): void
}

/** How to open a JSON store. */
export interface JsonStoreOptions {
  /** The folder of the store; made when it is absent. */
  readonly dir: string
  /** The disk of the machine by default. */
  readonly files?: FileSystem
  /** Who writes: a thread of its own (default), or the process itself (default with other `files`). */
  readonly writer?: 'thread' | 'in-process'
  readonly clock: StoreClock
  /** Makes a string nobody else ever makes. */
  readonly unique: () => string
  /** A segment takes no line that would start behind this; 16 MiB by default. */
  readonly segmentBytes?: number
  /** A checkpoint is written in the background after so many bytes of journal; 64 MiB by default. */
  readonly checkpointBytes?: number
  /** How long after the last acknowledgement a mark says that all is durable; 100 by default. */
  readonly idleMarkMs?: number
  /** Where owners learn about processes; those of the machine by default. */
  readonly processes?: Processes
  readonly logger?: StoreLogger
}

/** The default of `segmentBytes`. */
export const SEGMENT_BYTES = 16 << 20

/** The default of `checkpointBytes`. */
export const CHECKPOINT_BYTES = 64 << 20

/** The default of `idleMarkMs`. */
export const IDLE_MARK_MS = 100
