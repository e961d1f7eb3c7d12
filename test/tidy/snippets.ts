/**
 * The snippets of README and docs as programs. The pages say how with the words after the language:
 *   ```ts                      a whole program: type-checked and run in the folder of its page
 *   ```ts file=agent.mjs       kept under that name, and run by the shell lines below that name it
 *   ```ts no-run: why not      type-checked only
 *   ```sh                      lines that start with `$ ` are run in order, what follows them is their output
 * A program that kills itself with SIGKILL is run twice, and has to get that far both times.
 * A shell line that is expected to fail ends in `# exit 3`. In outputs `…` stands for anything, and numbers, ids and spaces
 * are not compared.
 */
import { textOf } from './source.ts'

/** One fenced block of a page. */
export interface Snippet {
  readonly page: string
  /** Line of the opening fence. */
  readonly line: number
  readonly language: 'ts' | 'js' | 'sh'
  /** The name that `file=` gives it. */
  readonly file: string | undefined
  /** Why it is not run; undefined when it is. */
  readonly reason: string | undefined
  readonly code: string
}

/** Whether a program ends by killing itself, as the ones that show recovery do. */
export function killsItself({ code }: Snippet): boolean {
  return /process\.kill\(process\.pid, ['"]SIGKILL['"]\)/.test(code)
}

/** One shell line with what the page says about it. */
export interface ShellCommand {
  readonly command: string
  readonly output: readonly string[]
  readonly exitCode: number
}

const LANGUAGES: Readonly<Record<string, Snippet['language']>> = {
  ts: 'ts',
  typescript: 'ts',
  js: 'js',
  javascript: 'js',
  mjs: 'js',
  sh: 'sh',
  bash: 'sh',
  shell: 'sh',
  console: 'sh',
}

/** The code snippets of a page, in order; other blocks (text, json, mermaid) are not code. */
export function snippetsOf(page: string, text = textOf(page)): Snippet[] {
  const fences = text.matchAll(/^( *)(`{3,})([^\n`]*)\n([\s\S]*?)^\1\2[ \t]*$/gm)
  return [...fences].flatMap((fence) => {
    const [, indent = '', , info = '', code = ''] = fence
    const [word = '', ...rest] = info.trim().split(/\s+/)
    const language = LANGUAGES[word]
    if (language === undefined) return []
    const words = rest.join(' ')
    return [
      {
        page,
        line: text.slice(0, fence.index).split('\n').length,
        language,
        file: /(?:^|\s)file=(\S+)/.exec(words)?.[1],
        reason: /(?:^|\s)no-run\b:?\s*(.*)$/.exec(words)?.[1]?.trim(),
        code: code
          .split('\n')
          .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line))
          .join('\n'),
      },
    ]
  })
}

/** The commands of a shell snippet with their outputs; a block without `$ ` holds commands only. */
export function commandsOf(code: string): ShellCommand[] {
  const joined = code.replace(/[ \t]*\\\n\s*/g, ' ').replace(/\n+$/, '')
  const prompted = /^\$ /m.test(joined)
  const commands: { command: string; output: string[]; exitCode: number }[] = []
  for (const line of joined.split('\n')) {
    if (prompted && !line.startsWith('$ ')) {
      commands.at(-1)?.output.push(line)
      continue
    }
    const command = line.replace(/^\$ /, '').trim()
    if (command === '' || command.startsWith('#')) continue
    const exitCode = Number(/#\s*exit (\d+)\s*$/.exec(command)?.[1] ?? 0)
    commands.push({ command, output: [], exitCode })
  }
  return commands
}

/** Programs that a page may name but a test does not start: they need a network, a terminal or a tool that may be absent. */
const NOT_STARTED = /(?:^|[|;&]\s*)(?:npm|git|cd|jq|kill|killall|curl|open|watch|grep -r)\b/

/** Whether a test starts this command; `npx sessionwright` is the built command, other `npx` are not started. */
export function isStarted(command: string): boolean {
  return !NOT_STARTED.test(command) && !/\bnpx (?!sessionwright\b)/.test(command)
}

const simplified = (line: string): string =>
  line
    .replace(/\b[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}\b/gi, '0')
    .replace(/\b[\da-f]{16,}\b/gi, '0')
    .replace(/\d+(?:[.,:T-]\d+)*Z?/g, '0')
    .replace(/\s+/g, ' ')
    .trim()

/** The first line of a page's output that a real output does not have, in order; undefined when it has all. */
export function missingLine(expected: readonly string[], actual: string): string | undefined {
  const lines = actual.split('\n').map(simplified)
  let from = 0
  for (const line of expected) {
    const wanted = simplified(line)
    if (wanted === '' || wanted === '…' || wanted === '...') continue
    const parts = wanted.split(/…|\.\.\./).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    const pattern = new RegExp(`^${parts.join('.*')}$`)
    const found = lines.findIndex((actualLine, index) => index >= from && pattern.test(actualLine))
    if (found < 0) return line
    from = found + 1
  }
  return undefined
}
