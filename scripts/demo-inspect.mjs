/**
 * `npm run demo:inspect`: plays the demo into a new folder, then opens the inspector on what it left. Ctrl-C ends. Plain
 * JavaScript without imports of ours, because `npm start`, which it runs first, may have to install and build.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const store = mkdtempSync(join(tmpdir(), 'sessionwright-demo-'))

// The inspector hears Ctrl-C itself and ends cleanly; this process waits for it.
process.on('SIGINT', () => undefined)
for (const args of [
  ['scripts/start.mjs', '--store', store, ...process.argv.slice(2)],
  ['dist/cli/main.js', 'inspect', '--store', store],
]) {
  const { status, signal } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? (signal === 'SIGINT' ? 130 : 1))
}
