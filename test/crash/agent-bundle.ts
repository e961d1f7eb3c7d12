/**
 * The agent and the built package in one file: a process that lives for a twentieth of a second should not spend six times
 * that on finding its modules. Nothing is minified or left out.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Bundles the agent into a folder; resolves with the program to run. */
export async function bundledAgent(folder: string): Promise<string> {
  await build({
    configFile: false,
    root,
    logLevel: 'warn',
    resolve: { alias: { sessionwright: `${root}dist/index.js` } },
    ssr: { noExternal: true },
    build: {
      ssr: true,
      outDir: folder,
      emptyOutDir: false,
      minify: false,
      rollupOptions: {
        // The writer's thread is found beside whoever starts it.
        input: {
          agent: `${root}test/crash/agent.mjs`,
          'writer-thread': `${root}dist/store/json-store/writer-thread.js`,
        },
        output: { entryFileNames: '[name].js', chunkFileNames: '[name].js' },
      },
    },
  })
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}\n')
  return join(folder, 'agent.js')
}
