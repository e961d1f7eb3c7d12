/**
 * Where rules are defined and where tests name them. A test names a rule in brackets: `[J3] a stale revision …`; what a
 * skipped or planned test names does not count.
 */
import { dottedName, finding, stringOf, visitModule, type Module } from './source.ts'

/** A rule or seed item named by a test. */
export interface Citation {
  readonly id: string
  /** `path:line`. */
  readonly where: string
}

const IN_BRACKETS = /\[((?:[A-Z]{1,3}\d+[a-z]?|S[0-4]-\d\d)(?:[\s,]+(?:[A-Z]{1,3}\d+[a-z]?|S[0-4]-\d\d))*)\]/g

/** What the tests of these modules name, in order. */
export function citationsOf(modules: readonly Module[]): Citation[] {
  return modules.flatMap((module) => {
    const found: Citation[] = []
    visitModule(module, (node, ancestors) => {
      const text = stringOf(node)
      if (text === undefined) return
      const idle = ancestors.some(({ callee }) => /\.(?:skip|todo)\b/.test(dottedName(callee) ?? ''))
      if (idle) return
      for (const [, ids = ''] of text.matchAll(IN_BRACKETS)) {
        for (const id of ids.split(/[\s,]+/))
          found.push({ id, where: finding(module, node.start, '').trim() })
      }
    })
    return found
  })
}

/** The rules a specification page defines: list items that start with a bold id. */
export function rulesOf(page: string): string[] {
  return [...page.matchAll(/^[-*] \*\*([A-Z]{1,3}\d+[a-z]?)\*\*/gm)].map(([, id = '']) => id)
}

/** The invariants a module head numbers: `  C1  …` in its first comment. */
export function invariantsOf(module: Module): string[] {
  const head = /^(?:#![^\n]*\n)?\/\*\*[\s\S]*?\*\//.exec(module.text)?.[0] ?? ''
  return [...head.matchAll(/^ \*\s+([A-Z]{1,3}\d+[a-z]?) {2}/gm)].map(([, id = '']) => id)
}
