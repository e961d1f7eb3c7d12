/**
 * Reads the JSON body of a request, within a bound.
 *   BO1  No more than the bound is ever held, whatever the request says its length is.
 */
import { sessionError } from '../index.ts'
import { invalidRequest } from './refusals.ts'

/** The JSON of a body of at most so many bytes. @throws ENTRY_TOO_LARGE, COMMAND_INVALID */
export async function jsonBody(request: Request, maxBytes: number): Promise<unknown> {
  checkLength(Number(request.headers.get('content-length') ?? 0), maxBytes)
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += piece.length
    checkLength(bytes, maxBytes) // BO1
    pieces.push(piece)
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString()) as unknown
  } catch {
    throw invalidRequest('request', [], 'the body is not JSON')
  }
}

function checkLength(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) throw sessionError('ENTRY_TOO_LARGE', { bytes, maxBytes })
}
