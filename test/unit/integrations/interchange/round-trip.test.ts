/** What all formats promise together: nothing of a valid document is lost on the way in and out again. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isSessionError } from '../../../../src/errors.ts'
import { INTERCHANGE_FORMATS } from '../../../../src/integrations/interchange/formats.ts'
import { parseSessionDocument } from '../../../../src/runtime/document-schema.ts'
import {
  cellstateJson,
  chatLine,
  fluersJson,
  ownDocument,
  stateStoreJson,
  thulpJson,
} from '../../../support/foreign-documents.ts'
import { refusalOf } from '../../../support/refusal.ts'

const ID = '0193f7a0-0000-7000-8000-000000000001'

const SYSTEMS = [
  ['cellstate', cellstateJson],
  ['thulp', thulpJson],
  ['fluers', fluersJson],
  ['state-store', stateStoreJson],
] as const

describe.each(SYSTEMS)('%s', (name, arbitrary) => {
  const format = INTERCHANGE_FORMATS[name]

  test('[DF2] what is parsed and printed again is the input, text or value', () => {
    fc.assert(
      fc.property(arbitrary as fc.Arbitrary<object>, (json) => {
        assert.deepEqual(format.print(format.parse(json, { id: ID })), json)
        assert.deepEqual(format.print(format.parse(JSON.stringify(json), { id: ID })), json)
      }),
    )
  })

  test('a parsed document is a session document, and survives its own JSON', () => {
    fc.assert(
      fc.property(arbitrary as fc.Arbitrary<object>, (json) => {
        const document = format.parse(json, { id: ID })
        const stored = JSON.parse(JSON.stringify(document)) as unknown

        assert.deepEqual(parseSessionDocument(stored), document)
        assert.deepEqual(format.print(parseSessionDocument(stored)), json)
      }),
    )
  })

  test('the same input gives the same document', () => {
    fc.assert(
      fc.property(arbitrary as fc.Arbitrary<object>, (json) => {
        assert.deepEqual(format.parse(json, { id: ID, at: 5 }), format.parse(json, { id: ID, at: 5 }))
      }),
      { numRuns: 20 },
    )
  })

  test('a document of our own is printed once and for all, or refused by its status', () => {
    let printed = 0
    fc.assert(
      fc.property(ownDocument, (document) => {
        try {
          const json = format.print(document)
          printed += 1
          assert.deepEqual(format.print(format.parse(json, { id: document.id })), json)
        } catch (error) {
          if (!isSessionError(error, 'INTERCHANGE_INVALID')) throw error
          expect(error.details.path).toEqual(['status'])
          expect(error.details.reason).toContain(document.status)
        }
      }),
    )
    expect(printed).toBeGreaterThan(10)
  })

  test('unknown keys are ignored, as the system itself ignores them', () => {
    const [json] = fc.sample(arbitrary as fc.Arbitrary<object>, { numRuns: 1, seed: 7 })

    const document = format.parse({ ...json, brand_new: { key: 1 } }, { id: ID })

    assert.deepEqual(document, format.parse(json, { id: ID }))
  })

  test('text that is not JSON is refused with its line and without its content', () => {
    expect(() => format.parse('{"secret": tru', { id: ID, line: 12 })).toThrowError(
      expect.objectContaining({
        code: 'INTERCHANGE_INVALID',
        details: { format: name, path: [], line: 12, reason: expect.stringContaining('it is not JSON') },
        message: expect.not.stringContaining('secret'),
      }),
    )
  })
})

test('[DC2] a document of sessionwright is printed and parsed back to itself', () => {
  const { sessionwright } = INTERCHANGE_FORMATS
  fc.assert(
    fc.property(ownDocument, (document) => {
      assert.deepEqual(sessionwright.parse(JSON.stringify(sessionwright.print(document))), document)
    }),
  )
})

test('[IS1] a document of sessionwright that is refused names its line and its path', () => {
  const { sessionwright } = INTERCHANGE_FORMATS
  const [document] = fc.sample(ownDocument, { numRuns: 1, seed: 1 })

  const refusal = refusalOf(() => sessionwright.parse(JSON.stringify({ ...document, id: '' }), { line: 3 }))

  expect(refusal).toMatchObject({ format: 'sessionwright', path: ['id'], line: 3 })
  expect(refusalOf(() => sessionwright.parse('{', { line: 4 }))).toMatchObject({ path: [], line: 4 })
})

test('openai-chat: every line comes back deep-equal, message by message', () => {
  const format = INTERCHANGE_FORMATS['openai-chat']
  fc.assert(
    fc.property(chatLine, (line) => {
      const { record, drafts } = format.parse(JSON.stringify(line))
      const entries = drafts.map((draft, index) => ({ ...draft, id: `e${index}`, at: index }))
      const [own] = fc.sample(ownDocument, { numRuns: 1, seed: 1 })
      assert.ok(own)

      const printed = format.print({
        ...own,
        record: { ...own.record, ...record },
        entries: entries as unknown as typeof own.entries,
      })

      assert.deepEqual(printed, line)
      assert.deepEqual(
        drafts.map(({ content }) => content),
        (line as unknown as { messages: unknown[] }).messages,
      )
    }),
  )
})
