import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { isSessionError } from '../../../../src/errors.ts'
import type { Json, JsonObject } from '../../../../src/json.ts'
import type { Change } from '../../../../src/store/change.ts'
import {
  asRead,
  encodeHeader,
  encodeMark,
  LINE_VERSION,
  lineBody,
  parseLine,
  roomFor,
  upcast,
  writeLine,
} from '../../../../src/store/json-store/line.ts'
import { scanLine } from '../../../../src/store/json-store/line-scan.ts'
import type { Position } from '../../../../src/store/json-store/session-index.ts'

const PREV: Position = { segment: 3, ordinal: 9, offset: 4_294_000_000, bytes: 812 }

const ORDINARY: Change = {
  sessionId: 's-1',
  revision: 7,
  at: 1_900_000_000_000,
  event: { type: 'append' },
  patch: { context: { turnCount: 1 } },
  entries: [{ id: 'e-1', at: 1_900_000_000_000, type: 'user_message', content: { text: 'hello' } }],
}

function encode(change: Change, prev: Position | null = PREV): Buffer {
  const idText = JSON.stringify(change.sessionId)
  const body = lineBody(change)
  const bytes = Buffer.alloc(roomFor(idText, body))
  const place = { segment: 4, ordinal: 12, durable: 4_096 }
  return bytes.subarray(0, writeLine(bytes, 0, place, idText, change.revision, prev ?? undefined, body))
}

/** A line whose text was altered, with a checksum that fits again. */
function altered(line: Buffer, from: string, to: string): Buffer {
  const value = JSON.parse(line.toString('utf8').replace(from, to)) as Record<string, Json>
  delete value['crc']
  return sealed(value)
}

/** Any object as a line with its checksum, made independently of the code under test. */
function sealed(value: JsonObject): Buffer {
  const text = JSON.stringify(value).slice(0, -1)
  return Buffer.from(`${text},"crc":"${crcOf(Buffer.from(text)).toString(16).padStart(8, '0')}"}\n`)
}

/** CRC32 by its definition, bit by bit. */
function crcOf(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}

const json = fc.jsonValue({ noUnicodeString: false }) as fc.Arbitrary<Json>
const oddKey = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    'crc',
    'at',
    'id',
    '',
    '\u2028',
    '\ud800',
    '"',
    '\\',
  ),
)
const jsonObject = fc
  .array(fc.tuple(oddKey, json), { maxLength: 4 })
  .map((pairs) => Object.fromEntries(pairs) as JsonObject)

const anyChange: fc.Arbitrary<Change> = fc
  .record({
    sessionId: fc.oneof(fc.string({ unit: 'binary' }), oddKey),
    revision: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    at: fc.oneof(fc.integer({ min: 0, max: 2 ** 45 }), fc.constantFrom(-5, 1.5, 1e21)),
    event: jsonObject.map((rest) => ({ ...rest, type: 'append' })),
    patch: jsonObject.map((context) => ({ context })),
    entries: fc.array(
      json.map((content) => ({ id: 'e', at: 1, type: 'user_message', content })),
      { maxLength: 3 },
    ),
    summary: fc.option(fc.constant({ status: 'paused' }), { nil: undefined }),
    findings: fc.option(fc.constant([{ limit: 'turns', current: 1, max: 1, action: 'ignore' }]), {
      nil: undefined,
    }),
    operation: fc.option(fc.record({ id: oddKey, digest: oddKey }), { nil: undefined }),
    tombstone: fc.option(fc.constant(true as const), { nil: undefined }),
  })
  .map((parts) => JSON.parse(JSON.stringify(parts)) as Change)

test('[LN2] whatever a change holds comes back as it was', () => {
  fc.assert(
    fc.property(anyChange, fc.boolean(), (change, isFirst) => {
      const line = encode(change, isFirst ? null : PREV)
      const parsed = parseLine(line, 0, line.length - 1, 'file')

      expect(parsed).toEqual({
        kind: 'change',
        line: { segment: 4, ordinal: 12, durable: 4_096, prev: isFirst ? undefined : PREV, change },
      })
    }),
  )
})

test('[LN4] a change as it comes back is what parsing its line gives', () => {
  const ofUndefined = { left: undefined, list: [undefined, -0] } as unknown as JsonObject
  const anyMade = fc.tuple(anyChange, fc.boolean()).map(([change, isOdd]): Change => {
    if (!isOdd) return change
    return {
      ...change,
      patch: { ...change.patch, context: { ...change.patch.context, ofUndefined } },
      findings: [],
      summary: { status: 'paused', dueAt: undefined } as unknown as NonNullable<Change['summary']>,
    }
  })
  fc.assert(
    fc.property(anyMade, (change) => {
      const line = encode(change)
      const parsed = parseLine(line, 0, line.length - 1, 'file')

      expect(isDeepStrictEqual(parsed.kind === 'change' && parsed.line.change, asRead(change))).toBe(true)
    }),
  )
})

