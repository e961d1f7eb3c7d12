/** Where a mutant stands in the TypeScript that was built, and a name for it that outlives edits elsewhere in the file. */
import { readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { mutantsOf } from './mutants.mjs'

/**
 * A mutant with its place. `id` is the file, the text of the line, the change, and which of several equal ones.
 * @typedef {import('./mutants.mjs').Mutant & { file: string, module: string, line: number, source: string, id: string }} PlacedMutant
 */

/** The module a source file is built to. @param {string} file */
export const moduleOf = (file) => file.replace(/^src\//, 'dist/').replace(/\.ts$/, '.js')

/** The mutants of a source file of a built project. @param {string} project @param {string} file @returns {PlacedMutant[]} */
export function placedMutants(project, file) {
  const module = moduleOf(file)
  const code = readFileSync(`${project}/${module}`, 'utf8')
  const lines = readFileSync(`${project}/${file}`, 'utf8').split('\n')
  const map = new SourceMap(JSON.parse(readFileSync(`${project}/${module}.map`, 'utf8')))
  /** @type {Map<string, number>} */
  const seen = new Map()
  return mutantsOf(code).map((mutant) => {
    const before = code.slice(0, mutant.start).split('\n')
    const entry = map.findEntry(before.length - 1, before.at(-1)?.length ?? 0)
    const line = ('originalLine' in entry ? entry.originalLine : 0) + 1
    const source = (lines[line - 1] ?? '').trim()
    const same = `${file} | ${source} | ${mutant.change}`
    const nth = (seen.get(same) ?? 0) + 1
    seen.set(same, nth)
    return { ...mutant, file, module, line, source, id: nth === 1 ? same : `${same} | ${nth}` }
  })
}
