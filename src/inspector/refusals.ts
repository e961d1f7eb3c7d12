/**
 * How the inspector says no: a status, and for its own page `{error: {code, message, remedy, details}}`.
 *   RF1  An error that is not ours is a defect: it is answered with 500 and told without its text.
 */
import { isSessionError, sessionError } from '../index.ts'
import type { ErrorCode } from '../index.ts'

/** What an error looks like to the page. */
export interface ErrorBody {
  readonly error: {
    readonly code: string
    readonly message: string
    readonly remedy: string
    readonly details: unknown
  }
}

const STATUS: { readonly [code in ErrorCode]?: number } = {
  COMMAND_INVALID: 400,
  CONTENT_INVALID: 400,
  CONTENT_TOO_DEEP: 400,
  ID_INVALID: 400,
  CURSOR_INVALID: 400,
  READ_ONLY: 403,
  NOT_FOUND: 404,
  ENTRY_TOO_LARGE: 413,
  STORE_BUSY: 503,
  RUNTIME_CLOSED: 503,
  SESSION_QUARANTINED: 409,
}

/** The HTTP status of a caught error. */
export function statusOf(error: unknown): number {
  if (!isSessionError(error)) return 500
  const own = STATUS[error.code]
  if (own !== undefined) return own
  if (error.family === 'refusal' || error.family === 'contention') return 409
  return error.family === 'storage' ? 503 : 500
}

/** The answer to a caught error (RF1). */
export function errorResponse(error: unknown): Response {
  if (!isSessionError(error)) return refusal(500, DEFECT)
  const { code, message, remedy, details } = error
  return refusal(statusOf(error), { code, message, remedy, details })
}

/** An answer that refuses, with words for the page. */
export function refusal(status: number, error: ErrorBody['error']): Response {
  return Response.json({ error } satisfies ErrorBody, { status })
}

/** The error of a request whose parameter or body is not valid. */
export function invalidRequest(request: string, path: readonly (string | number)[], reason: string): Error {
  return sessionError('COMMAND_INVALID', { command: request, path, reason })
}

const DEFECT: ErrorBody['error'] = {
  code: 'INTERNAL',
  message: 'The inspector failed; the sessions go on.',
  remedy: 'Please report this with the steps that led here.',
  details: {},
}

/** Nobody is logged in. */
export const UNAUTHORIZED: ErrorBody['error'] = {
  code: 'UNAUTHORIZED',
  message: 'This browser is not logged in to this inspector.',
  remedy:
    'Open the URL that the inspector printed when it started; it works once. After a restart there is a new one.',
  details: {},
}

/** Too many wrong tokens. */
export const LOCKED_OUT: ErrorBody['error'] = {
  code: 'TOO_MANY_ATTEMPTS',
  message: 'Too many wrong tokens.',
  remedy: 'Wait a minute, then open the URL that the inspector printed.',
  details: {},
}

/** Nothing is served there. */
export const NO_SUCH_PAGE: ErrorBody['error'] = {
  code: 'NO_SUCH_PAGE',
  message: 'The inspector serves nothing at this address.',
  remedy: 'Go back to the first page of the inspector.',
  details: {},
}

/** As many live streams as there may be are open. */
export const TOO_MANY_STREAMS: ErrorBody['error'] = {
  code: 'TOO_MANY_STREAMS',
  message: 'Too many inspector pages are open.',
  remedy: 'Close a page of this inspector.',
  details: {},
}
