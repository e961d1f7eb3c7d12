/** Arbitrary documents of the foreign systems and of our own, for properties. All are plain parsed JSON. */
import fc from 'fast-check'
import type { SessionDocument } from '../../src/runtime/document.ts'
import { sessionDocument } from '../../src/runtime/document-schema.ts'
import { anyPlainJson } from './plain-json.ts'

const LATEST = Date.UTC(9999, 0, 1)

const overJson = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  arbitrary.map((value) => JSON.parse(JSON.stringify(value)) as T)

const json = anyPlainJson({ maxDepth: 2 })
const map = fc.dictionary(
  fc.oneof(fc.string(), fc.constantFrom('__proto__', 'interchange', 'constructor')),
  json,
  {
    maxKeys: 4,
  },
)
const count = fc.oneof(fc.nat(20), fc.maxSafeNat())
const millis = fc.oneof(fc.nat({ max: LATEST }), fc.constant(0), fc.constant(1_700_000_000_000))
const text = fc.string({ maxLength: 12 })
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { freq: 2 })

/** UUIDs in the spellings the Rust crate reads; mostly the usual one. */
const uuid = fc.oneof(
  { weight: 6, arbitrary: fc.uuid() },
  fc.uuid().map((id) => id.toUpperCase()),
  fc.uuid().map((id) => id.replaceAll('-', '')),
  fc.uuid().map((id) => `{${id}}`),
  fc.uuid().map((id) => `urn:uuid:${id}`),
)

/** RFC 3339 times in the spellings chrono reads: whole seconds, 3, 6 and 9 digits, offsets. */
export const timeText = fc
  .tuple(millis, fc.nat(999_999), fc.constantFrom('s', 'ms', 'us', 'ns', 'offset', 'space'))
  .map(([ms, nanos, spelling]) => {
    const iso = new Date(ms).toISOString()
    const digits = String(nanos).padStart(6, '0')
    switch (spelling) {
      case 's':
        return iso.replace(/\.\d+Z/, 'Z')
      case 'us':
        return iso.replace('Z', `${digits.slice(0, 3)}Z`)
      case 'ns':
        return iso.replace('Z', `${digits}Z`)
      case 'offset':
        return iso.replace('Z', '+00:00')
      case 'space':
        return iso.replace('T', ' ')
      default:
        return iso.replace('.000Z', 'Z')
    }
  })

/** Stored sessions of cellstate. */
export const cellstateJson = overJson(
  fc
    .tuple(fc.constantFrom('created', 'active', 'closed', 'expired'), timeText, timeText, timeText)
    .chain(([status, created_at, activated, closed]) =>
      fc.record({
        data: fc.record(
          {
            session_id: uuid,
            tenant_id: uuid,
            provider_id: text,
            model: text,
            created_at: fc.constant(created_at),
            activated_at: status === 'active' ? fc.constant(activated) : optional(fc.constant(activated)),
            closed_at: ['closed', 'expired'].includes(status)
              ? fc.constant(closed)
              : optional(fc.constant(closed)),
            ttl_secs: fc.nat(10_000_000),
            round_count: count,
            initial_token_count: count,
            delta_token_count: count,
            metadata: fc.oneof(map, json),
          },
          {
            requiredKeys: [
              'session_id',
              'tenant_id',
              'provider_id',
              'model',
              'created_at',
              'ttl_secs',
              'round_count',
              'initial_token_count',
              'delta_token_count',
              ...(status === 'active' ? (['activated_at'] as const) : []),
              ...(['closed', 'expired'].includes(status) ? (['closed_at'] as const) : []),
            ],
          },
        ),
        status: fc.constant(status),
      }),
    ),
)

const sessionType = fc.oneof(
  fc.record({ type: fc.constant('teacher_demo'), task: text, model: text }),
  fc.record({ type: fc.constant('evaluation'), skill_name: text, test_cases: count }),
  fc.record({ type: fc.constant('refinement'), skill_name: text, iteration: count }),
  fc.record({ type: fc.constant('conversation'), purpose: text }),
  fc.record({ type: fc.constant('agent'), agent_name: text }),
)

const entryType = fc.oneof(
  fc.record({ type: fc.constantFrom('user_message', 'assistant_message', 'system_message') }),
  fc.record({ type: fc.constant('tool_call'), tool_name: text, success: fc.boolean() }),
  fc.record({ type: fc.constant('skill_execution'), skill_name: text, success: fc.boolean() }),
  fc.record({
    type: fc.constant('evaluation_result'),
    score: fc.constantFrom(0, 0.25, 1),
    metrics: fc.dictionary(text, fc.integer()),
  }),
  fc.record({ type: fc.constant('system_event'), event: text }),
)

/** Sessions of thulp. */
export const thulpJson = overJson(
  fc.record(
    {
      metadata: fc.record(
        {
          id: uuid,
          name: text,
          session_type: sessionType,
          created_at: count,
          updated_at: count,
          status: fc.constantFrom('active', 'completed', 'failed', 'cancelled', 'paused'),
          tags: fc.array(text, { maxLength: 3 }),
          parent_session: optional(uuid),
        },
        { requiredKeys: ['id', 'name', 'session_type', 'created_at', 'updated_at', 'status'] },
      ),
      entries: fc.array(fc.record({ id: uuid, timestamp: count, entry_type: entryType, content: json }), {
        maxLength: 6,
      }),
      context: map,
    },
    { requiredKeys: ['metadata', 'entries'] },
  ),
)

