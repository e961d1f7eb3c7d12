/** Nothing of the seed systems was forgotten: each item of their checklist is tested, or decided otherwise in the open. */
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { citationsOf } from './rules.ts'
import { SEED_IDS } from './seed-ids.ts'
import { ROOT, modulesIn, textOf } from './source.ts'

const cited = citationsOf(modulesIn('test/').filter(({ path }) => !path.startsWith('test/tidy/')))
const seedsPage = existsSync(`${ROOT}docs/seeds.md`) ? textOf('docs/seeds.md') : ''

test('the checklist has 227 items', () => {
  expect(SEED_IDS).toHaveLength(227)
  expect([SEED_IDS[0], SEED_IDS[57], SEED_IDS[58], SEED_IDS.at(-1)]).toEqual([
    'S0-01',
    'S0-58',
    'S1-01',
    'S4-53',
  ])
})

test('every item is named by a test or decided in docs/seeds.md', () => {
  const done = new Set([...cited.map(({ id }) => id), ...(seedsPage.match(/S[0-4]-\d\d/g) ?? [])])

  expect(SEED_IDS.filter((id) => !done.has(id))).toEqual([])
})

test('every item that a test or docs/seeds.md names exists', () => {
  const named = [
    ...cited.filter(({ id }) => /^S\d-/.test(id)),
    ...[...seedsPage.matchAll(/S\d-\d\d/g)].map(([id]) => ({ id, where: 'docs/seeds.md' })),
  ]

  expect(named.filter(({ id }) => !SEED_IDS.includes(id))).toEqual([])
})
