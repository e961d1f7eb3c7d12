/**
 * Who may look: one-time tokens that are exchanged for a cookie.
 *   AU1  A token works once, for the inspector that made it; nothing of it is written anywhere.
 *   AU2  Secrets are compared by their digests, in the same time whatever they are.
 *   AU3  After 20 wrong tokens within a minute every login waits; who is logged in already notices nothing.
 *   AU4  The cookie is bound to this start, and its name to the port, so that another program on this machine gets none
 *        that it could use.
 */
import { createHash } from 'node:crypto'
import { randomSecret } from '../index.ts'
import type { Clock } from '../index.ts'

/** Wrong tokens within `LOCKOUT_MS` after which logins wait (AU3). */
export const MOST_WRONG = 20
/** How long wrong tokens count (AU3). */
export const LOCKOUT_MS = 60_000
/** Tokens, and cookies, that are remembered; the oldest is forgotten. */
const MOST_KEPT = 32
const COOKIE_SECONDS = 30 * 24 * 3600

/** What a login came to: the value of the cookie, or why there is none. */
export type LoginOutcome = { readonly cookie: string } | 'wrong' | 'locked'

/** The tokens that wait to be used, and the browsers that are logged in. */
export class Logins {
  readonly #clock: Clock
  readonly #tokens = new Set<string>()
  readonly #cookies = new Set<string>()
  #wrong: number[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A fresh one-time token (AU1). */
  newToken(): string {
    const token = randomSecret()
    keep(this.#tokens, digestOf(token))
    return token
  }

  /** Exchanges a token (AU1, AU3). */
  login(token: unknown): LoginOutcome {
    const now = this.#clock.now()
    this.#wrong = this.#wrong.filter((at) => now - at < LOCKOUT_MS)
    if (this.#wrong.length >= MOST_WRONG) return 'locked'
    const digest = digestOf(typeof token === 'string' ? token : '')
    if (!has(this.#tokens, digest)) {
      this.#wrong.push(now)
      return 'wrong'
    }
    this.#tokens.delete(digest)
    const cookie = randomSecret()
    keep(this.#cookies, digestOf(cookie))
    return { cookie }
  }

  /** Whether a request comes from a browser that is logged in (AU4). */
  knows(request: Request, port: string): boolean {
    const name = cookieName(port)
    const pairs = (request.headers.get('cookie') ?? '').split(';').map((pair) => pair.trim())
    const values = pairs
      .filter((pair) => pair.startsWith(`${name}=`))
      .map((pair) => pair.slice(name.length + 1))
    return values.length === 1 && has(this.#cookies, digestOf(values[0] ?? ''))
  }
}

/** The name of the cookie of an inspector on this port (AU4). */
export function cookieName(port: string): string {
  return `sessionwright_${port}`
}

/** The header that gives a browser its cookie. */
export function cookieHeader(port: string, path: string, value: string): string {
  return `${cookieName(port)}=${value}; HttpOnly; SameSite=Strict; Path=${path}; Max-Age=${COOKIE_SECONDS}`
}

function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** Looks at every secret and every character, whatever is found (AU2). */
function has(digests: ReadonlySet<string>, digest: string): boolean {
  let found = 0
  for (const known of digests) {
    let difference = 0
    for (let at = 0; at < known.length; at += 1) difference |= known.charCodeAt(at) ^ digest.charCodeAt(at)
    found |= difference === 0 ? 1 : 0
  }
  return found === 1
}

function keep(digests: Set<string>, digest: string): void {
  digests.add(digest)
  for (const oldest of digests) {
    if (digests.size <= MOST_KEPT) return
    digests.delete(oldest)
  }
}
