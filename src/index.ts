/**
 * The public names of sessionwright, grouped by task. No logic lives here.
 */

// Open a runtime, make and find sessions
export { openRuntime } from './runtime/open-runtime.ts'
export type {
  CreateOptions,
  DeleteOptions,
  EraseOptions,
  EraseReport,
  EraseTarget,
  FeedQuery,
  ListQuery,
  Logger,
  Observation,
  PolicyOptions,
  Principal,
  PruneOptions,
  PruneReport,
  Runtime,
  RuntimeOptions,
  RuntimeStats,
  SessionPage,
  SessionSummary,
} from './runtime/runtime.ts'

// Work with a session
export type {
  Admitted,
  Appended,
  ChangeQuery,
  CommandOptions,
  Deadline,
  EntryQuery,
  Kept,
  LimitCheck,
  LimitOptions,
  NotKept,
  PlacedEntry,
  RecordChanges,
  Session,
  SessionChange,
  SessionCommands,
  SessionReads,
  Usage,
} from './runtime/session.ts'
export {
  assistantMessage,
  ENTRY_TAGS,
  evaluationResult,
  isEntryTag,
  skillExecution,
  systemEvent,
  systemMessage,
  toolCall,
  userMessage,
} from './runtime/entries.ts'
export type { Entry, EntryDraft, EntryTag, EntryType } from './runtime/entries.ts'
export type { Provider, SessionKind, SessionRecord } from './runtime/record.ts'

// Statuses, limits, deadlines
export {
  allows,
  COMMANDS,
  END_STATUSES,
  isEnd,
  isStatus,
  parseStatus,
  STATUSES,
  statusesFor,
  TARGETS,
} from './machines/lifecycle.ts'
export type { CommandName, CommandOf, EndStatus, Status } from './machines/lifecycle.ts'
export { DOORS, LIMIT_ACTIONS, LIMITS } from './machines/events.ts'
export type {
  DeadlineKind,
  Door,
  LimitAction,
  LimitFinding,
  LimitName,
  LimitOffer,
  Limits,
  LimitVerdict,
  SessionContext,
  SessionEnd,
} from './machines/events.ts'
export { deadlinesOf } from './machines/deadlines.ts'
export type { Deadlines } from './machines/deadlines.ts'
export { usageOf } from './runtime/usage.ts'
export { limitPolicy } from './machines/limit-policy.ts'
export { sessionMachine } from './machines/session.ts'
export { supervisorMachine } from './machines/supervisor.ts'

// Watch
export { CHANGE_CHANNEL } from './runtime/observers.ts'

// Keep and prune
export { PRUNE_MAX_SESSIONS, PRUNE_OLDER_THAN_MS, PruneThrottle } from './runtime/retention.ts'

// Whole sessions as documents, and what further formats are written with
export { DOCUMENT_FORMAT } from './runtime/document.ts'
export type { SessionDocument } from './runtime/document.ts'
export {
  parseSessionDocument,
  sessionDocument,
  sessionDocumentJsonSchema,
} from './runtime/document-schema.ts'
export {
  interchangeError,
  jsonMapSchema,
  jsonSchema,
  mapSchema,
  parseInterchange,
} from './runtime/interchange-schema.ts'
export type { InterchangeSource } from './runtime/interchange-schema.ts'

// Stores
export { createMemoryStore } from './store/memory-store.ts'
export { openJsonStore } from './store/json-store/json-store.ts'
export type { JsonStoreOptions, StoreLogger } from './store/json-store/options.ts'
export type {
  ChangeRange,
  Damage,
  Head,
  PlacedChange,
  SessionStore,
  StoreCapabilities,
  StoreStats,
  TornTail,
} from './store/store.ts'
export { asWhole, editRecord, fold } from './store/change.ts'
export type {
  Change,
  Facts,
  Finding,
  MachineIdentity,
  Operation,
  Patch,
  Quarantine,
  RecordEdit,
  StoredEntry,
  StoredEvent,
  StoredState,
  Summary,
} from './store/change.ts'
export { diagnose } from './store/json-store/doctor.ts'
export type { Diagnosis, DoctorOptions } from './store/json-store/doctor.ts'
export { repair } from './store/json-store/repair.ts'
export type { RepairOptions, RepairReport } from './store/json-store/repair.ts'
export type { SessionRepair } from './store/json-store/salvage.ts'
export { openDocuments } from './store/documents.ts'
export type { Documents, DocumentsOptions } from './store/documents.ts'
export { diskFileSystem } from './store/file-system.ts'
export type { FileHandle, FileStatus, FileSystem, OpenMode } from './store/file-system.ts'

// Errors
export { ERRORS, isSessionError, sessionError, SessionError } from './errors.ts'
export type { ErrorCode, ErrorDetails, ErrorFamily } from './errors.ts'

// Plain JSON, time, ids
export { getOwn, isJsonObject, MAX_DEPTH, plainJson, setOwn } from './json.ts'
export type { Json, JsonObject, JsonPath } from './json.ts'
export { systemClock } from './runtime/clock.ts'
export type { Clock, Timer } from './runtime/clock.ts'
export { parseId, randomSecret, systemIds } from './runtime/ids.ts'
export type { Ids } from './runtime/ids.ts'
