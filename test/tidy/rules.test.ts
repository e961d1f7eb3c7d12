/** Each rule of the specification has a test that names it, and each name in a test is a rule. */
import { expect, test } from 'vitest'
import { citationsOf, invariantsOf, rulesOf } from './rules.ts'
import { committedFiles, moduleOf, modulesIn, textOf } from './source.ts'

const specification = committedFiles()
  .filter((path) => /^docs\/spec\/.*\.md$/.test(path))
  .map((path) => ({ path, rules: rulesOf(textOf(path)) }))
const rules = specification.flatMap((page) => page.rules)
const source = modulesIn('src/')
// The contract suite is part of the package; its tests count where an adapter runs them.
const tests = [
  ...modulesIn('test/').filter(({ path }) => !path.startsWith('test/tidy/')),
  ...source.filter(({ path }) => path.startsWith('src/testing/')),
]
const cited = citationsOf(tests)

test('every page of the specification defines rules, each id once', () => {
  expect(specification.length).toBeGreaterThan(0)
  expect(specification.filter((page) => page.rules.length === 0).map(({ path }) => path)).toEqual([])
  expect(rules.filter((id, index) => rules.indexOf(id) !== index)).toEqual([])
})

test('every rule of the specification is named by a test', () => {
  const named = new Set(cited.map(({ id }) => id))

  expect(rules.filter((id) => !named.has(id))).toEqual([])
})

test('every rule that a test names is defined', () => {
  const defined = new Set([...rules, ...source.flatMap(invariantsOf)])
  const unknown = cited.filter(({ id }) => !/^S\d-\d\d$/.test(id) && !defined.has(id))

  expect(unknown.map(({ id, where }) => `${where} names ${id}`)).toEqual([])
})

test('an id names one thing: no two modules define the same, and none that of a rule', () => {
  const defined = source.flatMap((module) => invariantsOf(module).map((id) => ({ id, path: module.path })))
  const first = new Map(rules.map((id) => [id, 'the specification']))
  const twice = defined.filter(({ id, path }) => {
    const by = first.get(id) ?? path
    first.set(id, by)
    return by !== path
  })

  expect(twice.map(({ id, path }) => `${path} defines ${id}, as does ${first.get(id) ?? ''}`)).toEqual([])
})

test('rules, invariants and their names in tests are read as written', () => {
  const page = '# Journal\n\n- **J1** text\n  **J9** no\n- **J2a** text\n'
  const head =
    "/**\n * Owns it.\n *   C1  Nobody hears.\n *   C2  No trace.\n */\n// C3  no\nconst a = '[C4]'"
  const sample = [
    "test('[J1] [J2a] kept', () => {})",
    "test.each([['[S0-01]']])('%s', () => {})",
    'test(`[J3, S1-02] ${name}`, () => {})',
    "test.skip('[J4] not yet', () => {})",
    "describe.todo('[J5]')",
    '// [J6]',
  ].join('\n')

  expect(rulesOf(page)).toEqual(['J1', 'J2a'])
  expect(invariantsOf(moduleOf('src/a.ts', head))).toEqual(['C1', 'C2'])
  expect(citationsOf([moduleOf('test/a.test.ts', sample)])).toEqual([
    { id: 'J1', where: 'test/a.test.ts:1' },
    { id: 'J2a', where: 'test/a.test.ts:1' },
    { id: 'S0-01', where: 'test/a.test.ts:2' },
    { id: 'J3', where: 'test/a.test.ts:3' },
    { id: 'S1-02', where: 'test/a.test.ts:3' },
  ])
})
