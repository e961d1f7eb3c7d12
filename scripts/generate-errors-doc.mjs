/**
 * Writes docs/errors.md from the code table of the built package; `--check` compares instead and fails when they differ.
 *   node scripts/generate-errors-doc.mjs [--check]
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** @typedef {'refusal' | 'contention' | 'storage' | 'damage' | 'invariant'} Family */
/** @typedef {{ family: Family, cause: string, remedy: string, message: (details: never) => string }} Entry */

/** @type {readonly [Family, string, string][]} */
const FAMILIES = [
  [
    'refusal',
    'Refusals',
    'The command was not taken and nothing was written. Ask differently; repeating it as it is changes nothing.',
  ],
  [
    'contention',
    'Contention',
    'Somebody else was first and nothing was written. Read again, then decide anew.',
  ],
  [
    'storage',
    'Storage',
    'The disk or the store failed. Each code says what was written; `OUTCOME_UNKNOWN` is the only one where that is open.',
  ],
  [
    'damage',
    'Damage',
    'Stored bytes are not what was written, or not readable by this version. Nothing is repaired silently.',
  ],
  [
    'invariant',
    'Broken invariants',
    'Something that must not happen did. The session is set aside, the process and its other sessions go on.',
  ],
]

const HEAD = `# Errors

Every failure carries a \`code\`, which is stable API, and \`details\`, which are plain data; the \`message\` says the same for
people and may change. Test for a code with \`isSessionError(error, 'NOT_FOUND')\`, never with \`instanceof\` and never by the
message. Misuse of the API, such as an argument of the wrong type, is a \`TypeError\` or \`RangeError\` without a code.

This page is generated from the table in \`src/errors.ts\` by \`npm run docs\`.
`

/**
 * The details of each code with their types, as the declarations say them.
 * @param {string} declarations the text of dist/errors.d.ts
 * @returns {Map<string, string[]>}
 */
function detailsByCode(declarations) {
  const details = new Map()
  for (const [, code, body] of declarations.matchAll(
    /^ {4}readonly ([A-Z_]+): ErrorEntry<\{\n(.*?)^ {4}\}>;/gms,
  )) {
    const fields = body.split(/;\n(?= {8}[a-z]|$)/).filter((field) => field.trim() !== '')
    details.set(
      code,
      fields.map((field) => field.trim().replace(/\s+/g, ' ').replace(/; \}/g, ' }')),
    )
  }
  return details
}

/**
 * The text of docs/errors.md.
 * @param {Readonly<Record<string, Entry>>} errors
 * @param {string} declarations the text of dist/errors.d.ts
 */
export function errorsPage(errors, declarations) {
  const details = detailsByCode(declarations)
  const parts = [HEAD]
  for (const [family, title, meaning] of FAMILIES) {
    const codes = Object.keys(errors).filter((code) => errors[code]?.family === family)
    if (codes.length === 0) continue
    parts.push(`## ${title}\n\n${meaning}\n`)
    for (const code of codes) {
      const entry = errors[code]
      if (entry === undefined) continue
      const fields = details.get(code)
      if (fields === undefined) throw new Error(`dist/errors.d.ts declares no details for ${code}`)
      parts.push(
        `### \`${code}\`\n\n` +
          `- **Cause.** ${entry.cause}\n` +
          `- **Remedy.** ${entry.remedy}\n` +
          `- **Details.** ${fields.map((field) => `\`${field}\``).join(', ')}\n`,
      )
    }
  }
  return parts.join('\n')
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const root = new URL('../', import.meta.url)
  const { ERRORS } = await import(new URL('dist/errors.js', root).href)
  const target = fileURLToPath(new URL('docs/errors.md', root))
  const page = errorsPage(ERRORS, readFileSync(new URL('dist/errors.d.ts', root), 'utf8'))
  if (!process.argv.includes('--check')) writeFileSync(target, page)
  else if (readFileSync(target, 'utf8') !== page) {
    process.stderr.write('docs/errors.md is not what src/errors.ts says. Run: npm run docs\n')
    process.exit(1)
  }
}
