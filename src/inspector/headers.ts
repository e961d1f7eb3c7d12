/**
 * The headers of every answer.
 *   HD1  The page may run its own scripts and styles, talk to its own origin, and nothing else: no foreign request, no
 *        image, no frame, no form, no string that becomes markup (Trusted Types).
 *   HD2  No other origin may read, embed or frame anything, and nothing is guessed to be of another type.
 *   HD3  Answers with data are not kept by anybody.
 */

/** The content security policy (HD1). Its one Trusted Types policy is for the URL of the page's own worker. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "connect-src 'self'",
  "img-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types sessionwright',
].join('; ')

/** What every answer carries (HD1, HD2). */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** The same answer with the headers of every answer, and told not to be kept unless it says how (HD3). */
export function secured(response: Response): Response {
  const headers = new Headers(response.headers)
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) headers.set(name, value)
  if (!headers.has('cache-control')) headers.set('cache-control', 'no-store')
  if (response.body === null && response.status !== 204) headers.set('content-length', '0')
  return new Response(response.body, { status: response.status, headers })
}
