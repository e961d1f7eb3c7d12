/**
 * Every refusal and failure of sessionwright: one table of codes, one class, one test for it.
 *   E1  `code` is stable API; `message` is not. A message says what, where and what to do, never content or secrets.
 *   E2  Errors are built from data by `sessionError`, so `details` always carries what the message says.
 *   E3  `isSessionError` tests a brand, not a class: two copies of this package in one process agree.
 * `docs/errors.md` is generated from this table.
 */

/** What kind of failure a code is; it decides what was written and what the caller should do. */
export type ErrorFamily = 'refusal' | 'contention' | 'storage' | 'damage' | 'invariant'

interface ErrorEntry<Details> {
  readonly family: ErrorFamily
  readonly message: (details: Details) => string
  /** Why it happens, one sentence. */
  readonly cause: string
  /** What the caller should do, one sentence. */
  readonly remedy: string
}

const define = <Details extends object>(entry: ErrorEntry<Details>): ErrorEntry<Details> => entry

const at = (path: readonly (string | number)[]): string =>
  path.length === 0 ? 'the top level' : JSON.stringify(path.join('.'))

/** The code table: family, message, cause and remedy of every code. */
export const ERRORS = {
  COMMAND_INVALID: define<{ command: string; path: readonly (string | number)[]; reason: string }>({
    family: 'refusal',
    message: (d) => `Command "${d.command}" is not valid at ${at(d.path)}: ${d.reason}. Nothing was written.`,
    cause: 'An argument of the command has the wrong shape or is out of range.',
    remedy: 'Correct the argument named by `path`.',
  }),
  CONTENT_INVALID: define<{ path: readonly (string | number)[]; reason: string }>({
    family: 'refusal',
    message: (d) => `Content is not plain JSON at ${at(d.path)}: ${d.reason}. Nothing was written.`,
    cause:
      'A value would not survive JSON unchanged: undefined in an array, NaN, -0, BigInt, Date, Map, a cycle, a getter, `toJSON`, a class instance.',
    remedy: 'Convert the value at `path` to plain JSON before handing it over.',
  }),
  CONTENT_TOO_DEEP: define<{ path: readonly (string | number)[]; maxDepth: number }>({
    family: 'refusal',
    message: (d) =>
      `Content is nested deeper than ${d.maxDepth} levels at ${at(d.path.slice(0, 6))}. Nothing was written.`,
    cause: 'Content may be nested at most 64 levels.',
    remedy: 'Flatten the content, or store it as a string.',
  }),
  ENTRY_TOO_LARGE: define<{ bytes: number; maxBytes: number }>({
    family: 'refusal',
    message: (d) =>
      `The entry or command is larger than ${d.maxBytes} bytes (at least ${d.bytes}). Nothing was written.`,
    cause: 'One entry is bounded by `maxEntryBytes`, one command by `maxChangeBytes`.',
    remedy: 'Store the blob elsewhere and append a reference, or raise the bound when opening the runtime.',
  }),
  ID_INVALID: define<{ what: string; reason: string }>({
    family: 'refusal',
    message: (d) => `The ${d.what} is not valid: ${d.reason}. Nothing was written.`,
    cause: 'Ids are 1 to 128 characters of `A-Z a-z 0-9 . _ : @ + = ~ -` and start with a letter or digit.',
    remedy: 'Use a valid id, or leave it out and take the one the runtime makes.',
  }),
  WRONG_STATE: define<{ sessionId: string; expected: readonly string[]; actual: string; command?: string }>({
    family: 'refusal',
    message: (d) => `Session ${d.sessionId} is in state ${d.actual} but expected ${d.expected.join(' or ')}`,
    cause:
      'The lifecycle table does not allow the command in the state the session is in; the handle may be stale.',
    remedy: 'Get the session again with `runtime.get(id)` and act on its present state.',
  }),
  LIMIT_REACHED: define<{
    sessionId: string
    findings: readonly { limit: string; current: number; max: number }[]
  }>({
    family: 'refusal',
    message: (d) =>
      `Session ${d.sessionId} has reached its limits: ${d.findings.map((f) => `${f.limit} ${f.current} of ${f.max}`).join(', ')}. Nothing was written.`,
    cause: 'A limit with action `error` refuses at the door, or `resume` found a hard limit still exceeded.',
    remedy: 'Extend the limits with `extendLimits`, or end the session.',
  }),
  NOT_FOUND: define<{ sessionId: string }>({
    family: 'refusal',
    message: (d) => `There is no session ${d.sessionId} for this principal.`,
    cause:
      'The id is unknown, deleted, erased, or belongs to another principal; the answer is the same on purpose.',
    remedy: 'Check the id and the principal, or create the session.',
  }),
  SESSION_EXISTS: define<{ sessionId: string }>({
    family: 'refusal',
    message: (d) => `A session ${d.sessionId} exists already. Nothing was written.`,
    cause: '`create` was called with an id that is in use.',
    remedy: 'Use `getOrCreate`, another id, or an operation id to make a retry safe.',
  }),
  SESSION_QUARANTINED: define<{ sessionId: string; reason: string }>({
    family: 'invariant',
    message: (d) =>
      `Session ${d.sessionId} is quarantined (${d.reason}): reads work, commands do not. Nothing was written.`,
    cause: 'The machine of this session kept failing; it was set aside so that its neighbours go on.',
    remedy:
      'Read what you need, fix the cause, then `runtime.release(id)` or `sessionwright doctor --repair`.',
  }),
  SESSION_FAULTED: define<{ sessionId: string; command: string; reason: string }>({
    family: 'invariant',
    message: (d) =>
      `The machine of session ${d.sessionId} failed on "${d.command}" (${d.reason}) and was restarted. Nothing was written.`,
    cause:
      'A machine or limit policy threw, or the policy gave no answer; the session continues from its last durable state.',
    remedy: 'Fix the custom machine or policy; if the built-in one did this, please report it.',
  }),
  HAS_CHILDREN: define<{ sessionId: string; children: number }>({
    family: 'refusal',
    message: (d) => `Session ${d.sessionId} has ${d.children} child sessions. Nothing was written.`,
    cause: 'A session with children is not deleted silently.',
    remedy: "Pass `{ children: 'detach' }` or `{ children: 'delete' }`.",
  }),
  PARENT_INVALID: define<{ sessionId: string; parentId: string; reason: string }>({
    family: 'refusal',
    message: (d) =>
      `Session ${d.parentId} cannot be the parent of ${d.sessionId}: ${d.reason}. Nothing was written.`,
    cause: 'Parents must exist in the same tenant and not form a cycle.',
    remedy: 'Name an existing session of the same tenant that is not a descendant.',
  }),
  ABORTED: define<{ command: string }>({
    family: 'refusal',
    message: (d) => `"${d.command}" was aborted by its signal before anything was written.`,
    cause: 'The `signal` was aborted before the change was encoded.',
    remedy: 'Nothing to repair; call again if still wanted.',
  }),
  CURSOR_INVALID: define<{ reason: string }>({
    family: 'refusal',
    message: (d) => `The cursor is not one of this store: ${d.reason}.`,
    cause: 'A cursor was altered, or comes from another store or listing.',
    remedy: 'Start again without a cursor.',
  }),
  DOCUMENT_INVALID: define<{ reason: string }>({
    family: 'refusal',
    message: (d) => `${d.reason}. Nothing was written.`,
    cause: 'A document category or name could leave its folder, or a stored document is not valid JSON.',
    remedy: 'Use names without `..`, `/` or a backslash.',
  }),
  INTERCHANGE_INVALID: define<{
    format: string
    path: readonly (string | number)[]
    reason: string
    line?: number
  }>({
    family: 'refusal',
    message: (d) =>
      `Not a valid "${d.format}" document${d.line === undefined ? '' : ` on line ${d.line}`} at ${at(d.path)}: ${d.reason}.`,
    cause: 'A document to import does not have the shape its format demands.',
    remedy: 'Correct the document at the place named by `line` and `path`.',
  }),
  READ_ONLY: define<{ command: string }>({
    family: 'refusal',
    message: (d) => `"${d.command}" needs a runtime that owns its store; this one was opened read-only.`,
    cause: 'The runtime was opened with `readOnly: true`.',
    remedy: 'Open the store without `readOnly`, or send the command to the process that owns it.',
  }),
  RUNTIME_CLOSED: define<{ command: string }>({
    family: 'refusal',
    message: (d) => `"${d.command}" came after the runtime was closed. Nothing was written.`,
    cause: 'The runtime is draining, stopped or failed.',
    remedy: 'Open a new runtime.',
  }),
  STORE_BUSY: define<{ pending: number; maxPending: number }>({
    family: 'refusal',
    message: (d) => `${d.pending} changes wait for the disk (bound ${d.maxPending}). Nothing was written.`,
    cause: 'Changes arrive faster than the disk takes them.',
    remedy: 'Await earlier commands before sending more, then try again.',
  }),
  NOT_LOOPBACK: define<{ address: string }>({
    family: 'refusal',
    message: (d) => `The inspector does not listen on "${d.address}": only this machine may reach it.`,
    cause: 'The inspector listens on 127.0.0.1 or ::1 only; there is no switch for more.',
    remedy: 'Leave `host` out, or mount `inspectorHandler` behind a server and an authorization of your own.',
  }),
  PORT_UNAVAILABLE: define<{ port: number; reason: string }>({
    family: 'refusal',
    message: (d) => `The inspector cannot listen on port ${d.port} (${d.reason}).`,
    cause: 'Another process listens on the port, or this user may not.',
    remedy: 'Leave the port out to get a free one, or name another.',
  }),
  PEER_MISSING: define<{ peer: string; install: string }>({
    family: 'refusal',
    message: (d) => `The package "${d.peer}" is needed here and not installed. Run: ${d.install}`,
    cause: 'An integration was imported without its optional peer.',
    remedy: 'Install the peer named in the message.',
  }),
  REVISION_CONFLICT: define<{ sessionId: string; expected: number; actual: number }>({
    family: 'contention',
    message: (d) =>
      `Session ${d.sessionId} is at revision ${d.actual}, not ${d.expected}. Nothing was written.`,
    cause: 'Somebody changed the session after the caller read it.',
    remedy: 'Read the session again and decide anew.',
  }),
  OPERATION_REUSED: define<{ operationId: string; sessionId?: string }>({
    family: 'contention',
    message: (d) =>
      `Operation id "${d.operationId}" was used for another command before. Nothing was written.`,
    cause: 'An operation id names one command; the same id came with other content.',
    remedy: 'Use a new operation id for a new command.',
  }),
  HISTORY_CONFLICT: define<{ sessionId: string; reason: string }>({
    family: 'contention',
    message: (d) =>
      `The history of session ${d.sessionId} is not the one expected: ${d.reason}. Nothing was written.`,
    cause: 'A framework asked to replace a part of the history that somebody else has changed meanwhile.',
    remedy: 'Read the history again and decide anew.',
  }),
  STORE_LOCKED: define<{ place: string; pid: number; epoch: number }>({
    family: 'contention',
    message: (d) =>
      `The store ${d.place} is owned by process ${d.pid} (epoch ${d.epoch}). Nothing was written.`,
    cause: 'One process owns a store at a time.',
    remedy: 'Send the command to the owner, wait until it ends, or open the store with `readOnly: true`.',
  }),
  STORE_FENCED: define<{ epoch: number; newer: number }>({
    family: 'contention',
    message: (d) => `This process lost the store: epoch ${d.newer} replaced its epoch ${d.epoch}.`,
    cause: 'The process was paused so long that another one took the store over.',
    remedy: 'Close this runtime; the outcome of commands in flight is known to the new owner.',
  }),
  STORE_FAILED: define<{ operation: string; reason: string }>({
    family: 'storage',
    message: (d) =>
      `The store failed in "${d.operation}" (${d.reason}) and is closed for writing. Nothing was written.`,
    cause:
      'A write or sync failed; after that the disk and the page cache may disagree, so nothing is retried.',
    remedy: 'Check the disk, close the runtime and open it again: it recovers every acknowledged change.',
  }),
  STORE_FULL: define<{ operation: string }>({
    family: 'storage',
    message: (d) => `There is no room on the disk for "${d.operation}". Nothing was written.`,
    cause: 'The disk or quota is full.',
    remedy: 'Make room and try again; the store goes on by itself.',
  }),
  OUTCOME_UNKNOWN: define<{ command: string; operationId?: string }>({
    family: 'storage',
    message: (d) => `It is not known whether "${d.command}" was written.`,
    cause: 'The store failed, or the caller stopped waiting, while the change was on its way to the disk.',
    remedy:
      'Send it again with the same operation id after the store is open again: it is applied at most once.',
  }),
  STORE_NOT_FOUND: define<{ place: string }>({
    family: 'refusal',
    message: (d) => `There is no store at ${d.place}.`,
    cause: 'A store was opened for reading where none was made.',
    remedy: 'Check the path, or create a session first.',
  }),
  STORE_UNSAFE: define<{ place: string; reason: string }>({
    family: 'refusal',
    message: (d) => `The store at ${d.place} is not safe to use: ${d.reason}.`,
    cause: 'A part of the store is a link, is owned by somebody else, or is writable by others.',
    remedy: 'Give the folder to this user with mode 0700, and remove the link.',
  }),
  STORE_CORRUPT: define<{ file: string; byte: number; reason: string; sessionId?: string }>({
    family: 'damage',
    message: (d) =>
      `${d.file} is damaged at byte ${d.byte} (${d.reason})${d.sessionId === undefined ? '' : `; session ${d.sessionId} is affected`}. Other sessions work.`,
    cause: 'Bytes that were durable have changed: a failing disk, or something else wrote to the folder.',
    remedy:
      'Run `sessionwright doctor`, then `doctor --repair`: it sets the damaged part aside and brings back the rest.',
  }),
  FORMAT_TOO_NEW: define<{ file: string; found: number; supported: number }>({
    family: 'damage',
    message: (d) =>
      `${d.file} has format ${d.found}; this version reads up to ${d.supported}. The file was not touched.`,
    cause: 'The store was written by a newer version of sessionwright.',
    remedy: 'Upgrade sessionwright.',
  }),
  CLOSE_TIMEOUT: define<{ pending: number; timeoutMs: number }>({
    family: 'storage',
    message: (d) =>
      `Closing took longer than ${d.timeoutMs} ms; ${d.pending} changes were still on their way to the disk.`,
    cause: 'The disk is slower than the time given to `close`.',
    remedy: 'Open the store again: what was acknowledged is there.',
  }),
  INVARIANT_BROKEN: define<{ rule: string; reason: string }>({
    family: 'invariant',
    message: (d) => `Rule ${d.rule} was broken: ${d.reason}.`,
    cause: 'A defect in sessionwright.',
    remedy: 'Please report it with the code, the rule and the steps that led here.',
  }),
} as const satisfies Record<string, ErrorEntry<never>>

