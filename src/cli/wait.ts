/**
 * Waiting, for commands that watch or act over time. The runtime's timers never keep a process alive; a command that
 * waits must.
 */
import { MessageChannel } from 'node:worker_threads'
import { systemClock } from '../index.ts'

/** Keeps the process alive until the returned function is called. */
export function keepAlive(): () => void {
  const { port1 } = new MessageChannel()
  port1.ref()
  return () => port1.close()
}

/** Resolves after so many milliseconds. */
export async function wait(durationMs: number): Promise<void> {
  const letGo = keepAlive()
  try {
    await new Promise<void>((resolve) => systemClock.wakeAt(systemClock.now() + durationMs, resolve))
  } finally {
    letGo()
  }
}
