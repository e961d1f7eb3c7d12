/**
 * The routes of the API. Requests arrive here guarded and from somebody who is logged in.
 *   RT1  GET reads, POST commands; every answer is JSON, and every failure has a code.
 *   RT2  A failure here is an answer, never a failure of the process.
 */
import { Hono } from 'hono'
import { COMMANDS, sessionMachine, supervisorMachine } from '../index.ts'
import type { Json, limitPolicy } from '../index.ts'
import { changePage } from './change-view.ts'
import { chartOf } from './chart.ts'
import type { Chart } from './chart.ts'
import { commandsOff, runCommand } from './commands.ts'
import { entryPage, entrySlice, SLICE_BYTES } from './entry-view.ts'
import { changeQuery, entryQuery, listQuery, whole, wholeOf } from './queries.ts'
import { errorResponse, NO_SUCH_PAGE, refusal } from './refusals.ts'
import { sessionView, shownSummary } from './session-view.ts'
import type { ViewSource } from './session-view.ts'
import { shownStats } from './store-view.ts'

/** What the routes answer from. */
export interface RouterOptions {
  readonly source: ViewSource
  readonly version: string
  /** The machine drawn as the limit policy; the built-in one otherwise. */
  readonly limitPolicy: typeof limitPolicy
  /** Opens the live stream of a request. */
  readonly events: (request: Request) => Response
  /** The body of a POST, read within its bound. */
  readonly body: (request: Request) => Promise<unknown>
  /** Told of defects: a code and the route, never content. */
  readonly failed: (error: unknown, method: string) => void
}

/** Answers requests for paths that begin with `/api/`. */
export type Router = (request: Request) => Promise<Response>

/** The routes (RT1, RT2). */
export function createRouter(options: RouterOptions): Router {
  const { source } = options
  const { runtime } = source
  const api = new Hono()

  api.get('/api/info', () => {
    const stats = runtime.stats()
    return json({
      version: options.version,
      mode: stats.readOnly ? 'reader' : 'owner',
      commands: source.commands,
      place: stats.store.place,
      now: source.now(),
      cursor: runtime.newestCursor() ?? null,
      lifecycle: COMMANDS,
    })
  })
  api.get('/api/store', () => json(shownStats(runtime)))
  api.get('/api/events', (c) => options.events(c.req.raw))

  const charts = new Map<string, Chart>([
    ['session', chartOf('session', sessionMachine)],
    ['limitPolicy', chartOf('limitPolicy', options.limitPolicy)],
    ['supervisor', chartOf('supervisor', supervisorMachine)],
  ])
  api.get('/api/charts/:name', (c) => {
    const chart = charts.get(c.req.param('name'))
    return chart === undefined ? refusal(404, NO_SUCH_PAGE) : json(chart)
  })

  api.get('/api/sessions', async (c) => {
    const page = await runtime.list(listQuery(queryOf(c.req.raw)))
    const items = page.items.map((summary) => shownSummary(source, summary))
    return json({ ...page, items, total: runtime.stats().store.sessions })
  })
  api.get('/api/sessions/:id', async (c) => json(await sessionView(source, c.req.param('id'))))
  api.get('/api/sessions/:id/at/:rev', async (c) =>
    json(await sessionView(source, c.req.param('id'), wholeOf(c.req.param('rev'), 'rev'))),
  )
  api.get('/api/sessions/:id/changes', async (c) =>
    json(await changePage(source, c.req.param('id'), changeQuery(queryOf(c.req.raw)))),
  )
  api.get('/api/sessions/:id/entries', async (c) =>
    json(await entryPage(source, c.req.param('id'), entryQuery(queryOf(c.req.raw)))),
  )
  api.get('/api/sessions/:id/entries/:position', async (c) => {
    const query = queryOf(c.req.raw)
    const slice = {
      offset: whole(query, 'offset') ?? 0,
      length: whole(query, 'length') ?? SLICE_BYTES,
      hint: whole(query, 'hint'),
    }
    return json(
      await entrySlice(source, c.req.param('id'), wholeOf(c.req.param('position'), 'position'), slice),
    )
  })
  api.get('/api/sessions/:id/export', async (c) => {
    const sessionId = c.req.param('id')
    const document = await runtime.export(sessionId)
    const { record, entries, ...rest } = document
    const shown = {
      ...rest,
      record: source.redact(record as unknown as Json, { sessionId, part: 'record' }),
      entries: entries.map((entry) => source.redact(entry as unknown as Json, { sessionId, part: 'entry' })),
    }
    const name = document.id.replaceAll(/[^\w.@+=~-]/g, '_')
    return json(shown, { 'content-disposition': `attachment; filename="${name}.json"` })
  })
  api.post('/api/sessions/:id/commands', async (c) => {
    if (!source.commands) commandsOff()
    return json(await runCommand(runtime, c.req.param('id'), await options.body(c.req.raw)))
  })

  api.notFound(() => refusal(404, NO_SUCH_PAGE))
  api.onError((error, c) => {
    const response = errorResponse(error)
    if (response.status === 500) options.failed(error, c.req.method)
    return response
  })
  return async (request) => api.fetch(request)
}

function json(value: object, headers: Readonly<Record<string, string>> = {}): Response {
  return Response.json(value, { headers })
}

function queryOf(request: Request): URLSearchParams {
  return new URL(request.url).searchParams
}
