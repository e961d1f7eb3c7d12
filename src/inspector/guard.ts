/**
 * What a request must look like before anything reads it.
 *   GD1  Host and Origin are compared with a list, exactly; `null` is a foreign origin. That is what keeps other pages and
 *        rebound names out.
 *   GD2  A request that a browser marks as coming from another site, or another port of this machine, is refused.
 *   GD3  GET and POST exist, nothing else; a POST is JSON, which no form can send.
 *   GD4  A secret in an address is refused: addresses end up in logs and histories.
 * A refusal has a status and no body.
 */

/** Longest path and query. */
const TARGET_CHARACTERS = 4096
const HOST = /^(?:\[[\da-f:.]+\]|[a-z\d._-]+)(?::\d{1,5})?$/i
const JSON_TYPE = /^application\/json(?:\s*;\s*charset=utf-8)?$/i

/** Checks requests against the origins they may be for. */
export class Guard {
  readonly #origins = new Map<string, ReadonlySet<string>>()

  /** @param origins - such as `http://127.0.0.1:4242`; the Host of a request must be that of one of them */
  constructor(origins: readonly string[]) {
    for (const origin of origins) {
      const host = origin.replace(/^\w+:\/\//, '').toLowerCase()
      this.#origins.set(host, new Set([...(this.#origins.get(host) ?? []), origin.toLowerCase()]))
    }
  }

  /** The status to refuse with; undefined when the request may go on. */
  refuse(request: Request): number | undefined {
    const { method, headers } = request
    const url = urlOf(request)
    if (url === undefined) return 400
    const host = headers.get('host') ?? url.host
    if (!HOST.test(host)) return 400
    const own = this.#origins.get(host.toLowerCase())
    if (own === undefined) return 403 // GD1
    if (method === 'OPTIONS') return 403
    if (method !== 'GET' && method !== 'POST') return 405 // GD3
    const origin = headers.get('origin')
    if (origin !== null && !own.has(origin)) return 403 // GD1
    const site = headers.get('sec-fetch-site')
    if (site !== null && site !== 'same-origin' && site !== 'none') return 403 // GD2
    if (url.pathname.length + url.search.length > TARGET_CHARACTERS) return 400
    if (url.searchParams.has('token')) return 400 // GD4
    if (method === 'POST' && !JSON_TYPE.test(headers.get('content-type') ?? '')) return 415 // GD3
    return undefined
  }
}

/** The URL of a request; undefined when it is none. */
export function urlOf(request: Request): URL | undefined {
  try {
    return new URL(request.url)
  } catch {
    return undefined
  }
}
