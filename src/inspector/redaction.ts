/**
 * What nobody needs to see: values under keys that look like secrets, before anything leaves the server.
 *   RX1  A string, list or object under a secret-looking key becomes `[redacted]`; numbers, booleans and null stay, so that
 *        counts of tokens can be read.
 *   RX2  JSON inside a string is looked through too: that is how models write the arguments of tools.
 *   RX3  A hook of the host comes after that; one that throws hides the whole value.
 *   RX4  Nothing stored is altered; only what is shown.
 */
import { isJsonObject, setOwn } from '../index.ts'
import type { Json, JsonObject } from '../index.ts'

/** What stands in the place of a secret. */
export const REDACTED = '[redacted]'

/** What is about to be shown, and of which session. */
export interface RedactionPlace {
  readonly sessionId: string
  readonly part: 'record' | 'context' | 'event' | 'entry' | 'operation' | 'summary'
}

/** Hides what must not be shown. */
export type Redact = (value: Json, place: RedactionPlace) => Json

/** How values are redacted. */
export interface RedactionOptions {
  /** Shows values under secret-looking keys; off by default. */
  readonly showSecrets?: boolean
  /** A further redaction: gets each record, entry, event, context whole and gives what is shown (RX3). */
  readonly redact?: Redact
}

const SECRET_KEY =
  /(?:^|[^a-z])(?:authorization|api-?key|(?:access|auth|bearer|csrf|id|jwt|refresh|session|xsrf)?-?token|cookies?|passwd|passwords?|passphrase|pwd|secrets?|(?:private|secret|access|signing|encryption)-?key|credentials?)$/
const MAYBE_SECRET = /authorization|key|token|cookie|passw|passphrase|pwd|secret|credential/i
const QUOTED_MEMBER = /"([\w.\- ]{1,64})"(\s*:\s*)"(?:[^"\\]|\\.)*"/g
/** Deeper than content may be nested there is nothing of ours. */
const DEEPEST = 96

/** Whether a key looks like the name of a secret: `apiKey`, `API_KEY`, `x-auth-token`; not `tokenCount` or `maxTokens`. */
export function isSecretKey(key: string): boolean {
  if (key.length > 128 || !MAYBE_SECRET.test(key)) return false
  const words = key
    .replace(/([a-z\d])([A-Z])/g, '$1-$2')
    .replace(/[^A-Za-z\d]+/g, '-')
    .toLowerCase()
  return SECRET_KEY.test(words)
}

/** The redaction that these options ask for. */
export function redactor(options: RedactionOptions): Redact {
  const { showSecrets = false, redact } = options
  return (value, place) => {
    const shown = showSecrets ? value : withoutSecrets(value, 0)
    if (redact === undefined) return shown
    try {
      return redact(shown, place)
    } catch {
      return REDACTED // RX3
    }
  }
}

function withoutSecrets(value: Json, depth: number): Json {
  if (typeof value === 'string') return withoutSecretsInText(value, depth)
  if (typeof value !== 'object' || value === null) return value
  if (depth > DEEPEST) return REDACTED
  if (Array.isArray(value)) {
    const items = value as readonly Json[]
    const shown = items.map((item) => withoutSecrets(item, depth + 1))
    return shown.every((item, index) => item === items[index]) ? value : shown
  }
  return isJsonObject(value) ? withoutSecretMembers(value, depth) : value
}

function withoutSecretMembers(value: JsonObject, depth: number): JsonObject {
  // `{name: "Authorization", value: …}` is how lists of headers are written.
  const named = value['name'] ?? value['key']
  const isNamedSecret = typeof named === 'string' && isSecretKey(named)
  // Most objects hide nothing and are shown as they are.
  let altered: Map<string, Json> | undefined
  for (const key of Object.keys(value)) {
    const member = value[key] as Json
    const isSecret = isSecretKey(key) || (isNamedSecret && key === 'value')
    const shown = isSecret && isHidden(member) ? REDACTED : withoutSecrets(member, depth + 1) // RX1
    if (shown !== member) (altered ??= new Map()).set(key, shown)
  }
  return altered === undefined ? value : withMembers(value, altered)
}

/** A copy with other values under some of its keys. */
function withMembers(value: JsonObject, others: ReadonlyMap<string, Json>): JsonObject {
  const result: Record<string, Json> = {}
  for (const [key, member] of Object.entries(value)) setOwn(result, key, others.get(key) ?? member)
  return result
}

function isHidden(value: Json): boolean {
  return value !== '' && (typeof value === 'string' || (typeof value === 'object' && value !== null))
}

/** RX2 */
function withoutSecretsInText(text: string, depth: number): string {
  if (!text.includes('"') || !MAYBE_SECRET.test(text)) return text
  if (/^\s*[[{]/.test(text)) {
    try {
      const parsed = JSON.parse(text) as Json
      const shown = withoutSecrets(parsed, depth + 1)
      return shown === parsed ? text : JSON.stringify(shown)
    } catch {
      // Not JSON as a whole; its members are looked at one by one.
    }
  }
  return text.replace(QUOTED_MEMBER, (member, key: string, colon: string) =>
    isSecretKey(key) ? `"${key}"${colon}"${REDACTED}"` : member,
  )
}
