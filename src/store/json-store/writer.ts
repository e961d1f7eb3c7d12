/**
 * The writer port: who puts encoded batches on the disk. Two hosts run the same `SegmentWriter`: a thread of its own,
 * which busy pool tasks of the process do not delay, and the process itself, over any file system.
 *   W1  One order at a time; the next one is given after the answer.
 *   W2  "written" means on the disk, and that the store was still ours after that.
 *   W3  "full" means that nothing of the batch is in the file any more.
 */

/** Room for one batch. */
export interface Slab {
  readonly id: number
  readonly buffer: Buffer
  /** The slab comes again, so the host may remember it. */
  readonly returns: boolean
}

/** How the file of a segment comes to be open. */
export type Opening =
  | { readonly from: 'existing' }
  | { readonly from: 'new' }
  /** A file made ahead under a temporary path. */
  | { readonly from: 'prepared'; readonly temporary: string }

/** Where a batch goes. */
export interface WriteOrder {
  readonly segment: number
  /** Where the batch begins; everything before it is durable. */
  readonly offset: number
  readonly bytes: number
  /** Null when the segment is open already. */
  readonly opening: Opening | null
}

/** How an order ended. */
export type WriteOutcome =
  | { readonly kind: 'written' }
  | { readonly kind: 'full'; readonly reason: string }
  /** The store is not ours any more; what was written by then may have been read by its next owner. */
  | { readonly kind: 'fenced'; readonly wrote: boolean }
  | { readonly kind: 'failed'; readonly reason: string }

/** A host of the writer. */
export interface JournalWriter {
  /** Room for a batch, in memory that the host can reach. */
  allocate(bytes: number, returns: boolean): Slab
  /** Writes the first `order.bytes` of a slab; `done` is called once, never before `write` returns. */
  write(order: WriteOrder, slab: Slab, done: (outcome: WriteOutcome) => void): void
  /** Cuts the open segment at `end`, makes that durable and closes the file. Nothing happens when none is open. */
  finish(end: number, done: (outcome: WriteOutcome) => void): void
  /** Lets the host go; no `done` is called after it resolved. */
  dispose(): Promise<void>
}

/** Where a store lies and who owns it: what a host needs to know. */
export interface WriterPlace {
  /** The folder of the store. */
  readonly folder: string
  readonly epoch: number
  /** The folder through which this owner changes names. */
  readonly staging: string
}
