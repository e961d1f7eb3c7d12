/**
 * The inspector as a standard request handler, to mount in a server of one's own or to be served by `startInspector`.
 *   IN1  Every request passes the guard, then the login, then a route; every answer carries the same strict headers.
 *   IN2  Looking changes nothing and never waits for or holds up a session; what fails here is an answer with a code.
 *   IN3  Commands are offered where the runtime owns its store, unless switched off.
 */
import { setMaxListeners } from 'node:events'
import { createRequire } from 'node:module'
import { limitPolicy, systemClock } from '../index.ts'
import type { Clock, Logger, Runtime } from '../index.ts'
import { assetResponse, pageAssets } from './assets.ts'
import { jsonBody } from './body.ts'
import { isMachine } from './chart.ts'
import { eventStream } from './events.ts'
import { Guard, urlOf } from './guard.ts'
import { secured } from './headers.ts'
import { cookieHeader, Logins } from './logins.ts'
import { redactor } from './redaction.ts'
import type { RedactionOptions } from './redaction.ts'
import { errorResponse, LOCKED_OUT, NO_SUCH_PAGE } from './refusals.ts'
import { refusal, TOO_MANY_STREAMS, UNAUTHORIZED } from './refusals.ts'
import { createRouter } from './router.ts'

/** How an inspector looks and what it offers. */
export interface InspectorOptions extends RedactionOptions {
  /** Offers no commands; they are off anyway where the runtime is read-only. */
  readonly readOnly?: boolean
  /** The machine to draw as the limit policy, when the runtime has one of its own. */
  readonly limitPolicy?: unknown
  /** Told of defects of the inspector: a code, never content. */
  readonly logger?: Logger
  readonly clock?: Clock
}

/** How to mount the inspector in a server of one's own. */
export interface InspectorHandlerOptions extends InspectorOptions {
  /**
   * The origins browsers reach it by, such as `http://localhost:3000`. Requests for any other Host, or from any other
   * Origin, are refused.
   */
  readonly origins: readonly string[]
  /** The path it is mounted at, such as `/inspector`; the whole server by default. */
  readonly basePath?: string
  /** Who may look, instead of one-time tokens: your own login. */
  readonly authorize?: (request: Request) => boolean | Promise<boolean>
}

/** Answers the requests of the inspector. */
export interface InspectorHandler {
  (request: Request): Promise<Response>
  /** A fresh token; `<origin><basePath>/#token=<token>` logs one browser in, once. */
  newToken(): string
  /** Ends every live stream and refuses what comes later. Safe to call twice. */
  close(): void
}

/** Live streams at once. */
export const MOST_STREAMS = 16
/** Body of a command: an entry of 1 MiB and what is around it. */
export const MOST_BODY_BYTES = 2 * 1024 * 1024
/** Body of a login. */
const LOGIN_BYTES = 4096

/**
 * The inspector of a runtime as a `(Request) => Promise<Response>`; mount it below `basePath` with all methods.
 *
 * Not a request without a login reads anything; see `docs/inspector.md` for what is checked.
 */
export function inspectorHandler(runtime: Runtime, options: InspectorHandlerOptions): InspectorHandler {
  const clock = options.clock ?? systemClock
  const base = (options.basePath ?? '').replace(/\/+$/, '')
  const guard = new Guard(options.origins)
  const logins = new Logins(clock)
  const closing = new AbortController()
  // Every stream listens to it.
  setMaxListeners(MOST_STREAMS, closing.signal)
  let streams = 0
  const source = {
    runtime,
    redact: redactor(options),
    commands: options.readOnly !== true && !runtime.stats().readOnly, // IN3
    now: () => clock.now(),
  }
  const failed = (error: unknown, method: string): void => {
    const code = (error as { readonly code?: unknown } | null)?.code
    options.logger?.error(
      { code: typeof code === 'string' ? code : 'INTERNAL', method },
      'the inspector failed',
    )
  }

  const events = (request: Request): Response => {
    if (streams >= MOST_STREAMS) return refusal(503, TOO_MANY_STREAMS)
    streams += 1
    const after = request.headers.get('last-event-id') ?? new URL(request.url).searchParams.get('after')
    const ended = (): void => {
      streams -= 1
    }
    const signal = closing.signal
    const body = eventStream({
      source,
      after: after === null || after === '' ? undefined : after,
      signal,
      clock,
      ended,
    })
    return new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } })
  }
  const router = createRouter({
    source,
    version: packageVersion(),
    limitPolicy: isMachine(options.limitPolicy) ? (options.limitPolicy as typeof limitPolicy) : limitPolicy,
    events,
    body: (request) => jsonBody(request, MOST_BODY_BYTES),
    failed,
  })

  const login = async (request: Request, port: string): Promise<Response> => {
    const body = await jsonBody(request, LOGIN_BYTES)
    const outcome = logins.login((body as { readonly token?: unknown } | null)?.token)
    if (outcome === 'locked') return refusal(429, LOCKED_OUT)
    if (outcome === 'wrong') return refusal(401, UNAUTHORIZED)
    const headers = { 'set-cookie': cookieHeader(port, `${base}/`, outcome.cookie) }
    return new Response(null, { status: 204, headers })
  }

  const isAllowed = async (request: Request, port: string): Promise<boolean> =>
    options.authorize === undefined
      ? logins.knows(request, port)
      : (await options.authorize(request)) === true

  const answer = async (request: Request): Promise<Response> => {
    const refused = guard.refuse(request)
    if (refused !== undefined) return new Response(null, { status: refused })
    if (closing.signal.aborted) return new Response(null, { status: 503 })
    const url = urlOf(request) as URL
    if (url.pathname === base && base !== '') {
      return new Response(null, { status: 308, headers: { location: `${base}/` } })
    }
    if (!url.pathname.startsWith(`${base}/`)) return refusal(404, NO_SUCH_PAGE)
    const path = url.pathname.slice(base.length)
    const port = portOf(request, url)
    if (!path.startsWith('/api/')) {
      if (request.method !== 'GET') return new Response(null, { status: 405 })
      return assetResponse(await pageAssets(), path) ?? refusal(404, NO_SUCH_PAGE)
    }
    if (path === '/api/login' && request.method === 'POST' && options.authorize === undefined) {
      return login(request, port)
    }
    if (!(await isAllowed(request, port))) return refusal(401, UNAUTHORIZED)
    return router(base === '' ? request : below(request, url, path))
  }

  const handler = async (request: Request): Promise<Response> => {
    try {
      return secured(await answer(request))
    } catch (error) {
      const response = errorResponse(error)
      if (response.status === 500) failed(error, request.method)
      return secured(response) // IN2
    }
  }
  return Object.assign(handler, {
    newToken: () => logins.newToken(),
    close: () => {
      closing.abort()
    },
  })
}

function portOf(request: Request, url: URL): string {
  return /:(\d{1,5})$/.exec(request.headers.get('host') ?? url.host)?.[1] ?? '80'
}

/** The same request as if the inspector were the whole server. */
function below(request: Request, url: URL, path: string): Request {
  return new Request(new URL(`${path}${url.search}`, url.origin), request)
}

function packageVersion(): string {
  const { version } = createRequire(import.meta.url)('../../package.json') as { readonly version: string }
  return version
}
