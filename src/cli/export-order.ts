/**
 * All sessions of a listing in the order they were made; those of one millisecond in the order of the file they came
 * from. Pages are read as they are needed.
 */
import type { ListQuery, Runtime, SessionSummary } from '../index.ts'
import { isJsonObject } from '../index.ts'

const PAGE = 500

/** The sessions that match, oldest first; ids of those that cannot be read go to `unreadable`. */
export async function* inOrderMade(
  runtime: Runtime,
  filter: ListQuery,
  unreadable: string[],
): AsyncGenerator<SessionSummary> {
  let sameTime: SessionSummary[] = []
  for await (const summary of summaries(runtime, filter, unreadable)) {
    if (sameTime.length > 0 && sameTime[0]?.createdAt !== summary.createdAt) {
      yield* await inFileOrder(runtime, sameTime)
      sameTime = []
    }
    sameTime.push(summary)
  }
  yield* await inFileOrder(runtime, sameTime)
}

async function* summaries(
  runtime: Runtime,
  filter: ListQuery,
  unreadable: string[],
): AsyncGenerator<SessionSummary> {
  let cursor: string | undefined
  do {
    const page = await runtime.list({
      ...filter,
      order: 'created-asc',
      limit: PAGE,
      ...(cursor === undefined ? {} : { cursor }),
    })
    unreadable.push(...page.unreadable.map(({ id }) => id))
    yield* page.items
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
}

async function inFileOrder(
  runtime: Runtime,
  sameTime: readonly SessionSummary[],
): Promise<readonly SessionSummary[]> {
  if (sameTime.length < 2) return sameTime
  const places = new Map<string, number>()
  for (const { id } of sameTime) {
    const note = (await runtime.get(id)).getMetadata('import')
    const order = note !== undefined && isJsonObject(note) ? note['order'] : undefined
    places.set(id, typeof order === 'number' ? order : 0)
  }
  return sameTime.toSorted((a, b) => (places.get(a.id) ?? 0) - (places.get(b.id) ?? 0))
}
