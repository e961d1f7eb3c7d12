/**
 * Which functions a test reaches: the module is given a line in each function that writes the function's place, once for
 * each test.
 */
import { functionsOf } from './mutants.mjs'

/** The variable of the environment that names the file to write to. */
export const REACH_FILE = 'SESSIONWRIGHT_MUTATE_REACH'

/**
 * The module with a note in every function: `module start test`, one line each; the start is -1 when it is loaded, and
 * there is no test outside of one, and in other threads.
 * @param {string} module @param {string} code
 */
export function withReachNotes(module, code) {
  /** @type {[at: number, text: string][]} */
  const notes = []
  for (const { body, start } of functionsOf(code)) {
    if (body.type === 'BlockStatement') notes.push([body.start + 1, `__reach(${start});`])
    else notes.push([body.start, `(__reach(${start}), `], [body.end, ')'])
  }
  // Of two notes at one place the one that ends a body comes first.
  notes.sort(([a, x], [b, y]) => b - a || Number(x === ')') - Number(y === ')'))
  let noted = code
  for (const [at, text] of notes) noted = noted.slice(0, at) + text + noted.slice(at)
  return `${noted}
import { appendFileSync as __append } from 'node:fs'
function __reach(start) {
  const path = process.env.${REACH_FILE}
  if (path === undefined) return
  const seen = (__reach.seen ??= new Set())
  const note = '${module} ' + start + ' ' + (globalThis.__testName ?? '') + '\\n'
  if (!seen.has(note)) __append(path, note)
  seen.add(note)
}
__reach(-1)
`
}
