/** docs/seeds.md says where each decision is tested, and what it says is so. */
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const page = readFileSync(`${root}docs/seeds.md`, 'utf8')
const tests = readdirSync(`${root}test`, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.ts') && !path.endsWith('seeds-page.test.ts'))
  .map((path) => readFileSync(`${root}test/${path}`, 'utf8'))

/** The decisions of the page: the ids a row is about, and the test it names. */
const rows = page
  .split('\n')
  .filter((line) => /^\| S\d-\d\d /.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, id = '', seed = '', here = '', rule = '', title = '']) => ({ id, seed, here, rule, title }))

/** Whether the brackets in front of a title, or a table of titles, name the id. */
function isTested(id: string, title: string): boolean {
  return tests.some((text) => {
    const at = text.indexOf(title)
    if (at === -1) return false
    return title.startsWith('%s') ? text.includes(id) : text.slice(0, at).split('[').at(-1)?.includes(id)
  })
}

test('every decision says what the seed does, what we do, by which rule, and where it is tested', () => {
  expect(rows.length).toBeGreaterThan(60)
  expect(rows.filter(({ seed, here, rule }) => [seed, here, rule].includes(''))).toEqual([])
  expect(rows.filter(({ id, title }) => title === '' || !isTested(id, title))).toEqual([])
})

test('no decision is listed twice', () => {
  const ids = rows.map(({ id }) => id)

  expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([])
})
