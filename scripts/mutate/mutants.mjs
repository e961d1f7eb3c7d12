/**
 * The mutants of a module: small mistakes, each one place in the emitted JavaScript.
 *   MU1  A mutant is one replacement of one range of the text, and always parses.
 *   MU2  Texts that only people read (sentences, templates) are left alone; words that programs compare are emptied.
 */
import { parseAst } from 'vitest/node'

/**
 * @typedef {{ type: string, start: number, end: number, [key: string]: any }} Node
 * @typedef {{ start: number, end: number, text: string, change: string, owner: number }} Mutant
 *   `owner` is the start of the innermost function around it, -1 at the top of the module.
 */

/** What each operator becomes. */
const OPERATORS = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  '%': '*',
  '&': '|',
  '|': '&',
  '<<': '>>',
  '>>': '<<',
  '>>>': '<<',
  '&&': '||',
  '||': '&&',
  '+=': '-=',
  '-=': '+=',
  '++': '--',
  '--': '++',
}

/** Methods that have an opposite. */
const OPPOSITES = new Map(Object.entries({ min: 'max', max: 'min', some: 'every', every: 'some' }))

/** Methods whose result is like what they are called on, so that the call can be left out. */
const LEFT_OUT = new Set(['filter', 'sort', 'reverse', 'slice', 'toSorted', 'toReversed', 'subarray'])

const WORD = /^[A-Za-z_][\w.:*/-]*$/

/** Whether a value is a syntax node. @returns {value is Node} */
const isNode = (value) => typeof value === 'object' && value !== null && typeof value.type === 'string'

const isFunction = (node) => /^(?:Arrow)?Function(?:Expression|Declaration)?/.test(node.type)

/**
 * Visits a node and everything below it, parents first.
 * @param {Node} node
 * @param {(node: Node, parents: readonly Node[]) => void} see
 * @param {readonly Node[]} [parents]
 */
export function visit(node, see, parents = []) {
  see(node, parents)
  const below = [...parents, node]
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) visit(child, see, below)
  }
}

/** The functions of a module. @param {string} code @returns {Node[]} */
export function functionsOf(code) {
  /** @type {Node[]} */
  const found = []
  visit(parseAst(code), (node) => {
    if (isFunction(node) && isNode(node.body)) found.push(node)
  })
  return found
}

/** Every mutant of a module, in the order of the text. @param {string} code @returns {Mutant[]} */
export function mutantsOf(code) {
  /** @type {Map<string, Mutant>} */
  const found = new Map()
  visit(parseAst(code), (node, parents) => {
    const owner = parents.findLast(isFunction)?.start ?? -1
    const add = (start, end, text, change) => {
      if (code.slice(start, end) !== text) {
        found.set(`${start} ${end} ${text}`, { start, end, text, change, owner })
      }
    }
    for (const mutate of MUTATORS) mutate(node, { code, parents, parent: parents.at(-1), add })
  })
  return [...found.values()].toSorted((a, b) => a.start - b.start || a.end - b.end)
}

/** A piece of code on one line, short enough for a table. @param {string} text */
const short = (text) => {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > 60 ? `${line.slice(0, 57)}…` : line
}

/**
 * @typedef {{ code: string, parents: readonly Node[], parent: Node | undefined,
 *   add: (start: number, end: number, text: string, change: string) => void }} Site
 * @type {((node: Node, site: Site) => void)[]}
 */
