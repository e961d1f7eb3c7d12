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
import { anyPlainJson } from '../../../support/plain-json.ts'

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
  return sealedText(JSON.stringify(value).slice(0, -1))
}

/** A whole line of any text, of which the checksum fits. */
function sealedText(text: string): Buffer {
  return Buffer.from(`${text},"crc":"${crcOf(Buffer.from(text)).toString(16).padStart(8, '0')}"}\n`)
}

const parsed = (line: Buffer) => parseLine(line, 0, line.length - 1, 'file')
const scanned = (line: Buffer) => scanLine(line, 0, line.length - 1, 'file')

/** CRC32 by its definition, bit by bit. */
function crcOf(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}

const json = anyPlainJson({ noUnicodeString: false })
const oddKey = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    'crc',
    'summary',
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
    summary: fc.option(
      fc.oneof(
        fc.constant({ status: 'paused' }),
        fc.record({ status: fc.constant('active'), tenantId: oddKey, dueAt: fc.constant(null) }),
      ),
      { nil: undefined, freq: 2 },
    ),
    findings: fc.option(fc.constant([{ limit: 'turns', current: 1, max: 1, action: 'ignore' }]), {
      nil: undefined,
    }),
    operation: fc.option(fc.record({ id: oddKey, digest: oddKey }), { nil: undefined }),
    tombstone: fc.option(fc.constant(true as const), { nil: undefined, freq: 2 }),
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
        offset: 0,
        bytes: line.length,
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

test.each([
  ['a line with entries', ORDINARY, PREV],
  ['a line with findings', { ...ORDINARY, entries: [], findings: [] }, PREV],
  ['the first line of a life', ORDINARY, null],
  ['a line with every digit', { ...ORDINARY, revision: 1_234_567_890, at: 9_876_543_210 }, PREV],
])('[LC4] the quick look at %s parses nothing', (_, change, prev) => {
  const line = encode(change, prev)
  const parse = vi.spyOn(JSON, 'parse')
  try {
    expect(scanLine(line, 0, line.length - 1, 'file')).toEqual({
      kind: 'change',
      segment: 4,
      ordinal: 12,
      offset: 0,
      bytes: line.length,
      sessionId: 's-1',
      revision: change.revision,
      prevSegment: prev?.segment ?? 0,
      prevOrdinal: prev?.ordinal ?? 0,
      durable: 4_096,
      at: change.at,
      summary: undefined,
      deleted: false,
    })
    expect(parse).not.toHaveBeenCalled()
  } finally {
    parse.mockRestore()
  }
})

test.each(['"id"', '"rev"', '"prev"', '"durable"', '"at"', '"op"', '"event"', '"patch"', '"entries"'])(
  '[LC4] a key that nobody knows before %s leaves the quick look and the full parse of one mind',
  (key) => {
    for (const prev of [PREV, null]) {
      const known = encode({ ...ORDINARY, operation: { id: 'o', digest: 'd' } }, prev)
      const line = altered(known, key, `"new":[1,2,"id"],${key}`)

      expect(line.includes('"new"')).toBe(true)
      expect(scanned(line)).toEqual({ ...scanned(known), bytes: line.length })
    }
  },
)

test.each(['"', '\\', 'a\nb', '\u007f', 'é', '\u0800', '\u{1f600}', '\ud800', ''])(
  '[LC4] the quick look takes the id %j for what it is, or leaves it to the full parse',
  (id) => {
    const line = encode({ ...ORDINARY, sessionId: id })

    expect(scanned(line)).toMatchObject({ sessionId: id, revision: 7, prevSegment: 3, durable: 4_096 })
  },
)

const UNREADABLE = { kind: 'bad', reason: 'its keys are not those of a change' }

test.each([
  ['"id"', '"ID"', UNREADABLE],
  ['"rev"', '"Rev"', UNREADABLE],
  ['"at"', '"At"', UNREADABLE],
  ['"prev"', '"Prev"', { prevSegment: 0, prevOrdinal: 0 }],
  ['"durable"', '"Durable"', { durable: 0 }],
])('[LC4] where the key %s reads %s the full parse decides', (from, to, said) => {
  expect(scanned(altered(encode(ORDINARY), from, to))).toMatchObject(said)
})

