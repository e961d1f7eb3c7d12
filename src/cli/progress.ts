/**
 * A progress bar for long work, on a terminal's stderr only; elsewhere it is silent.
 */
import { systemClock } from '../index.ts'

const WIDTH = 28
const REDRAW_MS = 100

/** A bar that is told how far the work is. */
export interface Progress {
  /** `done` of `total` parts; null when the total is not known. `label` says it in words. */
  show(done: number, total: number | null, label: string): void
  /** Wipes the bar away. */
  end(): void
}

const SILENT: Progress = { show: () => undefined, end: () => undefined }

/** A bar on stderr when that is a terminal, and nothing otherwise. */
export function openProgress(): Progress {
  const { stderr } = process
  if (stderr.isTTY !== true) return SILENT
  let drawnAt = 0
  return {
    show(done, total, label) {
      const now = systemClock.now()
      if (now - drawnAt < REDRAW_MS) return
      drawnAt = now
      const share = total === null || total === 0 ? null : Math.min(1, done / total)
      const bar =
        share === null
          ? ''
          : `[${'#'.repeat(Math.round(share * WIDTH)).padEnd(WIDTH, '.')}] ${Math.floor(share * 100)}% `
      stderr.write(`\r\u001b[K${bar}${label}`)
    },
    end() {
      if (drawnAt > 0) stderr.write('\r\u001b[K')
    },
  }
}
