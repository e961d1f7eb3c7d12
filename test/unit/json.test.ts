import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jsonCopy, jsonText, plainJson, plainJsonText, quoted } from '../../src/json.ts'
import type { Json } from '../../src/json.ts'

const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('"', '\\', '\n', '\u007f', '\u2028', '\ud800', 'a', 'é', '漢') }),
)

test('[JS5] a quoted text is what JSON.stringify makes of it', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(quoted(text)).toBe(JSON.stringify(text))
    }),
    { numRuns: 2_000 },
  )
})

test('[JS5] the text of a plain value is what JSON.stringify makes of it', () => {
  const anyValue = fc.oneof(
    fc.dictionary(
      fc.oneof(anyText, fc.constantFrom('__proto__', '7', 'text')),
      fc.oneof(anyText, fc.jsonValue()),
    ),
    fc.jsonValue(),
  )
  fc.assert(
    fc.property(anyValue, (value) => {
      const plain: Json = plainJson(JSON.parse(JSON.stringify(value)))
      expect(jsonText(plain)).toBe(JSON.stringify(plain))
    }),
    { numRuns: 1_000 },
  )
})

test('[JS4, JS5] a copy with its text is bounded by the bytes of that text, to the byte', () => {
  fc.assert(
    fc.property(fc.oneof(anyText, fc.jsonValue()), (value) => {
      const plain = JSON.parse(JSON.stringify(value)) as Json
      const text = JSON.stringify(plain)
      const maxBytes = Buffer.byteLength(text)
      expect(plainJsonText(plain, { maxBytes })).toEqual({ json: plain, text })
      expect(() => plainJsonText(plain, { maxBytes: maxBytes - 1 })).toThrow(/ENTRY_TOO_LARGE|bytes/)
      expect(() => plainJson(plain, { maxBytes: maxBytes - 1 })).toThrow(/ENTRY_TOO_LARGE|bytes/)
    }),
    { numRuns: 1_000 },
  )
})

test('[JS6] a copy is what comes back from the text, and shares nothing', () => {
  class Named {
    readonly name = 'one'
  }
  const odd = fc.constantFrom(
    undefined,
    -0,
    NaN,
    Infinity,
    Symbol('none'),
    () => 1,
    new Date(7),
    new Named(),
    Object.assign([1, undefined], { more: 2 }),
    Object.assign(Object.create(null) as object, { bare: true }),
    { toJSON: () => ({ other: 1 }) },
  )
  const key = fc.oneof(anyText, fc.constantFrom('__proto__', 'constructor', 'toString', '7'))
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      odd,
      anyText,
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
    ),
  }))
  fc.assert(
    fc.property(tree, (value) => {
      const text = JSON.stringify(value) as string | undefined
      const expected: unknown = text === undefined ? undefined : JSON.parse(text)

      const copy: unknown = jsonCopy(value)

      expect(isDeepStrictEqual(copy, expected)).toBe(true)
      expect(sharedBy(copy, partsOf(value))).toEqual([])
    }),
    { numRuns: 2_000 },
  )
})

/** All objects in a value, itself included. */
function partsOf(value: unknown): Set<object> {
  if (typeof value !== 'object' || value === null) return new Set()
  return new Set([value, ...Object.values(value).flatMap((member) => [...partsOf(member)])])
}

/** The objects of a value that are among the parts of another. */
function sharedBy(value: unknown, parts: ReadonlySet<object>): object[] {
  return [...partsOf(value)].filter((part) => parts.has(part))
}
