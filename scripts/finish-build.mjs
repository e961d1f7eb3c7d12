/**
 * Ends a build: outputs whose source is gone leave `dist`, so that a deleted module is not published, and the command
 * line becomes executable. `dist` is never emptied, so programs that run from it go on.
 */
import { chmodSync, existsSync, readdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))

for (const output of readdirSync(`${root}dist`, { recursive: true, encoding: 'utf8' })) {
  const module = /^(.*)\.(?:js|js\.map|d\.ts)$/.exec(output)?.[1]
  if (module === undefined || module.startsWith('inspector/page')) continue
  if (!existsSync(`${root}src/${module}.ts`)) rmSync(`${root}dist/${output}`)
}
if (existsSync(`${root}dist/cli/main.js`)) chmodSync(`${root}dist/cli/main.js`, 0o755)
