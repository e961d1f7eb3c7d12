/**
 * Lines of a JSONL input, read without holding the file.
 *   CP1  Only `\n` ends a line: U+2028 is legal inside JSON. A `\r` before it is not part of the line.
 *   CP2  Lines count from 1, empty ones included; empty lines carry nothing and are not given out.
 *   CP3  A line that is too long or not UTF-8 is given out as unreadable; the ones after it are read.
 */
import { TextDecoder } from 'node:util'

/** A line with its number: its text, or why there is none. */
export type Line =
  | { readonly number: number; readonly text: string; readonly endByte: number }
  | { readonly number: number; readonly unreadable: string; readonly endByte: number }

/** Longer lines are not read; V8's strings end at 512 Mi characters. */
export const MAX_LINE_BYTES = 256 * 1024 * 1024

const NEWLINE = 0x0a
const BLANK = /^[ \t\r]*$/

/** The lines of a stream of bytes (CP1–CP3). */
export async function* readLines(
  pieces: AsyncIterable<Uint8Array>,
  maxLineBytes: number = MAX_LINE_BYTES,
): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let number = 0
  let endByte = 0
  let parts: Uint8Array[] = []
  let bytes = 0
  const take = (): Line | undefined => {
    number += 1
    const line = toLine(decoder, number, endByte, parts, bytes, maxLineBytes)
    parts = []
    bytes = 0
    return line
  }
  const add = (part: Uint8Array): void => {
    bytes += part.length
    endByte += part.length
    if (bytes <= maxLineBytes) parts.push(part)
    else parts = []
  }
  for await (const piece of pieces) {
    let start = 0
    for (;;) {
      const end = piece.indexOf(NEWLINE, start)
      if (end === -1) break
      add(piece.subarray(start, end))
      endByte += 1
      const line = take()
      if (line !== undefined) yield line
      start = end + 1
    }
    if (start < piece.length) add(piece.subarray(start))
  }
  const last = bytes > 0 ? take() : undefined
  if (last !== undefined) yield last
}

function toLine(
  decoder: TextDecoder,
  number: number,
  endByte: number,
  parts: readonly Uint8Array[],
  bytes: number,
  maxLineBytes: number,
): Line | undefined {
  if (bytes > maxLineBytes)
    return { number, endByte, unreadable: `the line is longer than ${maxLineBytes} bytes` }
  try {
    const text = decoder.decode(Buffer.concat(parts))
    if (BLANK.test(text)) return undefined
    return { number, endByte, text: text.endsWith('\r') ? text.slice(0, -1) : text }
  } catch {
    return { number, endByte, unreadable: 'the line is not UTF-8' }
  }
}

/** What a JSON text holds, or why it is none; the reason never quotes the text. */
export function parseJson(text: string): { readonly value: unknown } | { readonly reason: string } {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch (error) {
    const place = error instanceof SyntaxError ? /position (\d+)/.exec(error.message)?.[1] : undefined
    return {
      reason: place === undefined ? 'it is not JSON' : `it is not JSON (at character ${Number(place) + 1})`,
    }
  }
}
