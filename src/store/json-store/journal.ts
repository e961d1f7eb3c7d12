/**
 * The journal's hot end: encodes appends at once, writes them in groups, acknowledges in order.
 *   J1  One write is under way at a time; what arrives meanwhile is the next batch. How much company a batch waits for
 *       is a question of pace (pace.ts); it is never longer than until all who were answered have gone on.
 *   J2  An append is acknowledged after its batch is durable and the store was still ours; acknowledgements keep order.
 *   J3  A batch belongs to one segment, and no byte of a segment is written before the one before it is durable.
 *   J4  No room: nothing of what was pending stays in the file, all of it is refused, and the journal goes on.
 *   J5  Any other failure: what was under way is unknown, the rest is refused, and nothing is ever written again.
 *   J6  Soon after the last acknowledgement a mark says that everything before it is durable.
 *   J7  However fast the disk answers, one outcome is heard in a turn of the loop, so that timers and sockets have theirs.
 */
import { sessionError } from '../../errors.ts'
import type { SessionError } from '../../errors.ts'
import type { Change, StoredState } from '../change.ts'
import { Turns } from '../turns.ts'
import type { Append, Batch, JournalTail, Refusal } from './journal-batch.ts'
import { failed, fullError, unknown } from './journal-batch.ts'
import { encodeHeader, encodeMark, lineBody, roomFor, writeLine } from './line.ts'
import { Pace } from './pace.ts'
import type { RecentSession } from './recent-sessions.ts'
import type { SegmentsAhead } from './segments-ahead.ts'
import { Slabs } from './slabs.ts'
import { countLine, withWholeWhenDue } from './whole-cadence.ts'
import type { JournalWriter, Opening, WriteOutcome } from './writer.ts'

/** The clock as the store uses it. */
export interface StoreClock {
  now(): number
  wakeAt(at: number, callback: () => void): { cancel(): void }
}

/** What a journal is made of. */
export interface JournalOptions {
  readonly storeId: string
  readonly epoch: number
  readonly writer: JournalWriter
  readonly ahead: SegmentsAhead
  readonly clock: StoreClock
  readonly segmentBytes: number
  readonly idleMarkMs: number
  /** Where recovery found the end. */
  readonly tail: JournalTail
  /** The segment of `tail` may take more lines; otherwise the next line begins a new one. */
  readonly isOpen: boolean
  /** What is to be kept of a change as it is journaled, until it is durable. */
  readonly keep: (change: Change) => Change | undefined
  /** Told of every append that became durable, in order, just before it resolves. */
  readonly onDurable: (append: Append) => void
  /** Told of the new durable end after every batch, before its appends. */
  readonly onWritten: (end: JournalTail) => void
  /** Told of every session whose lines in flight were lost. */
  readonly onLost: (session: RecentSession) => void
}

interface Ending {
  segment: number
  readonly resolve: () => void
  readonly reject: (error: SessionError) => void
}

const MARK_ROOM = 256

/** The hot end of a journal. */
export class Journal {
  readonly #options: JournalOptions
  readonly #slabs: Slabs
  /** Where the next line goes: ahead of the disk. */
  #segment: number
  #offset: number
  #ordinal: number
  /** The next line begins a new segment. */
  #mustRotate: boolean
  /** The next batch opens a file that was there before, and says which epoch goes on in it. */
  #mustReopen: boolean
  #durable: JournalTail
  /** Full batches that wait, and the one that still takes lines. */
  readonly #queue: Batch[] = []
  #current: Batch | undefined
  #underway: Batch | undefined
  #scheduled = false
  #pending = 0
  #refusal: Refusal | undefined
  #isFailed = false
  readonly #drained: (() => void)[] = []
  /** Who waits for the end of which segment; the writer is told between two batches (J1, J3). */
  readonly #endings: Ending[] = []
  #isEnding = false
  #idle: { cancel(): void } | undefined
  #lastDurableAt = 0
  readonly #pace = new Pace()
  #orderedAt = 0
  /** A batch of so many lines goes out at once when nothing is under way. */
  #enough = Infinity
  /** How many the last outcome answered, until they have gone on. */
  #answered = 0
  #isMarked = true
  readonly #turns = new Turns()
  /** Reused for every line. */
  readonly #place = { segment: 0, ordinal: 0, durable: 0 }

  constructor(options: JournalOptions) {
    this.#options = options
    this.#slabs = new Slabs(options.writer)
    this.#segment = options.tail.segment
    this.#offset = options.tail.offset
    this.#ordinal = options.tail.ordinal
    this.#durable = options.tail
    this.#mustRotate = !options.isOpen
    this.#mustReopen = options.isOpen
  }

  /** Everything before this is durable. */
  get durable(): JournalTail {
    return this.#durable
  }

