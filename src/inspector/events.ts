/**
 * The live stream: what happened, as server-sent events.
 *   LV1  A stream gives every change behind its cursor, in order; `Last-Event-ID` goes on where a lost one ended.
 *   LV2  It shows durable changes only, in the process that owns the store and in one that reads beside it.
 *   LV3  A page that does not read is dropped before more than 1 MiB waits for it; it comes back with its cursor. Nobody
 *        waits for a page.
 *   LV4  When changes come faster than anybody can look, the stream jumps to the newest and says so (`reset`), at most
 *        once a second, so that watching costs the sessions next to nothing. While they keep coming so, it jumps every
 *        other second and tells nothing else; and a full batch tells what happened, not what became of each session.
 */
import { COMMANDS, isSessionError, statusesFor, systemClock } from '../index.ts'
import type { Clock, CommandName, Json, SessionChange } from '../index.ts'
import { bounded } from './bounds.ts'
import { shownEvent } from './change-view.ts'
import { summaryOf } from './session-view.ts'
import type { ViewSource } from './session-view.ts'
import { shownStats } from './store-view.ts'

/** Where a stream begins, and how it ends. */
export interface EventStreamOptions {
  readonly source: ViewSource
  /** The cursor of the last event a page has seen; without it the stream begins with what comes next. */
  readonly after: string | undefined
  /** Ends the stream. */
  readonly signal: AbortSignal
  readonly clock?: Clock
  /** Called once when the stream is over. */
  readonly ended?: () => void
}

type Placed = SessionChange & { readonly cursor: string }

/** Most that waits for a page that does not read (LV3). */
export const MOST_UNSENT_BYTES = 1024 * 1024
/** From here on the stream waits for the page. */
const FULL_BYTES = 256 * 1024
/** How long it waits before the page is dropped. */
export const PATIENCE_MS = 5000
/** Changes that come together are sent together, in pieces of about so many characters. */
const GATHER_MS = 10
const PIECE_CHARACTERS = 64 * 1024
/** Between two batches. */
const PACE_MS = 100
/** Changes in a batch; instead of the last of so many full ones in a row the stream jumps (LV4). */
const BATCH = 128
const MOST_FULL_BATCHES = 3
const JUMP_PAUSE_MS = 1000
const NEXT_JUMP_PAUSE_MS = 2000
/** Statistics, which also keep the connection alive. */
export const BEAT_MS = 5000
const MOST_STATUSES = 10_000
const SUMMARY_BYTES = 8 * 1024

/** The body of the stream (LV1). */
export function eventStream(options: EventStreamOptions): ReadableStream<Uint8Array> {
  const feed = new EventFeed(options)
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        feed.start(controller)
      },
      pull: () => {
        feed.drained()
      },
      cancel: () => {
        feed.stop()
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: MOST_UNSENT_BYTES }),
  )
}

class EventFeed {
  readonly #source: ViewSource
  readonly #clock: Clock
  readonly #stopping = new AbortController()
  readonly #ended: () => void
  readonly #statuses = new Map<string, string>()
  #after: string | undefined
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #resumeWriting: (() => void) | undefined

