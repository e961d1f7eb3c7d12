/**
 * What damaged bytes still tell of the lines they were: whose, which revision, whether a tombstone.
 *   RE1  A revision is believed only when it goes on from one that is known: a changed digit does not invent a hundred.
 */

/** What remains of the lines of one session. */
class SessionRemains {
  /** Revision to whether it was a tombstone. */
  readonly #lines = new Map<number, boolean>()

  /** Notes a line that was there. */
  add(revision: number, isTombstone: boolean): void {
    this.#lines.set(revision, isTombstone)
  }

  /** The newest revision that follows `last` without a gap; `last` itself when none does (RE1). */
  newestAfter(last: number): number {
    let newest = last
    while (this.#lines.has(newest + 1)) newest += 1
    return newest
  }

  /** Whether the newest of those is a tombstone. */
  isDeletedAfter(last: number): boolean {
    return this.#lines.get(this.newestAfter(last)) === true
  }
}

/** What remains, by session. */
export type Remains = Map<string, SessionRemains>

const LINE = /^[^{}]{0,64}?"id":("(?:[^"\\]|\\.){1,1000}"),"rev":(\d{1,10})/
const TOMBSTONE = '"deleted":true,"crc":"'

/** Adds to `remains` what can be read in bad bytes. */
export function remainsOf(bytes: Buffer, remains: Remains): void {
  for (const line of bytes.toString('utf8').split('{"v":').slice(1)) {
    const match = LINE.exec(line)
    if (match === null) continue
    let sessionId: string
    try {
      sessionId = JSON.parse(match[1] as string) as string
    } catch {
      continue
    }
    const found = remains.get(sessionId) ?? new SessionRemains()
    found.add(Number(match[2]), line.includes(TOMBSTONE))
    remains.set(sessionId, found)
  }
}
