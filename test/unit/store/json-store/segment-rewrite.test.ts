import { expect, test } from 'vitest'
import {
  encodeHeader,
  encodeMark,
  lineBody,
  roomFor,
  writeLine,
} from '../../../../src/store/json-store/line.ts'
import { scanSegment, segmentName } from '../../../../src/store/json-store/segment.ts'
import type { RewriteRules } from '../../../../src/store/json-store/segment-rewrite.ts'
import { rewriteSegment } from '../../../../src/store/json-store/segment-rewrite.ts'
import { CrashableFileSystem } from '../../../../src/testing/crashable-file-system.ts'

const PATH = `/j/${segmentName(3)}`
const HEADER = encodeHeader({ segment: 3, storeId: 's', epoch: 2, sealed: null, compacted: false })

function line(sessionId: string, ordinal: number, revision = 1): Buffer {
  const body = lineBody({ sessionId, revision, at: 5, event: { type: 'e' }, patch: {}, entries: [] })
  const bytes = Buffer.alloc(roomFor(sessionId, body))
  const place = { segment: 3, ordinal, durable: 0 }
  return bytes.subarray(0, writeLine(bytes, 0, place, JSON.stringify(sessionId), revision, undefined, body))
}

async function disk(...parts: Buffer[]): Promise<CrashableFileSystem> {
  const files = new CrashableFileSystem()
  await files.makeFolder('/j')
  const handle = await files.open(PATH, 'create')
  await handle.write(Buffer.concat([HEADER, ...parts]), 0)
  await handle.close()
  files.settle()
  return files
}

const KEEP_ALL: RewriteRules = { line: () => true, bad: () => 'keep' }

async function rewrite(files: CrashableFileSystem, rules: Partial<RewriteRules>) {
  const scan = await scanSegment(files, PATH, 3)
  return rewriteSegment({ files, folder: '/j', scan, rules: { ...KEEP_ALL, ...rules }, unique: 'u' })
}

const text = (files: CrashableFileSystem): string => files.contents().get(PATH)?.toString('utf8') ?? ''

test('[RW1, JN4] kept lines are the same bytes with the same ordinals, and their new places are told', async () => {
  const files = await disk(line('a', 1), line('b', 2), line('c', 3))

  const { moved, freed } = await rewrite(files, { line: ({ sessionId }) => sessionId !== 'a' })

  const written = files.contents().get(PATH) as Buffer
  for (const { sessionId, position } of moved) {
    const ordinal = sessionId === 'b' ? 2 : 3
    expect(position).toMatchObject({ segment: 3, ordinal })
    expect(written.subarray(position.offset, position.offset + position.bytes)).toEqual(
      line(sessionId, ordinal),
    )
  }
  expect(moved.map(({ sessionId }) => sessionId)).toEqual(['b', 'c'])
  expect(text(files)).not.toContain('"a"')
  expect(freed).toBe(HEADER.length + line('a', 1).length * 3 - written.length)
})

test('[RW3] gaps are no damage in the rewritten segment, and the newest epoch is still known', async () => {
  const files = await disk(
    line('a', 1),
    encodeMark({ durable: 9, at: 1, epoch: 7 }),
    line('b', 2),
    line('c', 3),
  )

  await rewrite(files, { line: ({ sessionId }) => sessionId === 'c' })

  const scan = await scanSegment(files, PATH, 3)
  expect(scan.header).toEqual({ segment: 3, storeId: 's', epoch: 2, sealed: null, compacted: true })
  expect([scan.epoch, scan.bad, scan.ordinal]).toEqual([7, [], 3])
})

test('[RW4] bad bytes stay bad where they are, and so does a place where lines are missing', async () => {
  const files = await disk(
    line('a', 1),
    Buffer.from('rotten\n'),
    line('b', 2),
    line('d', 4),
    Buffer.from('cut'),
  )

  await rewrite(files, { line: ({ sessionId }) => sessionId !== 'a' })

  const scan = await scanSegment(files, PATH, 3)
  expect(scan.lines.map(({ sessionId }) => sessionId)).toEqual(['b', 'd'])
  expect(scan.bad).toHaveLength(3)
  expect(text(files)).toContain('rotten\n')
})

test('[RW4] blotted bytes are illegible and stay bad; dropped ones are gone', async () => {
  const secret = line('secret', 2).fill('?', 60, 61)
  const files = await disk(line('a', 1), secret, line('b', 3))

  await rewrite(files, { bad: () => 'blot' })
  const blotted = await scanSegment(files, PATH, 3)
  const afterBlot = text(files)
  await rewrite(files, { bad: () => 'drop' })

  expect(afterBlot).not.toContain('secret')
  expect(blotted.bad).toMatchObject([{ sessionIds: [] }])
  expect((await scanSegment(files, PATH, 3)).bad).toEqual([])
})

test('[RW1] bytes may take the place of a line', async () => {
  const files = await disk(line('a', 1), line('b', 2))

  await rewrite(files, { line: ({ sessionId }) => (sessionId === 'a' ? line('a', 1, 9) : true) })

  const { lines } = await scanSegment(files, PATH, 3)
  expect(lines.map(({ sessionId, revision }) => [sessionId, revision])).toEqual([
    ['a', 9],
    ['b', 1],
  ])
})

test('[RW2, JN16] power lost at any call leaves the old segment or the new one', async () => {
  const outcomes = new Set<string>()
  for (let call = 1; call <= 12; call += 1) {
    for (let seed = 1; seed <= 8; seed += 1) {
      const files = await disk(line('a', 1), line('b', 2))
      const scan = await scanSegment(files, PATH, 3)
      files.crashAt(call)
      const rules: RewriteRules = { ...KEEP_ALL, line: ({ sessionId }) => sessionId !== 'a' }
      await rewriteSegment({ files, folder: '/j', scan, rules, unique: 'u' }).catch(() => undefined)

      const after = await scanSegment(files.afterPowerCut({ seed }), PATH, 3)

      outcomes.add(`${after.lines.map(({ sessionId }) => sessionId).join()} ${after.bad.length}`)
    }
  }

  expect(outcomes).toEqual(new Set(['a,b 0', 'b 0']))
})
