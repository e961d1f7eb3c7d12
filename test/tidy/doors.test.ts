/** Ambient things (time, timers, randomness, files, the process) enter through one door each; machines have no door. */
import { expect, test } from 'vitest'
import { dottedName, finding, importsOf, isNode, moduleOf, modulesIn, visitModule } from './source.ts'
import type { Module, Node } from './source.ts'

/** A kind of ambient thing, the names that reach it, and the modules that may. */
interface Door {
  readonly what: string
  /** Global names, with their dots: `Date.now`. */
  readonly names: RegExp
  /** Modules of Node that give it. */
  readonly packages: RegExp
  readonly open: RegExp
}

/** The inspector's page is a program of its own, in a browser: the clock it reads is the reader's. */
const DOORS: readonly Door[] = [
  {
    what: 'the clock',
    names:
      /^(?:Date(?!\.(?:UTC|parse)$)|performance\.(?:now|timeOrigin)|process\.(?:hrtime|uptime)|Temporal)\b/,
    packages: /^node:perf_hooks$/,
    open: /^src\/(?:runtime\/clock\.ts$|inspector\/page\/)/,
  },
  {
    what: 'a timer',
    names: /^(?:set(?:Timeout|Interval)|AbortSignal\.timeout|scheduler\.\w+)$/,
    packages: /^node:timers/,
    open: /^src\/(?:runtime\/clock\.ts$|inspector\/page\/)/,
  },
  {
    what: 'setImmediate',
    names: /^setImmediate$/,
    packages: /^node:timers/,
    open: /^src\/store\/(?:json-store\/journal[\w-]*|turns)\.ts$/,
  },
  {
    what: 'randomness',
    names: /^(?:Math\.random|crypto\b)/,
    packages: /^(?:node:crypto|uuid|nanoid)$/,
    open: /^src\/runtime\/ids\.ts$/,
  },
  {
    what: 'the file system',
    names: /^process\.(?:cwd|chdir)$/,
    packages: /^node:fs/,
    // The store has its door, and the command line one to the files that its user names.
    open: /^src\/(?:store\/(?:file-system|json-store\/writer-thread)|cli\/files)\.ts$/,
  },
]

