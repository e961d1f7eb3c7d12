/**
 * The socket layer: a `node:http` server on this machine's own address.
 *   SK1  It listens on 127.0.0.1 or ::1, nothing else.
 *   SK2  What is not a whole and plain HTTP request is refused before a handler sees it: two Hosts, another form of
 *        target, too many or too large headers, both lengths, too slow.
 *   SK3  At most 32 connections; more are told 503. No socket, request or error here can end the process, and none of it
 *        keeps the process alive.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { sessionError } from '../index.ts'
import { secured, SECURITY_HEADERS } from './headers.ts'

/** Bounds of the socket layer. */
export interface SocketBounds {
  readonly connections: number
  /** Until all headers, and the whole request, must be there. */
  readonly requestMs: number
  readonly headerBytes: number
  readonly headers: number
}

/** The bounds of every inspector. */
export const SOCKET_BOUNDS: SocketBounds = {
  connections: 32,
  requestMs: 10_000,
  headerBytes: 32 * 1024,
  headers: 100,
}

/** A server that listens. */
export interface Listening<Handler> {
  readonly port: number
  readonly handler: Handler
  /** Closes the server and every connection. */
  readonly close: () => Promise<void>
}

/** Where to listen. */
export interface Address {
  /** `127.0.0.1` (default) or `::1`. */
  readonly host?: string
  /** A free one by default. */
  readonly port?: number
}

/**
 * Serves a handler on this machine.
 *
 * @param handlerFor - gives the handler, once the port is known.
 * @throws NOT_LOOPBACK, PORT_UNAVAILABLE
 */
export async function listen<Handler extends (request: Request) => Promise<Response>>(
  handlerFor: (port: number) => Handler,
  { host = '127.0.0.1', port: wanted = 0 }: Address,
  bounds: SocketBounds = SOCKET_BOUNDS,
): Promise<Listening<Handler>> {
  if (host !== '127.0.0.1' && host !== '::1') throw sessionError('NOT_LOOPBACK', { address: String(host) }) // SK1
  const server = createServer({
    maxHeaderSize: bounds.headerBytes,
    headersTimeout: bounds.requestMs,
    requestTimeout: bounds.requestMs,
    connectionsCheckingInterval: Math.max(50, Math.floor(bounds.requestMs / 10)),
    keepAliveTimeout: 5000,
    requireHostHeader: false,
    insecureHTTPParser: false,
  })
  server.maxHeadersCount = 0
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => socket.destroy())
    if (sockets.size >= bounds.connections) {
      endWith(socket, 503) // SK3
      return
    }
    sockets.add(socket)
    socket.unref()
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    endWith(socket as Socket, statusOfParserError(error.code))
  })
  server.on('connect', (_request, socket) => {
    endWith(socket as Socket, 405)
  })
  await started(server, host, wanted)
  server.unref()
  server.on('error', () => undefined)
  const { port } = server.address() as AddressInfo
  const handler = handlerFor(port)
  const listener = getRequestListener(handler, {
    overrideGlobalObjects: false,
    errorHandler: () => secured(new Response(null, { status: 400 })),
  })
  server.on('request', (request, response) => {
    const status = refuseRaw(request, bounds)
    if (status === undefined) void listener(request, response)
    else refuse(response, status)
  })
  return {
    port,
    handler,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function started(server: ReturnType<typeof createServer>, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      reject(sessionError('PORT_UNAVAILABLE', { port, reason: error.code ?? 'unknown' }, error))
    }
    server.once('error', failed)
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', failed)
      resolve()
    })
  })
}

/** What the parser lets through and a handler would not see (SK2). */
function refuseRaw({ rawHeaders, url = '' }: IncomingMessage, bounds: SocketBounds): number | undefined {
  if (rawHeaders.length / 2 > bounds.headers) return 431
  const names = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
  if (names.filter((name) => name === 'host').length !== 1) return 400
  return url.startsWith('/') || url === '*' ? undefined : 400
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status, { ...SECURITY_HEADERS, connection: 'close', 'content-length': 0 }).end()
}

function statusOfParserError(code: string | undefined): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
}

function endWith(socket: Socket, status: number): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  socket.end(`HTTP/1.1 ${status} \r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy())
}
