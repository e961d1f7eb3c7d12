/** Goal: what the quick look takes for the summary of a line is what the full parse takes for it. */
import { crc32 } from 'node:zlib'
import { expect, test, vi } from 'vitest'
import type { Change } from '../../../../src/store/change.ts'
import { lineBody, parseLine, roomFor, writeLine } from '../../../../src/store/json-store/line.ts'
import { scanLine } from '../../../../src/store/json-store/line-scan.ts'

const ORDINARY: Change = {
  sessionId: 's-1',
  revision: 7,
  at: 1_900_000_000_000,
  event: { type: 'pause' },
  patch: { context: { turnCount: 1 } },
  entries: [],
}

function encode(change: Change): Buffer {
  const idText = JSON.stringify(change.sessionId)
  const body = lineBody(change)
  const bytes = Buffer.alloc(roomFor(idText, body))
  const place = { segment: 4, ordinal: 12, durable: 4_096 }
  const prev = { segment: 3, ordinal: 9, offset: 1_000, bytes: 812 }
  return bytes.subarray(0, writeLine(bytes, 0, place, idText, change.revision, prev, body))
}

/** A whole line of any text, of which the checksum fits. */
function sealed(text: string): Buffer {
  return Buffer.from(`${text},"crc":"${crc32(text).toString(16).padStart(8, '0')}"}\n`)
}

const scanned = (line: Buffer) => scanLine(line, 0, line.length - 1, 'file')

test('[LC4] of a line that ends in a summary the quick look parses the summary alone', () => {
  const summary = { status: 'paused', tenantId: 'zoë', dueAt: null }
  const line = encode({ ...ORDINARY, summary })
  const parse = vi.spyOn(JSON, 'parse')
  try {
    expect(scanned(line)).toMatchObject({ sessionId: 's-1', prevSegment: 3, summary, deleted: false })
    expect(parse.mock.calls).toEqual([[JSON.stringify(summary)]])
  } finally {
    parse.mockRestore()
  }
})

const SPOKEN = ',"summary":{"status":"spoken"}'

test.each<[string, Partial<Change>, Partial<Change['summary']> | undefined]>([
  ['in the patch alone', { patch: { context: { a: 1, summary: { status: 'inner' } } } }, undefined],
  [
    'in the patch too',
    { patch: { context: { a: 1, summary: {} } }, summary: { status: 'own' } },
    { status: 'own' },
  ],
  ['in a text alone', { patch: { context: { text: SPOKEN } } }, undefined],
  ['in the summary itself', { summary: { status: SPOKEN } }, { status: SPOKEN }],
  [
    'inside of the summary',
    { summary: { summary: { status: 'inner' } } as never },
    { summary: { status: 'inner' } } as never,
  ],
  ['a long way before the end', { summary: { status: 'x'.repeat(2000) } }, { status: 'x'.repeat(2000) }],
  ['before a tombstone', { summary: { status: 'own' }, tombstone: true }, { status: 'own' }],
])('[LC4] a summary that stands %s is found by both or by neither', (_, parts, summary) => {
  const line = encode({ ...ORDINARY, entries: [], ...parts })

  expect(scanned(line)).toMatchObject({ summary, deleted: parts.tombstone === true })
})

test('[LC4] of two summaries the last counts, as in the full parse', () => {
  const text = encode({ ...ORDINARY, summary: { status: 'first' } }).toString('utf8')
  const twice = sealed(text.slice(0, text.lastIndexOf(',"crc"')) + SPOKEN)

  expect(scanned(twice)).toMatchObject({ summary: { status: 'spoken' } })
  expect(parseLine(twice, 0, twice.length - 1, 'file')).toMatchObject({
    line: { change: { summary: { status: 'spoken' } } },
  })
})

test('[LC4] of a line amid others the quick look parses its own summary alone', () => {
  const before = encode({ ...ORDINARY, summary: { status: 'before' } })
  const line = encode({ ...ORDINARY, summary: { status: 'own' } })
  const block = Buffer.concat([before, line, encode({ ...ORDINARY, summary: { status: 'behind' } })])
  const end = before.length + line.length - 1
  const parse = vi.spyOn(JSON, 'parse')
  try {
    expect(scanLine(block, before.length, end, 'file')).toMatchObject({ summary: { status: 'own' } })
    expect(parse.mock.calls).toEqual([['{"status":"own"}']])
  } finally {
    parse.mockRestore()
  }
})

test('[LC4] an object that happens to begin where the search for a summary does is none', () => {
  const patchOf = (length: number) => ({ context: { text: 'x'.repeat(length) } })
  const length = 1014 - JSON.stringify(patchOf(0)).length
  const line = encode({ ...ORDINARY, patch: patchOf(length) })
  const parsed = parseLine(line, 0, line.length - 1, 'file')

  expect(parsed).toMatchObject({ kind: 'change' })
  expect(scanned(line)).toMatchObject({ kind: 'change', summary: undefined })
})
