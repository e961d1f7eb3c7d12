/**
 * The changes of a session by revision, read as they come into view: one read at a time, the newest that is missing first.
 */
import { useEffect, useRef, useState } from 'react'
import { read, sessionPath, type ChangeLine } from './api.ts'

/** Changes of a session; null where the store no longer keeps one. */
export type ChangeLines = ReadonlyMap<number, ChangeLine | null>

const PAGE = 50
/** More lines than these are dropped again, but for those near to what is looked at. */
const MOST_LINES = 4000
const NEAR = 500

/** The changes from `first` to `last`, as far as they are here; what is missing is read. */
export function useChangeLines(
  id: string,
  first: number,
  last: number,
): { readonly lines: ChangeLines; readonly error: Error | undefined } {
  const [lines, setLines] = useState<ChangeLines>(() => new Map())
  const [error, setError] = useState<Error | undefined>()
  const isReading = useRef(false)
  const missing = newestMissing(lines, first, last)
  useEffect(() => {
    if (missing === undefined || isReading.current) return
    isReading.current = true
    const from = earliestMissing(lines, missing)
    const path = sessionPath(id, `/changes?from=${from}&to=${missing}&order=desc&limit=${PAGE}`)
    read<{ items: readonly ChangeLine[]; total: number }>(path).then(
      ({ items, total }) => {
        isReading.current = false
        setError(undefined)
        const to = Math.min(missing, total)
        if (from <= to) setLines((before) => withPage(before, items, { from, to, first, last }))
      },
      (reason: Error) => {
        isReading.current = false
        setError(reason)
      },
    )
  }, [id, lines, missing, first, last])
  return { lines, error }
}

function newestMissing(lines: ChangeLines, first: number, last: number): number | undefined {
  for (let revision = last; revision >= Math.max(first, 1); revision -= 1)
    if (!lines.has(revision)) return revision
  return undefined
}

/** The end of a page that begins at a missing line and goes back to the next one that is here. */
function earliestMissing(lines: ChangeLines, missing: number): number {
  let from = missing
  while (from > 1 && missing - from + 1 < PAGE && !lines.has(from - 1)) from -= 1
  return from
}

interface Asked {
  readonly from: number
  readonly to: number
  readonly first: number
  readonly last: number
}

function withPage(
  before: ChangeLines,
  items: readonly ChangeLine[],
  { from, to, first, last }: Asked,
): ChangeLines {
  const isNear = ([revision]: readonly [number, unknown]): boolean =>
    revision >= first - NEAR && revision <= last + NEAR
  const lines = new Map(before.size > MOST_LINES ? [...before].filter(isNear) : before)
  for (let revision = from; revision <= to; revision += 1) lines.set(revision, null)
  for (const line of items) lines.set(line.revision, line)
  return lines
}
