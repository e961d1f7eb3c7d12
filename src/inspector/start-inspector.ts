/**
 * The inspector served by itself: one call, one local URL.
 *   SI1  It listens on this machine only, and its URL logs one browser in, once.
 *   SI2  It never keeps the process alive, and closing it, or its failing, leaves the runtime as it was.
 */
import { inspectorHandler } from './handler.ts'
import type { InspectorOptions } from './handler.ts'
import { listen } from './listener.ts'
import type { Address } from './listener.ts'
import type { Runtime } from '../index.ts'

/** How to start an inspector. */
export interface StartInspectorOptions extends InspectorOptions, Address {}

/** A running inspector. */
export interface Inspector {
  /** Opens the page and logs the browser in; it works once. */
  readonly url: string
  readonly port: number
  /** A further URL, for another browser; it works once. */
  newUrl(): string
  /** Ends its connections. The runtime goes on. Safe to call twice. */
  close(): Promise<void>
}

/**
 * Serves the inspector of a runtime on 127.0.0.1, on a free port unless `port` names one.
 *
 * @throws NOT_LOOPBACK for another address than 127.0.0.1 or ::1, PORT_UNAVAILABLE when the port is taken.
 */
export async function startInspector(
  runtime: Runtime,
  options: StartInspectorOptions = {},
): Promise<Inspector> {
  const { host = '127.0.0.1', port: wanted = 0, ...rest } = options
  const name = host === '::1' ? '[::1]' : host
  const { port, handler, close } = await listen(
    (port) =>
      inspectorHandler(runtime, { ...rest, origins: [`http://${name}:${port}`, `http://localhost:${port}`] }),
    { host, port: wanted },
  )
  const newUrl = (): string => `http://${name}:${port}/#token=${handler.newToken()}`
  let closed: Promise<void> | undefined
  return {
    url: newUrl(),
    port,
    newUrl,
    close: () => {
      handler.close()
      closed ??= close()
      return closed
    },
  }
}
