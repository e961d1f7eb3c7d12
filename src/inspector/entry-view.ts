/**
 * The transcript as the page gets it: pages from the end or from a place, and long entries in slices.
 *   EV1  Positions count from 0, as in the runtime. A page ends where its bound is; nothing is skipped.
 *   EV2  Content over its bound is cut and read on in slices of its redacted JSON text.
 *   EV3  `rev` shows the transcript as of that revision; reading starts there, so that a page near the end of a long
 *        session does not read the whole of it.
 */
import { sessionError } from '../index.ts'
import type { Entry, Json, Runtime, SessionChange } from '../index.ts'
import { bounded, cut, sliceBytes } from './bounds.ts'
import type { ViewSource } from './session-view.ts'

/** Which entries to show. */
export interface EntryPageQuery {
  /** Only entries behind this position, oldest first from there. */
  readonly after?: number | undefined
  /** Only entries before this position, the newest of them. */
  readonly before?: number | undefined
  readonly limit: number
  /** As of this revision. */
  readonly rev?: number | undefined
  /** With `after`: the revision of the entry at that position, where reading may start. */
  readonly hint?: number | undefined
}

/** An entry as shown: its own keys, and `content`, cut when `isCut`. */
export interface EntryView {
  readonly position: number
  readonly revision: number
  readonly id: string
  readonly at: number
  readonly type: string
  readonly isCut: boolean
  readonly content: Json
  readonly [key: string]: Json
}

/** A page of a transcript, oldest first; `total` counts all entries of the session as of the revision. */
export interface EntryPage {
  readonly items: readonly EntryView[]
  readonly total: number
}

/** Content up to so many bytes of JSON is shown whole. */
export const CONTENT_BYTES = 64 * 1024
/** How much of longer content is shown at first. */
const HEAD_CHARACTERS = 16 * 1024
/** Once a page is this full, entries show a short head only. */
const PAGE_BYTES = 2 * 1024 * 1024
const SHORT_HEAD_CHARACTERS = 1024
const OWN_KEYS_BYTES = 8 * 1024
/** Longest slice of one entry. */
export const SLICE_BYTES = 256 * 1024
/** Changes read at once on the way back. */
const STRIDE = 128

interface Place {
  readonly entry: Entry
  readonly position: number
  readonly revision: number
}

/** A page of the transcript (EV1, EV3). @throws NOT_FOUND */
export async function entryPage(
  source: ViewSource,
  sessionId: string,
  query: EntryPageQuery,
): Promise<EntryPage> {
  const { runtime } = source
  const { revision, total } = await extentOf(runtime, sessionId, query.rev)
  const places =
    query.after === undefined
      ? await backward(runtime, sessionId, revision, total, query)
      : await forward(runtime, sessionId, total, query.after, query)
  let bytes = 0
  const items = places.map((place) => {
    const view = entryView(source, sessionId, place, bytes > PAGE_BYTES)
    bytes += JSON.stringify(view).length
    return view
  })
  return { items, total }
}

/** A slice of the redacted JSON text of an entry's content (EV2). @throws NOT_FOUND */
export async function entrySlice(
  source: ViewSource,
  sessionId: string,
  position: number,
  slice: { readonly offset: number; readonly length: number; readonly hint?: number | undefined },
): Promise<ReturnType<typeof sliceBytes>> {
  const { total } = await extentOf(source.runtime, sessionId, undefined)
  const query = { limit: 1, hint: slice.hint }
  const [place] = await forward(source.runtime, sessionId, total, position - 1, query)
  if (place?.position !== position) throw sessionError('NOT_FOUND', { sessionId })
  const shown = source.redact(place.entry as unknown as Json, { sessionId, part: 'entry' })
  const { content } = shown as { readonly content?: Json }
  return sliceBytes(JSON.stringify(content ?? null), slice.offset, Math.min(slice.length, SLICE_BYTES))
}

function entryView(source: ViewSource, sessionId: string, place: Place, isShort: boolean): EntryView {
  const shown = source.redact(place.entry as unknown as Json, { sessionId, part: 'entry' })
  const isObject = typeof shown === 'object' && shown !== null && !Array.isArray(shown)
  const { content = null, ...own } = (isObject ? shown : { content: shown }) as {
    readonly [key: string]: Json
  }
  const text = JSON.stringify(content)
  const isCut = text.length > (isShort ? SHORT_HEAD_CHARACTERS : CONTENT_BYTES)
  return {
    ...(bounded(own, OWN_KEYS_BYTES) as { readonly [key: string]: Json }),
    position: place.position,
    revision: place.revision,
    id: place.entry.id,
    at: place.entry.at,
    type: place.entry.type,
    isCut,
    content: isCut ? cut(text, text.slice(0, isShort ? SHORT_HEAD_CHARACTERS : HEAD_CHARACTERS)) : content,
  }
}

/** The revision a transcript is read up to, and how many entries there are up to it. */
async function extentOf(
  runtime: Runtime,
  sessionId: string,
  rev: number | undefined,
): Promise<{ readonly revision: number; readonly total: number }> {
  if (rev === undefined) {
    const { revision, usage } = await runtime.get(sessionId)
    return { revision, total: usage.entryCount }
  }
  return { revision: rev, total: await entryCountAt(runtime, sessionId, rev) }
}

async function entryCountAt(runtime: Runtime, sessionId: string, revision: number): Promise<number> {
  const { facts } = await runtime.stateAt(sessionId, revision)
  return Number(facts.context['entryCount'] ?? 0)
}

/** The newest entries before a position, found from the end (EV3). */
async function backward(
  runtime: Runtime,
  sessionId: string,
  revision: number,
  total: number,
  query: EntryPageQuery,
): Promise<Place[]> {
  const session = await runtime.get(sessionId)
  const found: Place[] = []
  let position = total
  for (let to = revision; to >= 1 && position > 0 && found.length < query.limit; to -= STRIDE) {
    const from = Math.max(1, to - STRIDE + 1)
    const changes: SessionChange[] = []
    for await (const change of session.changes({ from, live: false })) {
      if (change.revision > to) break
      changes.push(change)
    }
    for (const change of changes.reverse()) {
      for (const entry of change.entries.toReversed()) {
        position -= 1
        if (query.before !== undefined && position >= query.before) continue
        if (found.length < query.limit) found.push({ entry, position, revision: change.revision })
      }
    }
  }
  return found.reverse()
}

/** The entries behind a position, read from a revision that holds it when one is given. */
async function forward(
  runtime: Runtime,
  sessionId: string,
  total: number,
  after: number,
  { limit, before, hint }: Pick<EntryPageQuery, 'limit' | 'before' | 'hint'>,
): Promise<Place[]> {
  const session = await runtime.get(sessionId)
  const end = Math.min(before ?? total, total)
  const found: Place[] = []
  const start = hint === undefined || hint < 2 ? 1 : Math.min(hint, session.revision)
  let position = start === 1 ? 0 : await entryCountAt(runtime, sessionId, start - 1)
  if (position > after + 1) return forward(runtime, sessionId, total, after, { limit, before, hint: 1 })
  for await (const { entries, revision } of session.changes({ from: start, live: false })) {
    for (const entry of entries) {
      if (position > after && position < end) found.push({ entry, position, revision })
      position += 1
      if (found.length === limit || position >= end) return found
    }
  }
  return found
}
