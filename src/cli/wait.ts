/**
 * Waiting, for commands that watch or act over time. The runtime's timers never keep a process alive; a command that
 * waits must.
 */
import { MessageChannel } from 'node:worker_threads'
import { systemClock } from '../index.ts'

/** Resolves after so many milliseconds, or at once when the signal is aborted. */
export async function wait(durationMs: number, signal?: AbortSignal): Promise<void> {
  const { port1: holder } = new MessageChannel()
  holder.ref()
  try {
    await new Promise<void>((resolve) => {
      const timer = systemClock.wakeAt(systemClock.now() + durationMs, resolve)
      const stop = (): void => {
        timer.cancel()
        resolve()
      }
      if (signal?.aborted === true) stop()
      else signal?.addEventListener('abort', stop, { once: true })
    })
  } finally {
    holder.close()
  }
}