/** Every error code of the public API. */
export type ErrorCode = keyof typeof ERRORS

/** The details of a code: plain data, the same that the message shows. */
export type ErrorDetails<Code extends ErrorCode = ErrorCode> = Parameters<(typeof ERRORS)[Code]['message']>[0]

const BRAND = Symbol.for('sessionwright.error')

/**
 * The one error class of the API; test it with `isSessionError`, never with `instanceof`.
 *
 * `code` is stable, `details` is plain data, `family` says what was written, `remedy` what to do.
 */
export class SessionError<Code extends ErrorCode = ErrorCode> extends Error {
  readonly code: Code
  readonly family: ErrorFamily
  readonly details: ErrorDetails<Code>
  readonly remedy: string
  readonly [BRAND] = true

  constructor(code: Code, details: ErrorDetails<Code>, options?: { cause?: unknown }) {
    const entry: ErrorEntry<never> = ERRORS[code]
    super(entry.message(details as never), options)
    this.name = 'SessionError'
    this.code = code
    this.family = entry.family
    this.details = details
    this.remedy = entry.remedy
  }
}

/** Builds the error of a code from its details (E2). */
export function sessionError<Code extends ErrorCode>(
  code: Code,
  details: ErrorDetails<Code>,
  cause?: unknown,
): SessionError<Code> {
  return new SessionError(code, details, cause === undefined ? undefined : { cause })
}

/** Whether a caught value is an error of sessionwright, and, when given, of this code (E3). */
export function isSessionError<Code extends ErrorCode>(
  error: unknown,
  code?: Code,
): error is SessionError<Code> {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false
  return code === undefined || (error as SessionError).code === code
}
