/** docs/cli.md and the program name the same commands and the same options. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { buildProgram } from '../../src/cli/program.ts'
import { EXIT } from '../../src/cli/exit-codes.ts'

const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8')

/** The flags that the rows of a table start with. */
function flagsIn(text: string): string[] {
  return [...text.matchAll(/^\| `(--[a-z-]+(?: <[^`]+>)?)`/gm)].map(([, flags = '']) =>
    flags.replace('\\|', '|'),
  )
}

const groups = new Map(
  ['store', 'principal', 'writer', 'limit', 'filter'].map((name) => {
    const start = page.search(new RegExp(`^\\| ${name} options +\\|`, 'm'))
    const table = page.slice(start, page.indexOf('\n\n', start))
    return [`${name} options`, flagsIn(table)]
  }),
)

const sections = new Map(
  page
    .slice(page.indexOf('## Commands'))
    .split(/^### /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')), section]),
)

/** What a section says a command takes: its own table and the groups it names. */
function documented(section: string): string[] {
  const taken = /^Takes: (.*)\.$/m.exec(section)?.[1]?.split(', ') ?? []
  const own = flagsIn(section)
  return [...own, ...taken.flatMap((name) => groups.get(name) ?? [`unknown group ${name}`])].toSorted()
}

const commands = buildProgram().commands

test('every command has a section, and every section is a command', () => {
  expect([...sections.keys()]).toEqual(
    expect.arrayContaining(commands.map((command) => command.name())) as string[],
  )
  expect(sections.size).toBe(commands.length)
})

test.each(commands.map((command) => [command.name(), command] as const))(
  '`%s` has the options that its section says, and no other',
  (name, command) => {
    const actual = command.options.map(({ flags }) => flags).toSorted()

    expect([...new Set(documented(sections.get(name) ?? ''))]).toEqual(actual)
  },
)

test('a group is not empty, and the usage of each command shows its arguments', () => {
  for (const flags of groups.values()) expect(flags.length).toBeGreaterThan(1)
  for (const command of commands) {
    const [argument] = command.registeredArguments
    if (argument?.required !== true) continue
    const shown = `<${argument.name()}${argument.variadic ? '...' : ''}>`
    expect(sections.get(command.name())).toContain(`\`sessionwright ${command.name()} ${shown}\``)
  }
})

test('[EC1] every exit code but that of SIGINT is in the table', () => {
  const codes = [...page.matchAll(/^\| (\d) +\|/gm)].map(([, code]) => Number(code))

  expect([...codes, 130]).toEqual(Object.values(EXIT))
})
