import { expect, test } from 'vitest'
import { parseJson, readLines, type Line } from '../../../src/cli/lines.ts'

async function read(text: string | Uint8Array, pieceBytes: number, maxLineBytes?: number): Promise<Line[]> {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let start = 0; start < bytes.length; start += pieceBytes)
      yield bytes.subarray(start, start + pieceBytes)
  }
  const lines: Line[] = []
  for await (const line of readLines(pieces(), maxLineBytes)) lines.push(line)
  return lines
}

test('[CP1] only a newline ends a line, wherever the pieces are cut', async () => {
  const text = '{"a":"x\u2028y"}\r\n["ü"]\nlast'

  for (const pieceBytes of [1, 2, 3, 7, 1000]) {
    expect((await read(text, pieceBytes)).map((line) => 'text' in line && line.text)).toEqual([
      '{"a":"x\u2028y"}',
      '["ü"]',
      'last',
    ])
  }
})

test('[CP2] lines are counted from 1, empty ones too, and empty ones are left out', async () => {
  expect((await read('\n \t\r\na\n\nb\n', 2)).map(({ number }) => number)).toEqual([3, 5])
  expect(await read('', 2)).toEqual([])
})

test('[CP3] a line that is too long or not UTF-8 is unreadable, and the next one is read', async () => {
  const bytes = new Uint8Array([0xff, 0x0a, ...new TextEncoder().encode('aaaaaaaaaa\nok\n')])

  expect(await read(bytes, 3, 5)).toEqual([
    { number: 1, endByte: 2, unreadable: 'the line is not UTF-8' },
    { number: 2, endByte: 13, unreadable: 'the line is longer than 5 bytes' },
    { number: 3, endByte: 16, text: 'ok' },
  ])
})

test('why a text is not JSON is said without the text', () => {
  const parsed = parseJson('{"secret": sesame}')

  expect(parsed).toEqual({ reason: expect.stringMatching(/^it is not JSON/) as string })
  expect(JSON.stringify(parsed)).not.toContain('sesame')
})
