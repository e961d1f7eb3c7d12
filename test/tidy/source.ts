/**
 * How the tidy tests read the project: committed files, parsed modules, and a finding for each place that breaks a rule.
 *   1  A rule is a function from modules to findings, so that a sample that breaks it is a test of the rule itself.
 *   2  A finding says `path:line what`, one line.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseAst } from 'vitest/node'

/** The folder of the project, with a slash at the end. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** A node of a syntax tree, as far as the rules look at it. */
export interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [key: string]: unknown
}

/** One module of the project. */
export interface Module {
  /** From the root, with forward slashes: `src/store/store.ts`. */
  readonly path: string
  readonly text: string
  readonly body: readonly Node[]
}

const NOT_COMMITTED = new Set(['node_modules', 'dist', 'coverage', '.git', '.sessions', '.cache'])

/** Every file that a commit would hold, as paths from the root, sorted. */
export function committedFiles(): string[] {
  const found: string[] = []
  const walk = (folder: string): void => {
    for (const item of readdirSync(`${ROOT}${folder}`, { withFileTypes: true })) {
      if (NOT_COMMITTED.has(item.name)) continue
      if (item.isDirectory()) walk(`${folder}${item.name}/`)
      else if (item.isFile() && !item.name.endsWith('.tgz')) found.push(`${folder}${item.name}`)
    }
  }
  walk('')
  return found.sort()
}

/** The text of a file, by its path from the root. */
export function textOf(path: string): string {
  return readFileSync(`${ROOT}${path}`, 'utf8')
}

/** Parses one module; the text may be a sample that is in no file. */
export function moduleOf(path: string, text: string): Module {
  try {
    const program = parseAst(text, { lang: path.endsWith('.ts') ? 'ts' : 'js' }, path)
    return { path, text, body: program.body as unknown as Node[] }
  } catch (error) {
    throw new Error(`${path} does not parse`, { cause: error })
  }
}

/** Every TypeScript module below a folder such as `src/`. */
export function modulesIn(folder: string): Module[] {
  return committedFiles()
    .filter((path) => path.startsWith(folder) && path.endsWith('.ts') && !path.includes('/fixtures/'))
    .map((path) => moduleOf(path, textOf(path)))
}

/** Whether a value is a syntax node. */
export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string'
}

/** Visits a node and everything below it, parents first; `ancestors` ends with the parent. */
export function visit(
  node: Node,
  see: (node: Node, ancestors: readonly Node[]) => void,
  ancestors: readonly Node[] = [],
): void {
  see(node, ancestors)
  const below = [...ancestors, node]
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) visit(child, see, below)
  }
}

/** Visits every node of a module. */
export function visitModule(module: Module, see: (node: Node, ancestors: readonly Node[]) => void): void {
  for (const node of module.body) visit(node, see)
}

/** A dotted name such as `Date.now` or `setTimeout`, or undefined when the expression is none. */
export function dottedName(node: unknown): string | undefined {
  if (!isNode(node)) return undefined
  if (node.type === 'Identifier') return node['name'] as string
  if (node.type !== 'MemberExpression' || node['computed'] === true) return undefined
  const object = dottedName(node['object'])
  return object === undefined ? undefined : `${object}.${String((node['property'] as Node)['name'])}`
}

/** The text of a string literal or of a template's fixed parts, or undefined. */
export function stringOf(node: Node): string | undefined {
  if (node.type === 'Literal' && typeof node['value'] === 'string') return node['value']
  if (node.type !== 'TemplateLiteral') return undefined
  return (node['quasis'] as Node[]).map((part) => (part['value'] as { cooked: string }).cooked).join('…')
}

/** One import, dynamic import or re-export of a module. */
export interface Import {
  /** As written: `../json.ts`, `xstate`, `node:fs`. */
  readonly from: string
  /** The path from the root, for relative ones. */
  readonly target: string | undefined
  /** Whether it is gone when the program runs. */
  readonly typeOnly: boolean
  readonly reexport: boolean
  readonly node: Node
}

/** Every import of a module, types, dynamic ones and re-exports included. */
export function importsOf(module: Module): Import[] {
  const imports: Import[] = []
  visitModule(module, (node) => {
    const source = node['source']
    if (!isNode(source)) return
    const from = stringOf(source)
    if (from === undefined) return
    const specifiers = (node['specifiers'] as Node[] | undefined) ?? []
    const kinds = new Set(specifiers.map((item) => item['importKind'] ?? item['exportKind'] ?? 'value'))
    imports.push({
      from,
      target: from.startsWith('.') ? posix.join(posix.dirname(module.path), from) : undefined,
      typeOnly:
        node.type === 'TSImportType' ||
        node['importKind'] === 'type' ||
        node['exportKind'] === 'type' ||
        (specifiers.length > 0 && kinds.size === 1 && kinds.has('type')),
      reexport: node.type.startsWith('Export'),
      node,
    })
  })
  return imports
}

/** One line that says where a rule is broken and how (2). */
export function finding(module: Pick<Module, 'path' | 'text'>, at: number, what: string): string {
  return `${module.path}:${module.text.slice(0, at).split('\n').length} ${what}`
}

/** A comment of a module, block or line, with where it starts. */
export interface Comment {
  readonly text: string
  readonly start: number
}

/** The comments of a module; strings, templates and regular expressions that look like comments are not. */
export function commentsOf(module: Module): Comment[] {
  const opaque: (readonly [number, number])[] = []
  visitModule(module, (node) => {
    if (node.type === 'Literal' || node.type === 'TemplateElement') opaque.push([node.start, node.end])
  })
  const comments: Comment[] = []
  for (const match of module.text.matchAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g)) {
    const start = match.index
    const inside = opaque.some(([from, to]) => start >= from && start < to)
    const nested = comments.some((before) => start < before.start + before.text.length)
    if (!inside && !nested) comments.push({ text: match[0], start })
  }
  return comments
}
