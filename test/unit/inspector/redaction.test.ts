/** What looks like a secret does not leave the server. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isSecretKey, REDACTED, redactor } from '../../../src/inspector/redaction.ts'
import type { Json } from '../../../src/index.ts'

const PLACE = { sessionId: 'a', part: 'entry' } as const
const redact = redactor({})

test.each([
  ...[
    'authorization',
    'Authorization',
    'proxy-authorization',
    'api_key',
    'apiKey',
    'APIKEY',
    'OPENAI_API_KEY',
    'x-api-key',
  ],
  ...[
    'token',
    'access_token',
    'accessToken',
    'refreshToken',
    'id_token',
    'x-auth-token',
    'csrfToken',
    'bearer_token',
  ],
  ...[
    'cookie',
    'Set-Cookie',
    'cookies',
    'password',
    'PASSWD',
    'db_password',
    'passphrase',
    'pwd',
    'secret',
    'client_secret',
  ],
  ...[
    'clientSecret',
    'private_key',
    'privateKey',
    'aws_secret_access_key',
    'secretKey',
    'credentials',
    'signing.key',
  ],
])('[RX1] %s is the name of a secret', (key) => {
  expect(isSecretKey(key)).toBe(true)
  expect(redact({ [key]: 'value', kept: 'value' }, PLACE)).toEqual({ [key]: REDACTED, kept: 'value' })
})

test.each([
  ...[
    'tokens',
    'maxTokens',
    'initialTokenCount',
    'token_count',
    'prompt_tokens',
    'tokensSaved',
    'key',
    'keys',
    'monkey',
  ],
  ...['passwordless', 'secretary', 'cookiePolicy', 'author', 'authorizationCount', '__proto__', ''],
])('[RX1] %s is none', (key) => {
  expect(isSecretKey(key)).toBe(false)
})

test('[RX1] numbers, booleans, null and nothing stay; lists and objects go whole', () => {
  const value = {
    token: 7,
    secret: null,
    password: false,
    cookie: '',
    api_key: ['a'],
    credentials: { user: 'b' },
  }

  expect(redact(value, PLACE)).toEqual({ ...value, api_key: REDACTED, credentials: REDACTED })
})

test('[RX1] lists of named values, as headers are written', () => {
  const value = [
    { name: 'Authorization', value: 'Bearer x' },
    { key: 'accept', value: 'y' },
  ] as const

  expect(redact(value, PLACE)).toEqual([
    { name: 'Authorization', value: REDACTED },
    { key: 'accept', value: 'y' },
  ])
})

test('[RX2] JSON in strings, however often it is wrapped, and JSON that is cut off', () => {
  const inner = JSON.stringify({ password: 'hunter2', city: 'Ulm' })
  const outer = JSON.stringify({ arguments: inner })
  const shown = redact(
    { arguments: inner, twice: outer, cut: '{"a":1,"api_key": "sk-1", "b', said: 'my "token" is' },
    PLACE,
  )

  expect(JSON.stringify(shown)).not.toMatch(/hunter2|sk-1/)
  expect(shown).toMatchObject({
    arguments: `{"password":"${REDACTED}","city":"Ulm"}`,
    cut: `{"a":1,"api_key": "${REDACTED}", "b`,
    said: 'my "token" is',
  })
})

test('[RX3] the hook comes after, sees where it is, and hides everything when it throws', () => {
  const seen: unknown[] = []
  const hooked = redactor({
    redact: (value, place) => {
      seen.push([value, place])
      if (place.part === 'record') throw new TypeError('broken hook')
      return 'by the hook'
    },
  })

  expect(hooked({ token: 'x' }, PLACE)).toBe('by the hook')
  expect(hooked({ a: 'visible' }, { sessionId: 'a', part: 'record' })).toBe(REDACTED)
  expect(seen[0]).toEqual([{ token: REDACTED }, PLACE])
  expect(redactor({ showSecrets: true })({ token: 'x' }, PLACE)).toEqual({ token: 'x' })
})

test('[RX4] what holds no secret is given as it is, and what is stored is never altered', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const before = JSON.stringify(value)
      const shown = redact(value as Json, PLACE)

      expect(JSON.stringify(value)).toBe(before)
      if (!/auth|key|token|cookie|pass|pwd|secret|credential/i.test(before)) expect(shown).toBe(value)
    }),
  )
})

test('[RX1] a secret anywhere in a value is gone from its text', () => {
  const secret = 'S3CR3T-VALUE'
  const leaf = fc.constantFrom<Json>(
    1,
    null,
    'text',
    { api_key: secret },
    { password: [secret] },
    `{"token":"${secret}"}`,
  )
  const tree = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      leaf,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'secret'), tie('value'), {
        maxKeys: 3,
      }) as fc.Arbitrary<Json>,
    ),
  })).value

  fc.assert(fc.property(tree, (value) => !JSON.stringify(redact(value, PLACE)).includes(secret)))
})