const MUTATORS = [
  /** Conditions negated. */
  (node, { code, add }) => {
    const { test } = node
    if (!isNode(test) || node.type === 'SwitchCase') return
    const text = code.slice(test.start, test.end)
    // A comparison is turned by its own operator.
    if (test.type === 'BinaryExpression' && /^[!=]==$/.test(test.operator)) return
    add(test.start, test.end, `!(${text})`, `negated \`${short(text)}\``)
  },
  /** Operators exchanged. */
  (node, { code, add }) => {
    const { left, right, operator, argument } = node
    const other = OPERATORS[operator]
    if (operator === '!') add(node.start, argument.start, '', `dropped \`!\``)
    if (operator === '??' || operator === '??=') {
      const text = code.slice(left.start, left.end)
      const without = operator === '??' ? text : `${text} = ${code.slice(right.start, right.end)}`
      add(
        node.start,
        node.end,
        without,
        `\`${short(code.slice(node.start, node.end))}\` → \`${short(without)}\``,
      )
    }
    if (other === undefined) return
    if (node.type === 'UpdateExpression') {
      add(
        node.start,
        node.end,
        code.slice(node.start, node.end).replace(operator, other),
        `\`${operator}\` → \`${other}\``,
      )
      return
    }
    if (!isNode(left) || !isNode(right)) return
    if (operator === '+' && [left, right].some(isText)) return
    const at = code.indexOf(operator, left.end)
    const between = code.slice(left.end, right.start)
    if (at < 0 || at >= right.start || between.includes('/*')) return
    add(at, at + operator.length, other, `\`${operator}\` → \`${other}\``)
  },
  /** Literals: booleans turned, words emptied. */
  (node, { add, parent, parents }) => {
    if (node.type !== 'Literal') return
    if (typeof node.value === 'boolean') {
      add(node.start, node.end, String(!node.value), `\`${node.value}\` → \`${!node.value}\``)
    }
    if (typeof node.value !== 'string' || !WORD.test(node.value)) return
    const isSource =
      parents.some(({ type }) => /^(?:Import|Export\w*All)/.test(type)) || parent?.source === node
    if (!isSource && parent?.type !== 'ExpressionStatement')
      add(node.start, node.end, "''", `\`'${node.value}'\` → \`''\``)
  },
  /** Statements and calls removed. */
  (node, { code, parents, add }) => {
    const isGuarded = parents.slice(-2).some(({ type }) => type === 'IfStatement')
    const removable =
      node.type === 'ExpressionStatement'
        ? node.expression.type !== 'Literal' && !/^super\b/.test(code.slice(node.start))
        : node.type === 'ThrowStatement' ||
          node.type === 'ContinueStatement' ||
          node.type === 'BreakStatement' ||
          (node.type === 'ReturnStatement' && isGuarded)
    if (removable) add(node.start, node.end, ';', `removed \`${short(code.slice(node.start, node.end))}\``)
  },
  /** Other values returned. */
  (node, { code, add }) => {
    const value =
      node.type === 'ReturnStatement'
        ? node.argument
        : node.type === 'ArrowFunctionExpression' && node.body.type !== 'BlockStatement'
          ? node.body
          : undefined
    if (!isNode(value)) return
    const text = code.slice(value.start, value.end)
    if (value.type === 'Literal' && typeof value.value === 'boolean') return
    if (text === 'undefined' || /^(?:Assignment|Update)/.test(value.type)) return
    const empty =
      value.type === 'ArrayExpression' ? '[]' : value.type === 'ObjectExpression' ? '{}' : 'undefined'
    add(value.start, value.end, empty, `returned \`${empty}\` for \`${short(text)}\``)
  },
  /** Methods exchanged or left out. */
  (node, { code, add }) => {
    if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression' || node.callee.computed)
      return
    const { object, property } = node.callee
    const other = OPPOSITES.get(property.name)
    if (other !== undefined) add(property.start, property.end, other, `\`${property.name}\` → \`${other}\``)
    if (LEFT_OUT.has(property.name)) {
      add(
        node.start,
        node.end,
        code.slice(object.start, object.end),
        `left out \`.${short(code.slice(property.start, node.end))}\``,
      )
    }
  },
]

/** Whether an expression is surely a text. @param {Node} node */
function isText(node) {
  return node.type === 'TemplateLiteral' || (node.type === 'Literal' && typeof node.value === 'string')
}
