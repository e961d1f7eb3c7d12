/**
 * The page's one door to the server: typed reads, commands, and the refusal that carries a code and a remedy.
 */

/** Any JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
/** A JSON object. */
export type JsonMap = { readonly [key: string]: Json }

/** Where this inspector stands and what it may do. */
export interface Info {
  readonly version: string
  readonly mode: 'owner' | 'reader'
  readonly commands: boolean
  readonly place: string
  readonly now: number
}

/** One line of the list. */
export interface Summary {
  readonly id: string
  readonly status: string
  readonly revision: number
  readonly name: string
  readonly kind: { readonly type: string; readonly [key: string]: Json }
  readonly tenantId: string | null
  readonly userId: string | null
  readonly parentId: string | null
  readonly tags: readonly string[]
  readonly model: string | null
  readonly turnCount: number
  readonly entryCount: number
  readonly createdAt: number
  readonly updatedAt: number
  readonly expiresAt: number | null
  readonly overdue: boolean
  readonly quarantined: boolean
}

/** A page of a listing. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly nextCursor: string | null
  readonly total: number
}

/** One limit that was met. */
export interface Finding {
  readonly limit: string
  readonly current: number
  readonly max: number
  readonly action: string
}

/** An instant at which the clock tells the session something. */
export interface Deadline {
  readonly kind: string
  readonly dueAt: number
  readonly overdue: boolean
}

/** A session as it is, or was at a revision. */
export interface Detail {
  readonly id: string
  readonly status: string
  readonly revision: number
  readonly value: Json
  readonly record: JsonMap
  readonly context: JsonMap
  readonly policy: Json
  readonly quarantine: { readonly code: string; readonly reason: string; readonly at: number } | null
  readonly deadlines: readonly Deadline[]
  readonly usage: { readonly [name: string]: number }
  readonly commands: readonly string[]
  readonly createdAt: number
  readonly updatedAt: number
}

/** One change in the timeline. */
export interface ChangeLine {
  readonly revision: number
  readonly at: number
  readonly event: { readonly type: string; readonly [key: string]: Json }
  readonly operationId: string | null
  readonly statusBefore: string
  readonly status: string
  readonly findings: readonly Finding[]
  readonly entries: readonly { readonly id: string; readonly type: string; readonly preview: string }[]
}

/** One line of the transcript. */
export interface EntryLine {
  readonly position: number
  readonly revision: number
  readonly id: string
  readonly at: number
  readonly type: string
  readonly toolName?: string
  readonly skillName?: string
  readonly success?: boolean
  readonly score?: number
  readonly metrics?: { readonly [name: string]: number }
  readonly event?: string
  readonly content: Json
}

/** A state of a chart. */
export interface ChartNode {
  readonly id: string
  readonly key: string
  readonly parentId: string | null
  readonly type: string
  readonly initial: boolean
  readonly entry: readonly string[]
  readonly exit: readonly string[]
  readonly invoke: readonly string[]
}

/** A transition of a chart. */
export interface ChartEdge {
  readonly id: string
  readonly source: string
  readonly target: string
  readonly event: string
  readonly guard: string | null
  readonly actions: readonly string[]
  readonly kind: string
}

/** A machine as states and transitions. */
export interface Chart {
  readonly name: string
  readonly version: string
  readonly nodes: readonly ChartNode[]
  readonly edges: readonly ChartEdge[]
}

/** A refusal of the server, as its code, message and remedy. */
export class Refusal extends Error {
  readonly code: string
  readonly remedy: string
  readonly status: number

  constructor(status: number, body: { code?: string; message?: string; remedy?: string }) {
    super(body.message ?? `The server answered ${status}.`)
    this.code = body.code ?? `HTTP_${status}`
    this.remedy = body.remedy ?? ''
    this.status = status
  }
}

async function request<T>(path: string, init?: RequestInit): Promise<T> {
  let response: Response
  try {
    response = await fetch(path, { credentials: 'same-origin', ...init })
  } catch {
    throw new Refusal(0, {
      code: 'NO_CONNECTION',
      message: 'The inspector does not answer.',
      remedy: 'It may have been stopped. Start it again and open the address it prints.',
    })
  }
  if (response.status === 204) return undefined as T
  if (response.ok) return (await response.json()) as T
  const body: unknown = await response.json().catch(() => ({}))
  throw new Refusal(response.status, (body as { error?: object }).error ?? {})
}

/** Reads a path below `api/`, wherever the page is mounted. */
export function read<T>(path: string, signal?: AbortSignal): Promise<T> {
  return request<T>(`api/${path}`, signal === undefined ? {} : { signal })
}

/** Sends JSON to a path below `api/`. */
export function send<T>(path: string, body: object): Promise<T> {
  return request<T>(`api/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

/** A session's path below `api/`. */
export function sessionPath(id: string, rest = ''): string {
  return `sessions/${encodeURIComponent(id)}${rest}`
}