const block = fc.oneof(
  fc.record({ type: fc.constant('text'), text }),
  fc.record({
    type: fc.constant('image'),
    image: fc.record({ media_type: fc.constant('image/png'), data: fc.base64String({ maxLength: 16 }) }),
  }),
  fc.record({ type: fc.constant('tool_use'), id: text, name: text, input: json }),
  fc.record({ type: fc.constant('tool_result'), tool_use_id: text, content: json }),
)

/** Session envelopes of fluers. */
export const fluersJson = overJson(
  fc.record(
    {
      schema_version: fc.constant(1),
      model: text,
      max_turns: fc.nat(50),
      system_message: optional(text),
      messages: fc.array(
        fc.record(
          {
            role: fc.constantFrom('system', 'user', 'assistant', 'tool', 'signal'),
            content: fc.array(block, { maxLength: 3 }),
          },
          { requiredKeys: ['role'] },
        ),
        { maxLength: 6 },
      ),
      metadata: fc.dictionary(fc.oneof(text, fc.constantFrom('__proto__', 'interchange')), text, {
        maxKeys: 3,
      }),
    },
    { requiredKeys: ['schema_version', 'model', 'max_turns', 'messages', 'metadata'] },
  ),
)

/** Session files of the state store. */
export const stateStoreJson = overJson(
  fc.record(
    {
      id: fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,20}$/).filter((id) => !id.includes('..')),
      user_id: fc.string({ minLength: 1, maxLength: 12 }),
      user_messages: fc.array(fc.record({ content: text, timestamp: timeText }), { maxLength: 4 }),
      agent_responses: fc.array(
        fc.record(
          {
            content: text,
            session_id: optional(text),
            seed_id: optional(text),
            phase_reached: optional(text),
            evaluation_passed: optional(fc.boolean()),
            timestamp: timeText,
          },
          { requiredKeys: ['content', 'timestamp'] },
        ),
        { maxLength: 4 },
      ),
      active_seed_id: optional(text),
      active_persona_id: optional(text),
      created_at: timeText,
      updated_at: timeText,
      metadata: map,
    },
    { requiredKeys: ['id', 'user_id', 'created_at', 'updated_at'] },
  ),
)

const message = fc.oneof(
  fc.record({
    role: fc.constantFrom('system', 'developer', 'user'),
    content: fc.oneof(text, json),
    extra: json,
  }),
  fc.record({
    role: fc.constant('assistant'),
    content: optional(text),
    tool_calls: fc.array(fc.record({ id: text, function: fc.record({ name: text, arguments: text }) }), {
      maxLength: 2,
    }),
  }),
  fc.record(
    {
      role: fc.constantFrom('tool', 'function'),
      tool_call_id: text,
      name: text,
      content: text,
      is_error: json,
    },
    { requiredKeys: ['role'] },
  ),
)

/** Lines of OpenAI chat conversations with other keys beside the messages. */
export const chatLine = overJson(
  fc
    .tuple(map, fc.array(message, { maxLength: 6 }))
    .map(([others, messages]) => Object.assign(others, { messages })),
)

const ENDED = ['closed', 'completed', 'failed', 'cancelled', 'expired'] as const

const entry = fc
  .tuple(
    fc.oneof(
      fc.record({ type: fc.constantFrom('user_message', 'assistant_message', 'system_message') }),
      fc.record({ type: fc.constant('tool_call'), toolName: text, success: fc.boolean() }),
      fc.record({ type: fc.constant('system_event'), event: text }),
    ),
    fc.uuid({ version: 7 }),
    millis,
    fc.oneof(fc.record({ text }), json),
  )
  .map(([type, id, at, content]) => ({ ...type, id, at, content }))

/** Session documents of our own, as live sessions would be exported. */
export const ownDocument: fc.Arbitrary<SessionDocument> = overJson(
  fc
    .record({
      id: fc.uuid({ version: 7 }),
      status: fc.constantFrom('created' as const, 'active' as const, 'paused' as const, ...ENDED),
      createdAt: millis,
      updatedAt: millis,
      expiresAt: millis,
      roundCount: fc.nat(9),
      record: fc.record({
        name: text,
        provider: fc.record({ id: text, model: text }),
        tenantId: fc.uuid({ version: 7 }),
        userId: fc.string({ minLength: 1, maxLength: 9 }),
        tags: fc.array(text, { maxLength: 2 }),
        metadata: map,
        context: map,
        systemMessage: optional(text),
      }),
      limits: fc.record({ maxTurns: optional(fc.integer({ min: 1, max: 9 })) }),
      entries: fc.array(entry, { maxLength: 5 }),
    })
    .map((parts) => sessionDocument(parts as unknown as Parameters<typeof sessionDocument>[0])),
)