test.each([
  ['"rev":7', '"rev":7.5', { revision: 7.5 }],
  ['"durable":4096', '"durable":4096.5', { durable: 4_096.5 }],
  ['"durable":4096', '"durable":"4096"', { durable: 0 }],
  ['"pos":[4,12]', '"pos":[4.5,12]', { segment: 4.5, ordinal: 12 }],
  ['"prev":[3,9,4294000000,812]', '"prev":[3,9]', { prevSegment: 0, prevOrdinal: 0 }],
  ['"prev":[3,9,4294000000,812]', '"prev":[3,9.5,1,2]', { prevSegment: 3, prevOrdinal: 9.5 }],
  ['"prev":[3,9,4294000000,812]', '"prev":[3,"9",1,2]', { prevSegment: 0, prevOrdinal: 0 }],
  ['"prev":[3,9,4294000000,812]', '"prev":"of"', { prevSegment: 0, prevOrdinal: 0 }],
])('[LC4] where %s reads %s the full parse decides', (from, to, said) => {
  const line = altered(encode(ORDINARY), from, to)

  expect(scanned(line)).toEqual({ ...scanned(encode(ORDINARY)), bytes: line.length, ...said })
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

const NOT_WHOLE = 'it is not a whole line'
const ILLEGIBLE = 'its checksum is not legible'

test.each([
  ['comma', -18, ';', NOT_WHOLE],
  ['key of the checksum', -16, 'd', NOT_WHOLE],
  ['quote before the checksum', -11, '1', NOT_WHOLE],
  ['last quote', -2, '0', NOT_WHOLE],
  ['brace', -1, ']', NOT_WHOLE],
  ['first byte', 0, '[', 'its checksum does not fit'],
])('[LN1] a line whose %s is another byte says why it is not believed', (_, at, byte, reason) => {
  const line = encode(ORDINARY)
  line.write(byte, at < 0 ? line.length - 1 + at : at)

  expect(parsed(line)).toEqual({ kind: 'bad', reason })
  expect(scanned(line)).toEqual({ kind: 'bad', reason })
})

test('[LN1] digits of a checksum are 0 to 9 and a to f, and every one of them counts', () => {
  const line = encode(ORDINARY)
  const first = line.length - 11
  for (let code = 0x20; code < 0x7f; code += 1) {
    const changed = Buffer.from(line)
    changed[first] = code
    const isDigit = /[0-9a-f]/.test(String.fromCharCode(code))
    const reason = isDigit ? 'its checksum does not fit' : ILLEGIBLE

    expect(parsed(changed), String.fromCharCode(code)).toEqual(
      code === line[first] ? parsed(line) : { kind: 'bad', reason },
    )
  }
})

test('[LN1] the checksum of any text fits', () => {
  for (let count = 0; count < 64; count += 1) expect(parsed(sealed({ v: 1, mark: count })).kind).toBe('mark')
})

test.each(['', '\n', '{', '"}', ',"crc":"00000000"}', '"crc":"00000000"}'])(
  '[LN1] %j is no whole line',
  (text) => {
    const line = Buffer.from(`${text}\n`)

    expect(parsed(line)).toEqual({ kind: 'bad', reason: NOT_WHOLE })
  },
)

test('[LN1] a line is looked at where it stands, whatever surrounds it', () => {
  const line = encode(ORDINARY)
  const bytes = Buffer.concat([encode(ORDINARY, null), line, line.subarray(0, 50)])
  const start = encode(ORDINARY, null).length

  expect(parseLine(bytes, start, start + line.length - 1, 'file')).toEqual(parsed(line))
  expect(scanLine(bytes, start, start + line.length - 1, 'file', 0)).toEqual(scanned(line))
})

test.each([
  ['{"v":1,"pos"', 'it is not JSON'],
  ['[{"v":1', 'it is not JSON'],
  ['{"pos":[1,2]', 'it has no version'],
  ['{"v":"1"', 'it has no version'],
])('[JN2] a checksum that fits does not make a line of %s', (text, reason) => {
  expect(parsed(sealedText(text))).toEqual({ kind: 'bad', reason })
})

test.each([
  ['"pos":[4,12]', '"pos":[4]'],
  ['"pos":[4,12]', '"pos":[4,12,1]'],
  ['"pos":[4,12]', '"pos":[4,"12"]'],
  ['"pos":[4,12]', '"pos":{"length":2}'],
  ['"id":"s-1"', '"id":1'],
  ['"rev":7', '"rev":"7"'],
  ['"at":1900000000000,"event"', '"at":null,"event"'],
  ['"event":{"type":"append"}', '"event":"append"'],
  ['"patch":{"context":{"turnCount":1}}', '"patch":[]'],
])('[JN2] a line whose %s reads %s is none', (from, to) => {
  const line = altered(encode(ORDINARY), from, to)

  expect(parsed(line)).toEqual(UNREADABLE)
})

test('[LN2] what a line can do without is left out where it is not what it should be', () => {
  const { sessionId, revision, at, event, patch } = ORDINARY
  const line = sealedText(
    JSON.stringify({ v: 1, pos: [4, 12], id: sessionId, rev: revision, at, event, patch }).slice(0, -1) +
      ',"op":"o","entries":{},"findings":{},"summary":[],"deleted":1,"durable":null,"prev":[1,2,3]',
  )

  expect(parsed(line)).toStrictEqual({
    kind: 'change',
    line: {
      segment: 4,
      ordinal: 12,
      prev: undefined,
      durable: 0,
      change: { sessionId, revision, at, event, patch, entries: [] },
    },
  })
})

test.each([[[]], [[7]], ['x'], [null]])(
  '[JN3] a header that says %j of the segment before says nothing',
  (before) => {
    const odd = { segment: '1', store: 5, epoch: null, sealed: before, compacted: 'yes' }

    expect(parsed(sealed({ v: 1, ...odd } as JsonObject))).toEqual({
      kind: 'header',
      header: { segment: 0, storeId: '', epoch: 0, sealed: null, compacted: false },
    })
  },
)

test('[JN3] a header without what it should say, and a mark, say nothing', () => {
  expect(parsed(sealed({ v: 1, segment: 3, sealed: [{ ordinals: '4' }] }))).toEqual({
    kind: 'header',
    header: { segment: 3, storeId: '', epoch: 0, sealed: { segment: 0, ordinals: 0 }, compacted: false },
  })
  expect(parsed(sealed({ v: 1, mark: '9' }))).toEqual({ kind: 'mark', mark: { durable: 0, at: 0, epoch: 0 } })
})

test('[JN1] a line of the longest texts fits the room made for it', () => {
  const id = '\u0800'.repeat(5_000)
  const change = { ...ORDINARY, sessionId: id, entries: [] }
  const body = lineBody({ ...change, operation: { id, digest: id } })
  const text = JSON.stringify(id)
  const bytes = Buffer.alloc(roomFor(text, body))

  const end = writeLine(bytes, 0, { segment: 4, ordinal: 12, durable: 0 }, text, 7, PREV, body)

  expect(parseLine(bytes, 0, end - 1, 'file')).toMatchObject({ line: { change: { sessionId: id } } })
})
