import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jsonText, plainJson, quoted } from '../../src/json.ts'
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