/** What needs no door: a hash has one answer, and a command line stands in a folder. */
const HARMLESS: readonly { readonly name: RegExp; readonly where: RegExp }[] = [
  { name: /^node:crypto\.(?:createHash|hash)$/, where: /^src\// },
  { name: /^process\.cwd$/, where: /^src\/cli\// },
]

/** Ambient names that no machine may use at all. */
const IMPURE =
  /^(?:Date|Math\.random|crypto|performance|set(?:Timeout|Interval|Immediate)|clear(?:Timeout|Interval|Immediate)|queueMicrotask|fetch|process|console|globalThis|AbortSignal|WebSocket|Temporal)\b/

/** A use of a name that the module did not declare or import itself. */
interface Use {
  readonly name: string
  readonly node: Node
  /** `new Date(x)` reads no clock; `new Date()` does. */
  readonly converts: boolean
}

function declaredNames(module: Module): Set<string> {
  const names = new Set<string>()
  const bind = (node: unknown): void => {
    if (!isNode(node)) return
    if (node.type === 'Identifier') names.add(String(node['name']))
    for (const key of ['left', 'argument', 'value', 'parameter']) bind(node[key])
    for (const key of ['properties', 'elements'])
      for (const item of (node[key] as unknown[]) ?? []) bind(item)
  }
  visitModule(module, (node) => {
    if (/^(?:Function|Class|TS\w*)\w*Declaration$|^Import\w*Specifier$/.test(node.type)) {
      bind(node['id'])
      bind(node['local'])
    }
    if (node.type === 'VariableDeclarator') bind(node['id'])
    for (const parameter of (node['params'] as unknown[]) ?? []) bind(parameter)
  })
  return names
}

function usesOf(module: Module): Use[] {
  const own = declaredNames(module)
  const uses: Use[] = []
  visitModule(module, (node, ancestors) => {
    if (node.type !== 'Identifier' && node.type !== 'MemberExpression') return
    const parent = ancestors.at(-1)
    // `a.Date`, `{ Date: 1 }` and types are no uses; of `Date.now` the outermost expression is the use.
    if (parent?.type === 'MemberExpression' && (parent['object'] === node || parent['computed'] !== true)) {
      if (parent['object'] !== node || dottedName(parent) !== undefined) return
    }
    if (parent?.['key'] === node && parent['computed'] !== true && parent['shorthand'] !== true) return
    if (ancestors.some(({ type }) => type.startsWith('TS') && !type.endsWith('Expression'))) return
    const name = dottedName(node)
    if (name === undefined || own.has(name.split('.')[0] ?? name)) return
    const args = parent?.type === 'NewExpression' ? (parent['arguments'] as unknown[]) : []
    const type = parent?.type === 'BinaryExpression' && parent['operator'] === 'instanceof'
    uses.push({ name, node, converts: name === 'Date' && (args.length > 0 || type) })
  })
  return uses
}

/** `node:crypto.createHash` for each named value import, `node:fs` for a whole one. */
function importedNames(module: Module): { name: string; from: string; node: Node }[] {
  return importsOf(module).flatMap(({ from, typeOnly, node }) => {
    if (typeOnly) return []
    const specifiers = ((node['specifiers'] as Node[]) ?? []).filter(
      ({ importKind }) => importKind !== 'type',
    )
    const named = specifiers.every(({ type }) => type === 'ImportSpecifier') && specifiers.length > 0
    if (!named) return [{ name: from, from, node }]
    return specifiers.map(({ imported }) => ({ name: `${from}.${dottedName(imported) ?? '?'}`, from, node }))
  })
}

/** Ambient things used past their door. */
function pastTheDoor(modules: readonly Module[]): string[] {
  return modules.flatMap((module) => {
    const harmless = (name: string): boolean =>
      HARMLESS.some((item) => item.name.test(name) && item.where.test(module.path))
    const [uses, imports] = [usesOf(module), importedNames(module)]
    return DOORS.flatMap(({ what, names, packages, open }) => {
      if (open.test(module.path)) return []
      const used = uses
        .filter(({ name, converts }) => names.test(name) && !converts && !harmless(name))
        .map(({ name, node }) => finding(module, node.start, `${what}: ${name}`))
      const imported = imports
        .filter(({ from, name }) => packages.test(from) && !harmless(name))
        .map(({ name, node }) => finding(module, node.start, `${what}: ${name}`))
      return [...used, ...imported]
    })
  })
}

/** Anything ambient in a machine. */
function impure(modules: readonly Module[]): string[] {
  return modules
    .filter(({ path }) => path.startsWith('src/machines/'))
    .flatMap((module) => [
      ...usesOf(module)
        .filter(({ name }) => IMPURE.test(name))
        .map(({ name, node }) => finding(module, node.start, name)),
      ...importsOf(module)
        .filter(({ from }) => !from.startsWith('.') && from !== 'xstate')
        .map(({ from, node }) => finding(module, node.start, `imports ${from}`)),
    ])
}

const source = modulesIn('src/')

test('clock, timers, randomness and files are reached through one door each', () => {
  expect(pastTheDoor(source)).toEqual([])
})

test('every ambient name past its door is found, and its look-alikes are not', () => {
  const sample = moduleOf(
    'src/runtime/session.ts',
    [
      "import { readFile } from 'node:fs/promises'",
      "import type { Stats } from 'node:fs'",
      "import { createHash, randomBytes } from 'node:crypto'",
      'const a = Date.now() + new Date().getTime() + performance.now()',
      'const b = setTimeout(() => {}, Math.random())',
      'const c = crypto.randomUUID()',
      'const f = setTimeout',
      'const g = globalThis.name ?? new Date(Date.UTC(2026, 0))',
      'const h = { Date: 1, setTimeout: 2 }.setTimeout',
      'function timer(setInterval: () => void): void { setInterval() }',
      'setImmediate(() => {})',
      'type D = Date',
    ].join('\n'),
  )

  expect(pastTheDoor([sample])).toEqual([
    'src/runtime/session.ts:4 the clock: Date.now',
    'src/runtime/session.ts:4 the clock: Date',
    'src/runtime/session.ts:4 the clock: performance.now',
    'src/runtime/session.ts:5 a timer: setTimeout',
    'src/runtime/session.ts:7 a timer: setTimeout',
    'src/runtime/session.ts:11 setImmediate: setImmediate',
    'src/runtime/session.ts:5 randomness: Math.random',
    'src/runtime/session.ts:6 randomness: crypto.randomUUID',
    'src/runtime/session.ts:3 randomness: node:crypto.randomBytes',
    'src/runtime/session.ts:1 the file system: node:fs/promises.readFile',
  ])
})

test('a door is open only in its own modules', () => {
  const clock = 'export const now = () => Date.now()'
  const files = "import * as fs from 'node:fs'"

  expect(pastTheDoor([moduleOf('src/runtime/clock.ts', clock)])).toEqual([])
  expect(pastTheDoor([moduleOf('src/store/file-system.ts', files)])).toEqual([])
  expect(pastTheDoor([moduleOf('src/store/file-system.ts', clock)])).toHaveLength(1)
  expect(pastTheDoor([moduleOf('src/runtime/clock.ts', files)])).toHaveLength(1)
})

test('machines are pure: nothing of Node, no time, no chance, no output', () => {
  expect(source.filter(({ path }) => path.startsWith('src/machines/')).length).toBeGreaterThan(1)
  expect(impure(source)).toEqual([])
})

test('anything ambient in a machine is found', () => {
  const sample = moduleOf(
    'src/machines/session.ts',
    [
      "import { setup } from 'xstate'",
      "import { EventEmitter } from 'node:events'",
      'console.log(new Date(1), process.pid)',
      'const later = queueMicrotask',
      "const answer = fetch('x')",
    ].join('\n'),
  )

  expect(impure([sample])).toEqual([
    'src/machines/session.ts:3 console.log',
    'src/machines/session.ts:3 Date',
    'src/machines/session.ts:3 process.pid',
    'src/machines/session.ts:4 queueMicrotask',
    'src/machines/session.ts:5 fetch',
    'src/machines/session.ts:2 imports node:events',
  ])
})