  /** The durable end as an index names it: behind a segment that takes no more lines. */
  get end(): JournalTail {
    const { segment } = this.#durable
    const next = this.#underway ?? this.#queue[0] ?? this.#current
    const takesMore = next?.segment === segment || (this.#segment === segment && !this.#mustRotate)
    return takesMore ? this.#durable : { segment: segment + 1, offset: 0, ordinal: 0 }
  }

  /** Changes that are not acknowledged yet. */
  get pending(): number {
    return this.#pending
  }

  /** The journal failed or was fenced: no append is taken any more. */
  get isFailed(): boolean {
    return this.#isFailed
  }

  /** Encodes a change at the end of the journal; resolves once it is durable (J2). */
  append(change: Change, after: StoredState, session: RecentSession, entriesText?: string): Promise<void> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal(change))
    const written = withWholeWhenDue(change, after, session)
    const body = lineBody(written, entriesText)
    const kept = this.#options.keep(written)
    const batch = this.#batchFor(roomFor(session.idText, body), session.idText, body)
    const offset = batch.offset + batch.length
    const place = this.#place
    place.segment = batch.segment
    place.ordinal = batch.ordinal = this.#ordinal += 1
    place.durable = this.#durable.segment === batch.segment ? this.#durable.offset : 0
    // The tombstone before a life may be erased one day, so nothing leads back to it.
    const prev = session.revision === 0 || session.isEnded ? undefined : session
    const end = writeLine(batch.slab.buffer, batch.length, place, session.idText, change.revision, prev, body)
    const bytes = end - batch.length
    batch.length = end
    this.#offset = offset + bytes
    session.segment = batch.segment
    session.ordinal = place.ordinal
    session.offset = offset
    session.bytes = bytes
    session.revision = change.revision
    session.isEnded = change.tombstone === true
    session.inFlight += 1
    countLine(session, written, bytes)
    this.#pending += 1
    const { segment, ordinal } = place
    return new Promise((resolve, reject) => {
      batch.appends.push({ segment, ordinal, offset, bytes, change, after, session, kept, resolve, reject })
      const { length } = batch.appends
      if (length >= this.#enough) this.#flush()
      else if (length === this.#answered) queueMicrotask(this.#turned)
      else this.#schedule()
    })
  }

  /** Resolves when nothing is pending. */
  drain(): Promise<void> {
    return this.#isQuiet() ? Promise.resolve() : new Promise((resolve) => this.#drained.push(resolve))
  }

  /**
   * Ends the segment: the next line begins a new one. Resolves when the old one is durable, cut to its lines and closed.
   * @throws STORE_FAILED
   */
  rotate(): Promise<void> {
    const segment = this.#segment
    const isEnding = this.#endings.some((ending) => ending.segment === segment)
    if (this.#refusal !== undefined || (this.#mustRotate && !isEnding)) return this.drain()
    this.#mustRotate = true
    return new Promise((resolve, reject) => {
      this.#endings.push({ segment, resolve, reject })
      this.#schedule()
    })
  }

  /** Takes no more appends: the disk is in doubt. What is under way may still be acknowledged; what waits is refused (J5). */
  stop(operation: string, reason: string): void {
    if (this.#refusal !== undefined) return
    this.#refusal = failed(operation, reason)
    this.#isFailed = true
    this.#stopWaiting()
    this.#goOn()
  }

  /** Writes what is pending and a last mark, and cuts the segment to its lines. */
  async close(): Promise<void> {
    await this.drain()
    this.#mark()
    await this.drain()
    this.#stopWaiting()
    if (this.#refusal === undefined) {
      this.#refusal = () => sessionError('RUNTIME_CLOSED', { command: 'append' })
      if (!this.#mustRotate && !this.#mustReopen) await this.#finish()
    }
    await this.#options.ahead.dispose()
    await this.#options.writer.dispose()
  }

  async #finish(): Promise<void> {
    const outcome = await new Promise<WriteOutcome>((resolve) => {
      this.#options.writer.finish(this.#durable.offset, resolve)
    })
    if (outcome.kind !== 'failed') return
    this.#refusal = failed('close', outcome.reason)
    this.#isFailed = true
    throw sessionError('STORE_FAILED', { operation: 'close', reason: outcome.reason })
  }

  /** The batch that takes a line needing at most `room` bytes (J3). */
  #batchFor(room: number, idText: string, body: string): Batch {
    if (this.#mustRotate || this.#offset >= this.#options.segmentBytes) this.#beginSegment()
    const current = this.#current
    if (current !== undefined) {
      const left = current.slab.buffer.length - current.length
      if (room <= left) return current
      // The room is a rough bound of three bytes a character; near the end of a slab it pays to look closer.
      const exact = roomFor('', '') + Buffer.byteLength(idText) + Buffer.byteLength(body)
      if (exact <= left) return current
      this.#seal()
    }
    return this.#begin(room, this.#mustReopen ? 'existing' : null)
  }

  #beginSegment(): void {
    const last = { segment: this.#segment, ordinals: this.#ordinal }
    this.#seal()
    this.#mustRotate = this.#mustReopen = false
    this.#segment += 1
    this.#offset = this.#ordinal = 0
    const { storeId, epoch } = this.#options
    const sealed = last.segment === 0 ? null : last
    const batch = this.#begin(0, 'new')
    this.#put(batch, encodeHeader({ segment: this.#segment, storeId, epoch, sealed, compacted: false }))
  }

  #begin(room: number, opens: Batch['opens']): Batch {
    const batch: Batch = {
      segment: this.#segment,
      offset: this.#offset,
      slab: this.#slabs.take(room + MARK_ROOM),
      opens,
      appends: [],
      isMark: false,
      length: 0,
      ordinal: this.#ordinal,
    }
    this.#current = batch
    if (opens === 'existing') {
      this.#mustReopen = false
      this.#put(batch, this.#markLine())
    }
    return batch
  }

  #markLine(): Buffer {
    const { clock, epoch } = this.#options
    const durable = this.#durable.segment === this.#segment ? this.#durable.offset : 0
    return encodeMark({ durable, at: clock.now(), epoch })
  }

  #put(batch: Batch, line: Buffer): void {
    line.copy(batch.slab.buffer, batch.length)
    batch.length += line.length
    this.#offset += line.length
  }

