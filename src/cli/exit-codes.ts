/**
 * What the command line's exit codes mean.
 *   EC1  Every way out has one of these codes; scripts may rely on them.
 *   EC2  3, 4 and 2 mean that nothing was written; 6 means that the rest was.
 */
import { isSessionError } from '../index.ts'

/** The exit codes of `sessionwright` (EC1). */
export const EXIT = {
  /** Done. */
  ok: 0,
  /** A defect, or the disk failed. */
  internal: 1,
  /** The command line itself is wrong. */
  usage: 2,
  /** Refused with a code; nothing was written. */
  refused: 3,
  /** Another process owns the store; nothing was written. */
  locked: 4,
  /** Something in the store is damaged, or of a newer format. */
  damage: 5,
  /** Done, but for the parts that were reported. */
  partly: 6,
  /** Stopped by SIGINT. */
  interrupted: 130,
} as const

/** The exit code for a caught error. */
export function exitCodeOf(error: unknown): number {
  if (!isSessionError(error)) return EXIT.internal
  if (error.code === 'STORE_LOCKED' || error.code === 'STORE_FENCED') return EXIT.locked
  if (error.code === 'STORE_FULL' || error.code === 'SESSION_QUARANTINED') return EXIT.refused
  switch (error.family) {
    case 'refusal':
    case 'contention':
      return EXIT.refused
    case 'damage':
      return EXIT.damage
    case 'storage':
    case 'invariant':
      return EXIT.internal
  }
}