  constructor({ source, after, signal, clock = systemClock, ended = () => undefined }: EventStreamOptions) {
    this.#source = source
    this.#after = after
    this.#clock = clock
    this.#ended = ended
    if (signal.aborted) this.stop()
    signal.addEventListener('abort', () => this.stop(), { once: true, signal: this.#stopping.signal })
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller
    this.#run()
      .then(
        () => this.#end(() => controller.close()),
        (error: unknown) => this.#end(() => controller.error(error)),
      )
      .finally(this.#ended)
  }

  /** The page has read something. */
  drained(): void {
    if (this.#unsent >= FULL_BYTES) return
    this.#resumeWriting?.()
    this.#resumeWriting = undefined
  }

  stop(): void {
    this.#stopping.abort()
    this.#resumeWriting?.()
  }

  get #unsent(): number {
    return MOST_UNSENT_BYTES - (this.#controller?.desiredSize ?? MOST_UNSENT_BYTES)
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted
  }

  #end(finish: () => void): void {
    this.stop()
    try {
      finish()
    } catch {
      // The page has gone already.
    }
  }

  async #run(): Promise<void> {
    try {
      this.#after ??= this.#source.runtime.newestCursor()
      await this.#say('hello', { now: this.#source.now() }, this.#after)
      let isFlooded = false
      while (!this.#stopped && (await this.#follow(isFlooded)) === 'lagged') {
        await this.#jump('lagged', isFlooded ? NEXT_JUMP_PAUSE_MS : JUMP_PAUSE_MS)
        isFlooded = true
      }
    } catch (error) {
      if (!isSessionError(error, 'RUNTIME_CLOSED')) throw error
    }
    await this.#say('closed', {}, undefined)
  }

  /** Sends changes as they come, until the runtime or the stream ends, or there are too many of them (LV4). */
  async #follow(isFlooded: boolean): Promise<'ended' | 'lagged'> {
    const { runtime } = this.#source
    const after = this.#after
    const stopping = new AbortController()
    const signal = AbortSignal.any([this.#stopping.signal, stopping.signal])
    const changes = runtime
      .changes({ ...(after === undefined ? {} : { after }), signal })
      [Symbol.asyncIterator]()
    const pull = (): Promise<IteratorResult<Placed>> => {
      const result = changes.next()
      // It may fail while something else is awaited; whoever awaits it then is told.
      result.catch(() => undefined)
      return result
    }
    try {
      let fullBatches = isFlooded ? MOST_FULL_BATCHES - 1 : 0
      let next: Promise<IteratorResult<Placed>> | undefined = pull()
      for (;;) {
        if (!(await this.#within(next, BEAT_MS))) {
          await this.#say('stats', shownStats(runtime), undefined)
          if (this.#stopped) return 'ended'
          continue
        }
        const gathered = await this.#gather(next, pull)
        fullBatches = gathered.batch.length === BATCH ? fullBatches + 1 : 0
        if (fullBatches === MOST_FULL_BATCHES) return 'lagged'
        await this.#sendAll(gathered.batch)
        next = gathered.next
        if (this.#stopped || next === undefined) return 'ended'
        await this.#pause(PACE_MS)
      }
    } catch (error) {
      if (!isSessionError(error, 'CURSOR_INVALID')) throw error
      // The cursor is of another store, or of a place that is gone.
      await this.#jump('cursor', PACE_MS)
      return this.#follow(false)
    } finally {
      stopping.abort()
      await changes.return?.()
    }
  }

  /** The changes that come together, and what comes behind them; undefined at the end of all. */
  async #gather(
    first: Promise<IteratorResult<Placed>>,
    pull: () => Promise<IteratorResult<Placed>>,
  ): Promise<{ batch: readonly Placed[]; next: Promise<IteratorResult<Placed>> | undefined }> {
    const batch: Placed[] = []
    const timer = this.#timer(GATHER_MS)
    try {
      let next = first
      do {
        const result = await next
        if (result.done === true) return { batch, next: undefined }
        batch.push(result.value)
        next = pull()
      } while (batch.length < BATCH && (await timer.isFirst(next)))
      return { batch, next }
    } finally {
      timer.end()
    }
  }

  async #jump(reason: 'lagged' | 'cursor', pauseMs: number): Promise<void> {
    await this.#pause(pauseMs)
    this.#after = this.#source.runtime.newestCursor()
    await this.#say('reset', { reason }, this.#after)
  }

  async #sendAll(batch: readonly Placed[]): Promise<void> {
    const newest = new Map(batch.map((change) => [change.sessionId, change]))
    const isFlood = batch.length === BATCH
    const told = await Promise.all(
      batch.map(async (change) => {
        const isTold = !isFlood && newest.get(change.sessionId) === change
        const summary = isTold ? this.#summary(change) : undefined
        return { statusBefore: await this.#statusBefore(change), summary: await summary }
      }),
    )
    let text = ''
    for (const [index, change] of batch.entries()) {
      const { sessionId, revision, at, status, cursor } = change
      const event = shownEvent(this.#source, change)
      // A summary that is not there is left out of the JSON.
      text += eventText('change', { sessionId, revision, at, event, status, ...told[index] }, cursor)
      if (text.length < PIECE_CHARACTERS && index < batch.length - 1) continue
      await this.#write(text)
      text = ''
      this.#after = cursor
      if (this.#stopped) return
    }
  }

  async #statusBefore({ sessionId, revision, status, event }: Placed): Promise<string | null> {
    const known = this.#statuses.get(sessionId)
    if (this.#statuses.size > MOST_STATUSES) this.#statuses.clear()
    this.#statuses.set(sessionId, status)
    if (known !== undefined || revision === 1) return known ?? null
    const [only, ...others] = isCommand(event.type) ? statusesFor(event.type) : []
    if (only !== undefined && others.length === 0) return only
    try {
      return (await this.#source.runtime.stateAt(sessionId, revision - 1)).summary.status
    } catch {
      // Deleted meanwhile, or damaged: the change itself can be shown all the same.
      return null
    }
  }

  async #summary({ sessionId, status }: Placed): Promise<Json | undefined> {
    if (status === 'deleted') return undefined
    try {
      const session = await this.#source.runtime.get(sessionId)
      return bounded(summaryOf(this.#source, session) as unknown as Json, SUMMARY_BYTES)
    } catch {
      return undefined
    }
  }

  #say(event: string, data: object, id: string | undefined): Promise<void> {
    return this.#write(eventText(event, data, id))
  }

  /** Writes events, and waits while the page is behind (LV3). */
  async #write(text: string): Promise<void> {
    if (this.#stopped) return
    this.#controller?.enqueue(Buffer.from(text))
    if (this.#unsent < FULL_BYTES) return
    const drained = new Promise<void>((resolve) => {
      this.#resumeWriting = resolve
    })
    if (!(await this.#within(drained, PATIENCE_MS))) this.stop()
  }

  /** Whether something settles within so many milliseconds; false too when the stream is stopped first. */
  async #within(work: Promise<unknown>, ms: number): Promise<boolean> {
    const timer = this.#timer(ms)
    try {
      return await timer.isFirst(work)
    } finally {
      timer.end()
    }
  }

  /** Tells of one thing after the other whether it settled before so many milliseconds had passed or the stream stopped. */
  #timer(ms: number): { isFirst(work: Promise<unknown>): Promise<boolean>; end(): void } {
    const { signal } = this.#stopping
    let isOver = this.#stopped
    let over = (): void => undefined
    const passed = (): void => {
      isOver = true
      over()
    }
    const timer = this.#clock.wakeAt(this.#clock.now() + ms, passed)
    signal.addEventListener('abort', passed, { once: true })
    return {
      isFirst: (work) =>
        new Promise((resolve) => {
          over = () => resolve(false)
          if (isOver) over()
          const done = (): void => resolve(true)
          work.then(done, done)
        }),
      end: () => {
        timer.cancel()
        signal.removeEventListener('abort', passed)
      },
    }
  }

  async #pause(ms: number): Promise<void> {
    await this.#within(new Promise(() => undefined), ms)
  }
}

function eventText(event: string, data: object, id: string | undefined): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}

function isCommand(word: string): word is CommandName {
  return Object.values(COMMANDS).some((commands) => (commands as readonly string[]).includes(word))
}