  #seal(): void {
    if (this.#current === undefined) return
    this.#queue.push(this.#current)
    this.#current = undefined
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#turned)
  }

  /** All who were answered have gone on. */
  readonly #turned = (): void => {
    this.#scheduled = false
    if (this.#answered > 0) {
      this.#pace.turned(this.#options.clock.now() - this.#lastDurableAt, this.#answered)
      this.#answered = 0
    }
    this.#flush()
  }

  /** Hands the next batch to the writer, when it has nothing to do. */
  #flush(): void {
    if (this.#underway !== undefined || this.#isEnding || this.#refusal !== undefined) return
    if (this.#mayEnd()) {
      this.#endSegment()
      return
    }
    let batch = this.#queue.shift()
    if (batch === undefined) {
      batch = this.#current
      this.#current = undefined
    }
    if (batch === undefined) return
    this.#underway = batch
    this.#orderedAt = this.#options.clock.now()
    const { segment, offset, length } = batch
    const order = { segment, offset, bytes: length, opening: this.#opening(batch) }
    this.#options.writer.write(order, batch.slab, this.#onOutcome)
    const { ahead, segmentBytes } = this.#options
    if (offset + length > segmentBytes / 2) ahead.prepare(segment + 1)
  }

  /** Somebody waits for the end of the segment, and every line of it is durable. */
  #mayEnd(): boolean {
    const { segment } = this.#durable
    const next = this.#queue[0] ?? this.#current
    return next?.segment !== segment && this.#endings.some((ending) => ending.segment <= segment)
  }

  #endSegment(): void {
    const { segment } = this.#durable
    this.#isEnding = true
    void this.#finish().then(
      () => {
        this.#isEnding = false
        for (const ending of this.#endings.splice(0)) {
          if (ending.segment <= segment) ending.resolve()
          else this.#endings.push(ending)
        }
        this.#goOn()
      },
      () => {
        this.#isEnding = false
        this.#goOn()
      },
    )
  }

  /** After an order ended: the next one, or nothing is pending. */
  #goOn(): void {
    const refuse = this.#refusal
    if (this.#isFailed && refuse !== undefined && this.#underway === undefined && !this.#isEnding) {
      this.#lose(undefined, (append) => refuse(append.change))
    }
    if (this.#queue.length > 0 || this.#current !== undefined || this.#endings.length > 0) this.#schedule()
    if (this.#isQuiet()) for (const resolve of this.#drained.splice(0)) resolve()
  }

  #opening(batch: Batch): Opening | null {
    if (batch.opens !== 'new') return batch.opens === null ? null : { from: 'existing' }
    const temporary = this.#options.ahead.take(batch.segment)
    return temporary === undefined ? { from: 'new' } : { from: 'prepared', temporary }
  }

  /** One outcome for each turn of the loop (J7). */
  readonly #onOutcome = (outcome: WriteOutcome): void => {
    void this.#turns.take().then(() => this.#settle(outcome))
  }

  #settle(outcome: WriteOutcome): void {
    const batch = this.#underway
    if (batch === undefined) return
    this.#underway = undefined
    switch (outcome.kind) {
      case 'written':
        this.#acknowledge(batch)
        break
      case 'full':
        this.#takeBack(batch)
        // A mark that found no room is not tried again before something else is durable.
        if (!this.#isMarked && !batch.isMark) this.#idle ??= this.#wakeWhenIdle()
        break
      default:
        this.#fail(batch, outcome)
    }
    this.#slabs.give(batch.slab)
    this.#goOn()
  }

  #acknowledge(batch: Batch): void {
    const { segment, ordinal } = batch
    this.#durable = { segment, offset: batch.offset + batch.length, ordinal }
    const { onWritten, onDurable, clock } = this.#options
    onWritten(this.#durable)
    this.#lastDurableAt = clock.now()
    this.#pace.wrote(this.#lastDurableAt - this.#orderedAt)
    this.#enough = this.#pace.enough(this.#pending)
    // A few stragglers alone would put the two halves out of step for good.
    if ((this.#current?.appends.length ?? 0) >= this.#enough / 2) this.#flush()
    this.#answered = batch.appends.length
    this.#pending -= this.#answered
    for (const append of batch.appends) {
      append.session.inFlight -= 1
      onDurable(append)
      append.resolve()
    }
    this.#schedule()
    this.#isMarked = batch.isMark && batch.appends.length === 0
    if (!this.#isMarked) this.#idle ??= this.#wakeWhenIdle()
  }

  #wakeWhenIdle(): { cancel(): void } {
    const { clock, idleMarkMs } = this.#options
    return clock.wakeAt(this.#lastDurableAt + idleMarkMs, () => {
      this.#idle = undefined
      if (this.#isMarked || this.#refusal !== undefined) return
      if (clock.now() < this.#lastDurableAt + idleMarkMs) this.#idle = this.#wakeWhenIdle()
      // What is on its way asks again once it has its outcome; asking for an instant that is past would only spin.
      else if (this.#pending === 0) this.#mark()
    })
  }

  #stopWaiting(): void {
    this.#idle?.cancel()
    this.#idle = undefined
  }

  /** Writes a mark, unless the last thing written was one (J6). */
  #mark(): void {
    if (this.#isMarked || this.#refusal !== undefined || this.#mustRotate || !this.#isQuiet()) return
    const batch = this.#begin(0, null)
    batch.isMark = true
    this.#put(batch, this.#markLine())
    this.#schedule()
  }

  /** J4: back to the durable end, as if nothing pending had been appended. */
  #takeBack(batch: Batch): void {
    this.#segment = this.#durable.segment
    this.#offset = this.#durable.offset
    this.#ordinal = this.#durable.ordinal
    // Who waits for the end of a segment that found no room waits for the one before it.
    for (const ending of this.#endings) ending.segment = Math.min(ending.segment, this.#segment)
    // A segment that has a successor, even one that found no room, takes no more lines.
    this.#mustRotate = batch.segment !== this.#durable.segment || this.#endings.length > 0
    this.#mustReopen = batch.opens === 'existing'
    this.#lose(batch, (append) => fullError(append.change))
  }

  /** J5. */
  #fail(batch: Batch, outcome: WriteOutcome): void {
    const { epoch } = this.#options
    const isFenced = outcome.kind === 'fenced'
    const reason = outcome.kind === 'failed' ? outcome.reason : ''
    const refuse: Refusal = isFenced
      ? () => sessionError('STORE_FENCED', { epoch, newer: epoch + 1 })
      : failed('append', reason)
    this.#refusal = refuse
    this.#isFailed = true
    this.#stopWaiting()
    const isDecided = isFenced && !outcome.wrote
    this.#lose(batch, (append, wasUnderWay) =>
      wasUnderWay && !isDecided ? unknown(append.change, refuse(append.change)) : refuse(append.change),
    )
  }

  #lose(underway: Batch | undefined, errorFor: (append: Append, wasUnderWay: boolean) => SessionError): void {
    const lost = this.#queue.splice(0)
    if (underway !== undefined) lost.unshift(underway)
    if (this.#current !== undefined) lost.push(this.#current)
    this.#current = undefined
    for (const batch of lost) this.#pending -= batch.appends.length
    // Everything is as before the first rejection is heard.
    for (const batch of lost) {
      for (const { session } of batch.appends) {
        session.inFlight -= 1
        this.#options.onLost(session)
      }
      if (batch !== underway) this.#slabs.give(batch.slab)
    }
    for (const batch of lost) {
      for (const append of batch.appends) append.reject(errorFor(append, batch === underway))
    }
    if (!this.#isFailed) return
    const error = sessionError('STORE_FAILED', { operation: 'rotate', reason: 'the journal failed' })
    for (const ending of this.#endings.splice(0)) ending.reject(error)
  }

  #isQuiet(): boolean {
    if (this.#isEnding || this.#endings.length > 0) return false
    return this.#underway === undefined && this.#queue.length === 0 && this.#current === undefined
  }
}