test('[LN2] entries that were encoded before give the same line', () => {
  const change: Change = { ...ORDINARY, findings: [], summary: { status: 'active' } }

  const body = lineBody(change, JSON.stringify(change.entries))

  expect(body).toBe(lineBody(change))
  expect(lineBody(ORDINARY, '["given"]')).toContain('"entries":["given"]')
  expect(lineBody({ ...ORDINARY, entries: [] }, '[]')).not.toContain('entries')
})

test('[LN2, JN1] a line is one line of UTF-8 JSON whose keys stand in the documented order', () => {
  const change: Change = {
    ...ORDINARY,
    operation: { id: 'op', digest: 'd' },
    findings: [],
    summary: { status: 'active' },
    tombstone: true,
  }
  const text = encode(change).toString('utf8')

  expect(text.indexOf('\n')).toBe(text.length - 1)
  expect(Object.keys(JSON.parse(text) as object).join(' ')).toBe(
    'v pos id rev prev durable at op event patch entries findings summary deleted crc',
  )
})

test('[LC4] the quick look and the full parse agree', () => {
  fc.assert(
    fc.property(anyChange, (change) => {
      const line = encode(change)
      const scanned = scanLine(line, 0, line.length - 1, 'file')

      expect(scanned).toEqual({
        kind: 'change',
        segment: 4,
        ordinal: 12,
        sessionId: change.sessionId,
        revision: change.revision,
        prevSegment: PREV.segment,
        prevOrdinal: PREV.ordinal,
        durable: 4_096,
        at: change.at,
        summary: change.summary,
        deleted: change.tombstone === true,
      })
    }),
  )
})

test('[LC4] the quick look at a line with entries parses nothing', () => {
  const line = encode(ORDINARY)
  const parse = vi.spyOn(JSON, 'parse')
  try {
    expect(scanLine(line, 0, line.length - 1, 'file')).toMatchObject({ revision: 7, durable: 4_096 })
    expect(parse).not.toHaveBeenCalled()
  } finally {
    parse.mockRestore()
  }
})

test('[LN1, JN2] the checksum is the CRC32 of all bytes before its key', () => {
  const line = encode(ORDINARY)
  const sealAt = line.lastIndexOf(',"crc"')

  expect((JSON.parse(line.toString('utf8')) as { crc: string }).crc).toBe(
    crcOf(line.subarray(0, sealAt)).toString(16).padStart(8, '0'),
  )
})

test('[LN1] no line with a flipped bit is believed', () => {
  const line = encode(ORDINARY)
  for (let bit = 0; bit < (line.length - 1) * 8; bit += 1) {
    const flipped = Buffer.from(line)
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))

    expect(parseLine(flipped, 0, flipped.length - 1, 'file').kind, `bit ${bit}`).toBe('bad')
    expect(scanLine(flipped, 0, flipped.length - 1, 'file').kind, `bit ${bit}`).toBe('bad')
  }
})

test('[LN3, JN6] a line of a newer version is refused with both numbers', () => {
  const line = altered(encode(ORDINARY), '"v":1', '"v":3')
  for (const read of [parseLine, scanLine]) {
    let error: unknown
    try {
      read(line, 0, line.length - 1, 'the-file')
    } catch (caught) {
      error = caught
    }

    expect(isSessionError(error, 'FORMAT_TOO_NEW') && error.details).toEqual({
      file: 'the-file',
      found: 3,
      supported: LINE_VERSION,
    })
  }
})

test('[LN3] an older line is lifted step by step', () => {
  const upcasts = [
    (line: JsonObject): JsonObject => ({ ...line, v: 2, steps: 1 }),
    (line: JsonObject): JsonObject => ({ ...line, v: 3, steps: [line['steps'] ?? null, 2] }),
  ]

  expect(upcast({ v: 1 }, 1, upcasts)).toEqual({ v: 3, steps: [1, 2] })
  expect(upcast({ v: 2, steps: 7 }, 2, upcasts)).toEqual({ v: 3, steps: [7, 2] })
  expect(upcast({ v: 3 }, 3, upcasts)).toEqual({ v: 3 })
})

test('[LN1] headers and marks come back, checksum and all', () => {
  const header = {
    segment: 42,
    storeId: 'store',
    epoch: 7,
    sealed: { segment: 41, ordinals: 12 },
    compacted: true,
  }
  const bare = { segment: 1, storeId: 'store', epoch: 1, sealed: null, compacted: false }
  const mark = { durable: 512, at: 1_900_000_000_000, epoch: 7 }
  const read = (bytes: Buffer): unknown => parseLine(bytes, 0, bytes.length - 1, 'file')

  expect(read(encodeHeader(header))).toEqual({ kind: 'header', header })
  expect(read(encodeHeader(bare))).toEqual({ kind: 'header', header: bare })
  expect(read(encodeMark(mark))).toEqual({ kind: 'mark', mark })
})
