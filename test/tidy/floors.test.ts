/** The floors of the house: imports go down only, without cycles, and only through named doors. */
import { expect, test } from 'vitest'
import { dottedName, finding, importsOf, moduleOf, modulesIn } from './source.ts'
import type { Import, Module, Node } from './source.ts'

const GUESTS = ['inspector', 'integrations', 'cli', 'testing']

/** Which packages only some modules may import; others are free. */
const PACKAGES: Readonly<Record<string, RegExp>> = {
  commander: /^src\/cli\//,
  lowdb: /^src\/store\/json-store\//,
  steno: /^$/,
  uuid: /^src\/runtime\/ids\.ts$/,
  xstate: /^src\/(?:machines|runtime|inspector|integrations)\//,
}

function floorOf(path: string): number | undefined {
  if (/^src\/(?:errors|json)\.ts$/.test(path)) return 0
  if (/^src\/(?:machines|store)\//.test(path)) return 1
  if (path.startsWith('src/runtime/')) return 2
  if (path === 'src/index.ts') return 3
  return GUESTS.some((guest) => path.startsWith(`src/${guest}/`)) ? 4 : undefined
}

const areaOf = (path: string): string | undefined => /^src\/([^/]+)\//.exec(path)?.[1]

/** Every public name, as `module name`; `module *` when all of a module is public. */
function publicNames(modules: readonly Module[]): Set<string> {
  const index = modules.filter(({ path }) => path === 'src/index.ts')
  return new Set(
    index.flatMap(importsOf).flatMap(({ target, node }) => {
      const specifiers = node['specifiers'] as Node[] | undefined
      return (specifiers ?? [{ local: { name: '*' } }]).map(
        (item) => `${target ?? ''} ${(item['local'] as { name: string }).name}`,
      )
    }),
  )
}

function mayImport(from: string, { target: to = '', node }: Import, open: ReadonlySet<string>): boolean {
  const [high, low] = [floorOf(from), floorOf(to)]
  if (high === undefined || low === undefined) return false
  if (areaOf(from) !== undefined && areaOf(from) === areaOf(to)) return true
  if (high < 4) return low < high || high === 0
  if (low === 3 || low === 0) return true
  // The command line may also show what other guests make.
  if (low === 4) return areaOf(from) === 'cli'
  // Guests are strangers: from below they take public names only.
  const names = ((node['specifiers'] as Node[] | undefined) ?? []).map((item) => dottedName(item['imported']))
  return names.length > 0 && names.every((name) => open.has(`${to} ${name}`) || open.has(`${to} *`))
}

/** Imports that leave the floors, reach above them or come through the wrong door. */
function brokenFloors(modules: readonly Module[]): string[] {
  const known = new Set(modules.map(({ path }) => path))
  const open = publicNames(modules)
  return modules.flatMap((module) => {
    if (floorOf(module.path) === undefined) return [finding(module, 0, 'belongs to no floor')]
    return importsOf(module).flatMap((item) => {
      const { from, target, node } = item
      if (target !== undefined) {
        if (!known.has(target)) return [finding(module, node.start, `imports ${from}, which is no module`)]
        return mayImport(module.path, item, open)
          ? []
          : [finding(module, node.start, `may not import ${target}`)]
      }
      const home = PACKAGES[from.split('/')[0] ?? from]
      return home === undefined || home.test(module.path)
        ? []
        : [finding(module, node.start, `may not import the package ${from}`)]
    })
  })
}

/** Modules that reach themselves through imports that exist when the program runs. */
function cycles(modules: readonly Module[]): string[] {
  const next = new Map(
    modules.map((module) => [
      module.path,
      importsOf(module).flatMap(({ target, typeOnly }) => (target === undefined || typeOnly ? [] : [target])),
    ]),
  )
  const found: string[] = []
  const done = new Set<string>()
  const walk = (path: string, trail: readonly string[]): void => {
    const seen = trail.indexOf(path)
    if (seen >= 0) found.push([...trail.slice(seen), path].join(' → '))
    if (seen >= 0 || done.has(path)) return
    for (const target of next.get(path) ?? []) walk(target, [...trail, path])
    done.add(path)
  }
  for (const { path } of modules) walk(path, [])
  return found
}

/** Modules other than entries that hand on what others own. */
function barrels(modules: readonly Module[]): string[] {
  return modules
    .filter(({ path }) => path !== 'src/index.ts' && !/^src\/(?:testing|inspector)\/index\.ts$/.test(path))
    .flatMap((module) =>
      importsOf(module)
        .filter(({ reexport }) => reexport)
        .map(({ from, node }) => finding(module, node.start, `re-exports ${from}`)),
    )
}

const source = modulesIn('src/')

test('imports go down the floors only, and packages stay where they belong', () => {
  expect(brokenFloors(source)).toEqual([])
})

test('a module that imports above itself, sideways, or past the public names is found', () => {
  const sample = [
    moduleOf('src/errors.ts', ''),
    moduleOf('src/index.ts', "export { open } from './runtime/commit.ts'"),
    moduleOf('src/store/store.ts', "import type { A } from '../machines/session.ts'"),
    moduleOf('src/machines/session.ts', "import { a } from '../runtime/commit.ts'\nimport 'commander'"),
    moduleOf('src/runtime/commit.ts', "const a = import('../index.ts')\nimport './gone.ts'"),
    moduleOf('src/cli/main.ts', "import { a } from '../runtime/commit.ts'\nimport { b } from '../index.ts'"),
    moduleOf('src/testing/index.ts', "import { open } from '../runtime/commit.ts'\nimport '../cli/main.ts'"),
    moduleOf('src/extra/x.ts', ''),
  ]

  expect(brokenFloors(sample)).toEqual([
    'src/store/store.ts:1 may not import src/machines/session.ts',
    'src/machines/session.ts:1 may not import src/runtime/commit.ts',
    'src/machines/session.ts:2 may not import the package commander',
    'src/runtime/commit.ts:1 may not import src/index.ts',
    'src/runtime/commit.ts:2 imports ./gone.ts, which is no module',
    'src/cli/main.ts:1 may not import src/runtime/commit.ts',
    'src/testing/index.ts:2 may not import src/cli/main.ts',
    'src/extra/x.ts:1 belongs to no floor',
  ])
})

test('no module reaches itself through its imports', () => {
  expect(cycles(source)).toEqual([])
})

test('a cycle of values is found and a cycle of types is none', () => {
  const sample = [
    moduleOf('src/runtime/a.ts', "import { b } from './b.ts'\nimport type { C } from './c.ts'"),
    moduleOf('src/runtime/b.ts', "export { a } from './a.ts'"),
    moduleOf('src/runtime/c.ts', "import { a, type D } from './a.ts'"),
  ]

  expect(cycles(sample)).toEqual(['src/runtime/a.ts → src/runtime/b.ts → src/runtime/a.ts'])
})

test('no module but an entry hands on the names of others', () => {
  expect(barrels(source)).toEqual([])
})

test('a re-export outside an entry is found', () => {
  const sample = [
    moduleOf('src/store/all.ts', "export * from './store.ts'\nexport type { A } from './change.ts'"),
    moduleOf('src/index.ts', "export * from './errors.ts'"),
  ]

  expect(barrels(sample)).toEqual([
    'src/store/all.ts:1 re-exports ./store.ts',
    'src/store/all.ts:2 re-exports ./change.ts',
  ])
})
